/* SPDX-License-Identifier: MIT */
/*
 * reconfigure.c - a filter gets other values, in one of three ways:
 *
 *   it has reconfigure()   it takes them, or refuses
 *   it is replaced         the new one is attached while the old one still is, so that a refusal
 *                          leaves the old one in force
 *   it is swapped          of a filter that settles: the old one goes first, since both would have
 *                          the same log. It has nothing dirty by now. If the new one refuses, the
 *                          old one is attached again, with its values.
 *
 * The chain is drained and held in all of them.
 */
#include "chain.h"

#include <stdio.h>
#include <stdlib.h>

#include "attach_int.h"

enum { STEP_FIRST, STEP_NEW, STEP_OLD_AGAIN };

static int call_reconfigure(struct sluice_filter *f, enum sluice_phase phase,
			    const union sluice_value *values, struct sluice_error *serr)
{
	int r;

	walk_enter(f->chain);
	blame_begin(f);
	r = f->ops->reconfigure(f, phase, values, serr);
	blame_end(f);
	walk_leave(f->chain);
	return r;
}

/*
 * The filter takes new values. new lends them, and frees the old ones. Nothing can fail after the
 * filter has consented, so its SLUICE_ABORT is for events alone.
 */
static int change(struct sluice_filter *f, struct sluice_filter *new, struct err *err)
{
	struct chain *c = f->chain;
	struct sluice_error serr = {{0}, {0}};
	union sluice_value *old = f->values;
	uint32_t old_position = f->position;
	struct plan p = attach_plan_without(c, f);
	char *slab;
	int r;

	f->position = new->position;
	attach_plan_add(&p, f);
	slab = pool_slab_new(c, p.filters, p.count);
	r = slab ? call_reconfigure(f, SLUICE_PREPARE, new->values, &serr) : 0;
	if (!slab || r < 0) {
		f->position = old_position;
		free(slab);
		return slab ? filter_refusal(f, "the new values", r, &serr, err)
			    : attach_no_slab(c, err);
	}
	call_reconfigure(f, SLUICE_COMMIT, new->values, &serr);
	f->values = new->values;
	new->values = old;
	f->on_failure = new->on_failure;
	attach_plan_use(c, &p, slab);
	return 0;
}

/* A new filter in the place of the old one. */
static int replace(struct control_op *op, struct sluice_filter *old, struct err *err)
{
	struct attach_op *a = (struct attach_op *)op;
	struct chain *c = op->chain;
	struct sluice_filter *new = a->f;
	struct plan p = attach_plan_without(c, old);
	char *slab;
	int r;

	attach_plan_add(&p, new);
	slab = pool_slab_new(c, p.filters, p.count);
	if (!slab)
		return attach_no_slab(c, err);
	new->slot = old->slot;
	a->f = NULL;
	r = filter_attach(new, err);
	if (r < 0) {
		free(slab);
		return attach_leave(op, new, r);
	}
	filter_detach(old);
	attach_plan_use(c, &p, slab);
	return attach_leave(op, old, 0);
}

/* ---------------------------------------------------------------- swap */

static int take_out_old(struct control_op *op, struct sluice_filter *old, struct err *err)
{
	struct attach_op *a = (struct attach_op *)op;
	struct chain *c = op->chain;
	struct plan p = attach_plan_without(c, old);
	char *slab = pool_slab_new(c, p.filters, p.count);
	int r;

	a->again = slab ? filter_like(old) : NULL;
	if (!a->again) {
		free(slab);
		return attach_no_slab(c, err);
	}
	r = filter_may_leave(old, err); /* what it keeps may not have gone down after all */
	if (r < 0) {
		free(slab);
		return r;
	}
	filter_detach(old);
	attach_plan_use(c, &p, slab);
	a->again->values = old->values;
	old->values = NULL;
	a->step = STEP_NEW;
	return attach_leave(op, old, 0);
}

static int put_in_new(struct control_op *op, struct err *err)
{
	struct attach_op *a = (struct attach_op *)op;
	struct sluice_filter *new = a->f;
	int r;

	a->f = NULL;
	a->result = 0;
	a->step = STEP_OLD_AGAIN;
	r = attach_put_in(op, new, err);
	if (r < 0)
		a->result = r;
	return r;
}

/* The new one refused; its sentence is the answer. */
static int put_in_old(struct control_op *op)
{
	struct attach_op *a = (struct attach_op *)op;
	struct sluice_filter *old = a->again;
	const char *name = old->ops->name;
	int refusal = a->result, r;
	struct err err;

	a->again = NULL;
	r = attach_put_in(op, old, &err);
	a->result = refusal;
	if (r == 0)
		return refusal;
	report_host(
	    op->chain, name, "filter_lost",
	    "filter '%s' refused its new values, and now its old ones too: %.200s; the volume "
	    "goes on without it, and all data is on its datastore",
	    name, err.text);
	return r == CONTROL_PENDING ? r : refusal;
}

static int first(struct control_op *op, struct err *err)
{
	struct attach_op *a = (struct attach_op *)op;
	struct sluice_filter *f = filter_find(op->chain, a->f->ops->name);

	if (!f)
		return attach_no_such(op->chain, a->f->ops->name, err);
	if (f->ops->reconfigure && f->ops == a->f->ops)
		return change(f, a->f, err);
	return f->ops->settle ? take_out_old(op, f, err) : replace(op, f, err);
}

static int reconfigure_run(struct control_op *op, struct err *err)
{
	struct attach_op *a = (struct attach_op *)op;
	int r;

	if (a->step == STEP_FIRST) {
		if (a->has_left)
			return a->result;
		r = first(op, err);
		if (r != 0 || a->step == STEP_FIRST)
			return r;
	}
	if (a->step == STEP_NEW) {
		r = put_in_new(op, err);
		if (r == 0 || r == CONTROL_PENDING)
			return r;
	}
	return a->again ? put_in_old(op) : a->result;
}

void chain_reconfigure(struct chain *c, const struct chain_filter_cfg *cfg, chain_done_fn fn,
		       void *ctx)
{
	attach_submit(c, cfg, reconfigure_run, SETTLES_ONE, fn, ctx);
}
