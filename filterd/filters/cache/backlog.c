/* SPDX-License-Identifier: MIT */
#include "backlog.h"

#include <inttypes.h>

#include "volume.h"

#define SLOW_NS 5000000000ull

void backlog_init(struct volume *v)
{
	requests_init(&v->backlog.waiting);
}

/* Blocks of the log that r takes, at most. */
static uint64_t cost(const struct request *r)
{
	return r->io->op == SLUICE_OP_WRITE ? r->count + 1 : 3;
}

uint64_t backlog_limit_blocks(const struct volume *v)
{
	struct sluice_rlog_stats s;

	sluice_rlog_stats(v->wblog.log, &s);
	return s.capacity_blocks * v->cfg.dirty_max_pct / 100;
}

/* A change that is larger than the limit goes when nothing else is there; the log takes it in
 * parts. */
static bool has_room(const struct volume *v, const struct request *r)
{
	const struct backlog *b = &v->backlog;
	uint64_t need = b->appending_blocks + cost(r), limit, dirty;
	struct sluice_rlog_stats s;

	sluice_rlog_stats(v->wblog.log, &s);
	dirty = s.dirty_blocks + s.zero_blocks;
	if (b->appending_blocks == 0 && dirty == 0)
		return true;
	limit = s.capacity_blocks * v->cfg.dirty_max_pct / 100;
	if (s.used_blocks + need > limit)
		return false;
	/* Once nothing new comes, what waits goes at once: it has to be down before I/O goes on,
	 * and a little at a time would be a window, with its flushes, for each little. */
	return !v->settle.is_on || v->is_draining ||
	       s.dirty_blocks + need <= settle_limit_blocks(v);
}

static void let_in(struct request *r)
{
	struct backlog *b = &r->v->backlog;

	if (b->appending_blocks == 0)
		b->moved_ns = sluice_now_ns(r->v->f);
	b->appending_blocks += cost(r);
	r->go(r);
}

static void tell_full(struct volume *v)
{
	if (v->backlog.was_full || v->settle.is_on)
		return;
	v->backlog.was_full = true;
	sluice_report(v->f, "cache_log_full",
		      "the log is full to %u %% with %" PRIu64
		      " dirty bytes: writers wait for the datastore",
		      v->cfg.dirty_max_pct, volume_dirty_bytes(v));
}

void backlog_enter(struct request *r)
{
	struct volume *v = r->v;

	if (v->backlog.waiting.count == 0 && (v->wblog.is_failed || has_room(v, r))) {
		let_in(r);
		return;
	}
	v->backlog.waits++;
	requests_push(&v->backlog.waiting, r);
	tell_full(v);
	destage_kick(v);
}

void backlog_leave(struct request *r)
{
	struct backlog *b = &r->v->backlog;

	b->appending_blocks -= cost(r);
	b->moved_ns = sluice_now_ns(r->v->f);
	b->is_slow_told = false;
}

void backlog_watch(struct volume *v)
{
	struct backlog *b = &v->backlog;

	if (b->appending_blocks == 0 || b->is_slow_told ||
	    sluice_now_ns(v->f) - b->moved_ns < SLOW_NS)
		return;
	b->is_slow_told = true;
	sluice_report(v->f, "cache_flash_failed",
		      "the flash of the log has ended no write for %llu s: writers wait for it",
		      SLOW_NS / 1000000000ull);
}

void backlog_pump(struct volume *v)
{
	struct backlog *b = &v->backlog;

	while (b->waiting.first && (v->wblog.is_failed || has_room(v, b->waiting.first)))
		let_in(requests_pop(&b->waiting));
	if (b->waiting.count == 0 && v->wblog.log && !v->wblog.is_failed) {
		struct sluice_rlog_stats s;

		sluice_rlog_stats(v->wblog.log, &s);
		if (s.used_blocks < s.capacity_blocks * v->cfg.dirty_max_pct / 200)
			b->was_full = false;
	}
}

void backlog_fail(struct volume *v, enum sluice_status status)
{
	struct request *r;

	while ((r = requests_pop(&v->backlog.waiting)) != NULL)
		request_end(r, status);
}
