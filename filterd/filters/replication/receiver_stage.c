/* SPDX-License-Identifier: MIT */
/*
 * receiver_stage.c - changes that are kept in a stage until they are complete.
 *
 * Windows take the stages by turns; while one is brought below, the other fills. An open resync has
 * one for itself, durably noted, and the windows that come meanwhile go there too. What waits for a
 * stage's flush or mark is noted as busy_h, one at a time.
 */
#include "receiver_int.h"

#include <assert.h>
#include <errno.h>

#include "repl_mutate.h"

struct stage *receiver_open_stage(struct repl_receiver *r)
{
	if (r->filling != NO_STAGE)
		return &r->stages[r->filling];
	return r->kept.kept == KEPT_RESYNC ? &r->stages[r->kept.stage] : NULL;
}

static bool is_kept(const struct repl_receiver *r, uint32_t i)
{
	return r->kept.kept != KEPT_NOTHING && r->kept.stage == i;
}

bool receiver_stages_are_free(const struct repl_receiver *r)
{
	for (uint32_t i = 0; i < RECEIVER_STAGES; i++) {
		enum stage_state s = r->stages[i].state;

		if (s != STAGE_FREE && !(is_kept(r, i) && s == STAGE_FILLING))
			return false;
	}
	return true;
}

bool receiver_stages_are_calm(const struct repl_receiver *r)
{
	for (uint32_t i = 0; i < RECEIVER_STAGES; i++) {
		const struct stage *s = &r->stages[i];

		if (s->in_flight || s->state == STAGE_MARKING || s->state == STAGE_APPLYING ||
		    s->state == STAGE_DROPPING)
			return false;
	}
	return r->digests == 0;
}

int receiver_keep(struct repl_receiver *r, enum stages_kept kept, uint8_t stage)
{
	struct stages_record rec = {.version = 1, .kept = (uint8_t)kept, .stage = stage};
	int rc = r->host->ops->record_put(r->host->ctx, "stages", &rec, sizeof(rec));

	if (rc == 0)
		r->kept = rec;
	else
		receiver_report(r, "replica_record_failed",
				"what the replica's stages hold could not be noted (%d)", rc);
	return rc;
}

/* ---------------------------------------------------------------- one step that all wait for */

static void busy_begin(struct repl_receiver *r, const struct repl_header *h)
{
	r->is_busy = true;
	r->busy_h = *h;
	r->busy_connection = r->connection;
}

bool receiver_busy_barrier(struct repl_receiver *r, const struct repl_header *h,
			   void (*fn)(struct recv_slot *s))
{
	/* What follows is not of this stage, or not covered by this flush: it waits from now on. */
	busy_begin(r, h);
	if (receiver_direct_barrier(r, h, fn))
		return true;
	r->is_busy = false;
	return false;
}

static void busy_end(struct repl_receiver *r, enum repl_type answer, int result)
{
	struct repl_header h = r->busy_h;

	r->is_busy = false;
	receiver_answer(r, r->busy_connection, &h, answer, result ? SLUICE_ERR_FAILED : SLUICE_OK,
			NULL, 0);
	if (result)
		receiver_failed(r, "made durable");
	receiver_go_on(r);
}

/* ---------------------------------------------------------------- changes */

static void appended(struct sluice_rlog_entry *e)
{
	struct recv_slot *s = e->ctx;
	struct repl_receiver *r = s->r;

	stage_appended(s->stage, e);
	if (e->result)
		receiver_failed(r, "staged");
	receiver_slot_put(s);
}

static bool stage_change(struct repl_receiver *r, struct stage *st, const struct repl_header *h,
			 const void *plain)
{
	bool is_zero = h->raw_bytes == 0;
	struct recv_slot *s = receiver_slot_with(r, h, plain);

	if (!s)
		return false;
	s->stage = st;
	s->entry = (struct sluice_rlog_entry){.kind = is_zero ? SLUICE_RLOG_ZERO : SLUICE_RLOG_DATA,
					      .may_unmap = is_zero && (h->flags & REPL_MAY_UNMAP),
					      .buf = s->buf,
					      .fn = appended,
					      .ctx = s};
	stage_append(st, &s->entry, h->member, h->offset_bytes, h->len_bytes);
	return true;
}

