/* SPDX-License-Identifier: MIT */
/*
 * schedule_keep.c - see schedule.h: which of a schedule's snapshots stay.
 *
 * Each snapshot lies in one local hour, day and week. Going from the newest to the oldest, the
 * first one of a period that was not met yet stays, until as many periods have one as are to be
 * kept.
 */
#include "calendar.h"
#include "schedule.h"

enum period { PERIOD_HOUR, PERIOD_DAY, PERIOD_WEEK };

/* A number that all of one period have, and no other. An hour is one that passes: the hour that
 * there is twice is two. */
static int64_t period_of(enum period p, int64_t at_ms)
{
	int64_t at_s = at_ms / 1000;
	struct calendar c, date;

	calendar_local(at_s, &c);
	if (p == PERIOD_HOUR)
		return at_s - c.minute * 60 - c.second;
	date = (struct calendar){.year = c.year, .month = c.month, .day = c.day};
	if (p == PERIOD_WEEK)
		date.day -= (c.weekday + 6) % 7;
	return calendar_utc(&date);
}

/* The newest one that is older than before_ms, or of the same time and later in the array than
 * after; count: there is none. */
static size_t next_older(const int64_t *times_ms, size_t count, int64_t before_ms, size_t after)
{
	size_t best = count;

	for (size_t i = 0; i < count; i++) {
		bool is_behind = times_ms[i] < before_ms || (times_ms[i] == before_ms && i > after);

		if (is_behind && (best == count || times_ms[i] > times_ms[best]))
			best = i;
	}
	return best;
}

static size_t newest_of(const int64_t *times_ms, size_t count)
{
	size_t best = 0;

	for (size_t i = 1; i < count; i++)
		if (times_ms[i] > times_ms[best])
			best = i;
	return best;
}

static void choose(enum period p, uint32_t wanted, const int64_t *times_ms, size_t count,
		   bool *keeps)
{
	size_t i = newest_of(times_ms, count);
	int64_t last = 0;

	for (uint32_t kept = 0; kept < wanted && i < count;) {
		int64_t now = period_of(p, times_ms[i]);

		if (kept == 0 || now != last) {
			keeps[i] = true;
			last = now;
			kept++;
		}
		i = next_older(times_ms, count, times_ms[i], i);
	}
}

void schedule_choose(const struct schedule_keep *k, const int64_t *times_ms, size_t count,
		     bool *keeps)
{
	for (size_t i = 0; i < count; i++)
		keeps[i] = false;
	if (count == 0)
		return;
	keeps[newest_of(times_ms, count)] = true;
	choose(PERIOD_HOUR, k->hourly, times_ms, count, keeps);
	choose(PERIOD_DAY, k->daily, times_ms, count, keeps);
	choose(PERIOD_WEEK, k->weekly, times_ms, count, keeps);
}
