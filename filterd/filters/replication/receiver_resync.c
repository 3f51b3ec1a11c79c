/* SPDX-License-Identifier: MIT */
/*
 * receiver_resync.c - where a resync goes. One that fits is staged, and until RS_END the replica
 * stays the point in time that it was. One that does not, or comes to a replica that is none
 * anyway, goes below as it comes, after the node has said INCONSISTENT.
 *
 * A staged resync that a lost connection interrupted goes on in the same stage.
 */
#include "receiver_int.h"

#include <errno.h>
#include <string.h>

static bool begin_below(struct repl_receiver *r)
{
	session_resync_began(group_session(r->group), true);
	if (!receiver_has_noted_mix(r)) {
		receiver_refuse(r, "this side could not note that its replica is no point in time");
		return false;
	}
	return true;
}

/* The first stage will do: both are free. */
static bool begin_staged(struct repl_receiver *r)
{
	if (r->kept.kept != KEPT_RESYNC && receiver_keep(r, KEPT_RESYNC, 0)) {
		receiver_refuse(r, "this side could not note a resync");
		return false;
	}
	session_resync_began(group_session(r->group), false);
	return true;
}

bool receiver_resync_begin(struct repl_receiver *r, const struct repl_header *h, const void *plain)
{
	const struct stage *st = &r->stages[r->kept.kept == KEPT_RESYNC ? r->kept.stage : 0];
	struct repl_rs rs;
	bool fits;

	memcpy(&rs, plain, sizeof(rs));
	if (r->is_window_open)
		return receiver_refuse(r, "the peer began a resync inside a window");
	if (r->slots_used || r->filling != NO_STAGE || !receiver_stages_are_free(r) ||
	    !receiver_stages_are_calm(r))
		return false;
	fits = !rs.is_whole && receiver_is_consistent(r) && stage_fits(st, rs.bytes_max);
	if (!fits && r->kept.kept == KEPT_RESYNC) {
		receiver_unstage(r); /* and this frame once more */
		return false;
	}
	if (!(fits ? begin_staged(r) : begin_below(r)))
		return true;
	r->is_resync_open = true;
	r->resync = h->value;
	return receiver_taken(r, h);
}

/* ---------------------------------------------------------------- the end */

static void tell_end(struct repl_receiver *r, const struct repl_header *h)
{
	session_resync_ended(group_session(r->group));
	receiver_point(r, h->offset_bytes);
}

static void ended_below(struct recv_slot *s)
{
	if (s->status == SLUICE_OK)
		tell_end(s->r, &s->h);
	else
		receiver_failed(s->r, "flushed");
	receiver_answer(s->r, s->connection, &s->h, REPL_RS_ACK, s->status, NULL, 0);
}

/* The mark is what counts: a start that finds it and the record takes the resync for complete. */
static void marked(void *ctx, int result)
{
	struct repl_receiver *r = ctx;
	struct repl_header h = r->busy_h;

	if (result == 0)
		result = receiver_keep(r, KEPT_NOTHING, 0);
	r->is_busy = false;
	if (result == 0)
		tell_end(r, &h);
	else
		receiver_failed(r, "made durable");
	receiver_answer(r, r->busy_connection, &h, REPL_RS_ACK,
			result ? SLUICE_ERR_FAILED : SLUICE_OK, NULL, 0);
	receiver_apply_next(r);
	receiver_go_on(r);
}

/* What was equal before is persistent, too; now what differed. */
static void end_below(struct recv_slot *s)
{
	struct repl_receiver *r = s->r;

	if (s->status == SLUICE_OK)
		stage_mark(&r->stages[r->kept.stage], ++r->order, marked, r);
	else
		marked(r, -EIO);
}

bool receiver_resync_end(struct repl_receiver *r, const struct repl_header *h)
{
	if (!r->is_resync_open || h->value != r->resync || r->is_window_open)
		return receiver_refuse(r, "the peer ended a resync that it did not begin");
	if (r->kept.kept != KEPT_RESYNC) {
		if (!receiver_direct_barrier(r, h, ended_below))
			return false;
		r->is_resync_open = false;
		return true;
	}
	if (!receiver_stages_are_calm(r))
		return false;
	if (r->has_failed) {
		r->is_resync_open = false;
		return receiver_taken(r, h);
	}
	if (!receiver_busy_barrier(r, h, end_below))
		return false;
	r->is_resync_open = false;
	return true;
}
