/* SPDX-License-Identifier: MIT */
/* Which request goes, and which waits for what: the rules one at a time. */
#include "mclock_rig.h"

#include <errno.h>
#include <stdlib.h>

static struct rig *r;

static int begin(void **state)
{
	r = rig_new(1, SEC);
	return 0;
}

static int end(void **state)
{
	rig_free(r);
	return 0;
}

static void a_client_s_requests_keep_their_order(void **state)
{
	uint32_t a = rig_add(r, (struct mclock_config){.shares = 1000});
	enum mclock_why why;

	rig_flood(r, a, 5);
	for (uint32_t i = 0; i < 5; i++) {
		assert_ptr_equal(rig_pop(r, true, true, &why), &r->requests[a][i]);
		assert_int_equal(why, MCLOCK_BY_SHARE);
	}
	assert_null(rig_pop(r, true, true, &why));
	assert_int_equal(why, MCLOCK_NONE);
	assert_int_equal(mclock_queued(r->m), 0);
}

static void without_room_only_reservations_go(void **state)
{
	uint32_t a = rig_add(r, (struct mclock_config){.shares = 4000});
	uint32_t b = rig_add(r, (struct mclock_config){.shares = 200, .reservation_iops = 100});
	enum mclock_why why;

	rig_flood(r, a, 4);
	rig_flood(r, b, 4);
	assert_int_equal(mclock_reserved_iops(r->m), 100);
	assert_ptr_equal(rig_pop(r, false, true, &why), &r->requests[b][0]);
	assert_int_equal(why, MCLOCK_BY_RESERVATION);
	/* What is due piles up for 50 ms at most, so 5 at 100 a second and the one before. */
	for (uint32_t i = 0; rig_pop(r, false, true, &why); i++)
		assert_true(i < 5);
	assert_int_equal(rig_figures(r, a).queued, 4);
	assert_int_equal(rig_figures(r, a).waits_by, MCLOCK_BY_WINDOW);
	assert_non_null(rig_pop(r, true, true, &why));
	assert_int_equal(why, MCLOCK_BY_SHARE);
}

static void below_the_threshold_nothing_waits_but_for_limits(void **state)
{
	uint32_t a = rig_add(r, (struct mclock_config){.shares = 1000});
	uint32_t b = rig_add(r, (struct mclock_config){.shares = 1000, .limit_iops = 10});

	rig_flood(r, a, 20);
	rig_flood(r, b, 20);
	while (rig_pop(r, false, false, NULL))
		continue;
	assert_int_equal(rig_figures(r, a).queued, 0);
	assert_int_equal(rig_figures(r, b).queued, 19);
	assert_int_equal(rig_figures(r, b).waits_by, MCLOCK_BY_LIMIT_IOPS);
	assert_int_equal(mclock_next_ns(r->m, r->now_ns), SEC + 100 * MS);
	r->now_ns += 100 * MS - 1;
	assert_null(rig_pop(r, true, false, NULL));
	r->now_ns++;
	assert_non_null(rig_pop(r, true, false, NULL));
}

static void a_limit_outranks_the_reservation(void **state)
{
	uint32_t a =
	    rig_add(r, (struct mclock_config){
			   .shares = 1000, .reservation_iops = 1000, .limit_bytes_per_s = 4096});

	rig_flood(r, a, 4);
	assert_non_null(rig_pop(r, true, true, NULL));
	r->now_ns += SEC - 1;
	assert_null(rig_pop(r, true, true, NULL));
	assert_int_equal(rig_figures(r, a).waits_by, MCLOCK_BY_LIMIT_BYTES);
	r->now_ns++;
	assert_non_null(rig_pop(r, true, true, NULL));
}

static void the_fast_way_charges_as_the_queue_does(void **state)
{
	uint32_t a = rig_add(r, (struct mclock_config){.shares = 1000, .limit_iops = 100});
	uint32_t b = rig_add(r, (struct mclock_config){.shares = 1000});

	assert_true(mclock_pass(r->m, r->clients[a], 4096, r->now_ns, true, true));
	assert_false(mclock_pass(r->m, r->clients[a], 4096, r->now_ns, true, true));
	assert_int_equal(rig_figures(r, a).l_tag_ns, 10 * MS);
	assert_true(mclock_pass(r->m, r->clients[b], 4096, r->now_ns, false, false));
	assert_false(mclock_pass(r->m, r->clients[b], 4096, r->now_ns, false, true));
	assert_int_equal(rig_figures(r, a).served, 1);
	assert_int_equal(rig_figures(r, b).served_bytes, 4096);
}

