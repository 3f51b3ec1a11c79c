/* SPDX-License-Identifier: MIT */
/* Below the threshold nothing is delayed, and a datastore without I/O costs no timer. */
#include "io_control_rig.h"

#include <string.h>

static struct rig r;

static void below_the_threshold_nothing_waits(void **state)
{
	rig_open(&r, 8, 1000, 2);
	rig_attach(&r, 0, "");
	rig_attach(&r, 1, "shares_level=low");
	rig_group(&r, "enabled=true,threshold_mode=manual,threshold_us=20000");
	rig_load(&r, 0, 16, SLUICE_OP_READ, 4096);
	rig_load(&r, 1, 4, SLUICE_OP_WRITE, 4096);
	rig_run_ms(&r, 10000);
	assert_in_range(r.v[0].ended + r.v[1].ended, 79900, 80000);
	for (uint32_t i = 0; i < 2; i++) {
		assert_int_equal(rig_status(&r, i, "waited_us_avg"), 0);
		assert_string_equal(rig_status_text(&r, i, "throttled_by"), "none");
	}
	assert_string_equal(rig_group_status_text(&r, "state"), "free");
	assert_string_equal(r.kinds, "");
	rig_close(&r);
}

static void disabled_means_that_shares_never_delay(void **state)
{
	rig_open(&r, 1, 2000, 2);
	rig_attach(&r, 0, "shares_level=high");
	rig_attach(&r, 1, "shares_level=low");
	rig_load(&r, 0, 32, SLUICE_OP_READ, 4096);
	rig_load(&r, 1, 32, SLUICE_OP_READ, 4096);
	rig_run_ms(&r, 5000);
	assert_in_range(r.v[0].ended, 1200, 1300);
	assert_in_range(r.v[1].ended, 1200, 1300);
	assert_int_equal(rig_group_status(&r, "enabled"), 0);
	assert_in_range(rig_group_status(&r, "latency_us"), 126000, 130000);
	assert_in_range(rig_group_status(&r, "capacity_iops"), 490, 510);
	rig_close(&r);
}

static void an_idle_datastore_has_no_timer(void **state)
{
	rig_open(&r, 4, 1000, 1);
	rig_attach(&r, 0, "limit_iops=1000,reservation_iops=10");
	rig_group(&r, "enabled=true,threshold_mode=manual,threshold_us=1500");
	rig_load(&r, 0, 32, SLUICE_OP_READ, 4096);
	rig_run_ms(&r, 3000);
	assert_true(r.fe.timer_count > 0);
	rig_load(&r, 0, 0, SLUICE_OP_READ, 4096);
	rig_run_ms(&r, 3000);
	assert_int_equal(r.fe.timer_count, 0);
	rig_load(&r, 0, 1, SLUICE_OP_READ, 4096); /* and wakes again */
	rig_run_ms(&r, 100);
	assert_true(r.fe.timer_count > 0);
	rig_close(&r);
}

static void flush_and_extent_are_never_delayed(void **state)
{
	rig_open(&r, 4, 1000, 1);
	rig_attach(&r, 0, "limit_iops=1");
	rig_load(&r, 0, 8, SLUICE_OP_READ, 4096);
	rig_run_ms(&r, 100);
	assert_true(rig_status(&r, 0, "queued") > 0);
	rig_one(&r, 0, SLUICE_OP_FLUSH, 0);
	assert_non_null(rig_one_last);
	rig_one(&r, 0, SLUICE_OP_EXTENT, 4096);
	assert_non_null(rig_one_last);
	rig_one(&r, 0, SLUICE_OP_UNMAP, 4096);
	assert_null(rig_one_last);
	rig_close(&r);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    T(below_the_threshold_nothing_waits),
	    T(disabled_means_that_shares_never_delay),
	    T(an_idle_datastore_has_no_timer),
	    T(flush_and_extent_are_never_delayed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
