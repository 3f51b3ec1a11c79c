/* SPDX-License-Identifier: MIT */
/* Rates and percentiles out of counters: differences over time, restarts, gaps, layers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "clock.h"
#include "figures.h"
#include "hist.h"
#include "json.h"

#define SECOND CLOCK_NS_PER_S

/* One volume with so many reads of 4 KiB in one bucket, all its time in the backend but a quarter.
 */
static json_t *reading(const char *name, int reads, int errors, const char *top)
{
	json_t *layers = json_array();

	if (top)
		json_array_append_new(layers, json_pack("{s:s, s:I, s:I}", "layer", top,
							"latency_ns", (json_int_t)reads * 4000,
							"cpu_ns", (json_int_t)reads * 50000));
	json_array_append_new(layers, json_pack("{s:s, s:I}", "layer", "backend", "latency_ns",
						(json_int_t)reads * (top ? 3000 : 4000)));
	return json_pack("[{s:s, s:{s:i, s:I, s:i, s:[[i, i]]}, s:{s:i, s:i, s:i, s:[]}, s:{s:i, "
			 "s:i}, s:o}]",
			 "name", name, "read", "ios", reads, "bytes", (json_int_t)reads * 4096,
			 "errors", errors, "buckets", (int)hist_bucket(100000), reads, "write",
			 "ios", 0, "bytes", 0, "errors", 0, "buckets", "other", "ios", 0, "errors",
			 0, "layers", layers);
}

/* The figure of the only volume after this reading. */
static json_t *step(struct figures *f, json_t *volumes, uint64_t now_ns)
{
	json_t *document = figures_step(f, volumes, now_ns);
	json_t *v = json_incref(json_array_get(json_object_get(document, "volumes"), 0));

	json_decref(document);
	json_decref(volumes);
	return v;
}

static void check(json_t *v, const char *key, json_int_t wanted)
{
	json_int_t is = json_integer_value(json_object_get(v, key));

	if (is != wanted)
		fail_msg("%s is %lld and not %lld", key, (long long)is, (long long)wanted);
}

static void first_reading_gives_zeroes(void **state)
{
	struct figures f = {0};
	cleanup_json json_t *v = step(&f, reading("v0", 1000000, 5, NULL), 100 * SECOND);

	check(v, "read_iops", 0);
	check(v, "read_p99_us", 0);
	check(v, "errors_per_s", 0);
	figures_clear(&f);
}

static void rates_are_differences_over_the_time_between(void **state)
{
	struct figures f = {0};
	json_t *none = step(&f, reading("v0", 1000, 0, NULL), 100 * SECOND);
	cleanup_json json_t *v = step(&f, reading("v0", 1500, 4, NULL), 102 * SECOND);
	json_int_t p99_us = json_integer_value(json_object_get(v, "read_p99_us"));

	json_decref(none);
	check(v, "read_iops", 250);
	check(v, "read_bytes_per_s", 250 * 4096);
	check(v, "errors_per_s", 2);
	check(v, "write_iops", 0);
	assert_in_range(p99_us, 80, 140);
	figures_clear(&f);
}

static void total_is_the_sum(void **state)
{
	struct figures f = {0};
	cleanup_json json_t *a = reading("v0", 0, 0, NULL), *b = reading("v0", 100, 0, NULL);
	cleanup_json json_t *a1 = reading("v1", 0, 0, NULL), *b1 = reading("v1", 50, 0, NULL);
	json_t *first, *second;

	json_array_extend(a, a1);
	json_array_extend(b, b1);
	first = figures_step(&f, a, SECOND);
	second = figures_step(&f, b, 2 * SECOND);
	check(json_object_get(second, "total"), "read_iops", 150);
	json_decref(first);
	json_decref(second);
	figures_clear(&f);
}

static void restarted_counters_give_no_absurd_rate(void **state)
{
	struct figures f = {0};
	json_t *none = step(&f, reading("v0", 1000000, 0, NULL), SECOND);
	cleanup_json json_t *v = step(&f, reading("v0", 30, 0, NULL), 2 * SECOND);

	json_decref(none);
	check(v, "read_iops", 30);
	figures_clear(&f);
}

static void long_gap_is_a_new_beginning(void **state)
{
	struct figures f = {0};
	json_t *none = step(&f, reading("v0", 1000, 0, NULL), SECOND);
	cleanup_json json_t *v = step(&f, reading("v0", 9000000, 0, NULL), 3600 * SECOND);

	json_decref(none);
	check(v, "read_iops", 0);
	figures_clear(&f);
}

static void another_top_layer_is_a_new_beginning(void **state)
{
	struct figures f = {0};
	json_t *none = step(&f, reading("v0", 10, 0, "delay"), SECOND);
	cleanup_json json_t *v = step(&f, reading("v0", 5000000, 0, NULL), 2 * SECOND);

	json_decref(none);
	check(v, "read_iops", 0);
	figures_clear(&f);
}

