/* SPDX-License-Identifier: MIT */
/*
 * drain.c - holding new I/O above the chain until what is below has ended.
 *
 *     OPEN --drain_begin--> DRAINING --empty: control.c--> HELD --drain_end--> OPEN
 *                              \---- 10 s are over: control.c, drain_end ----/
 *
 * Own I/O goes on while draining (a cache writes back) and waits while held. Between two of its own
 * I/Os a filter that is not done yet holds the drain. One that does not let go is named in the
 * error; the chain then goes on as before.
 */
#include "chain.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "chain_int.h"
#include "control.h"

static void drain_late(struct env_timer *t)
{
	struct chain *c = t->ctx;

	c->is_drain_late = true;
	control_post(c);
}

static void tell(struct chain *c, bool begin)
{
	for (uint32_t i = 0; i < c->filter_count; i++) {
		struct sluice_filter *f = c->filters[i];

		if (f->is_drain_told == begin)
			continue;
		f->is_drain_told = begin;
		if (!f->ops->drain)
			continue;
		blame_begin(f);
		f->ops->drain(f, begin);
		blame_end(f);
	}
}

void drain_begin(struct chain *c)
{
	assert(c->state == CHAIN_OPEN);
	walk_enter(c);
	c->state = CHAIN_DRAINING;
	c->is_drain_late = false;
	c->hold_since_ns = env_now_exact_ns(c->env);
	c->drain_timer = (struct env_timer){.fn = drain_late, .ctx = c};
	env_timer_set(c->env, &c->drain_timer, env_now_ns(c->env) + CHAIN_DRAIN_NS);
	tell(c, true);
	walk_leave(c);
}

bool drain_is_empty(const struct chain *c)
{
	return c->in_flight == 0 && c->works == 0 && c->drain_holds == 0;
}

void drain_check(struct chain *c)
{
	if (drain_is_empty(c))
		control_post(c);
}

void drain_end(struct chain *c)
{
	struct list_node held;

	env_timer_cancel(c->env, &c->drain_timer);
	list_init(&held);
	list_splice_back(&held, &c->waiting);
	walk_enter(c);
	c->state = CHAIN_OPEN;
	c->held_ns = env_now_exact_ns(c->env) - c->hold_since_ns;
	tell(c, false);
	own_io_release(c);
	turn_release(c);
	while (!list_is_empty(&held))
		walk_start(list_entry(list_pop_front(&held), struct chain_io, node));
	walk_leave(c);
}

int drain_late_error(const struct chain *c, struct err *err)
{
	uint32_t below = c->in_flight;

	for (uint32_t i = 0; i < c->filter_count; i++) {
		const struct sluice_filter *f = c->filters[i];

		if (f->drain_holds)
			return err_set(
			    err, ETIMEDOUT, "filter",
			    "the chain of volume '%s' is not drained after %llu s: filter '%s' has not "
			    "brought down what it keeps; everything is as before",
			    c->volume, CHAIN_DRAIN_NS / 1000000000ull, f->ops->name);
		if (f->held || f->works)
			return err_set(
			    err, ETIMEDOUT, "filter",
			    "the chain of volume '%s' is not drained after %llu s: filter '%s' holds %u I/Os "
			    "and %u jobs; everything is as before",
			    c->volume, CHAIN_DRAIN_NS / 1000000000ull, f->ops->name, f->held,
			    f->works);
	}
	return err_set(
	    err, ETIMEDOUT, NULL,
	    "the chain of volume '%s' is not drained after %llu s: its datastore has not ended %u I/Os; "
	    "everything is as before",
	    c->volume, CHAIN_DRAIN_NS / 1000000000ull, below);
}

/* ---------------------------------------------------------------- SDK */

void sluice_drain_hold(struct sluice_filter *f)
{
	f->drain_holds++;
	f->chain->drain_holds++;
}

void sluice_drain_release(struct sluice_filter *f)
{
	struct chain *c = f->chain;

	if (f->drain_holds == 0) {
		report_misuse(c, f->slot, MISUSE_RESULT);
		return;
	}
	f->drain_holds--;
	c->drain_holds--;
	if (c->state == CHAIN_DRAINING)
		drain_check(c);
}

/* ---------------------------------------------------------------- doors */

static int drain_run(struct control_op *op, struct err *err)
{
	return 0;
}

void chain_drain(struct chain *c, chain_done_fn fn, void *ctx)
{
	struct control_op *op = calloc(1, sizeof(*op));

	if (!op) {
		control_no_memory(fn, ctx);
		return;
	}
	op->needs_drain = true;
	op->keeps_hold = true;
	op->run = drain_run;
	control_submit(c, op, fn, ctx);
}

void chain_release(struct chain *c)
{
	if (c->state != CHAIN_HELD)
		return;
	drain_end(c);
}
