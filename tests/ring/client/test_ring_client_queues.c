/* SPDX-License-Identifier: MIT */
/* More commands than slots, more data than arena: they wait in order, none fails. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client_fixture.h"

static void test_full_slots_queue_and_drain_in_order(void **state)
{
	struct fix *f = *state;

	for (unsigned i = 0; i < 3 * FIX_SLOTS; i++)
		fix_submit(f, i, 0, 512);
	assert_int_equal(ring_client_stats(f->client).in_slots, FIX_SLOTS);
	assert_int_equal(ring_client_stats(f->client).queued, 2 * FIX_SLOTS);
	for (unsigned i = 0; i < 3 * FIX_SLOTS; i++) {
		fix_answer(f, i, 512);
		ring_client_poll(f->client, f->now_ns);
	}
	for (unsigned i = 0; i < 3 * FIX_SLOTS; i++) {
		assert_int_equal(fix_ends(f, i), 1);
		assert_int_equal(f->order[i], i);
	}
}

static void test_full_arena_queues_without_failing(void **state)
{
	struct fix *f = *state;

	/* 8 commands of 2 pages fill the 16 pages; free slots do not help the rest. */
	for (unsigned i = 0; i < 4; i++)
		fix_submit(f, i, 8192, 0);
	for (unsigned i = 4; i < 7; i++)
		fix_submit(f, i, 8192, 8192);
	assert_int_equal(ring_client_stats(f->client).in_slots, 7);
	fix_submit(f, 7, 8192, 0);
	fix_submit(f, 8, 8192, 0);
	assert_int_equal(ring_client_stats(f->client).in_slots, 8);
	for (unsigned i = 0; i < 9; i++) {
		fix_answer(f, i, 0);
		ring_client_poll(f->client, f->now_ns);
		assert_int_equal(fix_ends(f, i), 1);
	}
}

static void test_later_commands_do_not_overtake_the_queue(void **state)
{
	struct fix *f = *state;

	for (unsigned i = 0; i < FIX_SLOTS + 1; i++)
		fix_submit(f, i, 0, 512);
	fix_answer(f, 0, 512);
	f->submit_on_complete = 40;
	ring_client_poll(f->client, f->now_ns);
	/* The freed slot went to the one that waited, not to the one that came from inside
	 * complete(). */
	fix_slot(f, FIX_SLOTS);
	assert_int_equal(ring_client_in_flight(f->client), FIX_SLOTS + 1);
	fix_answer(f, 1, 512);
	ring_client_poll(f->client, f->now_ns);
	fix_slot(f, 40);
}

static void test_what_can_never_fit_is_refused_at_once(void **state)
{
	struct fix *f = *state;
	uint8_t cdb[40] = {0x28};
	struct ring_client_cmd cmd = {.cookie = f, .cdb = cdb, .cdb_bytes = 16, .in_bytes = 1};

	cmd.in_bytes = FIX_ARENA_BYTES + 1;
	assert_int_equal(ring_client_submit(f->client, &cmd, f->now_ns), -EMSGSIZE);
	cmd.in_bytes = RING_TRANSFER_MAX + 1;
	assert_int_equal(ring_client_submit(f->client, &cmd, f->now_ns), -EMSGSIZE);
	cmd.in_bytes = 0;
	cmd.cdb_bytes = RING_CDB_BYTES + 1;
	assert_int_equal(ring_client_submit(f->client, &cmd, f->now_ns), -EMSGSIZE);
	cmd.cdb_bytes = 5;
	assert_int_equal(ring_client_submit(f->client, &cmd, f->now_ns), -EMSGSIZE);
	assert_int_equal(ring_client_in_flight(f->client), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_full_slots_queue_and_drain_in_order, fix_setup,
					    fix_teardown),
	    cmocka_unit_test_setup_teardown(test_full_arena_queues_without_failing, fix_setup,
					    fix_teardown),
	    cmocka_unit_test_setup_teardown(test_later_commands_do_not_overtake_the_queue,
					    fix_setup, fix_teardown),
	    cmocka_unit_test_setup_teardown(test_what_can_never_fit_is_refused_at_once, fix_setup,
					    fix_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