bool receiver_change(struct repl_receiver *r, const struct repl_header *h, const void *plain)
{
	struct stage *st = receiver_open_stage(r);
	bool is_full = st && !stage_has_room(st, h->raw_bytes / REPL_UNIT_BYTES + 1);

	if (r->is_window_open && h->type != REPL_RS_DATA && h->type != REPL_RS_ZERO) {
		if (r->window_bytes + h->raw_bytes > REPL_WINDOW_MAX_BYTES ||
		    (is_full && r->filling != NO_STAGE))
			return receiver_refuse(r, "the peer sent a window that is too large");
	}
	/* A resync that becomes larger than it was said to be. */
	if (is_full) {
		if (receiver_stages_are_calm(r))
			receiver_unstage(r);
		return false;
	}
	if (!(st ? stage_change(r, st, h, plain) : receiver_direct_change(r, h, plain)))
		return false;
	if (r->is_window_open)
		r->window_bytes += h->raw_bytes;
	return true;
}

/* ---------------------------------------------------------------- windows */

static uint8_t free_stage(const struct repl_receiver *r)
{
	for (uint8_t i = 0; i < RECEIVER_STAGES; i++)
		if (!is_kept(r, i) && r->stages[i].state == STAGE_FREE)
			return i;
	return NO_STAGE;
}

bool receiver_window_begin(struct repl_receiver *r, const struct repl_header *h)
{
	if (r->is_window_open)
		return receiver_refuse(r, "the peer began a window inside another");
	if (r->filling != NO_STAGE)
		return false; /* the remains of a lost connection are on their way out */
	if (receiver_is_consistent(r) && r->kept.kept == KEPT_NOTHING &&
	    !REPL_MUTATE(WINDOW_UNSTAGED)) {
		uint8_t i = free_stage(r);

		/* What a lost connection has under way below is older than this, and a stage goes
		 * below without asking whose turn it is. */
		if (i == NO_STAGE ||
		    (!turns_is_idle(&r->turns) && !REPL_MUTATE(WINDOW_UNDER_CHANGE)))
			return false;
		r->filling = i;
	} else if (r->kept.kept == KEPT_NOTHING && !receiver_stages_are_free(r)) {
		return false;
	}
	r->is_window_open = true;
	r->window = h->value;
	r->window_bytes = 0;
	return receiver_taken(r, h);
}

static void window_marked(void *ctx, int result)
{
	struct repl_receiver *r = ctx;

	if (result == 0)
		receiver_point(r, r->busy_h.offset_bytes);
	busy_end(r, REPL_WIN_ACK, result);
	receiver_apply_next(r);
}

static void window_flushed(void *ctx, int result)
{
	busy_end(ctx, REPL_WIN_ACK, result);
}

static void window_below(struct recv_slot *s)
{
	receiver_answer(s->r, s->connection, &s->h, REPL_WIN_ACK, s->status, NULL, 0);
	if (s->status != SLUICE_OK)
		receiver_failed(s->r, "flushed");
}

bool receiver_window_end(struct repl_receiver *r, const struct repl_header *h)
{
	struct stage *st = receiver_open_stage(r);

	if (!r->is_window_open || h->value != r->window)
		return receiver_refuse(r, "the peer ended a window that it did not begin");
	if (!st) {
		if (!receiver_direct_barrier(r, h, window_below))
			return false;
		r->is_window_open = false;
		return true;
	}
	/* Nobody may read from a stage that goes away; a flush covers what was written before it.
	 */
	if (r->filling != NO_STAGE ? r->digests > 0 : st->in_flight > 0)
		return false;
	if (r->has_failed)
		return receiver_taken(r, h);
	r->is_window_open = false;
	busy_begin(r, h);
	if (r->filling != NO_STAGE) {
		r->filling = NO_STAGE;
		stage_mark(st, ++r->order, window_marked, r);
	} else {
		stage_flush(st, window_flushed, r);
	}
	return receiver_taken(r, h);
}

