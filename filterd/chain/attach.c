/* SPDX-License-Identifier: MIT */
/*
 * attach.c - filters come, go and change under I/O: the chain is drained, the change made whole or
 * not at all, and I/O let go on (control.c drains and releases).
 *
 * Each change first gets everything that may fail: memory for the new contexts, the filter's own
 * consent. Only then is the chain touched. A filter without reconfigure() is replaced: the new one
 * is attached while the old one still is, so that a refusal leaves the old one in force.
 */
#include "chain.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "chain_int.h"
#include "control.h"
#include "params.h"

struct attach_op {
	struct control_op op;
	struct sluice_filter *f; /* made from the cfg; ours until it is in the chain */
	char *name;              /* detach */
};

/* What the chain would be. */
struct plan {
	struct sluice_filter *filters[CHAIN_MAX_FILTERS];
	uint32_t count;
};

static void plan_add(struct plan *p, struct sluice_filter *f)
{
	uint32_t at = p->count;

	assert(p->count < CHAIN_MAX_FILTERS);
	while (at > 0 && p->filters[at - 1]->position > f->position) {
		p->filters[at] = p->filters[at - 1];
		at--;
	}
	p->filters[at] = f;
	p->count++;
}

/* The chain without one of its filters; NULL: with all. */
static struct plan plan_without(const struct chain *c, const struct sluice_filter *f)
{
	struct plan p = {.count = 0};

	for (uint32_t i = 0; i < c->filter_count; i++) {
		if (c->filters[i] != f)
			plan_add(&p, c->filters[i]);
	}
	return p;
}

static uint32_t declared(const struct sluice_filter_ops *ops)
{
	uint32_t mask = ops->op_mask & SLUICE_OPS_ALL;

	if (ops->flags & SLUICE_FILTER_TRANSPARENT)
		mask |= SLUICE_WRITES_ARE_ATOMIC;
	return mask;
}

/* Cannot fail. Drained. */
static void plan_use(struct chain *c, const struct plan *p, char *slab)
{
	uint32_t mask = c->backend->ops->op_mask;
	bool has_bypassed = false;

	for (uint32_t i = 0; i < p->count; i++)
		has_bypassed |= p->filters[i]->is_bypassed;
	memcpy(c->filters, p->filters, sizeof(c->filters));
	c->filter_count = p->count;
	for (uint32_t i = p->count; i-- > 0;) {
		struct sluice_filter *f = c->filters[i];

		f->index = i;
		f->below_mask = mask;
		mask &= declared(f->ops);
	}
	c->op_mask = mask;
	pool_slab_use(c, slab, has_bypassed);
	if (!has_bypassed)
		pool_retired_free(c);
}

static int no_slab(const struct chain *c, struct err *err)
{
	return err_set(err, ENOMEM, NULL, "no memory for the per-I/O contexts of volume '%s'",
		       c->volume);
}

static void take_slot(struct sluice_filter *f)
{
	struct chain *c = f->chain;
	uint32_t used = 0;

	for (uint32_t i = 0; i < c->filter_count; i++)
		used |= 1u << c->filters[i]->slot;
	assert(used != (1u << CHAIN_MAX_FILTERS) - 1);
	f->slot = (uint32_t)__builtin_ctz(~used);
	atomic_store_explicit(&c->misuse_count[f->slot], 0, memory_order_relaxed);
	c->misuse_told[f->slot] = 0;
}

void chain_hold_changes(struct chain *c)
{
	c->holds_changes = true;
}

/* ---------------------------------------------------------------- attach */

static int check_class(const struct chain *c, const struct sluice_filter *f, struct err *err)
{
	for (uint32_t i = 0; i < c->filter_count; i++) {
		const struct sluice_filter_ops *ops = c->filters[i]->ops;

		if (ops->cls == f->ops->cls)
			return err_set(
			    err, EEXIST, "class",
			    "filter '%s' cannot be attached: '%s' is of the same class (%u), and a volume "
			    "has one filter of each; detach it first",
			    f->ops->name, ops->name, (unsigned)ops->cls);
	}
	return 0;
}

static int attach_run(struct control_op *op, struct err *err)
{
	struct attach_op *a = (struct attach_op *)op;
	struct chain *c = op->chain;
	struct plan p = plan_without(c, NULL);
	char *slab;
	int r = check_class(c, a->f, err);

	if (r < 0)
		return r;
	plan_add(&p, a->f);
	slab = pool_slab_new(c, p.filters, p.count);
	if (!slab)
		return no_slab(c, err);
	take_slot(a->f);
	r = filter_attach(a->f, err);
	if (r < 0) {
		free(slab);
		return r;
	}
	plan_use(c, &p, slab);
	a->f = NULL;
	return 0;
}

static void attach_release(struct control_op *op)
{
	struct attach_op *a = (struct attach_op *)op;

	filter_free(a->f);
	free(a->name);
}

