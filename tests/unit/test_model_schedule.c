/* SPDX-License-Identifier: MIT */
/* A schedule is due once for each of its points in time, over the change of summer time, jumps of
 * the clock, and a machine that was off. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "schedule.h"

#define MINUTE (60 * 1000ll)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)

/* Central Europe: forward on 29 March 2026 at 2 o'clock, back on 25 October at 3. */
static int berlin(void **state)
{
	setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
	tzset();
	return 0;
}

static int64_t utc(int month, int day, int hour, int minute)
{
	struct tm tm = {
	    .tm_year = 126, .tm_mon = month - 1, .tm_mday = day, .tm_hour = hour, .tm_min = minute};

	return (int64_t)timegm(&tm) * 1000;
}

static struct schedule schedule_of(const char *every, const char *at, const char *weekday)
{
	struct schedule s;
	struct err err;

	if (schedule_read(every, at, weekday, &s, &err) < 0)
		fail_msg("%s", err.text);
	return s;
}

/* How often it runs when somebody looks each minute. */
static int runs(const struct schedule *s, int64_t from_ms, int64_t to_ms, int64_t *last_ms)
{
	int64_t due_ms;
	int count = 0;

	for (int64_t now_ms = from_ms; now_ms <= to_ms; now_ms += MINUTE)
		if (schedule_look(s, *last_ms, from_ms, now_ms, &due_ms) == SCHEDULE_IS_DUE) {
			*last_ms = due_ms;
			count++;
		}
	return count;
}

static void words_are_read_or_named(void **state)
{
	static const char *const wrong[][4] = {
	    {"month", "00:00", "sunday", "every"}, {"day", "24:00", "sunday", "at"},
	    {"day", "12:60", "sunday", "at"},      {"day", "1:00", "sunday", "at"},
	    {"day", "-1:00", "sunday", "at"},      {"week", "00:00", "someday", "weekday"},
	};
	struct schedule s;
	struct err err;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_true(schedule_read(wrong[i][0], wrong[i][1], wrong[i][2], &s, &err) < 0);
		assert_string_equal(err.field, wrong[i][3]);
	}
	s = schedule_of("week", "23:59", "saturday");
	assert_int_equal(s.weekday, 6);
	assert_int_equal(s.hour * 60 + s.minute, 23 * 60 + 59);
}

static void points_in_time_are_local(void **state)
{
	struct schedule daily = schedule_of("day", "02:00", "sunday");
	struct schedule weekly = schedule_of("week", "02:00", "wednesday");
	struct schedule hourly = schedule_of("hour", "00:15", "sunday");
	int64_t now_ms = utc(1, 13, 12, 10); /* a Tuesday, 13:10 */

	assert_int_equal(schedule_last(&daily, now_ms), utc(1, 13, 1, 0));
	assert_int_equal(schedule_next(&daily, now_ms), utc(1, 14, 1, 0));
	assert_int_equal(schedule_last(&weekly, now_ms), utc(1, 7, 1, 0));
	assert_int_equal(schedule_next(&weekly, now_ms), utc(1, 14, 1, 0));
	assert_int_equal(schedule_last(&hourly, now_ms), utc(1, 13, 11, 15));
	assert_int_equal(schedule_next(&hourly, now_ms), utc(1, 13, 12, 15));
	assert_int_equal(schedule_last(&daily, utc(1, 13, 1, 0)), utc(1, 13, 1, 0));
	assert_int_equal(schedule_next(&daily, utc(1, 13, 1, 0)), utc(1, 14, 1, 0));
	assert_int_equal(schedule_last(&daily, utc(1, 1, 0, 30)), utc(1, 1, 1, 0) - DAY);
}

static void the_hour_that_is_left_out_does_not_lose_a_day(void **state)
{
	struct schedule in_it = schedule_of("day", "02:30", "sunday");
	int64_t last_ms = 0;

	/* 02:30 there is not: 03:30, which is 01:30 UTC. */
	assert_int_equal(schedule_next(&in_it, utc(3, 28, 12, 0)), utc(3, 29, 1, 30));
	assert_int_equal(schedule_next(&in_it, utc(3, 29, 1, 30)), utc(3, 30, 0, 30));
	assert_int_equal(schedule_last(&in_it, utc(3, 29, 12, 0)), utc(3, 29, 1, 30));
	assert_int_equal(runs(&in_it, utc(3, 27, 12, 0), utc(4, 1, 12, 0), &last_ms), 5);
}

static void the_hour_that_is_twice_makes_no_second_run(void **state)
{
	struct schedule in_it = schedule_of("day", "02:30", "sunday");
	struct schedule weekly = schedule_of("week", "02:30", "sunday");
	int64_t last_ms = 0;

	assert_int_equal(schedule_next(&in_it, utc(10, 24, 12, 0)), utc(10, 25, 0, 30));
	assert_int_equal(schedule_next(&in_it, utc(10, 25, 0, 30)), utc(10, 26, 1, 30));
	assert_int_equal(schedule_last(&in_it, utc(10, 25, 1, 45)), utc(10, 25, 0, 30));
	assert_int_equal(runs(&in_it, utc(10, 23, 12, 0), utc(10, 28, 12, 0), &last_ms), 5);
	last_ms = 0;
	assert_int_equal(runs(&weekly, utc(10, 20, 0, 0), utc(11, 3, 0, 0), &last_ms), 2);
}

