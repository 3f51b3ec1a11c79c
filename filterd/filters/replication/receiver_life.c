/* SPDX-License-Identifier: MIT */
/*
 * receiver_life.c - start, promotion and stop. All three wait until what is under way has ended and
 * then bring the stages to where they have to be, one step at a time:
 *
 *   an unfinished window              is dropped: it was never acknowledged
 *   a complete stage                  goes below (not when stopping: the next start does it)
 *   an open resync, at a start        stays, as long as the replica is a point in time without it;
 *                                     else it goes below
 *   an open resync, at a promotion    is given up: first its blocks are suspect in the own bitmap;
 *                                     who is no primary then says so to the peer, which takes them
 *                                     for sent
 *   the volumes, at a promotion       are flushed
 */
#include "receiver_int.h"
#include "repl_mutate.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static bool is_kept(const struct repl_receiver *r, uint32_t i)
{
	return r->kept.kept != KEPT_NOTHING && r->kept.stage == i;
}

static bool has_failed_stage(const struct repl_receiver *r)
{
	return r->stages[0].state == STAGE_FAILED || r->stages[1].state == STAGE_FAILED;
}

/* ---------------------------------------------------------------- steps; each calls go_on at its
 * end */

static void step_done(void *ctx, int result)
{
	struct repl_receiver *r = ctx;

	if (result) {
		receiver_report(r, "replica_stage_failed",
				"a stage of the replica failed (%d); its volumes are as they were",
				result);
		r->retry_ns = r->host->ops->now_ns(r->host->ctx) + 1000000000ull;
		r->host->ops->timer_set(r->host->ctx, &r->poke, r->retry_ns);
	}
	receiver_go_on(r);
}

static void dropped(void *ctx, int result)
{
	struct repl_receiver *r = ctx;

	if (result == 0)
		r->filling = NO_STAGE;
	step_done(ctx, result);
}

/* The record stays until this side is primary, or has said what it lacks: receiver_has_said(). */
static void forgotten(void *ctx, int result)
{
	struct repl_receiver *r = ctx;

	if (result == 0 && REPL_MUTATE(GIVE_UP_FORGOTTEN))
		result = receiver_keep(r, KEPT_NOTHING, 0);
	step_done(r, result);
}

static void take(void *ctx, const struct repl_range *range)
{
	struct repl_receiver *r = ctx;

	group_mark_suspect(r->group, range);
}

static void take_flush(void *ctx, void (*fn)(void *fn_ctx), void *fn_ctx)
{
	struct repl_receiver *r = ctx;

	group_marks_flush(r->group, fn, fn_ctx);
}

static void below(void *ctx, int result)
{
	struct repl_receiver *r = ctx;

	if (result == 0)
		result = receiver_keep(r, KEPT_NOTHING, 0);
	step_done(r, result);
}

/* What is kept, as long as there is something to do about it. False: nothing. */
static bool kept_step(struct repl_receiver *r)
{
	struct stage *s = &r->stages[r->kept.stage];

	if (r->kept.kept == KEPT_NOTHING || r->life == LIFE_STOPPING ||
	    (r->kept.kept == KEPT_RESYNC && r->life != LIFE_PROMOTING && receiver_is_consistent(r)))
		return false;
	if (r->kept.kept == KEPT_RESYNC && r->life == LIFE_PROMOTING && receiver_is_consistent(r) &&
	    receiver_keep(r, KEPT_GIVE_UP, r->kept.stage)) {
		step_done(r, -EIO);
		return true;
	}
	if (r->kept.kept == KEPT_GIVE_UP && s->state == STAGE_FREE)
		return false;
	if (s->state != STAGE_COMPLETE)
		stage_mark(s, ++r->order, step_done, r);
	else if (r->kept.kept == KEPT_GIVE_UP)
		stage_hand_over(s, take, take_flush, r, forgotten, r);
	else
		stage_apply(s, below, r);
	return true;
}

