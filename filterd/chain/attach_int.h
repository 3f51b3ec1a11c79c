/* SPDX-License-Identifier: MIT */
/*
 * attach_int.h - what attach.c (filters come and go) and reconfigure.c (they change) share. Nobody
 * else includes it.
 */
#ifndef FILTERD_CHAIN_ATTACH_INT_H
#define FILTERD_CHAIN_ATTACH_INT_H

#include "chain_int.h"
#include "control.h"

struct attach_op {
	struct control_op op;
	struct sluice_filter *f; /* made from the cfg; ours until it is in the chain */
	char *name;              /* detach */
	/* One is on its way out; when it is gone, the op goes on, or ends with result. */
	bool has_left;
	int result;
	/* reconfigure.c */
	uint8_t step;
	struct sluice_filter *again; /* the old one anew, in case the new one refuses */
};

/* What the chain would be. */
struct plan {
	struct sluice_filter *filters[CHAIN_MAX_FILTERS];
	uint32_t count;
};

void attach_plan_add(struct plan *p, struct sluice_filter *f);
/* The chain without one of its filters; NULL: with all. */
struct plan attach_plan_without(const struct chain *c, const struct sluice_filter *f);
/* Cannot fail. Drained. */
void attach_plan_use(struct chain *c, const struct plan *p, char *slab);

int attach_no_slab(const struct chain *c, struct err *err);
int attach_no_such(const struct chain *c, const char *name, struct err *err);

/* Owns: takes f, which is attached and in the chain, or on its way out: as attach_leave(). */
int attach_put_in(struct control_op *op, struct sluice_filter *f, struct err *err);
/*
 * f is detached, or refused to be attached. The change ends with result, but not before f's jobs
 * and logs have: the next filter may open the same ones. The result, or CONTROL_PENDING.
 */
int attach_leave(struct control_op *op, struct sluice_filter *f, int result);

void attach_submit(struct chain *c, const struct chain_filter_cfg *cfg,
		   int (*run)(struct control_op *op, struct err *err), enum settles settles,
		   chain_done_fn fn, void *ctx);

#endif
