/* SPDX-License-Identifier: MIT */
/* A limit below what the initiator's queue needs never makes the filter count as hung; nor does a
 * device that stops make it wait for ever. */
#include "io_control_rig.h"

#include <string.h>

static struct rig r;

static void what_waits_too_long_goes_on_and_is_counted(void **state)
{
	struct chain_filter_info info;

	rig_open(&r, 4, 1000, 1);
	rig_attach(&r, 0, "limit_iops=1");
	rig_load(&r, 0, 64, SLUICE_OP_READ, 4096);
	rig_run_ms(&r, 120000);
	chain_filter_info(r.v[0].c, 0, &info);
	assert_int_equal(info.hung_count, 0);
	assert_int_equal(info.misuse_count, 0);
	assert_false(info.is_bypassed);
	assert_true(rig_status(&r, 0, "overdue") > 30);
	assert_true(r.v[0].latency_max_ns < 27000 * MS); /* before an initiator gives up at 30 s */
	/* Told at most once a minute. */
	assert_string_equal(r.kinds, "io_control_limit_too_low io_control_limit_too_low ");
	assert_non_null(strstr(r.text, "waited for 25 s"));
	assert_non_null(strstr(r.text, "limit_iops 1 "));
	rig_close(&r);
}

static void twenty_seconds_of_waiting_are_fine(void **state)
{
	rig_open(&r, 4, 1000, 1);
	rig_attach(&r, 0, "limit_iops=3");
	rig_load(&r, 0, 60, SLUICE_OP_READ, 4096);
	rig_run_ms(&r, 60000);
	assert_int_equal(rig_status(&r, 0, "overdue"), 0);
	assert_string_equal(r.kinds, "");
	assert_in_range(r.v[0].ended, 178, 182);
	rig_close(&r);
}

/* As after a bypass: their done() never comes, and the others must not wait for room for ever. */
static void what_does_not_come_back_for_a_minute_is_given_up(void **state)
{
	rig_open(&r, 1, 10000000, 1); /* 10 s for each 32 KiB */
	rig_attach(&r, 0, "");
	rig_load(&r, 0, 1, SLUICE_OP_READ, 256 << 10);
	rig_run_ms(&r, 50000);
	assert_int_equal(rig_group_status(&r, "in_flight"), 1);
	rig_load(&r, 0, 0, SLUICE_OP_READ, 256 << 10);
	rig_run_ms(&r, 20000);
	assert_int_equal(rig_group_status(&r, "in_flight"), 0);
	assert_int_equal(rig_status(&r, 0, "in_flight"), 0);
	rig_run_ms(&r, 20000); /* it comes back after all: not counted twice */
	assert_int_equal(r.v[0].ended, 1);
	assert_int_equal(rig_group_status(&r, "in_flight"), 0);
	assert_int_equal(rig_status(&r, 0, "in_flight"), 0);
	rig_close(&r);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    T(what_waits_too_long_goes_on_and_is_counted),
	    T(twenty_seconds_of_waiting_are_fine),
	    T(what_does_not_come_back_for_a_minute_is_given_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
