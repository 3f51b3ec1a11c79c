/* SPDX-License-Identifier: MIT */
#include "calendar.h"

#include <string.h>
#include <time.h>

void calendar_begin(void)
{
	tzset();
}

static struct calendar calendar_of(const struct tm *tm)
{
	return (struct calendar){.year = tm->tm_year + 1900,
				 .month = tm->tm_mon + 1,
				 .day = tm->tm_mday,
				 .hour = tm->tm_hour,
				 .minute = tm->tm_min,
				 .second = tm->tm_sec,
				 .weekday = tm->tm_wday,
				 .offset_s = tm->tm_gmtoff};
}

void calendar_local(int64_t at_s, struct calendar *out)
{
	time_t t = (time_t)at_s;
	struct tm tm;

	memset(&tm, 0, sizeof(tm)); /* a time beyond what localtime_r() can say */
	localtime_r(&t, &tm);
	*out = calendar_of(&tm);
}

void calendar_at_utc(int64_t at_s, struct calendar *out)
{
	time_t t = (time_t)at_s;
	struct tm tm;

	memset(&tm, 0, sizeof(tm));
	gmtime_r(&t, &tm);
	*out = calendar_of(&tm);
}

int64_t calendar_utc(const struct calendar *c)
{
	struct tm tm = {.tm_year = c->year - 1900,
			.tm_mon = c->month - 1,
			.tm_mday = c->day,
			.tm_hour = c->hour,
			.tm_min = c->minute,
			.tm_sec = c->second};

	return (int64_t)timegm(&tm);
}
