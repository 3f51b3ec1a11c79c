/* SPDX-License-Identifier: MIT */
#include "commit.h"

#include <assert.h>

#include "mutate.h"

static void waiters_end(struct list_node *waiters, int result)
{
	struct list_node ended = LIST_INIT(ended);
	struct list_node *n;

	/* Moved first: a callback may begin the next wait. */
	list_splice_back(&ended, waiters);
	while ((n = list_pop_front(&ended))) {
		struct commit_waiter *w = list_entry(n, struct commit_waiter, node);

		w->fn(w, result);
	}
}

static void gather_on(struct commit *c)
{
	if (c->is_syncing || c->is_posted || list_is_empty(&c->gathering))
		return;
	c->is_posted = true;
	env_post(c->env, &c->post);
}

static void sync_done(struct env_io *io)
{
	struct commit *c = io->ctx;
	int result = MUTATE(COMMIT_FORGET_FAILED_SYNC) ? 0 : io->result;

	assert(c->is_syncing);
	c->is_syncing = false;
	if (result) {
		c->failure = result;
		c->failed(c->ctx, result);
		waiters_end(&c->syncing, result);
		waiters_end(&c->gathering, result);
		return;
	}
	gather_on(c);
	waiters_end(&c->syncing, 0);
}

static void sync_start(struct commit *c)
{
	assert(!c->is_syncing && list_is_empty(&c->syncing) && !c->failure);
	list_splice_back(&c->syncing, &c->gathering);
	c->is_syncing = true;
	c->is_dirty = false;
	c->sync_count++;
	c->sync.op = ENV_IO_SYNC;
	c->sync.file = c->file;
	c->sync.done = sync_done;
	c->sync.ctx = c;
	env_io_submit(c->env, &c->sync);
}

static void on_post(struct env_msg *m)
{
	struct commit *c = m->ctx;

	c->is_posted = false;
	if (!c->is_syncing && !c->failure && !list_is_empty(&c->gathering))
		sync_start(c);
}

void commit_init(struct commit *c, struct env *env, struct env_file *file,
		 void (*failed)(void *ctx, int result), void *ctx)
{
	*c = (struct commit){
	    .env = env, .file = file, .failed = failed, .ctx = ctx, .is_dirty = true};
	list_init(&c->gathering);
	list_init(&c->syncing);
	c->post = (struct env_msg){.fn = on_post, .ctx = c};
}

void commit_note_write(struct commit *c)
{
	c->is_dirty = true;
}

void commit_wait(struct commit *c, struct commit_waiter *w)
{
	c->waiter_count++;
	if (c->failure) {
		w->fn(w, c->failure);
		return;
	}
	if (MUTATE(RING_ACK_BEFORE_COMMIT)) {
		w->fn(w, 0);
		return;
	}
	if (!c->is_dirty && !c->is_syncing) {
		assert(list_is_empty(&c->gathering));
		w->fn(w, 0);
		return;
	}
	/* Clean, but the SYNC that makes it so is still under way: that one is enough. */
	if (c->is_syncing && (!c->is_dirty || MUTATE(COMMIT_JOIN_RUNNING_SYNC))) {
		list_push_back(&c->syncing, &w->node);
		return;
	}
	list_push_back(&c->gathering, &w->node);
	gather_on(c);
}

bool commit_is_idle(const struct commit *c)
{
	return !c->is_syncing && !c->is_posted && list_is_empty(&c->gathering) &&
	       list_is_empty(&c->syncing);
}
