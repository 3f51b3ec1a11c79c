/* SPDX-License-Identifier: MIT */
/*
 * point.c - a point in the volume's life: filters prepare under I/O, I/O is held for as long as the
 * caller needs to make it so, filters commit or abort.
 *
 *     PREPARE --prepared()--> WAIT --hold--> HELD --held()--> WAIT --end--> END
 *                               \---------------- end ----------------------^
 *
 * A file of its own beside event.c, which does it all in one go and without a part of the caller's.
 *
 * A drain that is late, and any refusal, ends it in control.c: point_release() tells the filters.
 *
 * Thread: owner worker.
 */
#include "chain.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "chain_int.h"
#include "control.h"

enum step { STEP_PREPARE, STEP_HELD, STEP_END };

struct point {
	struct control_op op; /* first */
	struct sluice_event ev;
	char *name, *uuid;
	enum step step;
	bool is_prepared; /* filters wait for COMMIT or ABORT */
	int result;
	struct err result_err;
	const struct chain_point_host *host;
	void *ctx;
};

static int prepare(struct point *p, struct err *err)
{
	int rc = event_prepare(p->op.chain, &p->ev, err);

	if (rc < 0)
		return rc;
	p->is_prepared = true;
	p->host->prepared(p->ctx);
	return CONTROL_PENDING;
}

static int held(struct point *p, struct err *err)
{
	int rc = event_held(p->op.chain, &p->ev, err);

	if (rc < 0)
		return rc;
	p->host->held(p->ctx);
	return CONTROL_PENDING;
}

static int end(struct point *p, struct err *err)
{
	if (p->result < 0) {
		*err = p->result_err;
		return p->result;
	}
	p->is_prepared = false;
	event_commit(p->op.chain, &p->ev);
	return 0;
}

static int point_run(struct control_op *op, struct err *err)
{
	struct point *p = (struct point *)op;

	switch (p->step) {
	case STEP_PREPARE:
		return prepare(p, err);
	case STEP_HELD:
		return held(p, err);
	case STEP_END:
		break;
	}
	return end(p, err);
}

/* On every way out, I/O still held if it was. */
static void point_release(struct control_op *op)
{
	struct point *p = (struct point *)op;

	if (p->is_prepared)
		event_abort(op->chain, &p->ev);
	op->chain->point = NULL;
	free(p->name);
	free(p->uuid);
}

static bool copy_text(const char *from, const char **to, char **own)
{
	*own = from ? strdup(from) : NULL;
	*to = *own;
	return !from || *own;
}

void chain_point_begin(struct chain *c, const struct sluice_event *ev,
		       const struct chain_point_host *h, void *ctx)
{
	struct point *p = calloc(1, sizeof(*p));

	if (!p) {
		control_no_memory(h->ended, ctx);
		return;
	}
	assert(!c->point);
	p->op.run = point_run;
	p->op.release = point_release;
	p->op.settles = ev->kind == SLUICE_EVENT_CLONE ? SETTLES_NONE : SETTLES_ALL;
	p->op.drains_later = true;
	p->host = h;
	p->ctx = ctx;
	p->ev = *ev;
	if (!copy_text(ev->name, &p->ev.name, &p->name) ||
	    !copy_text(ev->uuid, &p->ev.uuid, &p->uuid))
		p->op.early = err_set(&p->op.err, ENOMEM, NULL, "no memory for an event");
	c->point = p;
	c->held_ns = 0;
	control_submit(c, &p->op, h->ended, ctx);
}

void chain_point_hold(struct chain *c)
{
	struct point *p = c->point;

	assert(p && p->step == STEP_PREPARE && p->is_prepared);
	p->step = STEP_HELD;
	p->op.needs_drain = true;
	control_ready(&p->op);
}

void chain_point_end(struct chain *c, int result, const struct err *err)
{
	struct point *p = c->point;

	assert(p && p->is_prepared);
	p->step = STEP_END;
	p->result = result;
	if (result < 0)
		p->result_err = *err;
	control_ready(&p->op);
}

uint64_t chain_held_ns(const struct chain *c)
{
	return c->held_ns;
}
