/* SPDX-License-Identifier: MIT */
/* The bandwidth cap holds over time, lets large frames through, and follows its schedule. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pace.h"

#define S  1000000000ull
#define MS 1000000ull

static void no_limit_never_waits(void **state)
{
	struct pace p = {0};

	pace_set(&p, 0, 5 * S);
	pace_took(&p, 1ull << 40);
	assert_int_equal(pace_wait_ns(&p, 5 * S), 0);
}

static void bytes_of_a_minute_are_what_the_limit_says(void **state)
{
	struct pace p = {0};
	uint64_t now = S, sent = 0;

	pace_set(&p, 10000000, now);
	while (now < 61 * S) {
		uint64_t wait = pace_wait_ns(&p, now);

		if (wait) {
			now += wait;
			continue;
		}
		pace_took(&p, 300000);
		sent += 300000;
	}
	assert_in_range(sent, 590000000, 605000000);
}

static void frame_larger_than_a_second_goes_and_is_paid_for(void **state)
{
	struct pace p = {0};

	pace_set(&p, 100000, S);
	assert_int_equal(pace_wait_ns(&p, S), 0);
	pace_took(&p, 1000000);
	assert_true(pace_wait_ns(&p, 2 * S) > 0);
	assert_true(pace_wait_ns(&p, 3 * S) > 6 * S);
}

static void frequent_looks_lose_nothing(void **state)
{
	struct pace p = {0};
	uint64_t now = S;

	pace_set(&p, 100, now);
	pace_took(&p, 100);
	while (pace_wait_ns(&p, now) > 0 && now < 10 * S)
		now += MS;
	assert_in_range(now, 19 * S / 10, 22 * S / 10);
}

static void schedule_may_pass_midnight(void **state)
{
	assert_int_equal(pace_rate(5, 0, 8, 18, 12), 5);
	assert_int_equal(pace_rate(5, 1, 8, 18, 12), 1);
	assert_int_equal(pace_rate(5, 1, 8, 18, 18), 5);
	assert_int_equal(pace_rate(0, 1, 22, 6, 23), 1);
	assert_int_equal(pace_rate(0, 1, 22, 6, 5), 1);
	assert_int_equal(pace_rate(0, 1, 22, 6, 6), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(no_limit_never_waits),
	    cmocka_unit_test(bytes_of_a_minute_are_what_the_limit_says),
	    cmocka_unit_test(frame_larger_than_a_second_goes_and_is_paid_for),
	    cmocka_unit_test(frequent_looks_lose_nothing),
	    cmocka_unit_test(schedule_may_pass_midnight),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
