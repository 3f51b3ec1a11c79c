/* SPDX-License-Identifier: MIT */
/* hist.h: every latency has one bucket, buckets touch, percentiles are inside their bucket. */
#include <setjmp.h>
#include <stdbool.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "hist.h"

static void buckets_touch_without_gaps_or_overlap(void **state)
{
	for (uint32_t i = 1; i < HIST_BUCKETS; i++) {
		uint64_t floor_ns = hist_floor_ns(i);

		assert_true(floor_ns > hist_floor_ns(i - 1));
		assert_int_equal(hist_bucket(floor_ns), i);
		assert_int_equal(hist_bucket(floor_ns - 1), i - 1);
	}
}

static void the_ends_take_what_is_outside(void **state)
{
	assert_int_equal(hist_bucket(0), 0);
	assert_int_equal(hist_bucket(1), 0);
	assert_int_equal(hist_bucket(1023), 0);
	assert_int_equal(hist_bucket(1ull << 36), HIST_BUCKETS - 1);
	assert_int_equal(hist_bucket(UINT64_MAX), HIST_BUCKETS - 1);
	assert_int_equal(hist_floor_ns(HIST_BUCKETS), 1ull << 36);
}

static void a_bucket_is_narrow_against_its_latency(void **state)
{
	for (uint32_t i = 1; i < HIST_BUCKETS; i++) {
		uint64_t floor_ns = hist_floor_ns(i), width_ns = hist_floor_ns(i + 1) - floor_ns;
		bool is_fine = floor_ns >= 8192 && floor_ns < 524288;

		assert_true(width_ns * (is_fine ? 4 : 2) <= floor_ns);
	}
}

static void percentiles_of_nothing_are_zero(void **state)
{
	uint64_t h[HIST_BUCKETS] = {0};

	assert_int_equal(hist_count(h), 0);
	assert_int_equal(hist_percentile_ns(h, 5000), 0);
}

static void percentiles_are_in_the_right_bucket(void **state)
{
	uint64_t h[HIST_BUCKETS] = {0};

	for (int i = 0; i < 990; i++)
		hist_record(h, 20000);
	for (int i = 0; i < 10; i++)
		hist_record(h, 5000000);
	assert_int_equal(hist_count(h), 1000);
	assert_int_equal(hist_bucket(hist_percentile_ns(h, 1)), hist_bucket(20000));
	assert_int_equal(hist_bucket(hist_percentile_ns(h, 5000)), hist_bucket(20000));
	assert_int_equal(hist_bucket(hist_percentile_ns(h, 9950)), hist_bucket(5000000));
	assert_true(hist_percentile_ns(h, 10000) == hist_floor_ns(hist_bucket(5000000) + 1));
	assert_true(hist_percentile_ns(h, 20000) == hist_percentile_ns(h, 10000));
}

static void percentiles_never_fall(void **state)
{
	uint64_t h[HIST_BUCKETS] = {0}, last = 0;

	for (uint64_t ns = 1; ns < 1ull << 40; ns = ns * 5 / 4 + 1)
		hist_record(h, ns);
	for (uint32_t p = 0; p <= 10000; p += 7) {
		uint64_t ns = hist_percentile_ns(h, p);

		assert_true(ns >= last);
		last = ns;
	}
}

static void large_counts_do_not_overflow(void **state)
{
	uint64_t h[HIST_BUCKETS] = {0};

	h[10] = 1ull << 61;
	h[20] = 1ull << 61;
	assert_int_equal(hist_bucket(hist_percentile_ns(h, 4999)), 10);
	assert_int_equal(hist_bucket(hist_percentile_ns(h, 5100)), 20);
}

static void merging_adds(void **state)
{
	uint64_t a[HIST_BUCKETS] = {0}, b[HIST_BUCKETS] = {0};

	hist_record(a, 5000);
	hist_record(b, 5000);
	hist_record(b, 50000);
	hist_merge(a, b);
	assert_int_equal(hist_count(a), 3);
	assert_int_equal(a[hist_bucket(5000)], 2);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(buckets_touch_without_gaps_or_overlap),
	    cmocka_unit_test(the_ends_take_what_is_outside),
	    cmocka_unit_test(a_bucket_is_narrow_against_its_latency),
	    cmocka_unit_test(percentiles_of_nothing_are_zero),
	    cmocka_unit_test(percentiles_are_in_the_right_bucket),
	    cmocka_unit_test(percentiles_never_fall),
	    cmocka_unit_test(large_counts_do_not_overflow),
	    cmocka_unit_test(merging_adds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
