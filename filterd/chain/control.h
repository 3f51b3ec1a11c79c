/* SPDX-License-Identifier: MIT */
/*
 * control.h - changes to a chain, one after the other.
 *
 * Every control call becomes a control_op at the end of a queue. The op at its head drains the
 * chain if it needs that, runs, lets I/O go on and says its result. All of it happens in messages
 * of the env, so a result never comes before the call has returned, nor from inside a walk.
 */
#ifndef FILTERD_CHAIN_CONTROL_H
#define FILTERD_CHAIN_CONTROL_H

#include "chain_int.h"

#define CONTROL_PENDING 1 /* run() goes on later: control_ready() */

struct control_op {
	struct list_node node;
	struct chain *chain;
	bool needs_drain;
	bool keeps_hold;  /* chain_drain(), chain_hold_changes(): the hold stays after success */
	bool has_drained; /* this op began the drain that is on */
	bool is_waiting;  /* said CONTROL_PENDING */
	int early;        /* known to fail before its turn: err is filled */
	/* 0, -errno with err filled, or CONTROL_PENDING. Called again after control_ready(). */
	int (*run)(struct control_op *op, struct err *err);
	void (*release)(struct control_op *op); /* what is in it, not op itself; may be NULL */
	chain_done_fn fn;
	void *ctx;
	struct err err;
};

/* Owns: op, made by calloc. */
void control_submit(struct chain *c, struct control_op *op, chain_done_fn fn, void *ctx);
void control_no_memory(chain_done_fn fn, void *ctx);
void control_post(struct chain *c);
void control_ready(struct control_op *op);
void control_msg(struct env_msg *m);

#endif
