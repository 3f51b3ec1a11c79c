/* SPDX-License-Identifier: MIT */
/* A reservation is met under a flood, and refused when the datastore cannot do it. */
#include "io_control_rig.h"

#include <errno.h>
#include <string.h>

static struct rig r;

static void in_each_second_under_a_flood(void **state)
{
	rig_open(&r, 4, 2000, 3);
	rig_attach(&r, 0, "shares_level=low,reservation_iops=800");
	rig_attach(&r, 1, "shares_level=high");
	rig_attach(&r, 2, "shares_level=high");
	rig_group(&r, "enabled=true,threshold_mode=manual,threshold_us=10000");
	for (uint32_t i = 0; i < 3; i++)
		rig_load(&r, i, 48, i == 2 ? SLUICE_OP_WRITE : SLUICE_OP_READ, 4096);
	rig_run_ms(&r, 3000);
	for (int second = 0; second < 100; second++) {
		rig_forget(&r);
		rig_run_ms(&r, 1000);
		assert_true(r.v[0].ended >= 796); /* 0.5 %: what is under way at either end */
	}
	rig_close(&r);
}

static void saturate(void)
{
	rig_load(&r, 0, 32, SLUICE_OP_READ, 4096);
	rig_run_ms(&r, 5000);
	rig_load(&r, 0, 0, SLUICE_OP_READ, 4096);
	rig_run_ms(&r, 1000);
	assert_in_range(rig_group_status(&r, "capacity_iops"), 1980, 2020);
}

static void more_than_the_datastore_does_is_refused_with_the_figures(void **state)
{
	rig_open(&r, 4, 2000, 3);
	rig_attach(&r, 0, "reservation_iops=1500");
	saturate();
	assert_int_equal(rig_try_attach(&r, 1, "reservation_iops=600"), -ERANGE);
	assert_string_equal(r.err.field, "reservation_iops");
	assert_non_null(strstr(r.err.text, "600 IOPS does not fit on datastore 'ds1'"));
	assert_non_null(strstr(r.err.text, "1500 are reserved by other volumes"));
	assert_int_equal(rig_group_status(&r, "reserved_iops"), 1500);
	rig_attach(&r, 1, "reservation_iops=400");
	/* Its own does not count against it; more does, less always fits. */
	assert_int_equal(rig_set(&r, 1, "reservation_iops=450"), 0);
	assert_int_equal(rig_set(&r, 1, "reservation_iops=900"), -ERANGE);
	assert_int_equal(rig_group_status(&r, "reserved_iops"), 1950);
	assert_int_equal(rig_set(&r, 0, "reservation_iops=100"), 0);
	assert_int_equal(rig_set(&r, 1, "reservation_iops=900"), 0);
	rig_close(&r);
}

/* A volume that starts again comes up with what it was promised, whatever was measured meanwhile.
 */
static void a_promise_outlives_a_restart_of_its_volume(void **state)
{
	rig_open(&r, 4, 2000, 2);
	rig_attach(&r, 0, "reservation_iops=1500");
	rig_attach(&r, 1, "reservation_iops=900"); /* nothing is known of the datastore yet */
	saturate();
	assert_int_equal(rig_detach(&r, 1), 0);
	assert_int_equal(rig_try_attach(&r, 1, "reservation_iops=901"), -ERANGE);
	rig_attach(&r, 1, "reservation_iops=900");
	assert_int_equal(rig_group_status(&r, "reserved_iops"), 2400);
	/* Given back, it has to be asked for again. */
	assert_int_equal(rig_set(&r, 1, "reservation_iops=400"), 0);
	assert_int_equal(rig_detach(&r, 1), 0);
	assert_int_equal(rig_try_attach(&r, 1, "reservation_iops=900"), -ERANGE);
	rig_close(&r);
}

static void while_the_capacity_is_unknown_it_is_taken_and_said(void **state)
{
	rig_open(&r, 4, 2000, 1);
	rig_attach(&r, 0, "reservation_iops=50000");
	assert_int_equal(rig_status(&r, 0, "is_reservation_checked"), 0);
	assert_int_equal(rig_group_status(&r, "capacity_iops"), 0);
	saturate();
	assert_int_equal(rig_status(&r, 0, "is_reservation_checked"), 1);
	assert_int_equal(rig_set(&r, 0, "reservation_iops=40000"), 0);
	rig_close(&r);
}

static void above_the_volumes_own_limit_is_refused(void **state)
{
	rig_open(&r, 4, 2000, 1);
	assert_int_equal(
	    rig_try_attach(&r, 0, "reservation_iops=200,limit_iops=100,limit_unit=normalised"),
	    -EINVAL);
	assert_non_null(strstr(r.err.text, "200 IOPS is above the volume's own limit of 100"));
	rig_close(&r);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    T(in_each_second_under_a_flood),
	    T(more_than_the_datastore_does_is_refused_with_the_figures),
	    T(while_the_capacity_is_unknown_it_is_taken_and_said),
	    T(above_the_volumes_own_limit_is_refused),
	    T(a_promise_outlives_a_restart_of_its_volume),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