static void layer_gets_what_it_adds_to_the_one_below(void **state)
{
	struct figures f = {0};
	json_t *none = step(&f, reading("v0", 0, 0, "delay"), SECOND);
	cleanup_json json_t *v = step(&f, reading("v0", 1000, 0, "delay"), 2 * SECOND);
	json_t *layers = json_object_get(v, "layers");
	double top =
	    json_number_value(json_object_get(json_array_get(layers, 0), "latency_share_pct"));
	double backend =
	    json_number_value(json_object_get(json_array_get(layers, 1), "latency_share_pct"));

	json_decref(none);
	assert_string_equal(json_string_value(json_object_get(json_array_get(layers, 0), "layer")),
			    "delay");
	assert_true(top > 24.9 && top < 25.1);
	assert_true(backend > 74.9 && backend < 75.1);
	/* 1,000 reads in a second, 50 us each; of the backend nothing is known. */
	top = json_number_value(json_object_get(json_array_get(layers, 0), "cpu_pct"));
	backend = json_number_value(json_object_get(json_array_get(layers, 1), "cpu_pct"));
	assert_true(top > 4.99 && top < 5.01);
	assert_true(backend == 0.0);
	figures_clear(&f);
}

/* One volume as a filterd with caches tells it. */
static json_t *cached(int reads, int hits, const char *throttle)
{
	return json_pack("[{s:s, s:i, s:i, s:i, s:i, s:s?, s:s?}]", "name", "v0", "reads", reads,
			 "read_hits", hits, "dirty_bytes", 8192, "lag_ms", 1500, "throttle",
			 throttle, "state", NULL);
}

static void hits_are_of_the_reads_since_the_reading_before(void **state)
{
	struct figures f = {0};
	json_t *none = step(&f, cached(1000, 10, NULL), SECOND);
	cleanup_json json_t *v = step(&f, cached(1200, 160, "dirty"), 2 * SECOND);

	assert_true(json_is_null(json_object_get(none, "read_hit_pct")));
	assert_true(json_is_null(json_object_get(none, "throttle")));
	json_decref(none);
	assert_true(json_real_value(json_object_get(v, "read_hit_pct")) == 75.0);
	assert_string_equal(json_string_value(json_object_get(v, "throttle")), "dirty");
	assert_true(json_is_null(json_object_get(v, "state")));
	check(v, "dirty_bytes", 8192);
	check(v, "lag_ms", 1500);
	figures_clear(&f);
}

static void no_read_is_not_a_miss(void **state)
{
	struct figures f = {0};
	json_t *none = step(&f, cached(1000, 10, NULL), SECOND);
	cleanup_json json_t *v = step(&f, cached(1000, 10, NULL), 2 * SECOND);
	cleanup_json json_t *anew = step(&f, cached(10, 5, NULL), 3 * SECOND);

	json_decref(none);
	assert_true(json_is_null(json_object_get(v, "read_hit_pct")));
	assert_true(json_real_value(json_object_get(anew, "read_hit_pct")) == 50.0);
	figures_clear(&f);
}

static void total_has_dirty_data_the_worst_lag_and_who_is_held(void **state)
{
	struct figures f = {0};
	cleanup_json json_t *a = cached(0, 0, "limit"), *b = cached(0, 0, NULL);
	json_t *document, *total;

	json_object_set_new(json_array_get(b, 0), "name", json_string("v1"));
	json_object_set_new(json_array_get(b, 0), "lag_ms", json_integer(7));
	json_array_extend(a, b);
	document = figures_step(&f, a, SECOND);
	total = json_object_get(document, "total");
	check(total, "dirty_bytes", 16384);
	check(total, "lag_ms", 1500);
	check(total, "throttled_volumes", 1);
	json_decref(document);
	figures_clear(&f);
}

static void garbage_is_survived(void **state)
{
	static const char *const texts[] = {
	    "[]",
	    "[{}]",
	    "[{\"name\": 5}]",
	    "[{\"name\": \"v\", \"read\": 7, \"layers\": {}}]",
	    "[{\"name\": \"v\", \"read\": {\"buckets\": [[99, 1], [-1, 1], [0, -5], [1], 7]}}]",
	    "[{\"name\": \"v\", \"layers\": [{\"latency_ns\": 5}, 5]}]",
	    "[{\"name\": \"v\", \"reads\": -4, \"read_hits\": \"x\", \"throttle\": 7, \"state\": {}}]",
	    "[{\"name\": \"v\", \"reads\": 1, \"read_hits\": 9, \"dirty_bytes\": -1}]",
	};
	struct figures f = {0};

	for (size_t i = 0; i < 2 * sizeof(texts) / sizeof(texts[0]); i++) {
		cleanup_json json_t *volumes =
		    json_loads(texts[i % (sizeof(texts) / sizeof(texts[0]))], 0, NULL);
		cleanup_json json_t *document = figures_step(&f, volumes, (i + 1) * SECOND);

		assert_non_null(volumes);
		assert_non_null(document);
	}
	figures_clear(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(first_reading_gives_zeroes),
	    cmocka_unit_test(rates_are_differences_over_the_time_between),
	    cmocka_unit_test(total_is_the_sum),
	    cmocka_unit_test(restarted_counters_give_no_absurd_rate),
	    cmocka_unit_test(long_gap_is_a_new_beginning),
	    cmocka_unit_test(another_top_layer_is_a_new_beginning),
	    cmocka_unit_test(layer_gets_what_it_adds_to_the_one_below),
	    cmocka_unit_test(hits_are_of_the_reads_since_the_reading_before),
	    cmocka_unit_test(no_read_is_not_a_miss),
	    cmocka_unit_test(total_has_dirty_data_the_worst_lag_and_who_is_held),
	    cmocka_unit_test(garbage_is_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
