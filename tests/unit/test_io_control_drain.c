/* SPDX-License-Identifier: MIT */
/* What is held comes free by drain, change, detach and abort, and no I/O is lost or counted twice.
 */
#include "io_control_rig.h"

static struct rig r;

/* 32 I/Os of each volume, most of them held: two by a limit, one by the window. */
static void open_with_held(void)
{
	rig_open(&r, 4, 2000, 3);
	rig_attach(&r, 0, "limit_iops=10");
	rig_attach(&r, 1, "limit_bytes_per_s=40960");
	rig_attach(&r, 2, "");
	rig_group(&r, "enabled=true,threshold_mode=manual,threshold_us=3000");
	for (uint32_t i = 0; i < 3; i++)
		rig_load(&r, i, 32, SLUICE_OP_READ, 4096);
	rig_run_ms(&r, 2000);
	for (uint32_t i = 0; i < 3; i++)
		assert_true(rig_status(&r, i, "queued") > 20);
}

static void a_drain_lets_go_all_that_is_held(void **state)
{
	uint64_t from_ns;

	open_with_held();
	for (uint32_t i = 0; i < 3; i++)
		rig_load(&r, i, 0, SLUICE_OP_READ, 4096);
	from_ns = r.fe.now_ns;
	rig_close(&r);                                /* nothing is left under way, no timer set */
	assert_true(r.fe.now_ns - from_ns < 60 * MS); /* 96 I/Os of a device that does 2,000 */
}

static void a_detach_lets_go_all_that_is_held(void **state)
{
	open_with_held();
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(rig_detach(&r, i), 0);
	rig_forget(&r);
	rig_run_ms(&r, 1000);
	assert_in_range(r.v[0].ended + r.v[1].ended + r.v[2].ended, 1990, 2010);
	assert_int_equal(r.v[0].failed, 0);
	rig_close(&r);
}

static void others_stay_held_while_one_is_drained(void **state)
{
	open_with_held();
	assert_int_equal(rig_detach(&r, 2), 0);
	assert_in_range(rig_status(&r, 0, "queued"), 20, 32);
	rig_forget(&r);
	rig_run_ms(&r, 5000);
	assert_in_range(r.v[0].ended, 49, 51);
	assert_in_range(r.v[1].ended, 49, 51);
	rig_close(&r);
}

static void attached_changed_and_detached_under_io(void **state)
{
	rig_open(&r, 4, 500, 4);
	for (uint32_t i = 0; i < 4; i++)
		rig_load(&r, i, 16, i % 2 ? SLUICE_OP_WRITE : SLUICE_OP_READ, 4096);
	for (int cycle = 0; cycle < 50; cycle++) {
		for (uint32_t i = 0; i < 4; i++)
			rig_attach(&r, i, cycle % 2 ? "limit_iops=200" : "reservation_iops=100");
		rig_group(&r, "enabled=true,threshold_mode=manual,threshold_us=1000");
		rig_run_ms(&r, 400);
		assert_int_equal(rig_set(&r, 1, "limit_bytes_per_s=100000"), 0);
		rig_run_ms(&r, 50);
		rig_group(&r, "enabled=false");
		for (uint32_t i = 0; i < 4; i++)
			assert_int_equal(rig_detach(&r, i), 0);
	}
	for (uint32_t i = 0; i < 4; i++)
		assert_int_equal(r.v[i].failed, 0);
	rig_close(&r);
}

static void after_a_drain_nothing_counts_as_in_flight(void **state)
{
	open_with_held();
	for (uint32_t i = 0; i < 3; i++) {
		rig_load(&r, i, 0, SLUICE_OP_READ, 4096);
		assert_int_equal(rig_set(&r, i, ""), 0);
	}
	rig_run_ms(&r, 2000);
	assert_int_equal(rig_group_status(&r, "in_flight"), 0);
	assert_int_equal(rig_status(&r, 2, "in_flight"), 0);
	assert_int_equal(rig_group_status(&r, "queued"), 0);
	assert_string_equal(rig_group_status_text(&r, "state"), "free");
	rig_close(&r);
}

static void an_abort_frees_its_io_at_once_and_no_other(void **state)
{
	struct sluice_io *io;
	int64_t queued;

	open_with_held();
	queued = rig_status(&r, 0, "queued");
	io = rig_one(&r, 0, SLUICE_OP_WRITE, 4096);
	assert_int_equal(rig_status(&r, 0, "queued"), queued + 1);
	chain_abort(r.v[0].c, io);
	assert_ptr_equal(rig_one_last, io);
	assert_int_equal(io->status, SLUICE_ERR_ABORTED);
	assert_int_equal(rig_status(&r, 0, "queued"), queued);
	for (uint32_t i = 0; i < 3; i++)
		rig_load(&r, i, 0, SLUICE_OP_READ, 4096);
	rig_run_ms(&r, 10000);
	assert_int_equal(rig_group_status(&r, "in_flight"), 0);
	rig_close(&r);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    T(a_drain_lets_go_all_that_is_held),
	    T(a_detach_lets_go_all_that_is_held),
	    T(others_stay_held_while_one_is_drained),
	    T(attached_changed_and_detached_under_io),
	    T(after_a_drain_nothing_counts_as_in_flight),
	    T(an_abort_frees_its_io_at_once_and_no_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