/* True: a step is on its way, or one has to wait. */
static bool next_step(struct repl_receiver *r)
{
	if (r->is_busy || !receiver_stages_are_calm(r) || has_failed_stage(r))
		return true;
	if (r->host->ops->now_ns(r->host->ctx) < r->retry_ns)
		return r->life != LIFE_STOPPING;
	for (uint32_t i = 0; i < RECEIVER_STAGES; i++) {
		if (is_kept(r, i) || r->stages[i].state == STAGE_FREE)
			continue;
		if (r->stages[i].state == STAGE_FILLING) {
			stage_drop(&r->stages[i], dropped, r);
			return true;
		}
		if (r->life != LIFE_STOPPING) {
			receiver_apply_next(r);
			return true;
		}
	}
	/* At a start the mark of a resync that ended is all that is left to see of it. */
	if (r->life == LIFE_STARTING && r->kept.kept == KEPT_RESYNC &&
	    r->stages[r->kept.stage].state == STAGE_COMPLETE) {
		stage_apply(&r->stages[r->kept.stage], below, r);
		return true;
	}
	r->filling = NO_STAGE;
	return kept_step(r);
}

/* ---------------------------------------------------------------- start */

static void start_ended(struct repl_receiver *r, int result)
{
	void (*fn)(void *ctx, int rc, const struct sluice_error *err) = r->started;

	r->started = NULL;
	if (result == 0) {
		r->life = LIFE_RUNNING;
		receiver_leads(r);
	}
	fn(r->started_ctx, result, &r->open_err);
	if (result == 0 && r->is_promotion_due) {
		r->is_promotion_due = false;
		receiver_apply_staged(r);
	}
}

static int read_record(struct repl_receiver *r)
{
	size_t bytes = 0;
	int rc =
	    r->host->ops->record_get(r->host->ctx, "stages", &r->kept, sizeof(r->kept), &bytes);

	if (rc == -ENOENT) {
		r->kept = (struct stages_record){.version = 1};
		return 0;
	}
	if (rc == 0 && (bytes != sizeof(r->kept) || r->kept.version != 1 ||
			r->kept.kept > KEPT_GIVE_UP || r->kept.stage >= RECEIVER_STAGES))
		rc = -EBADMSG;
	if (rc)
		snprintf(r->open_err.text, sizeof(r->open_err.text),
			 "the record of the replica's stages cannot be read (%d)", rc);
	return rc;
}

static void opened(void *ctx, int result, const struct sluice_error *err)
{
	struct repl_receiver *r = ctx;

	if (result && !r->open_result) {
		r->open_result = result;
		r->open_err = *err;
	}
	if (--r->opening)
		return;
	if (r->open_result) {
		start_ended(r, r->open_result);
		return;
	}
	for (uint32_t i = 0; i < RECEIVER_STAGES; i++)
		if (r->stages[i].order > r->order)
			r->order = r->stages[i].order;
	receiver_settle(r);
}

void receiver_start(struct repl_receiver *r,
		    void (*fn)(void *ctx, int result, const struct sluice_error *err), void *ctx)
{
	static const enum repl_log logs[RECEIVER_STAGES] = {REPL_LOG_STAGE_A, REPL_LOG_STAGE_B};
	int rc = read_record(r);

	r->life = LIFE_STARTING;
	r->started = fn;
	r->started_ctx = ctx;
	r->opening = 1; /* this function's own */
	for (uint32_t i = 0; i < RECEIVER_STAGES && rc == 0; i++) {
		rc = stage_open(&r->stages[i], r->host, logs[i], r->stage_bytes, opened, r,
				&r->open_err);
		if (rc == 0)
			r->opening++;
	}
	if (rc)
		r->open_result = rc;
	opened(r, 0, NULL);
}

void receiver_cancel_start(struct repl_receiver *r)
{
	r->is_start_cancelled = true;
	if (r->life == LIFE_STARTING)
		receiver_go_on(r);
}

/* ---------------------------------------------------------------- promotion and stop */

static void volume_flush(struct repl_receiver *r);

static void volume_flushed(struct repl_own *o)
{
	struct repl_receiver *r = o->ctx;

	if (o->status == SLUICE_OK && ++r->flush_member < r->host->member_count) {
		volume_flush(r);
		return;
	}
	r->is_busy = false;
	r->is_flushed = o->status == SLUICE_OK;
	step_done(r, r->is_flushed ? 0 : -EIO);
}

static void volume_flush(struct repl_receiver *r)
{
	r->flush_own = (struct repl_own){.op = SLUICE_OP_FLUSH,
					 .flags = SLUICE_IO_URGENT,
					 .member = r->flush_member,
					 .fn = volume_flushed,
					 .ctx = r};
	r->host->ops->own_submit(r->host->ctx, &r->flush_own);
}

/* What is served must not go with the power, and of a replica amid a resync much is in caches. */
static bool is_promotion_safe(struct repl_receiver *r)
{
	if (r->is_flushed || REPL_MUTATE(PROMOTED_VOLATILE))
		return true;
	r->is_busy = true;
	r->flush_member = 0;
	volume_flush(r);
	return false;
}

