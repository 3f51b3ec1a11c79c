/* SPDX-License-Identifier: MIT */
/*
 * attach.c - filters come and go under I/O: the chain is drained, the change made whole or not at
 * all, and I/O let go on (control.c drains and releases).
 *
 * Each change first gets everything that may fail: memory for the new contexts, the filter's own
 * consent. Only then is the chain touched.
 */
#include "chain.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "attach_int.h"

void attach_plan_add(struct plan *p, struct sluice_filter *f)
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

struct plan attach_plan_without(const struct chain *c, const struct sluice_filter *f)
{
	struct plan p = {.count = 0};

	for (uint32_t i = 0; i < c->filter_count; i++) {
		if (c->filters[i] != f)
			attach_plan_add(&p, c->filters[i]);
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

void attach_plan_use(struct chain *c, const struct plan *p, char *slab)
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
	ready_check(c);
	pool_slab_use(c, slab, has_bypassed);
	if (!has_bypassed)
		pool_retired_free(c);
}

int attach_no_slab(const struct chain *c, struct err *err)
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

static void has_left(void *ctx)
{
	control_ready(ctx);
}

int attach_leave(struct control_op *op, struct sluice_filter *f, int result)
{
	struct attach_op *a = (struct attach_op *)op;

	a->has_left = true;
	a->result = result;
	leave_begin(f);
	if (list_is_empty(&op->chain->leaving))
		return result;
	leave_wait(op->chain, has_left, op);
	return CONTROL_PENDING;
}

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

int attach_put_in(struct control_op *op, struct sluice_filter *f, struct err *err)
{
	struct chain *c = op->chain;
	struct plan p = attach_plan_without(c, NULL);
	char *slab;
	int r;

	attach_plan_add(&p, f);
	slab = pool_slab_new(c, p.filters, p.count);
	if (!slab) {
		filter_free(f);
		return attach_no_slab(c, err);
	}
	take_slot(f);
	r = filter_attach(f, err);
	if (r < 0) {
		free(slab);
		return attach_leave(op, f, r);
	}
	attach_plan_use(c, &p, slab);
	return 0;
}

static int attach_run(struct control_op *op, struct err *err)
{
	struct attach_op *a = (struct attach_op *)op;
	struct sluice_filter *f = a->f;
	int r = a->has_left ? a->result : check_class(op->chain, f, err);

	if (r < 0)
		return r;
	a->f = NULL;
	return attach_put_in(op, f, err);
}

static void attach_release(struct control_op *op)
{
	struct attach_op *a = (struct attach_op *)op;

	filter_free(a->f);
	filter_free(a->again);
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

void attach_submit(struct chain *c, const struct chain_filter_cfg *cfg,
		   int (*run)(struct control_op *op, struct err *err), enum settles settles,
		   chain_done_fn fn, void *ctx)
{
	struct attach_op *a = attach_op_new(run);

	if (!a) {
		control_no_memory(fn, ctx);
		return;
	}
	a->op.keeps_hold = c->holds_changes;
	a->op.settles = settles;
	a->op.settles_filter = cfg->ops->name;
	a->op.early = filter_new(c, cfg, &a->f, &a->op.err);
	control_submit(c, &a->op, fn, ctx);
}

void chain_attach(struct chain *c, const struct chain_filter_cfg *cfg, chain_done_fn fn, void *ctx)
{
	attach_submit(c, cfg, attach_run, SETTLES_NONE, fn, ctx);
}

/* ---------------------------------------------------------------- detach */

int attach_no_such(const struct chain *c, const char *name, struct err *err)
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
	int r;

	if (a->has_left)
		return a->result;
	if (!f)
		return attach_no_such(c, a->name, err);
	p = attach_plan_without(c, f);
	slab = pool_slab_new(c, p.filters, p.count);
	if (!slab)
		return attach_no_slab(c, err);
	r = filter_may_leave(f, err);
	if (r < 0) {
		free(slab);
		return r;
	}
	filter_detach(f);
	attach_plan_use(c, &p, slab);
	return attach_leave(op, f, 0);
}

void chain_detach(struct chain *c, const char *filter, chain_done_fn fn, void *ctx)
{
	struct attach_op *a = attach_op_new(detach_run);

	if (!a) {
		control_no_memory(fn, ctx);
		return;
	}
	a->op.keeps_hold = c->holds_changes;
	a->op.settles = SETTLES_ONE;
	a->name = strdup(filter);
	a->op.settles_filter = a->name;
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
		leave_begin(f);
	}
	c->op_mask = c->backend->ops->op_mask;
	pool_retired_free(c);
}
