/* SPDX-License-Identifier: MIT */
/*
 * partial.h - parts of 4 KiB blocks at the ends of a change of the log: the block is read from
 * wherever it is newest, the part is put in, and the log gets the whole block. The change holds its
 * span (coherence.h) meanwhile, so nobody else changes the block.
 *
 *     io          |.....xxx|xxxxxxxx|xxxxxxxx|xx......|
 *                  page[0]   as it is           page[1]
 *
 * Pages come from a small pool of the volume; without one a change waits.
 *
 * Thread: owner worker.
 */
#ifndef CACHE_PARTIAL_H
#define CACHE_PARTIAL_H

#include <stdbool.h>
#include <stdint.h>

#include "request.h"

struct partial {
	char *memory;
	void *free; /* linked by their first word */
	uint32_t free_count;
	struct requests waiting;
};

/* 0 or -ENOMEM. */
int partial_prepare(struct volume *v);
void partial_free(struct volume *v);

/* r->go(r) follows when r's pages hold their blocks as they are to be, maybe before return;
 * r->result says how it went. */
void partial_merge(struct request *r);
/* Gives the pages back. */
void partial_release(struct request *r);
/* The blocks between the pages. */
void partial_middle(const struct request *r, uint64_t *block, uint64_t *count,
		    uint64_t *skip_bytes);

#endif
