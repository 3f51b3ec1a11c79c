/* SPDX-License-Identifier: MIT */
/*
 * pass.h - one pass of the reconciler: look, plan, note, do. What was done is seen by the next one.
 *
 * Order of calls: init; for each round pass_round_begin(), then pass_run() while it says
 * PASS_AGAIN; fini. Thread: the reconciler's.
 */
#ifndef POLICY_PASS_H
#define POLICY_PASS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "observe.h"
#include "outcome.h"
#include "reconciler.h"
#include "slow_steps.h"
#include "store.h"

enum pass_result {
	PASS_DONE,   /* nothing left that is worth a try now */
	PASS_AGAIN,  /* something was tried: see what became of it */
	PASS_FAILED, /* the database does not take part; err says why */
};

struct pass {
	const struct apply_cfg *cfg;
	bool (*must_stop)(void *ctx);
	void *ctx;
	struct store *store;
	struct observer observer;
	struct outcome outcome;
	json_t *failures; /* apply_failures.h */
	struct slow_steps slow;
	json_t *running; /* as last observed; never changed once it is here */
	json_t *steps;   /* what was left when the last pass began */
	json_t *problems, *strangers;
	json_t *done; /* {step as text: true}: carried out by the last pass of this round */
	char memory_path[512];
	json_t *memory;    /* observer_memory() as the file at memory_path has it; NULL: unknown */
	uint64_t round_ms; /* wall clock: the last round began */
	uint32_t round_steps; /* carried out in it */
};

/* wake: a slow step has ended; any thread. */
int must_check pass_init(struct pass *p, const struct apply_cfg *cfg, bool (*must_stop)(void *ctx),
			 void (*wake)(void *ctx), void *ctx, struct err *err);
void pass_fini(struct pass *p); /* fine after a failed init of a zeroed one */

void pass_round_begin(struct pass *p);
enum pass_result pass_run(struct pass *p, struct err *err);
/* reconciler_health()'s document. New reference. */
json_t *pass_health(const struct pass *p);

#endif
