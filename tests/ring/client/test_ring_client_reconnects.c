/* SPDX-License-Identifier: MIT */
/* RING-3, RING-6: a dead server loses nothing, blocks nothing, and is not replaced behind our back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client_fixture.h"

static void test_done_is_completed_when_the_server_dies_before_the_hint(void **state)
{
	struct fix *f = *state;
	uint32_t slot;

	fix_submit(f, 1, 0, 512);
	slot = fix_slot(f, 1);
	assert_true(fix_claim(f, slot, 1));
	fix_done(f, slot, 512);
	ring_client_detached(f->client, f->now_ns);
	assert_int_equal(fix_ends(f, 1), 1);
	assert_int_equal(f->commands[1].result.in_bytes, 512);
}

static void test_claimed_is_kept_for_the_next_server(void **state)
{
	struct fix *f = *state;
	uint64_t word, seq;
	uint32_t slot;

	fix_submit(f, 1, 4096, 0);
	slot = fix_slot(f, 1);
	seq = f->slots[slot].req.cmd_seq;
	assert_true(fix_claim(f, slot, 1));
	ring_client_detached(f->client, f->now_ns);
	assert_int_equal(fix_ends(f, 1), 0);
	word = atomic_load(&f->slots[slot].state);
	assert_int_equal(word, RING_WORD(RING_CLAIMED, 0));
	assert_int_equal(f->slots[slot].req.cmd_seq, seq);
	/* The next one replays it and answers. */
	atomic_store(&f->slots[slot].state, RING_WORD(RING_CLAIMED, 2));
	fix_done(f, slot, 0);
	ring_client_attached(f->client, f->now_ns);
	assert_int_equal(fix_ends(f, 1), 1);
	assert_int_equal(f->commands[1].result.end, RING_CLIENT_ANSWERED);
}

static void test_compared_note_survives(void **state)
{
	struct fix *f = *state;
	uint32_t slot;

	fix_submit(f, 1, 1024, 0);
	slot = fix_slot(f, 1);
	atomic_store(&f->slots[slot].state, RING_WORD(RING_COMPARED, 1));
	ring_client_detached(f->client, f->now_ns);
	assert_int_equal(atomic_load(&f->slots[slot].state), RING_WORD(RING_COMPARED, 0));
	/* It may have been applied: BUSY would make the initiator miscompare with itself. */
	fix_run(f, 29 * FIX_S);
	assert_int_equal(fix_ends(f, 1), 0);
	fix_run(f, 1100 * FIX_MS);
	assert_int_equal(fix_ends(f, 1), 1);
}

static void test_claim_of_the_dead_gets_busy_after_six_seconds(void **state)
{
	struct fix *f = *state;
	uint32_t slot;

	fix_submit(f, 1, 4096, 0);
	slot = fix_slot(f, 1);
	assert_true(fix_claim(f, slot, 1));
	fix_run(f, FIX_S);
	ring_client_detached(f->client, f->now_ns);
	fix_run(f, 4900 * FIX_MS);
	assert_int_equal(fix_ends(f, 1), 0);
	fix_run(f, 100 * FIX_MS);
	assert_int_equal(fix_ends(f, 1), 1);
	assert_int_equal(f->commands[1].result.status, RING_CLIENT_STATUS_BUSY);
	assert_int_equal(fix_state(f, slot), RING_FREE);
}

static void test_claim_that_the_next_server_took_over_is_its_own(void **state)
{
	struct fix *f = *state;
	uint32_t slot;

	fix_submit(f, 1, 4096, 0);
	slot = fix_slot(f, 1);
	assert_true(fix_claim(f, slot, 1));
	ring_client_detached(f->client, f->now_ns);
	/* It has the memory, and its WELCOME is still on the way. */
	atomic_store(&f->slots[slot].state, RING_WORD(RING_CLAIMED, 2));
	fix_run(f, 30 * FIX_S);
	assert_int_equal(fix_ends(f, 1), 0);
	assert_int_equal(atomic_load(&f->slots[slot].state), RING_WORD(RING_CLAIMED, 2));
}

static void test_commands_of_an_outage_are_served_after_it(void **state)
{
	struct fix *f = *state;

	ring_client_detached(f->client, f->now_ns);
	for (unsigned i = 0; i < 2 * FIX_SLOTS; i++)
		fix_submit(f, i, 0, 512);
	fix_run(f, 2 * FIX_S);
	f->kicks = 0;
	ring_client_attached(f->client, f->now_ns);
	assert_true(f->kicks >= 1);
	for (unsigned i = 0; i < 2 * FIX_SLOTS; i++) {
		fix_answer(f, i, 512);
		ring_client_poll(f->client, f->now_ns);
		assert_int_equal(fix_ends(f, i), 1);
	}
}

static void test_absent_server_ends_every_command_in_six_seconds(void **state)
{
	struct fix *f = *state;

	ring_client_detached(f->client, f->now_ns);
	for (unsigned i = 0; i < 3 * FIX_SLOTS; i++)
		fix_submit(f, i, 0, 512);
	fix_run(f, RING_CLIENT_DEADLINE_NS);
	assert_int_equal(ring_client_in_flight(f->client), 0);
	assert_int_equal(ring_client_stats(f->client).expired, 3 * FIX_SLOTS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		test_done_is_completed_when_the_server_dies_before_the_hint, fix_setup,
		fix_teardown),
	    cmocka_unit_test_setup_teardown(test_claimed_is_kept_for_the_next_server, fix_setup,
					    fix_teardown),
	    cmocka_unit_test_setup_teardown(test_compared_note_survives, fix_setup, fix_teardown),
	    cmocka_unit_test_setup_teardown(test_claim_of_the_dead_gets_busy_after_six_seconds,
					    fix_setup, fix_teardown),
	    cmocka_unit_test_setup_teardown(test_claim_that_the_next_server_took_over_is_its_own,
					    fix_setup, fix_teardown),
	    cmocka_unit_test_setup_teardown(test_commands_of_an_outage_are_served_after_it,
					    fix_setup, fix_teardown),
	    cmocka_unit_test_setup_teardown(test_absent_server_ends_every_command_in_six_seconds,
					    fix_setup, fix_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
