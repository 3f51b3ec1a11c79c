/* SPDX-License-Identifier: MIT */
/*
 * mclock_model.h - the scheduler's promises, computed in another way: leaky buckets in 128 bits,
 * without heaps and tags. The random test runs it beside the scheduler and compares.
 *
 * A bucket's level leaks at the rate and rises by what goes. Open means: the level is not over
 * rate * burst. That is the limit's promise for every span of time at once.
 */
#ifndef TESTS_MCLOCK_MODEL_H
#define TESTS_MCLOCK_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "mclock.h"

#define MODEL_CLIENTS 8

struct model_bucket {
	uint64_t rate, burst_ns, at_ns;
	__int128 level; /* cost * NS_PER_S; below 0: idle for longer than counts */
	__int128 slack; /* what changes of the rate may have rounded, 1 ns each */
};

struct model_client {
	struct mclock_config cfg;
	struct model_bucket r, iops, bytes;
	uint32_t queued;
	uint64_t largest_units;
	uint64_t
	    waits_units[MODEL_CLIENTS]; /* what others had by share while this waited for a turn */
	bool was_waiting;
};

struct model {
	struct model_client clients[MODEL_CLIENTS];
	uint32_t count;
	uint64_t now_ns;
	uint64_t foreground_units; /* by share since background, which waits, had anything */
	uint64_t largest_units;
};

void model_time(struct model *m, uint64_t now_ns);
void model_configure(struct model *m, uint32_t client, const struct mclock_config *cfg);
/* May go by its limits; early: within what rounding allows, else exactly. */
bool model_is_open(const struct model *m, uint32_t client, bool early);
bool model_is_reserved(const struct model *m, uint32_t client, bool early);
/* Before each pop: who waits for a turn now? Who does not, starts anew. */
void model_note_waiting(struct model *m);
/* It went. is_counted: by share, while shares decide. NULL, or the promise that was broken. */
const char *model_served(struct model *m, uint32_t client, uint64_t len_bytes, bool is_reserved,
			 bool is_counted);

#endif