static void an_hourly_one_runs_each_hour_that_passes(void **state)
{
	struct schedule hourly = schedule_of("hour", "00:30", "sunday");
	int64_t last_ms = 0;

	assert_int_equal(runs(&hourly, utc(3, 28, 23, 0), utc(3, 29, 23, 0), &last_ms), 24);
	last_ms = 0;
	assert_int_equal(runs(&hourly, utc(10, 24, 22, 0), utc(10, 25, 22, 0), &last_ms), 24);
}

/* Nepal is 5 hours and 45 minutes ahead; Lord Howe's clocks change by half an hour. */
static void odd_offsets_are_no_different(void **state)
{
	struct schedule hourly = schedule_of("hour", "00:00", "sunday");
	struct schedule daily = schedule_of("day", "02:15", "sunday");
	int64_t last_ms = 0;

	setenv("TZ", "NPT-5:45", 1);
	tzset();
	assert_int_equal(schedule_next(&hourly, utc(5, 5, 12, 0)), utc(5, 5, 12, 15));
	setenv("TZ", "LHST-10:30LHDT-11,M10.1.0,M4.1.0", 1);
	tzset();
	assert_int_equal(runs(&daily, utc(10, 2, 0, 0), utc(10, 7, 0, 0), &last_ms), 5);
	last_ms = 0;
	assert_int_equal(runs(&daily, utc(4, 3, 0, 0), utc(4, 8, 0, 0), &last_ms), 5);
	berlin(NULL);
}

static void what_was_missed_is_made_up_for_once(void **state)
{
	struct schedule hourly = schedule_of("hour", "00:00", "sunday");
	int64_t last_ms = utc(1, 1, 0, 0), due_ms;
	int64_t later_ms = utc(2, 1, 0, 30);

	assert_int_equal(schedule_look(&hourly, last_ms, 0, later_ms, &due_ms), SCHEDULE_IS_DUE);
	assert_int_equal(due_ms, utc(2, 1, 0, 0));
	assert_int_equal(schedule_look(&hourly, due_ms, 0, later_ms, &due_ms), SCHEDULE_WAITS);
}

static void a_new_one_waits_for_its_first_time(void **state)
{
	struct schedule daily = schedule_of("day", "02:00", "sunday");
	int64_t born_ms = utc(1, 10, 12, 0), due_ms;

	assert_int_equal(schedule_look(&daily, 0, born_ms, born_ms, &due_ms), SCHEDULE_WAITS);
	assert_int_equal(schedule_look(&daily, 0, born_ms, utc(1, 11, 1, 0), &due_ms),
			 SCHEDULE_IS_DUE);
}

static void a_clock_that_goes_back_a_little_makes_nothing_twice(void **state)
{
	struct schedule hourly = schedule_of("hour", "00:00", "sunday");
	int64_t last_ms = utc(6, 1, 12, 0), due_ms;

	for (int64_t back = 0; back < SCHEDULE_BACK_MS; back += MINUTE)
		assert_int_equal(
		    schedule_look(&hourly, last_ms, 0, last_ms + MINUTE - back, &due_ms),
		    SCHEDULE_WAITS);
}

static void a_clock_that_was_a_year_ahead_does_not_stop_it_for_a_year(void **state)
{
	struct schedule daily = schedule_of("day", "02:00", "sunday");
	int64_t now_ms = utc(6, 1, 12, 0), due_ms;
	int64_t last_ms = now_ms + 365 * DAY;

	assert_int_equal(schedule_look(&daily, last_ms, 0, now_ms, &due_ms),
			 SCHEDULE_CLOCK_WAS_WRONG);
	assert_true(due_ms <= now_ms);
	assert_int_equal(schedule_look(&daily, due_ms, 0, now_ms, &due_ms), SCHEDULE_WAITS);
	assert_int_equal(schedule_look(&daily, due_ms, 0, now_ms + DAY, &due_ms), SCHEDULE_IS_DUE);
}

/* Whatever the schedule and the time: last <= now < next, and there is none between. */
static void last_and_next_enclose_every_moment(void **state)
{
	static const char *const units[] = {"hour", "day", "week"};
	static const char *const times[] = {"00:00", "01:59", "02:00", "02:30", "03:00", "23:59"};

	for (size_t u = 0; u < 3; u++)
		for (size_t t = 0; t < 6; t++) {
			struct schedule s = schedule_of(units[u], times[t], "sunday");

			for (int64_t now_ms = utc(3, 20, 0, 7); now_ms < utc(11, 5, 0, 0);
			     now_ms += 37 * MINUTE) {
				int64_t last_ms = schedule_last(&s, now_ms);
				int64_t next_ms = schedule_next(&s, now_ms);

				assert_true(last_ms <= now_ms && now_ms < next_ms);
				assert_int_equal(schedule_next(&s, last_ms), next_ms);
				assert_int_equal(schedule_last(&s, next_ms - 1), last_ms);
			}
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(words_are_read_or_named),
	    cmocka_unit_test(points_in_time_are_local),
	    cmocka_unit_test(the_hour_that_is_left_out_does_not_lose_a_day),
	    cmocka_unit_test(the_hour_that_is_twice_makes_no_second_run),
	    cmocka_unit_test(an_hourly_one_runs_each_hour_that_passes),
	    cmocka_unit_test(odd_offsets_are_no_different),
	    cmocka_unit_test(what_was_missed_is_made_up_for_once),
	    cmocka_unit_test(a_new_one_waits_for_its_first_time),
	    cmocka_unit_test(a_clock_that_goes_back_a_little_makes_nothing_twice),
	    cmocka_unit_test(a_clock_that_was_a_year_ahead_does_not_stop_it_for_a_year),
	    cmocka_unit_test(last_and_next_enclose_every_moment),
	};

	return cmocka_run_group_tests(tests, berlin, NULL);
}
