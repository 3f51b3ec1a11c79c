/* SPDX-License-Identifier: MIT */
/*
 * reencrypt_pace.c - how fast a walk goes: never faster than its parameter says, and much slower
 * while initiators are busy. What the walk does between two of their I/Os costs them time on the
 * worker, on the processor and on the datastore; whatever that is on this machine, it is a share of
 * the time that the walk takes. So after a zone it rests for a multiple of what the zone took.
 */
#include "reencrypt.h"

#define NS_PER_S 1000000000ull
/* So many I/Os per zone and rest are nobody's load. */
#define BUSY_IOS 16u
/* A zone takes so much of the time at most while somebody is there. */
#define SHARE_PCT 3u
/* Slower than this it would never end. */
#define MIN_BYTES_PER_S (1ull << 20)

static uint64_t time_for(uint64_t bytes, uint64_t bytes_per_s)
{
	return bytes * NS_PER_S / bytes_per_s;
}

uint64_t pace_rest_ns(struct reencrypt *re, uint64_t zone_bytes, uint64_t took_ns)
{
	const struct encryption *e = re->e;
	bool is_busy = e->flight_count - re->seen_ios > BUSY_IOS;
	uint64_t whole_ns = 0, slowest_ns = time_for(zone_bytes, MIN_BYTES_PER_S);

	re->seen_ios = e->flight_count;
	if (e->reencrypt_bytes_per_s && zone_bytes)
		whole_ns = time_for(zone_bytes, e->reencrypt_bytes_per_s);
	if (is_busy && took_ns * 100 / SHARE_PCT > whole_ns) {
		whole_ns = took_ns * 100 / SHARE_PCT;
		if (whole_ns > slowest_ns)
			whole_ns = slowest_ns;
	}
	return whole_ns > took_ns ? whole_ns - took_ns : 0;
}
