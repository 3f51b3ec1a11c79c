/* SPDX-License-Identifier: MIT */
/* Aborts: what nobody executes ends now, what somebody executes is told to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client_fixture.h"

static void test_abort_of_unclaimed_ends_it(void **state)
{
	struct fix *f = *state;
	uint32_t slot;

	fix_submit(f, 1, 512, 0);
	slot = fix_slot(f, 1);
	assert_true(ring_client_abort(f->client, &f->commands[1], f->now_ns));
	assert_int_equal(fix_ends(f, 1), 1);
	assert_int_equal(f->commands[1].result.end, RING_CLIENT_ABORTED);
	assert_int_equal(f->commands[1].result.status, RING_CLIENT_STATUS_TASK_ABORTED);
	assert_false(fix_claim(f, slot, 1));
}

static void test_abort_of_queued_ends_it(void **state)
{
	struct fix *f = *state;

	for (unsigned i = 0; i <= FIX_SLOTS; i++)
		fix_submit(f, i, 0, 512);
	assert_true(ring_client_abort(f->client, &f->commands[FIX_SLOTS], f->now_ns));
	assert_int_equal(fix_ends(f, FIX_SLOTS), 1);
	assert_int_equal(ring_client_in_flight(f->client), FIX_SLOTS);
}

static void test_abort_of_claimed_is_passed_on(void **state)
{
	struct fix *f = *state;
	uint32_t slot;

	fix_submit(f, 1, 512, 0);
	slot = fix_slot(f, 1);
	assert_true(fix_claim(f, slot, 1));
	atomic_store(&f->control->sq_need_kick, 1);
	f->kicks = 0;
	assert_true(ring_client_abort(f->client, &f->commands[1], f->now_ns));
	assert_int_equal(fix_ends(f, 1), 0);
	assert_int_equal(atomic_load(&f->slots[slot].abort), 1);
	assert_int_equal(f->kicks, 1);
	fix_done(f, slot, 0);
	fix_hint(f, slot);
	ring_client_poll(f->client, f->now_ns);
	assert_int_equal(fix_ends(f, 1), 1);
	assert_int_equal(f->commands[1].result.end, RING_CLIENT_ANSWERED);
}

static void test_abort_word_is_clear_for_the_slots_next_command(void **state)
{
	struct fix *f = *state;
	uint32_t slot;

	fix_submit(f, 1, 512, 0);
	slot = fix_slot(f, 1);
	assert_true(fix_claim(f, slot, 1));
	ring_client_abort(f->client, &f->commands[1], f->now_ns);
	fix_done(f, slot, 0);
	fix_hint(f, slot);
	ring_client_poll(f->client, f->now_ns);
	fix_submit(f, 2, 512, 0);
	assert_int_equal(fix_slot(f, 2), slot);
	assert_int_equal(atomic_load(&f->slots[slot].abort), 0);
}

static void test_abort_of_claimed_ends_when_the_server_dies(void **state)
{
	struct fix *f = *state;
	uint32_t slot;

	fix_submit(f, 1, 512, 0);
	slot = fix_slot(f, 1);
	assert_true(fix_claim(f, slot, 1));
	ring_client_abort(f->client, &f->commands[1], f->now_ns);
	ring_client_detached(f->client, f->now_ns);
	assert_int_equal(fix_ends(f, 1), 1);
	assert_int_equal(f->commands[1].result.end, RING_CLIENT_ABORTED);
	assert_int_equal(fix_state(f, slot), RING_FREE);
}

static void test_tick_asks_the_host_for_aborts(void **state)
{
	struct fix *f = *state;

	fix_submit(f, 1, 512, 0);
	fix_submit(f, 2, 512, 0);
	f->abort_wanted[2] = true;
	fix_run(f, RING_CLIENT_TICK_NS);
	assert_int_equal(fix_ends(f, 1), 0);
	assert_int_equal(fix_ends(f, 2), 1);
}

static void test_abort_of_a_stranger_is_refused(void **state)
{
	struct fix *f = *state;

	assert_false(ring_client_abort(f->client, &f->commands[9], f->now_ns));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_abort_of_unclaimed_ends_it, fix_setup,
					    fix_teardown),
	    cmocka_unit_test_setup_teardown(test_abort_of_queued_ends_it, fix_setup, fix_teardown),
	    cmocka_unit_test_setup_teardown(test_abort_of_claimed_is_passed_on, fix_setup,
					    fix_teardown),
	    cmocka_unit_test_setup_teardown(test_abort_word_is_clear_for_the_slots_next_command,
					    fix_setup, fix_teardown),
	    cmocka_unit_test_setup_teardown(test_abort_of_claimed_ends_when_the_server_dies,
					    fix_setup, fix_teardown),
	    cmocka_unit_test_setup_teardown(test_tick_asks_the_host_for_aborts, fix_setup,
					    fix_teardown),
	    cmocka_unit_test_setup_teardown(test_abort_of_a_stranger_is_refused, fix_setup,
					    fix_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
