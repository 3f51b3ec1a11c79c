/* SPDX-License-Identifier: MIT */
/* schedule.c - see schedule.h: points in time. */
#include "schedule.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "calendar.h"

#define HOUR_MS (3600 * 1000ll)
#define DAY_S   (24 * 3600ll)

/* ---------------------------------------------------------------- words */

static int index_of(const char *const *words, const char *word)
{
	for (int i = 0; words[i]; i++)
		if (strcmp(words[i], word) == 0)
			return i;
	return -1;
}

static int two_digits(const char *text, int max)
{
	int value;

	if (text[0] < '0' || text[0] > '9' || text[1] < '0' || text[1] > '9')
		return -1;
	value = (text[0] - '0') * 10 + text[1] - '0';
	return value <= max ? value : -1;
}

int schedule_read(const char *every, const char *at, const char *weekday, struct schedule *out,
		  struct err *err)
{
	static const char *const units[] = {"hour", "day", "week", NULL};
	static const char *const days[] = {"sunday",   "monday", "tuesday",  "wednesday",
					   "thursday", "friday", "saturday", NULL};
	int unit = index_of(units, every);

	*out = (struct schedule){.weekday = index_of(days, weekday)};
	if (unit < 0)
		return err_set(err, EINVAL, "every", "every: %.20s; it is hour, day or week",
			       every);
	out->every = (enum schedule_unit)unit;
	if (strlen(at) == 5 && at[2] == ':') {
		out->hour = two_digits(at, 23);
		out->minute = two_digits(at + 3, 59);
	} else {
		out->hour = -1;
	}
	if (out->hour < 0 || out->minute < 0)
		return err_set(err, EINVAL, "at", "at: '%.20s'; it is a time of day, like 02:30",
			       at);
	if (out->weekday < 0)
		return err_set(err, EINVAL, "weekday",
			       "weekday: %.20s; it is a day of the week, like sunday", weekday);
	return 0;
}

/* ---------------------------------------------------------------- local time */

static struct calendar local_of(int64_t at_s)
{
	struct calendar c;

	calendar_local(at_s, &c);
	return c;
}

/* wanted_s: what clocks are to show, as if it were UTC. */
static bool shows(int64_t at_s, int64_t wanted_s)
{
	return at_s + local_of(at_s).offset_s == wanted_s;
}

/* When clocks show so that day. wanted: year, month, day (any number), hour, minute. */
static int64_t moment_of(const struct calendar *wanted)
{
	int64_t wanted_s = calendar_utc(wanted);
	int64_t first = wanted_s - local_of(wanted_s - DAY_S).offset_s;
	int64_t second = wanted_s - local_of(wanted_s + DAY_S).offset_s;
	bool may_be_first = shows(first, wanted_s), may_be_second = shows(second, wanted_s);

	if (may_be_first && may_be_second)
		return (first < second ? first : second) * 1000;
	/* Neither: that time is left out, and it is as much later as is left out. */
	return (may_be_second ? second : first) * 1000;
}

/* ---------------------------------------------------------------- points in time */

static int64_t hour_not_after(const struct schedule *s, int64_t now_ms)
{
	struct calendar c = local_of(now_ms / 1000);
	int64_t minute_ms = now_ms - now_ms % 60000;
	int back = (c.minute - s->minute + 60) % 60;

	return minute_ms - back * 60000ll;
}

/* In how many days, up to 6, it is that weekday. */
static int days_until(const struct schedule *s, const struct calendar *from)
{
	return s->every == SCHEDULE_WEEK ? (s->weekday - from->weekday + 7) % 7 : 0;
}

static int64_t day_from(const struct schedule *s, const struct calendar *from, int days)
{
	struct calendar day = {.year = from->year,
			       .month = from->month,
			       .day = from->day + days,
			       .hour = s->hour,
			       .minute = s->minute};

	return moment_of(&day);
}

int64_t schedule_last(const struct schedule *s, int64_t now_ms)
{
	int step = s->every == SCHEDULE_WEEK ? 7 : 1, days;
	struct calendar today = local_of(now_ms / 1000);
	int64_t at_ms;

	if (s->every == SCHEDULE_HOUR)
		return hour_not_after(s, now_ms);
	days = days_until(s, &today);
	while ((at_ms = day_from(s, &today, days)) > now_ms)
		days -= step;
	return at_ms;
}

int64_t schedule_next(const struct schedule *s, int64_t now_ms)
{
	int step = s->every == SCHEDULE_WEEK ? 7 : 1, days;
	struct calendar today = local_of(now_ms / 1000);
	int64_t at_ms;

	if (s->every == SCHEDULE_HOUR)
		return hour_not_after(s, now_ms) + HOUR_MS;
	days = days_until(s, &today) - step;
	while ((at_ms = day_from(s, &today, days)) <= now_ms)
		days += step;
	return at_ms;
}

enum schedule_state schedule_look(const struct schedule *s, int64_t last_due_ms, int64_t born_ms,
				  int64_t now_ms, int64_t *due_ms)
{
	int64_t last_ms = schedule_last(s, now_ms);
	int64_t seen_ms = last_due_ms ? last_due_ms : born_ms;

	*due_ms = last_ms;
	if (seen_ms > now_ms + SCHEDULE_BACK_MS)
		return SCHEDULE_CLOCK_WAS_WRONG;
	return last_ms > seen_ms ? SCHEDULE_IS_DUE : SCHEDULE_WAITS;
}

void schedule_name(const char *schedule, int64_t due_ms, char *out, size_t out_bytes)
{
	struct calendar c;

	calendar_at_utc(due_ms / 1000, &c);
	snprintf(out, out_bytes, "%.60s-%04d%02d%02dT%02d%02dZ", schedule, c.year, c.month, c.day,
		 c.hour, c.minute);
}
