/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * arena.h - who has which part of the ring's data arena: a buddy allocator in units of 4 KiB.
 *
 * Pure: it deals in unit numbers and never touches the arena, so its state cannot be damaged by the
 * process on the other side. Lowest address first while nothing was freed, then last freed first
 * used: an idle volume keeps to a few pages, and these stay in the caches.
 *
 * Blocks have 2^order units. A freed block goes to a small stack of its order, from which the next
 * allocation of that size takes it back without splitting and merging; when an allocation fails,
 * the stacks are merged back and it is tried once more. Thread: one.
 */
#ifndef TARGET_ARENA_H
#define TARGET_ARENA_H

#include <stdbool.h>
#include <stdint.h>

#define ARENA_UNIT_BYTES 4096u
#define ARENA_ORDERS     14u /* up to 2^13 units: RING_TRANSFER_MAX */
#define ARENA_QUICK      32u
#define ARENA_NONE       UINT32_MAX

struct arena {
	uint32_t units;
	uint32_t used_units;              /* in blocks handed out */
	uint32_t high_units;              /* one past the highest unit ever handed out */
	uint32_t free_head[ARENA_ORDERS]; /* doubly linked through next and prev */
	uint32_t *next, *prev;            /* by first unit of a free block */
	uint8_t *state; /* by first unit of a block: order, and whether it is free */
	uint32_t quick[ARENA_ORDERS][ARENA_QUICK];
	uint8_t quick_count[ARENA_ORDERS];
};

/* size_bytes: multiple of ARENA_UNIT_BYTES, not 0. -EINVAL, -ENOMEM. */
int arena_init(struct arena *a, uint64_t size_bytes) __attribute__((warn_unused_result));
void arena_fini(struct arena *a);

/* A block of at least size_bytes (not 0), as its first unit; ARENA_NONE if there is no room now. */
uint32_t arena_alloc(struct arena *a, uint64_t size_bytes);
/* unit: from arena_alloc(), once. */
void arena_free(struct arena *a, uint32_t unit);

/* True if that size could be had from an empty arena. */
bool arena_fits(const struct arena *a, uint64_t size_bytes);

#endif
