/* SPDX-License-Identifier: MIT */
/*
 * policy.h - what decides which blocks stay, behind one door, so that one trace goes through all.
 *
 * lru.c, arc.c and lirs.c are here for comparison alone; they know that keys are 0 .. keys - 1 and
 * keep their state in arrays by key. product.c calls the product's own file.
 */
#ifndef SIM_CACHE_POLICY_H
#define SIM_CACHE_POLICY_H

#include <stdbool.h>
#include <stdint.h>

struct policy {
	const char *name;
	void *(*create)(uint32_t slots, uint32_t keys);
	/* One read of one block; true: a hit. A miss puts it in. */
	bool (*access)(void *state, uint32_t key);
	void (*destroy)(void *state);
};

extern const struct policy policy_lru, policy_arc, policy_lirs, policy_s3fifo;
/* The product: S3-FIFO behind the sequential cut-off and scan admission. */
extern const struct policy policy_filter;

#endif