void receiver_apply_staged(struct repl_receiver *r)
{
	assert(r->life != LIFE_STOPPING);
	if (r->life == LIFE_CREATED || r->life == LIFE_STARTING) {
		r->is_promotion_due = true; /* the witness was faster than the disk */
		return;
	}
	r->life = LIFE_PROMOTING;
	r->is_flushed = false;
	r->is_window_open = r->is_resync_open = false;
	receiver_settle(r);
}

static void stage_closed(void *ctx)
{
	struct repl_receiver *r = ctx;
	void (*fn)(void *fn_ctx) = r->stopped;

	if (--r->closing == 0) {
		r->life = LIFE_CREATED;
		r->stopped = NULL;
		fn(r->stopped_ctx);
	}
}

static void close_stages(struct repl_receiver *r)
{
	r->host->ops->timer_cancel(r->host->ctx, &r->poke);
	r->closing = 1;
	for (uint32_t i = 0; i < RECEIVER_STAGES; i++) {
		if (!r->stages[i].log)
			continue;
		r->closing++;
		stage_close(&r->stages[i], stage_closed, r);
	}
	stage_closed(r);
}

void receiver_stop(struct repl_receiver *r, void (*fn)(void *ctx), void *ctx)
{
	receiver_link_down(r);
	r->life = LIFE_STOPPING;
	r->is_window_open = r->is_resync_open = false;
	r->stopped = fn;
	r->stopped_ctx = ctx;
	receiver_settle(r);
}

void receiver_leads(struct repl_receiver *r)
{
	if (r->kept.kept == KEPT_GIVE_UP && r->life == LIFE_RUNNING &&
	    node_is_primary(group_node(r->group)))
		(void)receiver_keep(r, KEPT_NOTHING, 0);
}

/* The promotion was cut off, or the role had gone on: what was staged is in the own bitmap alone.
 */
bool receiver_has_said(struct repl_receiver *r)
{
	if (r->kept.kept != KEPT_GIVE_UP)
		return true;
	if (receiver_is_secondary(r))
		session_gave_up(group_session(r->group));
	return !receiver_is_secondary(r) && !group_node(r->group)->is_failed &&
	       receiver_keep(r, KEPT_NOTHING, 0) == 0;
}

/* ---------------------------------------------------------------- as far as it goes */

static void drop_remains(struct repl_receiver *r)
{
	struct stage *s;

	if (r->filling == NO_STAGE || r->is_window_open || r->is_busy)
		return;
	s = &r->stages[r->filling];
	if (s->state == STAGE_FREE)
		r->filling = NO_STAGE;
	else if (s->state == STAGE_FILLING && s->in_flight == 0 && r->digests == 0)
		stage_drop(s, dropped, r);
}

/* Its stages stay as they are: the next start brings them to where they have to be. */
static void start_fails(struct repl_receiver *r)
{
	bool has_failed = has_failed_stage(r);

	snprintf(r->open_err.text, sizeof(r->open_err.text), "%s",
		 has_failed ? "a stage of the replica failed while it was brought to its volumes"
			    : "the replica was stopped before its stages were in its volumes");
	start_ended(r, has_failed ? -EIO : -ECANCELED);
}

void receiver_settle(struct repl_receiver *r)
{
	if (r->life == LIFE_CREATED || r->opening || r->closing)
		return;
	if (r->life == LIFE_STARTING && !r->started)
		return; /* the start has failed, and somebody will stop it */
	if (r->life == LIFE_RUNNING) {
		drop_remains(r);
		receiver_apply_next(r);
		return;
	}
	if (r->life == LIFE_STARTING && receiver_stages_are_calm(r) && !r->is_busy &&
	    (has_failed_stage(r) || r->is_start_cancelled)) {
		start_fails(r);
		return;
	}
	if (r->slots_used || (next_step(r) && !(r->life == LIFE_STOPPING && has_failed_stage(r) &&
						receiver_stages_are_calm(r))))
		return;
	if (r->life == LIFE_STARTING) {
		start_ended(r, 0);
	} else if (r->life == LIFE_PROMOTING) {
		if (!is_promotion_safe(r))
			return;
		r->life = LIFE_RUNNING;
		session_applied(group_session(r->group));
	} else if (r->life == LIFE_STOPPING) {
		close_stages(r);
	}
}
