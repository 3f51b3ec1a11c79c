/* SPDX-License-Identifier: MIT */
/*
 * volume_close.c - the end of a volume's service, and of the volume.
 *
 *   close:   rings -> peers -> event STOP -> chain drained -> device server -> filters -> their
 * logs
 *            -> chain -> backend
 *   delete:  the same, with event DELETE before the filters go. A volume that is not open is opened
 *            for it: only an attached filter knows what it keeps elsewhere.
 *
 * Nothing is settled: a filter that keeps dirty data keeps it where it is.
 *
 * Thread: owner worker.
 */
#include <errno.h>
#include <stdio.h>

#include "log.h"
#include "volume_int.h"

/* ---------------------------------------------------------------- taking apart */

static void ended_closed(struct volume *v)
{
	struct err err = v->open_err;

	if (v->request == REQUEST_OPEN) {
		log_error("volume %s could not be opened: %s", v->plan->name, err.text);
		v->host->event(v->host->ctx, v->plan->name, err.field, "volume_failed", err.text);
		volume_set_state(v, VOLUME_FAILED, err.text);
		volume_end(v, -err.code, &err);
		return;
	}
	log_info("volume %s: closed", v->plan->name);
	volume_set_state(v, VOLUME_CLOSED, "");
	volume_end(v, 0, NULL);
}

/* Whoever asks why it takes long is told what it waits for; of an open that failed, the reason. */
static void waits_for(struct volume *v, const char *what)
{
	if (v->state == VOLUME_DRAINING)
		volume_set_state(v, VOLUME_DRAINING, what);
}

/* Nothing of ours is in flight, nor of its own. */
static void backend_stopped(void *ctx)
{
	struct volume *v = ctx;
	struct backend *b = v->backend;

	waits_for(v, "its files are closed");
	v->backend = NULL;
	v->host->blocking(v->host->ctx, true);
	b->ops->close(b);
	v->host->blocking(v->host->ctx, false);
	ended_closed(v);
}

/* The filters are gone or were never there, nothing is in flight. */
static void filters_left(void *ctx)
{
	struct volume *v = ctx;

	if (v->chain) {
		volume_turns_end(v);
		chain_destroy(v->chain);
	}
	v->chain = NULL;
	if (!v->backend) {
		ended_closed(v);
	} else if (v->has_layers) {
		waits_for(v, "it waits for the merging of its layers to pause");
		layer_stop(v->backend, backend_stopped, v);
	} else {
		backend_stopped(v);
	}
}

static void detach_filters(struct volume *v)
{
	if (v->serve) {
		serve_destroy(v->serve);
		v->serve = NULL;
	}
	waits_for(v, "it waits for its filters to end their jobs and to close their logs");
	chain_detach_all(v->chain);
	chain_when_left(v->chain, filters_left, v);
}

static void deleted(void *ctx, int result, const struct err *err)
{
	struct volume *v = ctx;

	if (result)
		v->delete_err = *err;
	detach_filters(v);
}

static void drained(void *ctx, int result, const struct err *err)
{
	static const struct sluice_event delete = {.kind = SLUICE_EVENT_DELETE};
	struct volume *v = ctx;

	if (result) {
		/* Somebody still holds an I/O: memory under it cannot go. The supervisor's limits
		 * end this. */
		log_error("volume %s: cannot close yet: %s", v->plan->name, err->text);
		v->host->event(v->host->ctx, v->plan->name, "", "volume_not_drained", err->text);
		volume_set_state(v, v->state, err->text);
		chain_drain(v->chain, drained, v);
	} else if (v->is_deleting && v->request == REQUEST_CLOSE) {
		chain_event(v->chain, &delete, deleted, v);
	} else {
		detach_filters(v);
	}
}

void volume_take_down(struct volume *v)
{
	if (!v->chain) {
		filters_left(v);
		return;
	}
	chain_release(v->chain); /* held by an open that failed; what it kept waiting ends */
	waits_for(v, "it waits for the I/O under way to end");
	chain_drain(v->chain, drained, v);
}

/* ---------------------------------------------------------------- close */

/* Also after a STOP that a filter refused: a volume that must go goes. */
static void stopped(void *ctx, int result, const struct err *err)
{
	struct volume *v = ctx;

	if (result)
		log_warn("volume %s: a filter refused to stop: %s", v->plan->name, err->text);
	volume_take_down(v);
}