static void the_fast_way_does_not_overtake(void **state)
{
	uint32_t a = rig_add(r, (struct mclock_config){.shares = 1000});
	uint32_t b = rig_add(r, (struct mclock_config){.shares = 1000});
	uint32_t passed = 0;

	rig_flood(r, b, 1);
	while (passed < 1000 && mclock_pass(r->m, r->clients[a], 32768, r->now_ns, true, true))
		passed++;
	/* What both may have as credit, and no more. */
	assert_in_range(passed, 0, 2 * MCLOCK_CREDIT_UNITS);
}

static void cancelled_requests_are_gone(void **state)
{
	uint32_t a = rig_add(r, (struct mclock_config){.shares = 1000, .reservation_iops = 100000});
	struct rig_request *q = r->requests[a];

	rig_flood(r, a, 4);
	mclock_cancel(r->m, &q[1].q, r->now_ns);
	mclock_cancel(r->m, &q[3].q, r->now_ns);
	assert_ptr_equal(rig_pop(r, true, true, NULL), &q[0]);
	assert_ptr_equal(rig_pop(r, true, true, NULL), &q[2]);
	assert_null(rig_pop(r, true, true, NULL));
	rig_push(r, &q[1], 512);
	mclock_cancel(r->m, &q[1].q, r->now_ns);
	assert_null(rig_pop(r, true, true, NULL));
	assert_int_equal(mclock_next_ns(r->m, r->now_ns), UINT64_MAX);
	mclock_remove(r->m, r->clients[a]);
	assert_int_equal(mclock_reserved_iops(r->m), 0);
}

static void a_new_limit_takes_hold_at_once(void **state)
{
	uint32_t a = rig_add(r, (struct mclock_config){.shares = 1000, .limit_bytes_per_s = 1});

	rig_flood(r, a, 4);
	assert_non_null(rig_pop(r, true, true, NULL));
	assert_null(rig_pop(r, true, true, NULL)); /* for 4096 s */
	mclock_configure(r->m, r->clients[a],
			 &(struct mclock_config){.shares = 1000, .limit_bytes_per_s = 4096000},
			 r->now_ns);
	assert_int_equal(mclock_next_ns(r->m, r->now_ns), r->now_ns + MS);
	mclock_configure(r->m, r->clients[a], &(struct mclock_config){.shares = 1000}, r->now_ns);
	assert_non_null(rig_pop(r, true, true, NULL));
	mclock_configure(r->m, r->clients[a],
			 &(struct mclock_config){.shares = 1000, .limit_iops = 10}, r->now_ns);
	assert_non_null(rig_pop(r, true, true, NULL));
	assert_null(rig_pop(r, true, true, NULL));
}

static void room_for_clients_is_counted(void **state)
{
	struct mclock_client *one_more = malloc(mclock_client_bytes());
	struct mclock_config cfg = {.shares = 1000};

	for (uint32_t i = 0; i < RIG_CLIENTS; i++)
		rig_add(r, cfg);
	assert_int_equal(mclock_add(r->m, one_more, &cfg, r->now_ns), -ENOSPC);
	mclock_remove(r->m, r->clients[3]);
	assert_int_equal(mclock_add(r->m, one_more, &cfg, r->now_ns), 0);
	mclock_remove(r->m, one_more);
	free(one_more);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, begin, end)
	const struct CMUnitTest tests[] = {
	    CASE(a_client_s_requests_keep_their_order),
	    CASE(without_room_only_reservations_go),
	    CASE(below_the_threshold_nothing_waits_but_for_limits),
	    CASE(a_limit_outranks_the_reservation),
	    CASE(the_fast_way_charges_as_the_queue_does),
	    CASE(the_fast_way_does_not_overtake),
	    CASE(cancelled_requests_are_gone),
	    CASE(a_new_limit_takes_hold_at_once),
	    CASE(room_for_clients_is_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
