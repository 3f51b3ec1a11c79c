/* SPDX-License-Identifier: MIT */
/* What failed waits longer each time, is told of once, and is forgotten when nothing of it is left.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "apply_failures.h"
#include "clock.h"
#include "json.h"

#define KEY "volume/v1"

static uint64_t wait_ms(const json_t *failures, uint64_t now_ns)
{
	return (failures_next_ns(failures) - now_ns) / CLOCK_NS_PER_MS;
}

static void a_refusal_waits_longer_up_to_a_minute(void **state)
{
	cleanup_json json_t *failures = json_object();
	const uint64_t now_ns = 5 * CLOCK_NS_PER_S;
	struct err err;

	assert_int_equal(failures_next_ns(failures), UINT64_MAX);
	err_set(&err, ENOSPC, "size_bytes", "no space");
	for (int i = 0; i < 12; i++) {
		uint64_t expected_ms = i < 6 ? 1000u << i : 60000u;

		failures_add(failures, KEY, &err, now_ns);
		assert_int_equal(wait_ms(failures, now_ns), expected_ms);
		assert_true(failures_waits(failures, KEY, now_ns));
		assert_false(failures_waits(failures, KEY, now_ns + expected_ms * CLOCK_NS_PER_MS));
	}
}

static void what_is_busy_is_tried_soon_and_is_not_final(void **state)
{
	cleanup_json json_t *failures = json_object();
	struct err err, again;
	bool is_final = true;

	err_set(&err, EBUSY, "", "in use");
	failures_add(failures, KEY, &err, 0);
	assert_int_equal(wait_ms(failures, 0), 100);
	assert_true(failures_get(failures, KEY, &again, &is_final));
	assert_false(is_final);
	assert_int_equal(again.code, EBUSY);
	assert_string_equal(again.text, "in use");
	assert_false(failures_tell(failures, KEY));
	assert_false(failures_get(failures, "volume/v2", &again, &is_final));
}

static void a_refusal_is_told_of_once(void **state)
{
	cleanup_json json_t *failures = json_object();
	struct err err;

	err_set(&err, EINVAL, "", "no");
	failures_add(failures, KEY, &err, 0);
	assert_true(failures_tell(failures, KEY));
	failures_hurry(failures);
	failures_add(failures, KEY, &err, 0);
	assert_false(failures_tell(failures, KEY));
}

static void a_wake_makes_all_worth_a_try(void **state)
{
	cleanup_json json_t *failures = json_object();
	struct err err;

	err_set(&err, EINVAL, "", "no");
	for (int i = 0; i < 9; i++)
		failures_add(failures, KEY, &err, 0);
	failures_hurry(failures);
	assert_false(failures_waits(failures, KEY, 1));
	failures_add(failures, KEY, &err, 0);
	assert_int_equal(wait_ms(failures, 0), 1000);
}

static void what_no_step_is_left_for_is_forgotten(void **state)
{
	cleanup_json json_t *failures = json_object();
	cleanup_json json_t *steps =
	    json_pack("[{s:s, s:s}]", "object_type", "volume", "object_name", "v1");
	struct err err;

	err_set(&err, EINVAL, "", "no");
	failures_add(failures, KEY, &err, 0);
	failures_add(failures, "portal/127.0.0.1:3260", &err, 0);
	failures_keep(failures, steps);
	assert_int_equal(json_object_size(failures), 1);
	assert_non_null(json_object_get(failures, KEY));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_refusal_waits_longer_up_to_a_minute),
	    cmocka_unit_test(what_is_busy_is_tried_soon_and_is_not_final),
	    cmocka_unit_test(a_refusal_is_told_of_once),
	    cmocka_unit_test(a_wake_makes_all_worth_a_try),
	    cmocka_unit_test(what_no_step_is_left_for_is_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
