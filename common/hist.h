/* SPDX-License-Identifier: MIT */
/*
 * hist.h - latency histograms of 64 counters, from 1 us to 69 s.
 *
 * Pure: no state of its own, so that statistics can live in whatever structure their owner has.
 *
 * Powers of two, cut into equal parts. 64 counters are too few for four parts everywhere (26
 * octaves would need 104), so the octaves where storage lives have four and the others two:
 *
 *     1 us .. 8 us      2 parts    buckets  0 ..  5   (0 also holds everything below 1 us)
 *     8 us .. 524 us    4 parts    buckets  6 .. 29
 *     524 us .. 69 s    2 parts    buckets 30 .. 63   (63 also holds everything above)
 *
 * Thread: any; the counters belong to their owner.
 */
#ifndef COMMON_HIST_H
#define COMMON_HIST_H

#include <stdint.h>

#define HIST_BUCKETS 64

/* Exponents where the parts change; see the table above. */
#define HIST_EXP_FIRST 10
#define HIST_EXP_FINE  13
#define HIST_EXP_WIDE  19
#define HIST_EXP_LAST  36

/* Which counter a latency belongs to. */
static inline uint32_t hist_bucket(uint64_t ns)
{
	uint32_t e;

	if (ns < 1ull << HIST_EXP_FIRST)
		return 0;
	if (ns >= 1ull << HIST_EXP_LAST)
		return HIST_BUCKETS - 1;
	e = 63u - (uint32_t)__builtin_clzll(ns);
	if (e < HIST_EXP_FINE)
		return (e - HIST_EXP_FIRST) * 2 + (uint32_t)(ns >> (e - 1) & 1);
	if (e < HIST_EXP_WIDE)
		return 6 + (e - HIST_EXP_FINE) * 4 + (uint32_t)(ns >> (e - 2) & 3);
	return 30 + (e - HIST_EXP_WIDE) * 2 + (uint32_t)(ns >> (e - 1) & 1);
}

static inline void hist_record(uint64_t *buckets, uint64_t ns)
{
	buckets[hist_bucket(ns)]++;
}

/* The smallest latency of a bucket; of HIST_BUCKETS: the end of the last one. Bucket 0 starts at 0.
 */
uint64_t hist_floor_ns(uint32_t bucket);
uint64_t hist_count(const uint64_t *buckets);
/* to += from */
void hist_merge(uint64_t *to, const uint64_t *from);
/*
 * The latency that per_10000 of all samples do not exceed (5000: the median; 9990: 99.9 %), linear
 * inside its bucket; 0 without samples. Never past the end of the last bucket.
 */
uint64_t hist_percentile_ns(const uint64_t *buckets, uint32_t per_10000);

#endif
