/* SPDX-License-Identifier: MIT */
/*
 * gather.h - reads a range of the volume from wherever its newest data is, piece by piece:
 * memory, then log, then clean tier, then datastore.
 *
 *     gather_start --> memory: copied   zeros: set   log, clean tier, datastore: a piece each, many
 *                      at once; when a volume has no free piece it waits for one --> fn
 *
 * A block in memory is as new as the log's, since a change makes it invalid before it starts
 * (coherence.h); so asking memory first is only the faster way.
 *
 * Thread: owner worker.
 */
#ifndef CACHE_GATHER_H
#define CACHE_GATHER_H

#include <stdbool.h>
#include <stdint.h>

#include "sluice/filter.h"

struct volume;
struct request;

struct gather {
	struct volume *v;
	struct request *owner;
	void (*fn)(struct gather *g);
	uint64_t at, end; /* bytes of the volume; at: not begun yet */
	char *to;         /* where at belongs */
	struct gather *next_waiting;
	uint32_t pieces;
	uint8_t status; /* result: enum sluice_status; the first that failed */
	bool used_below;
	bool is_running;
};

struct piece;
struct gathers {
	struct piece *pieces, *free;
	char *pages; /* one for each piece */
	struct gather *waiting, **last;
};

/* Memory for pieces, the first time. 0 or -ENOMEM. */
int gather_prepare(struct volume *v);
void gather_free(struct volume *v);
/* Past the end of the volume all is zeros. fn follows, maybe before return. */
void gather_start(struct gather *g, struct volume *v, struct request *owner, uint64_t offset_bytes,
		  uint64_t len_bytes, void *to, void (*fn)(struct gather *g));

#endif
