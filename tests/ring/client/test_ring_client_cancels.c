/* SPDX-License-Identifier: MIT */
/* RING-4: who is answered BUSY was cancelled before; who may still be executed is not answered. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client_fixture.h"

static void test_unclaimed_gets_busy_after_six_seconds(void **state)
{
	struct fix *f = *state;
	uint32_t slot;

	fix_submit(f, 1, 4096, 0);
	slot = fix_slot(f, 1);
	fix_run(f, 5900 * FIX_MS);
	assert_int_equal(fix_ends(f, 1), 0);
	fix_run(f, 100 * FIX_MS);
	assert_int_equal(fix_ends(f, 1), 1);
	assert_int_equal(f->commands[1].result.end, RING_CLIENT_EXPIRED);
	assert_int_equal(f->commands[1].result.status, RING_CLIENT_STATUS_BUSY);
	/* The server that looks now finds nothing to claim. */
	assert_false(fix_claim(f, slot, 1));
}

static void test_queued_gets_busy_after_six_seconds(void **state)
{
	struct fix *f = *state;

	for (unsigned i = 0; i < FIX_SLOTS; i++) {
		fix_submit(f, i, 0, 512);
		assert_true(fix_claim(f, fix_slot(f, i), 1));
	}
	fix_submit(f, 20, 0, 512);
	fix_run(f, RING_CLIENT_DEADLINE_NS);
	assert_int_equal(fix_ends(f, 20), 1);
	assert_int_equal(f->commands[20].result.status, RING_CLIENT_STATUS_BUSY);
	for (unsigned i = 0; i < FIX_SLOTS; i++)
		assert_int_equal(fix_ends(f, i), 0);
}

static void test_claimed_by_a_living_server_is_never_cancelled(void **state)
{
	struct fix *f = *state;

	fix_submit(f, 1, 4096, 0);
	assert_true(fix_claim(f, fix_slot(f, 1), 1));
	fix_run(f, 60 * FIX_S);
	assert_int_equal(fix_ends(f, 1), 0);
	fix_done(f, fix_slot(f, 1), 0);
	fix_hint(f, 0);
	ring_client_poll(f->client, f->now_ns);
	assert_int_equal(fix_ends(f, 1), 1);
	assert_int_equal(f->commands[1].result.end, RING_CLIENT_ANSWERED);
}

static void test_deadline_finds_an_answer_that_nobody_hinted(void **state)
{
	struct fix *f = *state;

	ring_client_detached(f->client, f->now_ns);
	fix_submit(f, 1, 0, 512);
	assert_true(fix_claim(f, fix_slot(f, 1), 2));
	fix_done(f, fix_slot(f, 1), 512);
	fix_run(f, RING_CLIENT_DEADLINE_NS);
	assert_int_equal(fix_ends(f, 1), 1);
	assert_int_equal(f->commands[1].result.end, RING_CLIENT_ANSWERED);
	assert_int_equal(f->commands[1].result.in_bytes, 512);
}

static void test_cancelled_slot_and_its_data_are_used_again(void **state)
{
	struct fix *f = *state;

	for (unsigned round = 0; round < 5; round++) {
		for (unsigned i = 0; i < FIX_SLOTS; i++)
			fix_submit(f, round * FIX_SLOTS + i, 8192, 0);
		assert_int_equal(ring_client_stats(f->client).in_slots, FIX_SLOTS);
		fix_run(f, RING_CLIENT_DEADLINE_NS);
		assert_int_equal(ring_client_in_flight(f->client), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_unclaimed_gets_busy_after_six_seconds, fix_setup,
					    fix_teardown),
	    cmocka_unit_test_setup_teardown(test_queued_gets_busy_after_six_seconds, fix_setup,
					    fix_teardown),
	    cmocka_unit_test_setup_teardown(test_claimed_by_a_living_server_is_never_cancelled,
					    fix_setup, fix_teardown),
	    cmocka_unit_test_setup_teardown(test_deadline_finds_an_answer_that_nobody_hinted,
					    fix_setup, fix_teardown),
	    cmocka_unit_test_setup_teardown(test_cancelled_slot_and_its_data_are_used_again,
					    fix_setup, fix_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