static void left_peers(void *ctx)
{
	static const struct sluice_event stop = {.kind = SLUICE_EVENT_STOP};
	struct volume *v = ctx;

	waits_for(v, "it waits for a change of its filters to end");
	chain_event(v->chain, &stop, stopped, v);
}

static void rings_are_gone(struct volume *v)
{
	v->is_waiting_for_rings = false;
	if (v->is_in_peers) {
		v->is_in_peers = false;
		peers_remove(&v->entry, left_peers, v);
	} else {
		left_peers(v);
	}
}

void volume_ring_gone(struct volume *v)
{
	if (v->is_waiting_for_rings && serve_ring_count(v->serve) == 0)
		rings_are_gone(v);
}

/* The open that waits for a lock ends, then the close may begin. */
static void cancel_lock_wait(struct volume *v)
{
	struct err err;

	if (v->request != REQUEST_OPEN || v->lock_since_ns == 0)
		return;
	env_timer_cancel(v->env, &v->lock_timer);
	v->lock_since_ns = 0;
	volume_set_state(v, VOLUME_CLOSED, "");
	err_set(&err, ECANCELED, "name", "volume %s was closed while it waited for its image",
		v->plan->name);
	volume_end(v, -ECANCELED, &err);
}

/* True: what is under way is cancelled, and the close with fn follows it. Not everything can be. */
static bool ends_first(struct volume *v, volume_done_fn fn, void *ctx)
{
	if (v->is_close_wanted || v->request == REQUEST_NONE)
		return false;
	if (!volume_transfer_cancel(v) && !(v->chain && chain_cancel_settling(v->chain)))
		return false;
	v->is_close_wanted = true;
	v->closing_done = fn;
	v->closing_ctx = ctx;
	return true;
}

void volume_close(struct volume *v, volume_done_fn fn, void *ctx)
{
	cancel_lock_wait(v);
	if (ends_first(v, fn, ctx))
		return;
	if (!volume_begin(v, REQUEST_CLOSE, fn, ctx))
		return;
	if (v->state != VOLUME_SERVING) {
		if (v->state != VOLUME_CLOSED && v->state != VOLUME_QUARANTINED)
			volume_set_state(v, VOLUME_CLOSED, "");
		volume_end(v, 0, NULL);
		return;
	}
	log_info("volume %s: draining", v->plan->name);
	env_timer_cancel(v->env, &v->rings_timer);
	v->is_waiting_for_rings = true;
	volume_set_state(v, VOLUME_DRAINING, "it waits for its initiators' commands to end");
	if (serve_ring_count(v->serve) == 0)
		rings_are_gone(v);
	else
		v->host->drain_rings(v->host->ctx, v);
}

/* ---------------------------------------------------------------- delete */

static void closed_for_delete(void *ctx, int result, const struct err *err)
{
	struct volume *v = ctx;
	struct err refusal = v->delete_err;

	v->is_deleting = false;
	if (result == 0 && refusal.code)
		v->delete_done(v->delete_ctx, -refusal.code, &refusal);
	else
		v->delete_done(v->delete_ctx, result, err);
}

static void opened_for_delete(void *ctx, int result, const struct err *err) ON_WORKER
{
	struct volume *v = ctx;
	char text[VOLUME_REASON_BYTES];

	if (result) {
		snprintf(
		    text, sizeof(text),
		    "it is deleted without its filters, which could not be asked to remove what "
		    "they keep elsewhere: %.256s",
		    err->text);
		log_warn("volume %s: %s", v->plan->name, text);
		v->host->event(v->host->ctx, v->plan->name, "", "volume_leftovers", text);
	}
	volume_close(v, closed_for_delete, v);
}

void volume_delete(struct volume *v, volume_done_fn fn, void *ctx)
{
	struct err err;

	if (v->is_deleting || v->request != REQUEST_NONE) {
		err_set(&err, EBUSY, "name",
			"volume %s: another request is under way; try again when it has ended",
			v->plan->name);
		fn(ctx, -EBUSY, &err);
		return;
	}
	v->is_deleting = true;
	v->delete_done = fn;
	v->delete_ctx = ctx;
	v->delete_err = (struct err){0};
	if (v->plan->filter_count && (v->state == VOLUME_CLOSED || v->state == VOLUME_FAILED))
		volume_open(v, opened_for_delete, v);
	else
		volume_close(v, closed_for_delete, v);
}
