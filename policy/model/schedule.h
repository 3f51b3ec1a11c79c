/* SPDX-License-Identifier: MIT */
/*
 * schedule.h - when a snapshot schedule is due, and what its retention takes away. Pure: the time
 * is an argument; the time zone is the process's (tzset() before the first call, once).
 *
 *   schedule.c        points in time: the last one, the next one, whether one was missed
 *   schedule_keep.c   which of a schedule's snapshots stay
 *
 * The clock of the wall jumps: by summer time, by a correction, or a machine was off for a month.
 *   - An hourly schedule runs each hour that passes: twice in the hour that there is twice, and not
 * in the one that there is not.
 *   - A daily or weekly one runs once a day: at a time that there is twice, the first; at one that
 * there is not, as much later as clocks were put forward.
 *   - What was missed is made up for once, not once for each time.
 *   - A clock that was put back does not stop a schedule until it has caught up: SCHEDULE_BACK_MS.
 */
#ifndef MODEL_SCHEDULE_H
#define MODEL_SCHEDULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

enum schedule_unit { SCHEDULE_HOUR, SCHEDULE_DAY, SCHEDULE_WEEK };

struct schedule {
	enum schedule_unit every;
	int hour, minute; /* local; the hour of an hourly one means nothing */
	int weekday;      /* 0: Sunday; of a weekly one */
};

/* "hour", "day" or "week"; "HH:MM"; "sunday" ... "saturday". -EINVAL with the field. */
int must_check schedule_read(const char *every, const char *at, const char *weekday,
			     struct schedule *out, struct err *err);

/* The last of its points in time that is not after now_ms, and the first that is. Unix ms. */
int64_t schedule_last(const struct schedule *s, int64_t now_ms);
int64_t schedule_next(const struct schedule *s, int64_t now_ms);

/* What a clock may be put back without anything being made twice. */
#define SCHEDULE_BACK_MS (2 * 3600 * 1000ll)

/*
 * Whether it is due now: *due_ms is the point in time that it runs for. last_due_ms: the one that
 * it last ran for; 0: never, then born_ms counts, when it was made or switched on: it is not due
 * for what was before. A last_due_ms further ahead of now_ms than SCHEDULE_BACK_MS is of a clock
 * that was wrong, and *due_ms becomes what it is to be instead.
 */
enum schedule_state { SCHEDULE_WAITS, SCHEDULE_IS_DUE, SCHEDULE_CLOCK_WAS_WRONG };
enum schedule_state schedule_look(const struct schedule *s, int64_t last_due_ms, int64_t born_ms,
				  int64_t now_ms, int64_t *due_ms);

/* "nightly-20260131T0130Z": what a schedule's snapshot of this point in time is called. In UTC, so
 * that the hour that there is twice gives two names. */
void schedule_name(const char *schedule, int64_t due_ms, char *out, size_t out_bytes);

/* ---------------------------------------------------------------- retention */

struct schedule_keep {
	uint32_t hourly, daily, weekly;
};

/*
 * times_ms: when each was made, any order. keeps[i]: whether it stays: the newest of each of the
 * last hourly hours, daily days and weekly weeks (beginning on Monday, local) that have one; and
 * always the newest of all, whatever the numbers say.
 */
void schedule_choose(const struct schedule_keep *k, const int64_t *times_ms, size_t count,
		     bool *keeps);

#endif
