/* SPDX-License-Identifier: MIT */
/*
 * ram.h - the RAM tier of one volume: 4 KiB blocks in anonymous memory, chosen by s3fifo.h.
 *
 * Whatever is in it is clean: the same bytes are below (datastore or log). Staying the same under
 * concurrent I/O is this file's job, so that its user cannot get it wrong by forgetting:
 *
 *   a miss     ram_fill_begin(&t, ...)   read below ...   ram_fill_end(&t, data)
 *   a write    ram_write_begin(&t, ...)  write below ...  ram_write_end(&t, data)
 *
 * write_begin makes every cached copy in its range invalid at once, so from then on nothing is
 * served that the write replaces; write_end makes the new data valid. A fill puts in only those
 * blocks that no write or invalidation has touched since its begin; if two writes of a block
 * overlap in time, nobody knows which one the disk took last, and neither is kept. A begin that
 * never gets its end costs hits, never truth. UNMAP and WRITE_ZEROES are writes that end without
 * data.
 *
 * This is kept by a table of counters of groups of blocks, not per block: two different blocks of a
 * group refuse each other at times, which costs a hit too.
 *
 * Copies are immediate (memcpy on the worker); no pointer into the cache leaves it, but to
 * evicted().
 *
 * Thread: owner worker of the volume. Blocks are RAM_BLOCK_BYTES, numbered from the volume's start.
 * Memory: nothing is allocated but by create and resize. Pages are taken when first used and given
 * back when the tier shrinks. All of its own memory is at most 32 bytes per block.
 */
#ifndef CACHE_RAM_H
#define CACHE_RAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "seq.h"

#define RAM_BLOCK_BYTES 4096u

struct ram;

struct ram_cfg {
	uint64_t
	    size_bytes; /* of data; rounded down to whole blocks, 0: a tier that holds nothing */
	/* May be NULL. A valid block that was used at least once leaves for another's sake: take
	 * its data now, the pointer is good until return. Not for removed or overwritten blocks. No
	 * call of ram_* from within. */
	void (*evicted)(void *ctx, uint64_t block, const void *data);
	void *ctx;
	bool is_checked; /* for tests and bug hunts: 4 more bytes per block, each hit is verified */
};

/* 0, or -ENOMEM. */
int ram_create(const struct ram_cfg *cfg, struct ram **out);
void ram_destroy(struct ram *r); /* NULL is fine */

/* ---------------------------------------------------------------- reading */

/*
 * Copies blocks from the first one on, as long as they are cached; how many. Each counts as a use.
 * A read that is not a hit as a whole may want ram_has() first.
 */
uint64_t ram_read(struct ram *r, uint64_t block, uint64_t count, void *buf);
/* Part of one block, for volumes with smaller blocks. False: not cached. */
bool ram_read_part(struct ram *r, uint64_t block, uint32_t offset_bytes, uint32_t len_bytes,
		   void *buf);
/* How many from the first one on are cached; not a use. And how many from there on are not. */
uint64_t ram_has(const struct ram *r, uint64_t block, uint64_t count);
uint64_t ram_lacks(const struct ram *r, uint64_t block, uint64_t count);

/* ---------------------------------------------------------------- filling after a miss */

struct ram_fill { /* the caller's, plain memory; its content is the tier's */
	uint64_t block, count;
	uint64_t seq;
	uint64_t open; /* what an end has to find: a token that was never begun is refused */
};
/* Before the read below is submitted. */
void ram_fill_begin(struct ram *r, struct ram_fill *t, uint64_t block, uint64_t count);
/* The read is done: data has count blocks, or is NULL when it failed. How many of them the tier
 * holds afterwards. A second end does nothing. */
uint64_t ram_fill_end(struct ram *r, struct ram_fill *t, const void *data, enum cache_admit admit);

/* ---------------------------------------------------------------- writing */

struct ram_write { /* as struct ram_fill */
	uint64_t block, count;
	uint64_t seq;
	uint64_t open;
};
/* Before the write below is submitted: every block that it touches, also in part. */
void ram_write_begin(struct ram *r, struct ram_write *t, uint64_t block, uint64_t count);
/*
 * It is done. data has data_count whole blocks from data_block on (inside the token's range); NULL
 * when it failed, was aborted, or is not to be kept. CACHE_REFRESH keeps only what was cached at
 * the begin.
 */
void ram_write_end(struct ram *r, struct ram_write *t, const void *data, uint64_t data_block,
		   uint64_t data_count, enum cache_admit admit);

/* As write_begin and write_end without data: what is below has changed by other means. Any range: a
 * terabyte costs no more than what is cached. */
void ram_invalidate(struct ram *r, uint64_t block, uint64_t count);
void ram_invalidate_all(struct ram *r);

/* ---------------------------------------------------------------- size, warm list, figures */

/*
 * The new size. Growing is done at once; 0, or -ENOMEM and all is as before. Shrinking only begins:
 * ram_shrink_step() then takes up to max_blocks (about a microsecond each) off; true: it is done.
 * Another resize replaces it.
 */
int ram_resize(struct ram *r, uint64_t size_bytes);
bool ram_shrink_step(struct ram *r, uint32_t max_blocks);

/* For warm.h: up to max block numbers, hottest first. */
size_t ram_hottest(const struct ram *r, uint64_t *blocks, size_t max);

struct ram_figures {
	uint64_t size_bytes;     /* as asked for; after a shrink begins, the goal */
	uint64_t used_bytes;     /* of blocks with valid data */
	uint64_t metadata_bytes; /* of the tier itself */
	uint64_t hits, evictions;
	uint64_t fills, fills_refused; /* blocks; refused: a write came in between */
	uint64_t checksum_failures;    /* with is_checked: such a block is dropped, not served */
};
void ram_figures(const struct ram *r, struct ram_figures *out);

#endif
