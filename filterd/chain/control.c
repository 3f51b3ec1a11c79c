/* SPDX-License-Identifier: MIT */
#include "control.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

void control_post(struct chain *c)
{
	if (c->is_control_posted)
		return;
	c->is_control_posted = true;
	env_post(c->env, &c->control_msg);
}

void control_submit(struct chain *c, struct control_op *op, chain_done_fn fn, void *ctx)
{
	op->chain = c;
	op->fn = fn;
	op->ctx = ctx;
	list_push_back(&c->control, &op->node);
	control_post(c);
}

void control_no_memory(chain_done_fn fn, void *ctx)
{
	struct err err;

	if (fn)
		fn(ctx,
		   err_set(&err, ENOMEM, NULL, "no memory for a change of the chain; try again"),
		   &err);
}

void control_ready(struct control_op *op)
{
	op->is_waiting = false;
	control_post(op->chain);
}

/* Last act of a message: fn may end the chain. */
static void control_finish(struct control_op *op, int result)
{
	struct chain *c = op->chain;
	chain_done_fn fn = op->fn;
	void *ctx = op->ctx;
	struct err err = op->err;

	list_del(&op->node);
	if (op->release)
		op->release(op);
	settle_end(op);
	if (op->has_drained && (!op->keeps_hold || result < 0))
		drain_end(c);
	free(op);
	if (!list_is_empty(&c->control))
		control_post(c);
	if (fn)
		fn(ctx, result, result < 0 ? &err : NULL);
}

/* True: settled. False: not yet, or the op has ended with an error. */
static bool control_settle(struct control_op *op)
{
	int r = op->has_settled ? 0 : settle_step(op, &op->err);

	if (r == CONTROL_PENDING)
		return false;
	if (r == 0) {
		op->has_settled = true;
		return true;
	}
	control_finish(op, r);
	return false;
}

/* True: held. False: not yet, or the op has ended with an error. */
static bool control_drain(struct control_op *op)
{
	struct chain *c = op->chain;

	if (c->state == CHAIN_HELD)
		return true;
	if (c->state == CHAIN_OPEN) {
		op->has_drained = true;
		drain_begin(c);
		return false; /* what is empty already has posted another message */
	}
	if (drain_is_empty(c)) {
		env_timer_cancel(c->env, &c->drain_timer);
		c->state = CHAIN_HELD;
		return true;
	}
	if (c->is_drain_late)
		control_finish(op, drain_late_error(c, &op->err));
	return false;
}

void control_msg(struct env_msg *m)
{
	struct chain *c = m->ctx;
	struct control_op *op;
	int result;

	c->is_control_posted = false;
	assert(c->depth == 0);
	if (list_is_empty(&c->control))
		return;
	op = list_entry(c->control.next, struct control_op, node);
	if (op->is_waiting)
		return;
	if (op->early == 0 && (!control_settle(op) || (op->needs_drain && !control_drain(op))))
		return;
	op->is_waiting = true; /* control_ready() may come before run() returns */
	result = op->early ? op->early : op->run(op, &op->err);
	if (result == CONTROL_PENDING)
		return;
	op->is_waiting = false;
	control_finish(op, result);
}
