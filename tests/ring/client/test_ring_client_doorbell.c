/* SPDX-License-Identifier: MIT */
/* I7, I8: bells are rung when somebody sleeps, only then, and the rescan finds what they lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client_fixture.h"

static void test_sleeping_server_is_rung_once_a_turn(void **state)
{
	struct fix *f = *state;
	uint8_t cdb[16] = {0x28};
	struct ring_client_cmd cmd = {.cdb = cdb, .cdb_bytes = sizeof(cdb)};

	atomic_store(&f->control->sq_need_kick, 1);
	for (unsigned i = 0; i < 5; i++) {
		cmd.cookie = &f->commands[i];
		assert_int_equal(ring_client_submit(f->client, &cmd, f->now_ns), 0);
	}
	assert_int_equal(f->kicks, 0);
	ring_client_flush(f->client);
	ring_client_flush(f->client);
	assert_int_equal(f->kicks, 1);
}

static void test_working_server_is_not_rung(void **state)
{
	struct fix *f = *state;

	atomic_store(&f->control->sq_need_kick, 0);
	fix_submit(f, 1, 0, 512);
	assert_int_equal(f->kicks, 0);
	assert_int_equal(atomic_load(&f->control->sq_tail), 1);
	assert_int_equal(atomic_load(&f->sq[0]), fix_slot(f, 1));
}

static void test_client_asks_to_be_rung_before_it_sleeps(void **state)
{
	struct fix *f = *state;

	assert_int_equal(atomic_load(&f->control->cq_need_kick), 1);
	atomic_store(&f->control->cq_need_kick, 0);
	ring_client_poll(f->client, f->now_ns);
	assert_int_equal(atomic_load(&f->control->cq_need_kick), 1);
}

static void test_rescan_finds_a_lost_hint_and_counts_it(void **state)
{
	struct fix *f = *state;

	fix_submit(f, 1, 0, 512);
	assert_true(fix_claim(f, fix_slot(f, 1), 1));
	fix_done(f, fix_slot(f, 1), 512);
	fix_run(f, 50 * FIX_MS);
	assert_int_equal(fix_ends(f, 1), 0);
	fix_run(f, 200 * FIX_MS);
	assert_int_equal(fix_ends(f, 1), 1);
	assert_int_equal(ring_client_stats(f->client).rescues, 1);
}

static void test_rescan_counts_nothing_while_bells_work(void **state)
{
	struct fix *f = *state;

	for (unsigned i = 0; i < 40; i++) {
		fix_submit(f, i, 0, 512);
		fix_run(f, 250 * FIX_MS);
		fix_answer(f, i, 512);
		fix_run(f, 50 * FIX_MS); /* a tick between DONE and its bell is no rescue */
		ring_client_poll(f->client, f->now_ns);
		assert_int_equal(fix_ends(f, i), 1);
	}
	assert_int_equal(ring_client_stats(f->client).rescues, 0);
}

/* It never sees an empty queue, so it never gets to sleep; after a while others have their turn,
 * and nobody rings for what is left. */
static void test_who_is_answered_at_once_asks_to_be_called_again(void **state)
{
	struct fix *f = *state;
	unsigned calls = 1;

	atomic_store(&f->control->sq_need_kick, 1);
	f->answers_at_once = true;
	f->chain_until = FIX_COMMANDS;
	fix_submit(f, 0, 0, 512);
	while (ring_client_poll(f->client, f->now_ns))
		calls++;
	assert_true(calls > 1);
	for (unsigned i = 0; i < FIX_COMMANDS; i++)
		assert_int_equal(fix_ends(f, i), 1);
	assert_int_equal(ring_client_stats(f->client).rescues, 0);
	assert_int_equal(ring_client_stats(f->client).garbage, 0); /* it is honest */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_sleeping_server_is_rung_once_a_turn, fix_setup,
					    fix_teardown),
	    cmocka_unit_test_setup_teardown(test_working_server_is_not_rung, fix_setup,
					    fix_teardown),
	    cmocka_unit_test_setup_teardown(test_client_asks_to_be_rung_before_it_sleeps, fix_setup,
					    fix_teardown),
	    cmocka_unit_test_setup_teardown(test_who_is_answered_at_once_asks_to_be_called_again,
					    fix_setup, fix_teardown),
	    cmocka_unit_test_setup_teardown(test_rescan_finds_a_lost_hint_and_counts_it, fix_setup,
					    fix_teardown),
	    cmocka_unit_test_setup_teardown(test_rescan_counts_nothing_while_bells_work, fix_setup,
					    fix_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
