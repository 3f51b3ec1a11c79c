/* SPDX-License-Identifier: MIT */
/*
 * salvage.h - a log that has failed takes no more writes, and its windows cannot be ended; but what
 * can still be read of it goes to the datastore: every dirty block once, then a flush. When all of
 * it is there, nothing is in the log alone any more, and the volume goes on without it.
 *
 * Until then the log stays what it is, so a restart in between finds everything it would have
 * found.
 *
 * Thread: owner worker.
 */
#ifndef CACHE_SALVAGE_H
#define CACHE_SALVAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "sluice/filter.h"
#include "sluice/rlog.h"

struct volume;

struct salvage {
	bool is_on;     /* it has the buffer; one step is under way, or the timer is set */
	bool is_moving; /* a read of the log or an own I/O has not come back */
	bool has_told;
	uint64_t block; /* the next to look at */
	uint64_t moved_blocks;
	void *buf;
	struct sluice_rlog_read read;
	struct sluice_own_io own;
	struct sluice_timer timer;
};

void salvage_init(struct volume *v);
/* The log has failed. */
void salvage_begin(struct volume *v);
/* A drain begins or ends: no step is begun meanwhile. */
void salvage_continue(struct volume *v);
void salvage_end(struct volume *v);

#endif
