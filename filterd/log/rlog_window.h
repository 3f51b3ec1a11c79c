/* SPDX-License-Identifier: MIT */
/*
 * rlog_window.h - what the oldest records come down to: of each block the newest copy among them,
 * in ascending order, ZERO ranges in between. Pure.
 *
 *   rlog_window_take() once, then rlog_window_next() until it says no; rlog_window_rewind() to
 *   begin again.
 *
 * Thread: any, one at a time. Memory: the owner's, const after init.
 */
#ifndef RLOG_WINDOW_H
#define RLOG_WINDOW_H

#include "rlog_int.h"
#include "rlog_zeros.h"

struct rlog_window_item {
	uint64_t block;
	uint32_t index; /* of the block in the memory that was read: also its age */
	uint32_t crc;   /* unseeded */
};

struct rlog_window {
	uint8_t *mem; /* blocks of the circle from the tail on */
	uint32_t block_bytes, mem_blocks;
	struct rlog_window_item *items;
	uint32_t item_count;
	struct rlog_zeros zeros;
	struct rlog_anchor end; /* behind the last record that was taken */
	uint32_t record_count;
	uint64_t data_blocks, zero_blocks; /* in the records */
	/* Where rlog_window_next() is. */
	uint32_t next_item, next_zero;
	uint64_t zero_from;
};

struct rlog_window_limits {
	uint32_t blocks;      /* read into mem */
	uint64_t last_seq;    /* not beyond */
	uint64_t must_seq;    /* records before this one go whatever the other limits say */
	uint64_t data_blocks; /* at most; one record always goes */
	uint32_t extents;     /* ZERO and DATA, at most; likewise */
	uint32_t log_seed, log_epoch;
};

struct rlog_window_piece {
	bool is_zero, may_unmap;
	bool is_in_one; /* its blocks lie side by side in mem */
	uint64_t block, block_count;
	const struct rlog_window_item *items; /* DATA: one per block */
};

/* Checks every header. 0; -EBADMSG: a record is not what it must be. */
int rlog_window_take(struct rlog_window *w, const struct rlog_anchor *tail,
		     const struct rlog_window_limits *limits);
void rlog_window_rewind(struct rlog_window *w);
/* False: that was all. DATA of at most max_blocks. */
bool rlog_window_next(struct rlog_window *w, uint32_t max_blocks, struct rlog_window_piece *piece);
/* Calls fn for each DATA block of the records, newest or not. */
void rlog_window_each(const struct rlog_window *w,
		      void (*fn)(void *ctx, uint64_t block, uint32_t index), void *ctx);

#endif
