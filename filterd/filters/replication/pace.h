/* SPDX-License-Identifier: MIT */
/*
 * pace.h - a bucket that lets so many bytes through in a second, at most so many at once. Pure.
 */
#ifndef REPLICATION_PACE_H
#define REPLICATION_PACE_H

#include <stdbool.h>
#include <stdint.h>

struct pace {
	uint64_t bytes_per_s; /* 0: no limit */
	uint64_t left_bytes, last_ns;
	uint64_t owed_bytes; /* went out beyond it: waits follow */
};

/* Which of the two rates holds at this hour: the day's from day_from_h on, until day_to_h; a span
 * over midnight is one, too. */
uint64_t pace_rate(uint64_t bytes_per_s, uint64_t day_bytes_per_s, uint32_t day_from_h,
		   uint32_t day_to_h, uint32_t hour);
void pace_set(struct pace *p, uint64_t bytes_per_s, uint64_t now_ns);
/* May something go now? 0, or how many ns to wait. */
uint64_t pace_wait_ns(struct pace *p, uint64_t now_ns);
/* It went. */
void pace_took(struct pace *p, uint64_t bytes);

#endif
