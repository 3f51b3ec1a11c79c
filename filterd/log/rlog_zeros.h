/* SPDX-License-Identifier: MIT */
/*
 * rlog_zeros.h - ranges of blocks that read as zeros: sorted, disjoint, the newest wins. Pure.
 *
 * An array, since there are few: an insertion moves what is behind it. pos says where in the log
 * the range comes from; ranges of different records are never merged. Thread: any, one at a time.
 */
#ifndef RLOG_ZEROS_H
#define RLOG_ZEROS_H

#include <stdbool.h>
#include <stdint.h>

struct rlog_zero {
	uint64_t start, end; /* blocks; end is behind */
	uint32_t pos;
	bool may_unmap;
};

struct rlog_zeros {
	struct rlog_zero *items; /* the owner's memory */
	uint32_t count, capacity;
	uint64_t block_count; /* covered */
};

/* An insertion may need two more items than there are. */
static inline bool rlog_zeros_has_room(const struct rlog_zeros *z, uint32_t insertions)
{
	return z->count + 2ull * insertions <= z->capacity;
}

/* Newer than all that are there: what overlaps is cut. There is room. */
void rlog_zeros_insert(struct rlog_zeros *z, const struct rlog_zero *range);
/* The first range that ends behind block: it contains block, or is the next one. NULL: none. */
const struct rlog_zero *rlog_zeros_at(const struct rlog_zeros *z, uint64_t block);
/* Removes those for which drop() says so. */
void rlog_zeros_drop(struct rlog_zeros *z, bool (*drop)(const void *ctx, uint32_t pos),
		     const void *ctx);

#endif
