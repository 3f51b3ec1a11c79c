/* SPDX-License-Identifier: MIT */
#include "reencrypt_pace.h"

#include <stdbool.h>

#define NS_PER_S  1000000000ull
#define NS_PER_US 1000ull
/* So many I/Os per zone and rest are nobody's load. */
#define BUSY_IOS 16u
/* A zone takes so much of the time at most while somebody is there, and of the bytes. */
#define TIME_PCT  3u
#define BYTES_PCT 5u
/* Read, journalled, written. */
#define MOVED_TIMES 3u
/* Slower than both of these it does not get. */
#define MIN_BYTES_PER_S (1ull << 20)
#define MIN_TIME_PCT    5u
/* A zone that took minutes says nothing about the next one. */
#define MAX_REST_NS (60 * NS_PER_S)

static uint64_t larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static uint64_t time_for(uint64_t bytes, uint64_t bytes_per_s)
{
	return bytes * NS_PER_S / bytes_per_s;
}

/* Of the whole: zone and rest. */
static uint64_t by_bytes_ns(const struct pace_zone *z)
{
	uint64_t since_us = z->since_ns / NS_PER_US;
	uint64_t io_bytes_per_s, allowed_bytes_per_s;

	if (!since_us)
		return 0; /* no time, no rate: the next zone knows more */
	io_bytes_per_s = z->io_bytes * (NS_PER_S / NS_PER_US) / since_us;
	allowed_bytes_per_s = io_bytes_per_s * BYTES_PCT / 100 / MOVED_TIMES;
	return time_for(z->moved_bytes, larger(allowed_bytes_per_s, MIN_BYTES_PER_S));
}

static uint64_t beside_others_ns(const struct pace_zone *z)
{
	uint64_t by_time_ns = z->took_ns * 100 / TIME_PCT;
	uint64_t longest_ns =
	    larger(time_for(z->moved_bytes, MIN_BYTES_PER_S), z->took_ns * 100 / MIN_TIME_PCT);
	uint64_t whole_ns = larger(by_time_ns, by_bytes_ns(z));

	return whole_ns < longest_ns ? whole_ns : longest_ns;
}

uint64_t pace_rest_ns(const struct pace_zone *z)
{
	bool is_busy = z->ios > BUSY_IOS;
	uint64_t whole_ns = 0, rest_ns;

	if (z->limit_bytes_per_s)
		whole_ns = time_for(z->moved_bytes, z->limit_bytes_per_s);
	if (is_busy)
		whole_ns = larger(whole_ns, beside_others_ns(z));
	rest_ns = larger(whole_ns, z->took_ns) - z->took_ns;
	return rest_ns < MAX_REST_NS ? rest_ns : MAX_REST_NS;
}
