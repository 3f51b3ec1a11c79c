/* SPDX-License-Identifier: MIT */
#include "hist.h"

#include <assert.h>

uint64_t hist_floor_ns(uint32_t bucket)
{
	uint32_t e, part;

	assert(bucket <= HIST_BUCKETS);
	if (bucket == 0)
		return 0;
	if (bucket < 6) {
		e = HIST_EXP_FIRST + bucket / 2;
		part = bucket % 2 * 2;
	} else if (bucket < 30) {
		e = HIST_EXP_FINE + (bucket - 6) / 4;
		part = (bucket - 6) % 4;
	} else {
		e = HIST_EXP_WIDE + (bucket - 30) / 2;
		part = bucket % 2 * 2;
	}
	return (1ull << e) + ((uint64_t)part << (e - 2));
}

uint64_t hist_count(const uint64_t *buckets)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < HIST_BUCKETS; i++)
		n += buckets[i];
	return n;
}

void hist_merge(uint64_t *to, const uint64_t *from)
{
	for (uint32_t i = 0; i < HIST_BUCKETS; i++)
		to[i] += from[i];
}

/* count * per_10000 / 10000, rounded up, without overflow for any count. */
static uint64_t share_up(uint64_t count, uint32_t per_10000)
{
	uint64_t whole = count / 10000 * per_10000;
	uint64_t rest = count % 10000 * per_10000;

	return whole + (rest + 9999) / 10000;
}

uint64_t hist_percentile_ns(const uint64_t *buckets, uint32_t per_10000)
{
	uint64_t count = hist_count(buckets), rank, below = 0;

	if (count == 0)
		return 0;
	if (per_10000 > 10000)
		per_10000 = 10000;
	rank = share_up(count, per_10000);
	if (rank == 0)
		rank = 1;
	for (uint32_t i = 0; i < HIST_BUCKETS; i++) {
		uint64_t floor_ns, width_ns;

		if (below + buckets[i] < rank) {
			below += buckets[i];
			continue;
		}
		floor_ns = hist_floor_ns(i);
		width_ns = hist_floor_ns(i + 1) - floor_ns;
		return floor_ns +
		       (uint64_t)((double)width_ns * (double)(rank - below) / (double)buckets[i]);
	}
	return hist_floor_ns(HIST_BUCKETS);
}
