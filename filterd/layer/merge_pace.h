/* SPDX-License-Identifier: MIT */
/*
 * merge_pace.h - how long merging rests after a chunk. Pure: time comes as an argument.
 *
 * While nobody else is there it does not rest. While others are, it takes a quarter of the time;
 * but so that it makes progress under a load that never ends, it moves at least 4 MiB/s, unless
 * that would be more than half of the time. No rest is longer than 200 ms.
 */
#ifndef LAYER_MERGE_PACE_H
#define LAYER_MERGE_PACE_H

#include <stdbool.h>
#include <stdint.h>

#define MERGE_FLOOR_BYTES_PER_S (4u << 20)
#define MERGE_REST_MAX_NS       200000000ull

static inline uint64_t merge_rest_ns(bool has_others, uint64_t moved_bytes, uint64_t took_ns)
{
	/* How long a chunk and its rest may take together. */
	uint64_t floor_ns = moved_bytes * 1000000000ull / MERGE_FLOOR_BYTES_PER_S;
	uint64_t rest_ns = 3 * took_ns;

	if (!has_others)
		return 0;
	if (took_ns >= MERGE_REST_MAX_NS)
		return MERGE_REST_MAX_NS;
	if (rest_ns + took_ns > floor_ns)
		rest_ns = floor_ns > 2 * took_ns ? floor_ns - took_ns : took_ns;
	return rest_ns < MERGE_REST_MAX_NS ? rest_ns : MERGE_REST_MAX_NS;
}

#endif
