/* SPDX-License-Identifier: MIT */
/*
 * run.h - one seed: a log is made, used and killed, again and again, and each time opened with more
 * deaths on the way; what is there must be right every time.
 *
 * Thread: one.
 */
#ifndef SIM_LOG_RUN_H
#define SIM_LOG_RUN_H

#include "lab.h"

/* false: a rule is broken, l->failure says which. */
bool run_seed(struct lab *l, uint64_t seed);

#endif
