/* SPDX-License-Identifier: MIT */
/* test_layer_pace.c - merging gives way to others, and never stops for them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "merge_pace.h"

#define MS 1000000ull

static void merging_does_not_rest_while_nobody_is_there(void **state)
{
	assert_int_equal(merge_rest_ns(false, 256 << 10, 5 * MS), 0);
}

static void merging_takes_a_quarter_of_the_time_beside_others(void **state)
{
	assert_int_equal(merge_rest_ns(true, 256 << 10, 2 * MS), 6 * MS);
	assert_int_equal(merge_rest_ns(true, 256 << 10, 10 * MS), 30 * MS);
}

/* 256 KiB at 4 MiB/s are 62.5 ms. */
static void merging_moves_its_least_where_a_quarter_would_be_less(void **state)
{
	uint64_t took_ns = 20 * MS;
	uint64_t rest_ns = merge_rest_ns(true, 256 << 10, took_ns);

	assert_int_equal(rest_ns + took_ns, 62500000);
}

static void merging_on_a_slow_disk_takes_half_of_the_time(void **state)
{
	assert_int_equal(merge_rest_ns(true, 4096, 50 * MS), 50 * MS);
	assert_int_equal(merge_rest_ns(true, 256 << 10, 150 * MS), 150 * MS);
	assert_int_equal(merge_rest_ns(true, 256 << 10, 900 * MS), MERGE_REST_MAX_NS);
	assert_int_equal(merge_rest_ns(true, 4096, UINT64_MAX), MERGE_REST_MAX_NS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(merging_does_not_rest_while_nobody_is_there),
	    cmocka_unit_test(merging_takes_a_quarter_of_the_time_beside_others),
	    cmocka_unit_test(merging_moves_its_least_where_a_quarter_would_be_less),
	    cmocka_unit_test(merging_on_a_slow_disk_takes_half_of_the_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
