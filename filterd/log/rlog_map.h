/* SPDX-License-Identifier: MIT */
/*
 * rlog_map.h - which blocks the log holds, and where the newest copy of each is. Pure.
 *
 * Blocks with data stand in a hash table of fixed size with open addressing, 16 bytes a slot and
 * four slots for three blocks of the log: 21.3 bytes for each block of the log and never more. ZERO
 * ranges stand beside it (rlog_zeros.h). Both may know a block; the one that is younger in the log
 * counts. So a ZERO of a terabyte touches no slot.
 *
 * Positions are places in the circle; how old one is follows from its distance to the tail, which
 * the map is told. Everything in it lies between tail and head.
 *
 * Thread: any, one at a time. Memory: all of it at rlog_map_init().
 */
#ifndef RLOG_MAP_H
#define RLOG_MAP_H

#include <stdbool.h>
#include <stdint.h>

#include "rlog_zeros.h"

struct rlog_slot {
	uint64_t block;
	uint32_t place; /* position + 1; 0: the slot is empty */
	uint32_t crc;   /* of the data, unseeded */
};

struct rlog_map {
	struct rlog_slot *slots;
	uint32_t slot_count, used;
	uint32_t log_blocks, tail_pos;
	bool is_frozen; /* nothing may move: a checkpoint walks over the slots */
	struct rlog_zeros zeros;
};

struct rlog_map_run {
	uint8_t what; /* SLUICE_RLOG_ABSENT, _HAS_DATA, _HAS_ZEROS */
	uint64_t block_count;
	uint32_t pos; /* of the first block; only DATA */
};

/* -ENOMEM. */
int rlog_map_init(struct rlog_map *m, uint32_t log_blocks, uint32_t zero_capacity);
void rlog_map_fini(struct rlog_map *m);
uint64_t rlog_map_bytes(const struct rlog_map *m);
void rlog_map_clear(struct rlog_map *m);

/* Newer than all that is there. */
void rlog_map_put(struct rlog_map *m, uint64_t block, uint32_t pos, uint32_t crc);
/* As above; there is room in m->zeros. */
void rlog_map_put_zeros(struct rlog_map *m, const struct rlog_zero *range);
/* NULL: no data, or it has been zeroed since. */
const struct rlog_slot *rlog_map_find(const struct rlog_map *m, uint64_t block);
void rlog_map_run(const struct rlog_map *m, uint64_t block, uint64_t max_blocks,
		  struct rlog_map_run *run);

/* The tail moves: what stands in front of it goes. of_data names each data block there. */
void rlog_map_forget(struct rlog_map *m, uint64_t block, uint32_t pos);
void rlog_map_set_tail(struct rlog_map *m, uint32_t tail_pos); /* after the forgets; ZERO ranges go
								  by themselves */
/* Both at once without knowing the blocks: looks at every slot. */
void rlog_map_cut(struct rlog_map *m, uint32_t tail_pos);

static inline uint32_t rlog_map_age(const struct rlog_map *m, uint32_t pos)
{
	return pos >= m->tail_pos ? pos - m->tail_pos : pos + (m->log_blocks - m->tail_pos);
}

#endif