/* ---------------------------------------------------------------- FLUSH */

static void stage_flushed(void *ctx, int result)
{
	busy_end(ctx, REPL_ACK, result);
}

static void below_flushed(struct recv_slot *s)
{
	receiver_answer(s->r, s->connection, &s->h, REPL_ACK, s->status, NULL, 0);
}

static void stage_next(struct recv_slot *s)
{
	struct repl_receiver *r = s->r;

	if (s->status == SLUICE_OK)
		stage_flush(receiver_open_stage(r), stage_flushed, r);
	else
		stage_flushed(r, -EIO);
}

bool receiver_flush(struct repl_receiver *r, const struct repl_header *h)
{
	struct stage *st = receiver_open_stage(r);

	if (!st)
		return receiver_stages_are_free(r) && receiver_direct_barrier(r, h, below_flushed);
	if (r->filling != NO_STAGE)
		return receiver_refuse(r, "the peer sent FLUSH inside a window");
	if (st->in_flight)
		return false;
	if (r->has_failed)
		return receiver_taken(r, h);
	return receiver_busy_barrier(r, h, stage_next);
}

/* ---------------------------------------------------------------- below */

#define RETRY_NS 1000000000ull

static void applied(void *ctx, int result)
{
	struct repl_receiver *r = ctx;

	if (result) {
		receiver_report(r, "replica_apply_failed",
				"staged changes could not be written to the volumes (%d); tried "
				"again in a second",
				result);
		r->retry_ns = r->host->ops->now_ns(r->host->ctx) + RETRY_NS;
		r->host->ops->timer_set(r->host->ctx, &r->poke, r->retry_ns);
	} else {
		r->figures.applied_windows++;
	}
	receiver_apply_next(r);
	receiver_go_on(r);
}

void receiver_apply_next(struct repl_receiver *r)
{
	struct stage *next = NULL;

	if (r->host->ops->now_ns(r->host->ctx) < r->retry_ns || r->life == LIFE_STOPPING)
		return;
	for (uint32_t i = 0; i < RECEIVER_STAGES; i++) {
		struct stage *s = &r->stages[i];

		/* What a failed one holds is brought down at the next start, before any later one.
		 */
		if (s->state == STAGE_APPLYING || s->state == STAGE_FAILED)
			return;
		if (s->state == STAGE_COMPLETE &&
		    !(r->kept.kept == KEPT_GIVE_UP && is_kept(r, i)) &&
		    (!next || s->order < next->order))
			next = s;
	}
	if (next)
		stage_apply(next, applied, r);
}

/* ---------------------------------------------------------------- a resync that is not staged any
 * more */

static void unstaged(void *ctx, int result)
{
	struct repl_receiver *r = ctx;

	if (result == 0)
		result = receiver_keep(r, KEPT_NOTHING, 0);
	r->is_busy = false;
	if (result)
		receiver_failed(r, "brought down from its stage");
	receiver_go_on(r);
}

static void unstage_marked(void *ctx, int result)
{
	struct repl_receiver *r = ctx;

	if (result)
		unstaged(r, result);
	else
		stage_apply(&r->stages[r->kept.stage], unstaged, r);
}

/* The record goes last: with it, and INCONSISTENT, a start does the same again. */
void receiver_unstage(struct repl_receiver *r)
{
	struct stage *s = &r->stages[r->kept.stage];

	assert(r->kept.kept == KEPT_RESYNC && receiver_stages_are_calm(r));
	session_resync_began(group_session(r->group), true);
	if (!receiver_has_noted_mix(r)) {
		receiver_refuse(r, "this side could not note that its replica is no point in time");
		return;
	}
	r->is_busy = true;
	if (s->state == STAGE_COMPLETE)
		unstage_marked(r, 0);
	else
		stage_mark(s, ++r->order, unstage_marked, r);
}
