/* SPDX-License-Identifier: MIT */
/*
 * run.h - one seed from its options to its verdict: load with faults, then no faults and it must
 * converge, then every block is read.
 *
 * Thread: one.
 */
#ifndef SIM_RUN_H
#define SIM_RUN_H

#include "oracle.h"
#include "world.h"

enum run_phase { RUN_LOAD, RUN_SETTLE, RUN_VERIFY, RUN_OVER };

#define RUN_ORPHANS_MAX 64u

struct run {
	enum run_phase phase;
	uint32_t sent, ended; /* commands */
	uint64_t generations;
	uint32_t verify_lba;
	uint64_t phase_began_ns;
	uint64_t last_end_ns;
	bool may_rescue; /* completions that only a rescan can find have a reason */
	/* Commands of dead tgtds that may still take effect. */
	struct oracle_op *orphans[2][RUN_ORPHANS_MAX];
	uint32_t orphan_count[2];
};

struct run_result {
	bool has_failed;
	bool has_given_up;
	char failure[512];
	struct options opt;
	uint64_t events, virtual_ns;
	uint32_t commands;
};

void run_seed(uint64_t seed, bool is_traced, struct run_result *out);

/* From tgtd: a command ended after that time. */
void run_command_ended(struct world *w, uint64_t took_ns);
void run_add_orphan(struct world *w, uint32_t index, struct oracle_op *op);
/* I9: the next generation is accepted; what the last one left cannot take effect any more. */
void run_end_orphans(struct world *w, uint32_t index);

#endif
