/* SPDX-License-Identifier: MIT */
/*
 * control.h - changes to a chain, one after the other.
 *
 * Every control call becomes a control_op at the end of a queue. The op at its head
 *
 *     settles filters (settle.c) --> drains --> runs --> ends the settling --> lets I/O go on
 *
 * as far as it needs these, and says its result. All of it happens in messages of the env, so a
 * result never comes before the call has returned, nor from inside a walk.
 */
#ifndef FILTERD_CHAIN_CONTROL_H
#define FILTERD_CHAIN_CONTROL_H

#include "chain_int.h"

#define CONTROL_PENDING 1 /* run() goes on later: control_ready() */

enum settles { SETTLES_NONE, SETTLES_ONE, SETTLES_ALL };

struct control_op {
	struct list_node node;
	struct chain *chain;
	/* Whose dirty data goes down first; if there is such a filter, the op drains too. */
	enum settles settles;
	const char *settles_filter; /* SETTLES_ONE: its name */
	bool has_settled;           /* all are; from now on it is not cancelled any more */
	bool is_cancelled;
	uint64_t settle_since_ns; /* 0: nothing has begun to settle */
	bool needs_drain;
	bool drains_later; /* settling asks for no drain: run() first works under I/O */
	bool keeps_hold;   /* chain_drain(), chain_hold_changes(): the hold stays after success */
	bool has_drained;  /* this op began the drain that is on */
	bool is_waiting;   /* said CONTROL_PENDING */
	int early;         /* known to fail before its turn: err is filled */
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

/* ---------------------------------------------------------------- settle.c */

/* 0: settled; CONTROL_PENDING: a control_post() follows; or -errno. */
int must_check settle_step(struct control_op *op, struct err *err);
void settle_end(struct control_op *op);
void control_msg(struct env_msg *m);

#endif
