/* SPDX-License-Identifier: MIT */
/*
 * ram_int.h - what the files of the RAM tier share: ram.c (reading, filling, writing), ram_size.c
 * (memory, other sizes, figures).
 *
 * A block in a slot is served only when its bit in valid is set. A slot without it belongs to a
 * block that is being written, so that the block keeps its place in S3-FIFO meanwhile.
 */
#ifndef CACHE_RAM_INT_H
#define CACHE_RAM_INT_H

#include "ram.h"
#include "s3fifo.h"

#define RAM_GROUPS_MIN 1024u
#define RAM_GROUPS_MAX 4096u

/* Blocks whose numbers agree in their last bits. */
struct ram_group {
	uint64_t seq; /* when a write of one of them last began or ended, or one was invalidated */
	uint32_t writes; /* begun and not ended */
};

struct ram {
	struct ram_cfg cfg;
	struct s3fifo *s3fifo; /* NULL: no slots */
	uint8_t *data;         /* mapped_slots blocks */
	uint64_t *valid;       /* a bit per slot */
	uint32_t *sums;        /* NULL unless cfg.is_checked */
	uint32_t mapped_slots;
	uint32_t goal_slots; /* less than there are: a shrink is under way */
	struct ram_group *groups;
	uint32_t group_count; /* a power of 2 */
	uint64_t seq;         /* +1 at each begin and end of a write */
	/* Ranges of more blocks than there are groups concern all of them. */
	uint64_t wide_seq;
	uint32_t wide_writes;
	uint32_t valid_count;
	uint64_t hits, evictions, fills, fills_refused, checksum_failures;
};

static inline uint8_t *ram_data(const struct ram *r, uint32_t slot)
{
	return r->data + (size_t)slot * RAM_BLOCK_BYTES;
}

static inline bool ram_is_valid(const struct ram *r, uint32_t slot)
{
	return r->valid[slot / 64] >> slot % 64 & 1;
}

static inline void ram_set_valid(struct ram *r, uint32_t slot, bool is_valid)
{
	uint64_t bit = 1ull << slot % 64;

	r->valid_count += is_valid;
	r->valid_count -= ram_is_valid(r, slot);
	r->valid[slot / 64] = (r->valid[slot / 64] & ~bit) | (is_valid ? bit : 0);
}

/* A block has lost its slot; its data is still there. Also takes the validity away. */
void ram_left(struct ram *r, uint64_t block, uint32_t slot, bool was_used);

#endif
