/* SPDX-License-Identifier: MIT */
/*
 * env_regions.h - memory that I/O uses often, registered with io_uring piece by piece as it is
 * used.
 *
 * Registering pins memory. A ring's arena is large, and most of it is never touched, so a region is
 * only noted; a chunk of it is registered by the first I/O that lies in it. An I/O across two
 * chunks goes unregistered: it is large, and gains little.
 *
 *     region  |------------------------------|   noted by env_regions_add()
 *     chunk   [  0   ][  1   ][  2   ]...[  n ]  registered by env_regions_find() on first use
 *
 * Thread: the worker.
 */
#ifndef FILTERD_ENV_REGIONS_H
#define FILTERD_ENV_REGIONS_H

#include <liburing.h>
#include <stdint.h>

#define ENV_REGIONS_CHUNK_BYTES (1ull << 20)
#define ENV_REGIONS_CHUNKS_MAX  1024u /* pinned at the most: as many MiB */

struct env_region {
	uintptr_t base, end;
	uint16_t *buffers; /* by chunk: registered buffer + 1, 0 = none */
};

struct env_regions {
	struct io_uring *ring;   /* NULL: nothing can be registered (any more) */
	struct env_region *list; /* sorted by base */
	uint32_t count, room;
	uint32_t free_count; /* of free_buffers */
	uint16_t free_buffers[ENV_REGIONS_CHUNKS_MAX];
};

void env_regions_open(struct env_regions *g, struct io_uring *ring);
void env_regions_close(struct env_regions *g);
/* Errors: -EOPNOTSUPP, -ENOMEM: I/O there is only slower. */
int env_regions_add(struct env_regions *g, void *base, uint64_t size_bytes);
/* No I/O in it is under way. Must come before the memory is unmapped. */
void env_regions_remove(struct env_regions *g, void *base);
/* The registered buffer that holds all of buf, or -1. */
int env_regions_find(struct env_regions *g, const void *buf, uint64_t len_bytes);

#endif