static struct attach_op *attach_op_new(int (*run)(struct control_op *op, struct err *err))
{
	struct attach_op *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	a->op.needs_drain = true;
	a->op.run = run;
	a->op.release = attach_release;
	return a;
}

static void submit_with_filter(struct chain *c, const struct chain_filter_cfg *cfg,
			       int (*run)(struct control_op *op, struct err *err), chain_done_fn fn,
			       void *ctx)
{
	struct attach_op *a = attach_op_new(run);

	if (!a) {
		control_no_memory(fn, ctx);
		return;
	}
	a->op.keeps_hold = c->holds_changes;
	a->op.early = filter_new(c, cfg, &a->f, &a->op.err);
	control_submit(c, &a->op, fn, ctx);
}

void chain_attach(struct chain *c, const struct chain_filter_cfg *cfg, chain_done_fn fn, void *ctx)
{
	submit_with_filter(c, cfg, attach_run, fn, ctx);
}

/* ---------------------------------------------------------------- detach */

static int no_such(const struct chain *c, const char *name, struct err *err)
{
	return err_set(err, ENOENT, "filter", "volume '%s' has no filter '%s'", c->volume, name);
}

static int detach_run(struct control_op *op, struct err *err)
{
	struct attach_op *a = (struct attach_op *)op;
	struct chain *c = op->chain;
	struct sluice_filter *f = filter_find(c, a->name);
	struct plan p;
	char *slab;

	if (!f)
		return no_such(c, a->name, err);
	p = plan_without(c, f);
	slab = pool_slab_new(c, p.filters, p.count);
	if (!slab)
		return no_slab(c, err);
	filter_detach(f);
	plan_use(c, &p, slab);
	filter_free(f);
	return 0;
}

void chain_detach(struct chain *c, const char *filter, chain_done_fn fn, void *ctx)
{
	struct attach_op *a = attach_op_new(detach_run);

	if (!a) {
		control_no_memory(fn, ctx);
		return;
	}
	a->op.keeps_hold = c->holds_changes;
	a->name = strdup(filter);
	if (!a->name)
		a->op.early = err_set(&a->op.err, ENOMEM, NULL, "no memory to detach '%s'", filter);
	control_submit(c, &a->op, fn, ctx);
}

void chain_detach_all(struct chain *c)
{
	assert(drain_is_empty(c) && c->depth == 0);
	while (c->filter_count > 0) {
		struct sluice_filter *f = c->filters[0];

		filter_detach(f);
		c->filter_count--;
		memmove(c->filters, c->filters + 1, c->filter_count * sizeof(c->filters[0]));
		for (uint32_t i = 0; i < c->filter_count; i++)
			c->filters[i]->index = i;
		filter_free(f);
	}
	c->op_mask = c->backend->ops->op_mask;
	pool_retired_free(c);
}

/* ---------------------------------------------------------------- reconfigure */

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
	struct plan p = plan_without(c, f);
	char *slab;
	int r;

	f->position = new->position;
	plan_add(&p, f);
	slab = pool_slab_new(c, p.filters, p.count);
	r = slab ? call_reconfigure(f, SLUICE_PREPARE, new->values, &serr) : 0;
	if (!slab || r < 0) {
		f->position = old_position;
		free(slab);
		return slab ? filter_refusal(f, "the new values", r, &serr, err) : no_slab(c, err);
	}
	call_reconfigure(f, SLUICE_COMMIT, new->values, &serr);
	f->values = new->values;
	new->values = old;
	f->on_failure = new->on_failure;
	plan_use(c, &p, slab);
	return 0;
}

/* A new filter in the place of the old one. */
static int replace(struct chain *c, struct sluice_filter *old, struct sluice_filter *new,
		   struct err *err)
{
	struct plan p = plan_without(c, old);
	char *slab;
	int r;

	plan_add(&p, new);
	slab = pool_slab_new(c, p.filters, p.count);
	if (!slab)
		return no_slab(c, err);
	new->slot = old->slot;
	r = filter_attach(new, err);
	if (r < 0) {
		free(slab);
		return r;
	}
	filter_detach(old);
	plan_use(c, &p, slab);
	filter_free(old);
	return 0;
}

static int reconfigure_run(struct control_op *op, struct err *err)
{
	struct attach_op *a = (struct attach_op *)op;
	struct chain *c = op->chain;
	struct sluice_filter *f = filter_find(c, a->f->ops->name);
	int r;

	if (!f)
		return no_such(c, a->f->ops->name, err);
	if (f->ops->reconfigure && f->ops == a->f->ops)
		return change(f, a->f, err);
	r = replace(c, f, a->f, err);
	if (r == 0)
		a->f = NULL;
	return r;
}

void chain_reconfigure(struct chain *c, const struct chain_filter_cfg *cfg, chain_done_fn fn,
		       void *ctx)
{
	submit_with_filter(c, cfg, reconfigure_run, fn, ctx);
}
