/* SPDX-License-Identifier: MIT */
/*
 * event.c - control events: prepared by every filter in order, then committed, or aborted by those
 * that had prepared.
 *
 * Events reach bypassed filters too, so that their idea of the volume stays right.
 */
#include "chain.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "chain_int.h"
#include "control.h"

struct event_op {
	struct control_op op;
	struct sluice_event ev;
	char *name, *uuid;
	bool is_grow, has_grown;
	int grow_result;
};

static const char *kind_name(enum sluice_event_kind kind)
{
	static const char *const names[] = {"start",  "stop",   "grow",   "snapshot",
					    "revert", "clone",  "key",    "flush",
					    "policy", "delete", "detach", "snapshot deleted"};

	return (size_t)kind < sizeof(names) / sizeof(names[0]) ? names[kind] : "unknown";
}

/* What is acknowledged must be on the backend before. */
static bool needs_settling(enum sluice_event_kind kind)
{
	return kind == SLUICE_EVENT_SNAPSHOT || kind == SLUICE_EVENT_REVERT ||
	       kind == SLUICE_EVENT_CLONE || kind == SLUICE_EVENT_FLUSH;
}

static int call(struct sluice_filter *f, enum sluice_phase phase, const struct sluice_event *ev,
		struct sluice_error *serr)
{
	int r;

	if (!f->ops->event)
		return 0;
	blame_begin(f);
	r = f->ops->event(f, phase, ev, serr);
	blame_end(f);
	return r;
}

int event_prepare(struct chain *c, const struct sluice_event *ev, struct err *err)
{
	struct sluice_error serr = {{0}, {0}};
	char what[64];
	uint32_t i;
	int r = 0;

	walk_enter(c);
	for (i = 0; i < c->filter_count; i++) {
		r = call(c->filters[i], SLUICE_PREPARE, ev, &serr);
		if (r < 0)
			break;
	}
	if (r < 0) {
		snprintf(what, sizeof(what), "the event '%s'", kind_name(ev->kind));
		r = filter_refusal(c->filters[i], what, r, &serr, err);
		while (i-- > 0)
			call(c->filters[i], SLUICE_ABORT, ev, &serr);
	}
	walk_leave(c);
	return r < 0 ? r : 0;
}

int event_held(struct chain *c, const struct sluice_event *ev, struct err *err)
{
	struct sluice_error serr = {{0}, {0}};
	char what[64];
	int r = 0;

	walk_enter(c);
	for (uint32_t i = 0; r >= 0 && i < c->filter_count; i++) {
		r = call(c->filters[i], SLUICE_HELD, ev, &serr);
		if (r < 0) {
			snprintf(what, sizeof(what), "the event '%s'", kind_name(ev->kind));
			r = filter_refusal(c->filters[i], what, r, &serr, err);
		}
	}
	walk_leave(c);
	return r < 0 ? r : 0;
}

void event_commit(struct chain *c, const struct sluice_event *ev)
{
	struct sluice_error serr = {{0}, {0}};

	walk_enter(c);
	for (uint32_t i = 0; i < c->filter_count; i++)
		call(c->filters[i], SLUICE_COMMIT, ev, &serr);
	walk_leave(c);
}

void event_abort(struct chain *c, const struct sluice_event *ev)
{
	struct sluice_error serr = {{0}, {0}};

	walk_enter(c);
	for (uint32_t i = c->filter_count; i-- > 0;)
		call(c->filters[i], SLUICE_ABORT, ev, &serr);
	walk_leave(c);
}

static int event_all(struct chain *c, const struct sluice_event *ev, struct err *err)
{
	int r = event_prepare(c, ev, err);

	if (r < 0)
		return r;
	if (ev->kind == SLUICE_EVENT_GROW)
		c->size_bytes = ev->new_size_bytes;
	event_commit(c, ev);
	return 0;
}

/* ---------------------------------------------------------------- grow */

static void backend_grown(void *ctx, int result)
{
	struct event_op *e = ctx;

	e->has_grown = true;
	e->grow_result = result;
	control_ready(&e->op);
}

static int grow_run(struct control_op *op, struct err *err)
{
	struct event_op *e = (struct event_op *)op;
	struct chain *c = op->chain;
	uint64_t to = e->ev.new_size_bytes;

	if (!e->has_grown) {
		if (to == c->size_bytes)
			return 0;
		if (to < c->size_bytes || to % c->block_bytes != 0)
			return err_set(
			    err, EINVAL, "size_bytes",
			    "the new size %llu must be over the present %llu bytes and a multiple of %u",
			    (unsigned long long)to, (unsigned long long)c->size_bytes,
			    c->block_bytes);
		c->backend->ops->grow(c->backend, to, backend_grown, e);
		return CONTROL_PENDING;
	}
	if (e->grow_result < 0)
		return err_set(err, -e->grow_result, "size_bytes",
			       "the datastore cannot grow '%s' to %llu bytes: %s", c->volume,
			       (unsigned long long)to, strerror(-e->grow_result));
	return event_all(c, &e->ev, err);
}

/* ---------------------------------------------------------------- doors */

static int event_run(struct control_op *op, struct err *err)
{
	return event_all(op->chain, &((struct event_op *)op)->ev, err);
}

static void event_release(struct control_op *op)
{
	free(((struct event_op *)op)->name);
	free(((struct event_op *)op)->uuid);
}

void chain_event(struct chain *c, const struct sluice_event *ev, chain_done_fn fn, void *ctx)
{
	struct event_op *e = calloc(1, sizeof(*e));

	if (!e) {
		control_no_memory(fn, ctx);
		return;
	}
	e->op.run = event_run;
	e->op.settles = needs_settling(ev->kind) ? SETTLES_ALL : SETTLES_NONE;
	e->op.release = event_release;
	e->ev = *ev;
	if (ev->name) {
		e->name = strdup(ev->name);
		if (!e->name)
			e->op.early = err_set(&e->op.err, ENOMEM, NULL, "no memory for an event");
		e->ev.name = e->name;
	}
	if (ev->uuid) {
		e->uuid = strdup(ev->uuid);
		if (!e->uuid)
			e->op.early = err_set(&e->op.err, ENOMEM, NULL, "no memory for an event");
		e->ev.uuid = e->uuid;
	}
	control_submit(c, &e->op, fn, ctx);
}

void chain_grow(struct chain *c, uint64_t new_size_bytes, chain_done_fn fn, void *ctx)
{
	struct event_op *e = calloc(1, sizeof(*e));

	if (!e) {
		control_no_memory(fn, ctx);
		return;
	}
	e->op.run = grow_run;
	e->op.settles = SETTLES_ALL;
	e->ev = (struct sluice_event){.kind = SLUICE_EVENT_GROW, .new_size_bytes = new_size_bytes};
	control_submit(c, &e->op, fn, ctx);
}
