/* SPDX-License-Identifier: MIT */
/*
 * The appliance's own I/O takes what the volumes leave; and a trickle, one unit for each
 * MCLOCK_TRICKLE_UNITS of theirs, so that it ends one day however busy they are.
 */
#include "mclock_rig.h"

static struct rig *r;
static uint32_t fore, back, back2;

static int begin(void **state)
{
	r = rig_new(1, SEC);
	fore = rig_add(r, (struct mclock_config){.shares = 200});
	back = rig_add(r, (struct mclock_config){
			      .shares = 2000, .reservation_iops = 1000, .is_background = true});
	back2 = rig_add(r, (struct mclock_config){.shares = 1000, .is_background = true});
	return 0;
}

static int end(void **state)
{
	rig_free(r);
	return 0;
}

static void pops(uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		assert_true(rig_next(r, true, true) >= 0);
}

static void background_has_what_foreground_leaves(void **state)
{
	rig_flood(r, back, 4);
	rig_flood(r, back2, 4);
	pops(30000);
	assert_in_range(r->units[back], 19990, 20010); /* by shares among themselves */
	rig_push(r, &r->requests[fore][0], 4096);
	assert_int_equal(rig_pop(r, true, true, NULL)->client, fore);
}

static void background_has_its_trickle_and_no_more(void **state)
{
	uint64_t due = 640000 / (MCLOCK_TRICKLE_UNITS + 1);

	rig_flood(r, fore, 4);
	rig_flood(r, back, 4);
	rig_flood(r, back2, 4);
	pops(640000);
	assert_in_range(r->units[back] + r->units[back2], due - 2, due + 2);
	assert_in_range(r->units[back], due * 2 / 3 - 20, due * 2 / 3 + 20);
}

/* Large requests of the background pay for all of their units. */
static void large_background_requests_pay(void **state)
{
	uint64_t all;

	r->length = rig_mixed_length;
	rig_flood(r, fore, 4);
	rig_flood(r, back, 4);
	pops(200000);
	all = r->units[fore] + r->units[back];
	assert_in_range(r->units[back] * 10000 / all, 150, 160);
}

/* Also when the foreground passes the fast way and never queues. */
static void the_fast_way_leaves_the_trickle(void **state)
{
	uint32_t passed = 0;

	rig_flood(r, back, 1);
	while (passed < 1000 && mclock_pass(r->m, r->clients[fore], 4096, r->now_ns, true, true))
		passed++;
	assert_in_range(passed, MCLOCK_TRICKLE_UNITS, MCLOCK_TRICKLE_UNITS + 1);
	rig_push(r, &r->requests[fore][0], 4096);
	assert_int_equal(rig_next(r, true, true), back);
	assert_int_equal(rig_next(r, true, true), fore);
}

static void background_does_not_pass_those_who_wait(void **state)
{
	rig_flood(r, fore, 2);
	assert_false(mclock_pass(r->m, r->clients[back], 4096, r->now_ns, true, true));
	rig_next(r, true, true);
	assert_false(mclock_pass(r->m, r->clients[back], 4096, r->now_ns, true, true));
}

static void background_has_no_reservation(void **state)
{
	rig_flood(r, back, 4);
	assert_int_equal(mclock_reserved_iops(r->m), 0);
	assert_null(rig_pop(r, false, true, NULL));
	assert_non_null(rig_pop(r, false, false, NULL));
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, begin, end)
	const struct CMUnitTest tests[] = {
	    CASE(background_has_what_foreground_leaves),
	    CASE(background_has_its_trickle_and_no_more),
	    CASE(large_background_requests_pay),
	    CASE(the_fast_way_leaves_the_trickle),
	    CASE(background_does_not_pass_those_who_wait),
	    CASE(background_has_no_reservation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
