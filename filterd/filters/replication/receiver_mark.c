/* SPDX-License-Identifier: MIT */
/*
 * receiver_mark.c - MARK: the member's volume becomes a snapshot when all that came before is on
 * it, and before anything that comes after.
 *
 *   MARK --what is on its way ends, stages go below--> busy --host--> MARK_ACK, frames go on
 *
 * Nothing is taken while the host is at it, so the content is that of this place. A snapshot that
 * is there already was made at this place before its answer was lost: whoever asks may ask again.
 * Only a point in time becomes a snapshot: amid a resync the answer is no.
 */
#include "receiver_int.h"
#include "repl_mutate.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define MS            1000000ull
#define AGAIN_MIN_NS  (4 * MS) /* another request of the volume is under way: twice it next */
#define AGAIN_MAX_NS  (64 * MS)
#define BUSY_MAX_NS   (2000 * MS) /* ... for so long at most */
#define SETTLE_MAX_MS 30000u

static void answer(struct repl_receiver *r, const struct repl_header *h, uint64_t connection,
		   const struct repl_mark *wire, int result, const char *why)
{
	struct {
		struct repl_mark wire;
		char why[REPL_ERROR_TEXT_MAX];
	} a;
	size_t len = result ? strnlen(why, sizeof(a.why)) : 0;

	a.wire = *wire;
	memcpy(a.why, why, len);
	receiver_answer(r, connection, h, REPL_MARK_ACK, result ? SLUICE_ERR_FAILED : SLUICE_OK, &a,
			sizeof(a.wire) + len);
}

static void ask(struct repl_receiver *r)
{
	r->host->ops->snapshot_submit(r->host->ctx, &r->mark.call);
}

static void ask_again(struct repl_timer *t)
{
	ask(t->ctx);
}

static bool may_ask_again(struct repl_receiver *r, uint64_t now)
{
	int result = r->mark.call.result;

	return (result == -EBUSY || result == -EAGAIN) && now < r->mark.until_ns &&
	       r->life == LIFE_RUNNING && receiver_is_up(r) && r->mark.connection == r->connection;
}

static void asked(struct repl_snapshot *s)
{
	struct repl_receiver *r = s->ctx;
	uint64_t now = r->host->ops->now_ns(r->host->ctx);

	assert(r->is_busy);
	if (may_ask_again(r, now)) {
		r->mark.again = (struct repl_timer){.fn = ask_again, .ctx = r};
		r->host->ops->timer_set(r->host->ctx, &r->mark.again, now + r->mark.again_ns);
		if (r->mark.again_ns < AGAIN_MAX_NS)
			r->mark.again_ns *= 2;
		return;
	}
	r->is_busy = false;
	answer(r, &r->mark.h, r->mark.connection, &r->mark.wire, s->result, s->why);
	receiver_go_on(r);
}

static void begin(struct repl_receiver *r, const struct repl_header *h,
		  const struct repl_mark *wire)
{
	static const enum sluice_snapshot_what what[] = {
	    [REPL_MARK_MAKE] = SLUICE_SNAPSHOT_MAKE,
	    [REPL_MARK_FIND] = SLUICE_SNAPSHOT_FIND,
	    [REPL_MARK_DELETE] = SLUICE_SNAPSHOT_DELETE,
	};
	struct receiver_mark *m = &r->mark;

	r->is_busy = true;
	m->h = *h;
	m->wire = *wire;
	m->connection = r->connection;
	m->again_ns = AGAIN_MIN_NS;
	m->until_ns = r->host->ops->now_ns(r->host->ctx) + BUSY_MAX_NS;
	m->call = (struct repl_snapshot){
	    .what = what[wire->what],
	    .member = h->member,
	    .settle_ms = wire->settle_ms < SETTLE_MAX_MS ? wire->settle_ms : SETTLE_MAX_MS,
	    .name = m->wire.name,
	    .fn = asked,
	    .ctx = r};
	memcpy(m->call.uuid, wire->snapshot, sizeof(m->call.uuid));
	ask(r);
}

static bool is_resyncing(const struct repl_receiver *r)
{
	return r->is_resync_open || r->kept.kept != KEPT_NOTHING || !receiver_is_consistent(r);
}

bool receiver_mark(struct repl_receiver *r, const struct repl_header *h, const void *plain)
{
	struct repl_mark wire;

	memcpy(&wire, plain, sizeof(wire));
	if (wire.what < REPL_MARK_MAKE || wire.what > REPL_MARK_DELETE ||
	    h->member >= r->host->member_count || !memchr(wire.name, 0, sizeof(wire.name)))
		return receiver_refuse(r, "the peer sent a malformed MARK");
	if (r->is_window_open)
		return receiver_refuse(r, "the peer sent MARK inside a window");
	if (wire.what == REPL_MARK_MAKE && is_resyncing(r)) {
		answer(r, h, r->connection, &wire, -EBUSY,
		       "the replica is amid a resync, and no point in time");
		return receiver_taken(r, h);
	}
	if (!REPL_MUTATE(MARK_TOO_EARLY) &&
	    (r->slots_used || r->filling != NO_STAGE || !receiver_stages_are_free(r) ||
	     !receiver_stages_are_calm(r)))
		return false;
	if (r->has_failed)
		return receiver_taken(r, h);
	begin(r, h, &wire);
	return receiver_taken(r, h);
}
