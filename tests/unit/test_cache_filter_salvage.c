/* SPDX-License-Identifier: MIT */
/* What is left in a log that has failed goes to the datastore, one step after the other: whatever
 * happens meanwhile, there is never a second one beside the first. */
#include "cache_rig.h"

#include <errno.h>

static struct cache_rig r;

#define LAZY  CACHE_WRITE_BACK ",destage_age_ms=3600000"
#define PLACE (1u << 20) /* places so far apart that each is a step of its own */

static void stamp_places(uint32_t stamp)
{
	for (uint64_t i = 0; i < 4; i++)
		assert_int_equal(cache_write(&r, i * PLACE, 4096, stamp), SLUICE_OK);
}

static bool are_on_the_datastore(uint32_t stamp)
{
	for (uint64_t i = 0; i < 4; i++) {
		if (!cache_is_stamped(r.store.memory + i * PLACE, i * PLACE, 4096, stamp))
			return false;
	}
	return true;
}

/* Degraded, and its first attempt to save has failed: the next one is due in a second. */
static int open_failed(void **state)
{
	cache_open(&r, CACHE_SIZE, true);
	cache_attach(&r, LAZY);
	cache_wait_state(&r, "serving");
	stamp_places(5);
	r.store.fail_ops = SLUICE_OP_BIT(SLUICE_OP_WRITE);
	r.disk.fail_at = 1;
	assert_int_not_equal(cache_write(&r, 6 << 20, 4096, 7), SLUICE_OK);
	cache_wait_state(&r, "degraded");
	for (int i = 0; i < 2000 && r.store.writes == 0; i++)
		cache_turn(&r);
	assert_int_equal(r.store.writes, 1);
	cache_run_ms(&r, 20);
	r.store.fail_ops = 0;
	return 0;
}

static int close_it(void **state)
{
	cache_close(&r);
	return 0;
}

static void the_end_of_a_drain_and_the_timer_are_one_step(void **state)
{
	r.disk.hangs = true;
	cache_drain(&r); /* its end goes on where the failure stopped */
	assert_int_equal(r.disk.hung_count, 1);
	cache_run_ms(&r, 1300); /* the timer would have been due */
	assert_int_equal(r.disk.hung_count, 1);
	cache_disk_release(&r);
	cache_wait_state(&r, "serving");
	assert_true(are_on_the_datastore(5));
}

static void a_drain_waits_for_the_step_and_stops_the_next(void **state)
{
	r.disk.hangs = true;
	cache_drain(&r);
	r.result = -EINPROGRESS;
	chain_drain(r.c, cache_control_done, &r);
	cache_run_ms(&r, 100);
	assert_int_equal(r.result, -EINPROGRESS);
	assert_int_equal(r.disk.hung_count, 1);
	cache_disk_release(&r);
	assert_int_equal(cache_wait_control(&r), 0);
	cache_run_ms(&r, 100);
	assert_false(are_on_the_datastore(5));
	chain_release(r.c);
	cache_wait_state(&r, "serving");
	assert_true(are_on_the_datastore(5));
}

static void a_drain_between_two_steps_loses_none(void **state)
{
	for (int i = 0; i < 50; i++) {
		cache_drain(&r);
		cache_turn(&r);
	}
	cache_wait_state(&r, "serving");
	assert_true(are_on_the_datastore(5));
	assert_int_equal(cache_write(&r, 0, 4096, 8), SLUICE_OK);
	assert_true(cache_reads(&r, 0, 4096, 8));
}

#define U(name) cmocka_unit_test_setup_teardown(name, open_failed, close_it)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    U(the_end_of_a_drain_and_the_timer_are_one_step),
	    U(a_drain_waits_for_the_step_and_stops_the_next),
	    U(a_drain_between_two_steps_loses_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
