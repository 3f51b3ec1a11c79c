/* SPDX-License-Identifier: MIT */
/*
 * faults.h - the n-th read, write, flush, open or allocation fails, for every n until there is
 * none; and crash loops on a full log.
 *
 * Nothing acknowledged is lost, nothing stale is read, everything is answered, and a log whose
 * write or flush failed acknowledges nothing more (W13). Where a datastore or a journal fails, the
 * log goes on and destages when they work again. A log that is full, with a process that dies again
 * and again before it has destaged anything, opens every time (W15).
 *
 * Thread: one.
 */
#ifndef SIM_LOG_FAULTS_H
#define SIM_LOG_FAULTS_H

#include "lab.h"

struct faults_count {
	uint64_t runs, strikes; /* of which met their fault */
	uint64_t loops;
};

/* false: l->failure. Each takes seeds first .. first + count - 1. */
bool faults_sweep(struct lab *l, uint64_t first, uint64_t count, struct faults_count *n);
bool faults_sweep_memory(struct lab *l, uint64_t first, uint64_t count, struct faults_count *n);
bool faults_crash_loops(struct lab *l, uint64_t first, uint64_t count, struct faults_count *n);

#endif
