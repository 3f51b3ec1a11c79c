/* SPDX-License-Identifier: MIT */
#include "clock.h"

#include <time.h>

static uint64_t read_ns(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * CLOCK_NS_PER_S + (uint64_t)ts.tv_nsec;
}

uint64_t clock_now_ns(void)
{
	return read_ns(CLOCK_MONOTONIC);
}

uint64_t clock_wall_ms(void)
{
	return read_ns(CLOCK_REALTIME) / CLOCK_NS_PER_MS;
}

uint64_t clock_thread_cpu_ns(void)
{
	return read_ns(CLOCK_THREAD_CPUTIME_ID);
}

uint32_t clock_local_hour(void)
{
	time_t now_s = (time_t)(clock_wall_ms() / 1000);
	struct tm tm;

	return localtime_r(&now_s, &tm) ? (uint32_t)tm.tm_hour : 0;
}
