/* SPDX-License-Identifier: MIT */
/*
 * exhaustive.h - no chance at all: every workload of a few operations, death before every step of
 * it, and for each death every outcome: which sectors of the writes under way landed (the process
 * dies), and which of all sectors that no flush had covered are on the medium (the power goes). If
 * asked, each of the recoveries then dies at every step as well, with every outcome again.
 *
 * Thread: one.
 */
#ifndef SIM_LOG_EXHAUSTIVE_H
#define SIM_LOG_EXHAUSTIVE_H

#include "lab.h"

struct exhaustive_count {
	uint64_t workloads, crash_points, outcomes, nested_outcomes;
};

/* Workloads of 0 to ops operations; recoveries of those with at most nested_ops operations die too.
 * false: l->failure. */
bool exhaustive_run(struct lab *l, uint32_t ops, uint32_t nested_ops, struct exhaustive_count *n);

#endif
