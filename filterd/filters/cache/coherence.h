/* SPDX-License-Identifier: MIT */
/*
 * coherence.h - who may change which 4 KiB blocks of the log when, and what a change does to the
 * caches.
 *
 * Spans: changes of the log are in order of arrival where they overlap, so that a write that reads
 * a block to merge its part into it misses nobody's. Reads take no span: a block's newest copy is
 * looked up at one moment, and the log reads what the block was then.
 *
 * Caches: a change makes all cached copies invalid before it starts, and what it wrote valid
 * when it has ended well (ram.h says why that is enough).
 *
 * Thread: owner worker.
 */
#ifndef CACHE_COHERENCE_H
#define CACHE_COHERENCE_H

#include <stdbool.h>
#include <stdint.h>

#include "seq.h"

struct request;

struct span {
	struct span *prev, *next; /* in order of arrival */
	uint64_t first, end;      /* blocks */
	uint32_t blockers;        /* earlier ones that overlap; 0: held */
	struct request *owner;
};

struct spans {
	struct span head;
	uint32_t waiting;
};

void spans_init(struct spans *s);
/* True: held now. False: it waits, and r->go(r) follows. */
bool spans_lock(struct spans *s, struct request *r);
/* The next ones go on before it returns. */
void spans_unlock(struct spans *s, struct request *r);

/* Before anything is changed: r->block and r->count are set. */
void coherence_begin(struct request *r);
/* After. data: the io's bytes, of which whole blocks are kept; NULL: nothing is. */
void coherence_end(struct request *r, const void *data, enum cache_admit admit);
/* The same with the data of just one block, which was put together elsewhere. */
void coherence_end_block(struct request *r, const void *data, uint64_t block,
			 enum cache_admit admit);

/* Around a read from below; whole blocks only. */
void coherence_fill_begin(struct request *r);
void coherence_fill_end(struct request *r, bool is_ok);

#endif
