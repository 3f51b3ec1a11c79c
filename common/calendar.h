/* SPDX-License-Identifier: MIT */
/*
 * calendar.h - points in time as people say them, in the time zone of the process, and back.
 *
 * Thread: any, once calendar_begin() has read the zone. Seconds since 1970 UTC.
 */
#ifndef COMMON_CALENDAR_H
#define COMMON_CALENDAR_H

#include <stdint.h>

struct calendar {
	int year, month, day; /* 2026, 1 to 12, 1 to 31 */
	int hour, minute, second;
	int weekday;      /* 0: Sunday */
	int64_t offset_s; /* that clocks are ahead of UTC then */
};

/* Reads TZ or the system's setting; again, when that may have changed. */
void calendar_begin(void);
/* What clocks show at UTC. */
void calendar_at_utc(int64_t at_s, struct calendar *out);
void calendar_local(int64_t at_s, struct calendar *out);
/* What a clock at UTC would show so. day and month may be out of range: the 0th is the last of the
 * month before. weekday and offset_s are not looked at. */
int64_t calendar_utc(const struct calendar *c);

#endif
