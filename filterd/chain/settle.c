/* SPDX-License-Identifier: MIT */
/*
 * settle.c - filters bring their dirty data down before a change that would lose or miss it.
 *
 *     settle(BEGIN) to the first --> 0, or PENDING ... sluice_settled() --> to the next ... -->
 *     drain --> the change --> settle(END) to all that began and are still there
 *
 * From the top down: what one filter brings down may become dirty in the next. I/O flows all the
 * time; it may take minutes, and whoever wants to end it sooner cancels it.
 *
 * Thread: owner worker.
 */
#include <errno.h>
#include <stdlib.h>

#include "chain_int.h"
#include "control.h"

static bool is_meant(const struct control_op *op, const struct sluice_filter *f)
{
	if (op->settles == SETTLES_NONE || !f->ops->settle)
		return false;
	return op->settles == SETTLES_ALL || strcmp(f->ops->name, op->settles_filter) == 0;
}

static int call(struct sluice_filter *f, enum sluice_settle phase, struct sluice_error *serr)
{
	int r;

	walk_enter(f->chain);
	blame_begin(f);
	r = f->ops->settle(f, phase, serr);
	blame_end(f);
	walk_leave(f->chain);
	return r;
}

static void begin(struct control_op *op, struct sluice_filter *f)
{
	struct chain *c = f->chain;
	struct sluice_error serr = {{0}, {0}};
	int r;

	if (op->settle_since_ns == 0)
		op->settle_since_ns = env_now_ns(c->env);
	f->settling = SETTLING_PENDING; /* sluice_settled() may come before the return */
	r = call(f, SLUICE_SETTLE_BEGIN, &serr);
	if (r == SLUICE_PENDING || f->settling != SETTLING_PENDING)
		return;
	f->settling = SETTLING_ENDED;
	f->settle_result = r < 0 ? r : 0;
	c->settle_err = serr;
}

static int refused(const struct sluice_filter *f, struct err *err)
{
	return filter_refusal(f, "to bring down what only it has", f->settle_result,
			      &f->chain->settle_err, err);
}

int settle_step(struct control_op *op, struct err *err)
{
	struct chain *c = op->chain;

	for (uint32_t i = 0; i < c->filter_count; i++) {
		struct sluice_filter *f = c->filters[i];

		if (!is_meant(op, f))
			continue;
		if (op->is_cancelled)
			return err_set(err, ECANCELED, "filter",
				       "filter '%s' was bringing down what only it has; that was "
				       "cancelled, and everything is as before",
				       f->ops->name);
		if (f->settling == SETTLING_NOT)
			begin(op, f);
		if (f->settling == SETTLING_PENDING)
			return CONTROL_PENDING;
		if (f->settle_result < 0)
			return refused(f, err);
		if (!op->drains_later)
			op->needs_drain = true;
	}
	return 0;
}

void settle_end(struct control_op *op)
{
	struct chain *c = op->chain;
	struct sluice_error serr = {{0}, {0}};

	for (uint32_t i = 0; i < c->filter_count; i++) {
		struct sluice_filter *f = c->filters[i];

		if (f->settling == SETTLING_NOT)
			continue;
		f->settling = SETTLING_NOT;
		if (call(f, SLUICE_SETTLE_END, &serr) < 0)
			report_misuse(c, f->slot, MISUSE_RESULT);
	}
}

/* ---------------------------------------------------------------- doors */

static int settle_run(struct control_op *op, struct err *err)
{
	return 0;
}

void chain_settle(struct chain *c, chain_done_fn fn, void *ctx)
{
	struct control_op *op = calloc(1, sizeof(*op));

	if (!op) {
		control_no_memory(fn, ctx);
		return;
	}
	op->settles = SETTLES_ALL;
	op->run = settle_run;
	control_submit(c, op, fn, ctx);
}

static struct control_op *head(const struct chain *c)
{
	return list_is_empty(&c->control) ? NULL
					  : list_entry(c->control.next, struct control_op, node);
}

const char *chain_settling(const struct chain *c, uint64_t *since_ns)
{
	const struct control_op *op = head(c);

	if (!op || op->settle_since_ns == 0)
		return NULL;
	*since_ns = op->settle_since_ns;
	for (uint32_t i = 0; i < c->filter_count; i++) {
		if (c->filters[i]->settling == SETTLING_PENDING)
			return c->filters[i]->ops->name;
	}
	return NULL;
}

bool chain_cancel_settling(struct chain *c)
{
	struct control_op *op = head(c);

	if (!op || op->settles == SETTLES_NONE || op->has_settled)
		return false;
	op->is_cancelled = true;
	control_post(c);
	return true;
}

/* ---------------------------------------------------------------- SDK */

void sluice_settled(struct sluice_filter *f, int result, const struct sluice_error *err)
{
	static const struct sluice_error none;
	struct chain *c = f->chain;

	if (f->settling != SETTLING_PENDING) {
		report_misuse(c, f->slot, MISUSE_RESULT);
		return;
	}
	f->settling = SETTLING_ENDED;
	f->settle_result = result < 0 ? result : 0;
	c->settle_err = err ? *err : none;
	control_post(c);
}
