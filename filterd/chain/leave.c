/* SPDX-License-Identifier: MIT */
/*
 * leave.c - the end of a filter that is detached, or that refused to be attached: at once, or when
 * its jobs are done and its logs are closed.
 *
 * detach() closes a filter's logs, but a log has writes under way and a last superblock to write.
 * Until then the handle stays, so that the log's callbacks find it; the change that took the filter
 * away has not ended, so that nobody opens the same log meanwhile.
 *
 * Thread: owner worker.
 */
#include <assert.h>

#include "chain_int.h"
#include "group_int.h"

static void end(struct sluice_filter *f)
{
	list_del(&f->leaving_node);
	if (f->buffers != 0)
		report_misuse(f->chain, f->slot, MISUSE_LEAK);
	group_part(f);
	filter_free(f);
}

static bool is_idle(const struct sluice_filter *f)
{
	return f->works == 0 && f->calls == 0 && rlog_env_is_idle(f->logs);
}

void leave_begin(struct sluice_filter *f)
{
	f->chain->drain_holds -= f->drain_holds;
	f->drain_holds = 0;
	list_push_back(&f->chain->leaving, &f->leaving_node);
	if (is_idle(f))
		end(f);
}

static void tell(struct chain *c)
{
	void (*fn)(void *ctx) = c->left;

	if (!fn || !list_is_empty(&c->leaving))
		return;
	c->left = NULL;
	fn(c->left_ctx);
}

void leave_wait(struct chain *c, void (*fn)(void *ctx), void *ctx)
{
	assert(!c->left);
	c->left = fn;
	c->left_ctx = ctx;
	tell(c);
}

void leave_check(struct sluice_filter *f)
{
	struct chain *c = f->chain;

	if (list_is_empty(&f->leaving_node) || !is_idle(f))
		return;
	end(f);
	tell(c);
}

void chain_when_left(struct chain *c, void (*fn)(void *ctx), void *ctx)
{
	leave_wait(c, fn, ctx);
}
