/* SPDX-License-Identifier: MIT */
/* Retention keeps the newest of each of the last hours, days and weeks, and always the newest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "schedule.h"

#define HOUR  (3600 * 1000ll)
#define DAY   (24 * HOUR)
#define COUNT 2000

/* Monday, 5 January 2026, 00:00. */
#define MONDAY 1767571200000ll

static int64_t times_ms[COUNT];
static bool keeps[COUNT];

static int in_utc(void **state)
{
	setenv("TZ", "UTC0", 1);
	tzset();
	return 0;
}

static size_t kept(struct schedule_keep k, size_t count)
{
	size_t n = 0;

	schedule_choose(&k, times_ms, count, keeps);
	for (size_t i = 0; i < count; i++)
		n += keeps[i];
	return n;
}

static void each_hour(size_t count)
{
	for (size_t i = 0; i < count; i++)
		times_ms[i] = MONDAY + (int64_t)i * HOUR;
}

static void the_last_of_each_period_stays(void **state)
{
	each_hour(24 * 28);
	assert_int_equal(kept((struct schedule_keep){.hourly = 24}, 24 * 28), 24);
	assert_true(keeps[24 * 28 - 1] && keeps[24 * 28 - 24] && !keeps[24 * 28 - 25]);
	assert_int_equal(kept((struct schedule_keep){.daily = 7}, 24 * 28), 7);
	assert_true(keeps[24 * 28 - 1] && keeps[24 * 27 - 1] && !keeps[24 * 27]);
	assert_int_equal(kept((struct schedule_keep){.weekly = 3}, 24 * 28), 3);
	assert_true(keeps[24 * 21 - 1] && keeps[24 * 14 - 1]);
	/* One may be the last of its hour, its day and its week. */
	assert_int_equal(kept((struct schedule_keep){2, 2, 2}, 24 * 28), 4);
}

static void the_newest_always_stays(void **state)
{
	each_hour(10);
	assert_int_equal(kept((struct schedule_keep){0}, 10), 1);
	assert_true(keeps[9]);
	assert_int_equal(kept((struct schedule_keep){0}, 0), 0);
}

static void fewer_than_wanted_all_stay(void **state)
{
	each_hour(5);
	assert_int_equal(kept((struct schedule_keep){.hourly = 100}, 5), 5);
}

static void periods_without_one_do_not_count(void **state)
{
	for (size_t i = 0; i < 6; i++)
		times_ms[i] = MONDAY + (int64_t)i * 10 * DAY;
	assert_int_equal(kept((struct schedule_keep){.daily = 4}, 6), 4);
	assert_true(!keeps[1] && keeps[2]);
}

static void the_order_does_not_matter(void **state)
{
	bool once[100];

	each_hour(100);
	kept((struct schedule_keep){.hourly = 5, .daily = 3}, 100);
	memcpy(once, keeps, sizeof(once));
	for (size_t i = 0; i < 50; i++) {
		int64_t t = times_ms[i];

		times_ms[i] = times_ms[99 - i];
		times_ms[99 - i] = t;
	}
	kept((struct schedule_keep){.hourly = 5, .daily = 3}, 100);
	for (size_t i = 0; i < 100; i++)
		assert_int_equal(keeps[i], once[99 - i]);
}

static void two_of_one_moment_count_once(void **state)
{
	times_ms[0] = times_ms[1] = times_ms[2] = MONDAY;
	assert_int_equal(kept((struct schedule_keep){.hourly = 3}, 3), 1);
}

static void a_day_is_a_local_one(void **state)
{
	setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
	tzset();
	times_ms[0] = MONDAY - HOUR - 1; /* 23:59 on Sunday there */
	times_ms[1] = MONDAY - HOUR;     /* Monday begins */
	assert_int_equal(kept((struct schedule_keep){.daily = 2}, 2), 2);
	assert_int_equal(kept((struct schedule_keep){.weekly = 2}, 2), 2);
	in_utc(NULL);
	assert_int_equal(kept((struct schedule_keep){.daily = 2}, 2), 1);
}

/* Run after run, as it happens: never more than wanted, and the oldest week is as old as can be. */
static void a_year_of_hours_ends_at_the_numbers_wanted(void **state)
{
	const struct schedule_keep k = {.hourly = 24, .daily = 7, .weekly = 4};
	size_t count = 0;

	for (int hour = 0; hour < 24 * 365; hour++) {
		size_t left = 0;

		times_ms[count++] = MONDAY + hour * HOUR;
		schedule_choose(&k, times_ms, count, keeps);
		for (size_t i = 0; i < count; i++)
			if (keeps[i])
				times_ms[left++] = times_ms[i];
		count = left;
		assert_true(count <= 24 + 7 + 4);
	}
	assert_true(times_ms[0] <= MONDAY + (24 * 365 - 1) * HOUR - 14 * DAY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_last_of_each_period_stays),
	    cmocka_unit_test(the_newest_always_stays),
	    cmocka_unit_test(fewer_than_wanted_all_stay),
	    cmocka_unit_test(periods_without_one_do_not_count),
	    cmocka_unit_test(the_order_does_not_matter),
	    cmocka_unit_test(two_of_one_moment_count_once),
	    cmocka_unit_test(a_day_is_a_local_one),
	    cmocka_unit_test(a_year_of_hours_ends_at_the_numbers_wanted),
	};

	return cmocka_run_group_tests(tests, in_utc, NULL);
}
