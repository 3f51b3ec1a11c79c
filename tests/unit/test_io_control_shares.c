/* SPDX-License-Identifier: MIT */
/* A congested datastore is divided by shares, among few volumes and among many. */
#include "io_control_rig.h"

#define CONGESTED "enabled=true,threshold_mode=manual,threshold_us=10000"

static struct rig r;

static void two_to_one_is_two_to_one(void **state)
{
	rig_open(&r, 4, 2000, 2);
	rig_attach(&r, 0, "shares_level=high");
	rig_attach(&r, 1, "shares_level=normal");
	rig_group(&r, CONGESTED);
	rig_load(&r, 0, 32, SLUICE_OP_READ, 4096);
	rig_load(&r, 1, 32, SLUICE_OP_WRITE, 4096);
	rig_run_ms(&r, 5000);
	rig_forget(&r);
	rig_run_ms(&r, 10000);
	assert_in_range(r.v[0].ended * 1000 / r.v[1].ended, 1980, 2020);
	/* The device is as busy as without us. */
	assert_in_range(r.v[0].ended + r.v[1].ended, 19800, 20200);
	assert_in_range(rig_group_status(&r, "latency_us"), 9800, 10200);
	assert_string_equal(rig_group_status_text(&r, "state"), "throttling");
	assert_in_range(rig_status(&r, 0, "effective_share_pct"), 65, 68);
	rig_close(&r);
}

static void who_is_idle_leaves_its_part_to_the_others(void **state)
{
	rig_open(&r, 4, 2000, 3);
	for (uint32_t i = 0; i < 3; i++) {
		rig_attach(&r, i, "");
		rig_load(&r, i, 32, SLUICE_OP_READ, 4096);
	}
	rig_group(&r, CONGESTED);
	rig_run_ms(&r, 5000);
	rig_load(&r, 2, 0, SLUICE_OP_READ, 4096);
	rig_run_ms(&r, 1000);
	rig_forget(&r);
	rig_run_ms(&r, 5000);
	assert_int_equal(r.v[2].ended, 0);
	assert_in_range(r.v[0].ended, 4950, 5050);
	assert_in_range(r.v[1].ended, 4950, 5050);
	rig_close(&r);
}

/* Without new I/O that would ask again: each that ends makes room for the next. */
static void what_waits_goes_as_soon_as_there_is_room(void **state)
{
	rig_open(&r, 4, 2000, 1);
	rig_attach(&r, 0, "");
	rig_group(&r, CONGESTED);
	rig_load(&r, 0, 60, SLUICE_OP_READ, 4096);
	rig_run_ms(&r, 3000);
	assert_in_range(rig_status(&r, 0, "queued"), 35, 45);
	rig_load(&r, 0, 0, SLUICE_OP_READ, 4096);
	rig_run_ms(&r, 31); /* 60 at 2,000 a second */
	assert_int_equal(r.v[0].under_way, 0);
	rig_close(&r);
}

/* Two clients of its own for each volume, 2,000 in all. */
static void a_thousand_volumes_get_the_same(void **state)
{
	uint64_t least = UINT64_MAX, most = 0;

	rig_open(&r, 16, 500, 1000);
	for (uint32_t i = 0; i < 1000; i++)
		rig_attach(&r, i, "");
	rig_group(&r, CONGESTED);
	for (uint32_t i = 0; i < 1000; i++)
		rig_load(&r, i, 1 + i % 4, SLUICE_OP_READ, 4096);
	rig_run_ms(&r, 2000);
	rig_forget(&r);
	rig_run_ms(&r, 2000);
	for (uint32_t i = 0; i < 1000; i++) {
		least = r.v[i].ended < least ? r.v[i].ended : least;
		most = r.v[i].ended > most ? r.v[i].ended : most;
	}
	/* 64 each; one turn more or less at either end. */
	assert_in_range(least, 62, 66);
	assert_in_range(most, 62, 66);
	assert_int_equal(rig_group_status(&r, "volumes"), 1000);
	rig_close(&r);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    T(two_to_one_is_two_to_one),
	    T(who_is_idle_leaves_its_part_to_the_others),
	    T(what_waits_goes_as_soon_as_there_is_room),
	    T(a_thousand_volumes_get_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
