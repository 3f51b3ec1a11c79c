/* SPDX-License-Identifier: MIT */
/* Limits hold to 1 % over 10 s at every size, congested or not, and touch nobody else. */
#include "io_control_rig.h"

#include <stdio.h>

static struct rig r;

static void limit_is(const char *params, uint64_t len_bytes, uint64_t ios)
{
	rig_open(&r, 64, 100, 2);
	rig_attach(&r, 0, params);
	rig_attach(&r, 1, "");
	rig_load(&r, 0, 32, SLUICE_OP_READ, len_bytes);
	rig_load(&r, 1, 4, SLUICE_OP_READ, 4096);
	rig_run_ms(&r, 2000);
	rig_forget(&r);
	rig_run_ms(&r, 10000);
	assert_in_range(r.v[0].ended * 100, ios * 99, ios * 101);
	assert_in_range(r.v[1].ended, 399900, 400100);
	assert_int_equal(rig_status(&r, 1, "waited_us_avg"), 0);
	rig_close(&r);
}

static void iops_count_requests_of_any_size(void **state)
{
	limit_is("limit_iops=1000", 512, 10000);
	limit_is("limit_iops=1000", 4096, 10000);
	limit_is("limit_iops=333", 1 << 20, 3330);
}

static void normalised_iops_count_units_of_32_kib(void **state)
{
	limit_is("limit_iops=1000,limit_unit=normalised", 512, 10000);
	limit_is("limit_iops=1000,limit_unit=normalised", 32768, 10000);
	limit_is("limit_iops=1000,limit_unit=normalised", 33280, 5000);
	limit_is("limit_iops=3200,limit_unit=normalised", 1 << 20, 1000);
}

static void unmapping_and_zeroing_count_as_small_writes(void **state)
{
	rig_open(&r, 64, 100, 2);
	rig_attach(&r, 0, "limit_iops=1000,limit_unit=normalised");
	rig_attach(&r, 1, "limit_bytes_per_s=4096000");
	rig_load(&r, 0, 32, SLUICE_OP_UNMAP, 1 << 20);
	rig_load(&r, 1, 32, SLUICE_OP_WRITE_ZEROES, 1 << 20);
	rig_run_ms(&r, 2000);
	rig_forget(&r);
	rig_run_ms(&r, 10000);
	assert_in_range(r.v[0].ended, 9900, 10100);
	assert_in_range(r.v[1].ended, 9900, 10100);
	rig_close(&r);
}

static void bytes_count_bytes(void **state)
{
	limit_is("limit_bytes_per_s=1000000", 4096, 2441);
	limit_is("limit_bytes_per_s=100000000", 1 << 20, 953);
}

static void what_limits_is_said(void **state)
{
	rig_open(&r, 4, 100, 2);
	rig_attach(&r, 0, "limit_iops=100");
	rig_attach(&r, 1, "limit_bytes_per_s=100000");
	rig_load(&r, 0, 8, SLUICE_OP_READ, 4096);
	rig_load(&r, 1, 8, SLUICE_OP_READ, 4096);
	rig_run_ms(&r, 1001);
	assert_string_equal(rig_status_text(&r, 0, "throttled_by"), "limit_iops");
	assert_string_equal(rig_status_text(&r, 1, "throttled_by"), "limit_bytes");
	assert_in_range(rig_status(&r, 0, "queued"), 7, 8);
	assert_in_range(rig_status(&r, 0, "waited_us_avg"), 50000, 80000);
	assert_in_range(rig_status(&r, 0, "tags.limit_us"), 1, 10000);
	rig_close(&r);
}

static void a_limit_may_be_changed_under_io(void **state)
{
	rig_open(&r, 16, 100, 1);
	rig_attach(&r, 0, "limit_iops=100");
	rig_load(&r, 0, 32, SLUICE_OP_READ, 4096);
	rig_run_ms(&r, 2000);
	assert_int_equal(rig_set(&r, 0, "limit_iops=1000"), 0);
	rig_run_ms(&r, 1000);
	rig_forget(&r);
	rig_run_ms(&r, 5000);
	assert_in_range(r.v[0].ended, 4950, 5050);
	assert_int_equal(rig_set(&r, 0, ""), 0);
	rig_forget(&r);
	rig_run_ms(&r, 100);
	assert_in_range(r.v[0].ended, 15900, 16100);
	rig_close(&r);
}

/* 50 ms of 1,000 a second, and what the device takes. */
static void a_burst_is_bounded(void **state)
{
	rig_open(&r, 64, 100, 1);
	rig_attach(&r, 0, "limit_iops=1000,burst_ms=50");
	rig_run_ms(&r, 5000);
	rig_load(&r, 0, 64, SLUICE_OP_READ, 4096);
	rig_run_ms(&r, 1);
	assert_in_range(r.v[0].ended, 49, 53);
	rig_run_ms(&r, 999);
	assert_in_range(r.v[0].ended, 1040, 1052);
	rig_close(&r);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    T(unmapping_and_zeroing_count_as_small_writes),
	    T(iops_count_requests_of_any_size),
	    T(normalised_iops_count_units_of_32_kib),
	    T(bytes_count_bytes),
	    T(what_limits_is_said),
	    T(a_limit_may_be_changed_under_io),
	    T(a_burst_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
