/* SPDX-License-Identifier: MIT */
/* RING-1: a command ends exactly once, with what the server said and no more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client_fixture.h"

static void test_answer_completes_once_with_its_data(void **state)
{
	struct fix *f = *state;

	fix_submit(f, 3, 0, 4096);
	fix_answer(f, 3, 4096);
	ring_client_poll(f->client, f->now_ns);
	ring_client_poll(f->client, f->now_ns);
	assert_int_equal(fix_ends(f, 3), 1);
	assert_int_equal(f->commands[3].result.end, RING_CLIENT_ANSWERED);
	assert_int_equal(f->commands[3].result.in_bytes, 4096);
	assert_int_equal(f->commands[3].in[0], 3 ^ 0xff);
	assert_int_equal(f->commands[3].in[4095], 3 ^ 0xff);
	assert_int_equal(ring_client_in_flight(f->client), 0);
}

static void test_second_hint_completes_nothing(void **state)
{
	struct fix *f = *state;
	uint32_t slot;

	fix_submit(f, 1, 0, 512);
	slot = fix_slot(f, 1);
	fix_answer(f, 1, 512);
	fix_hint(f, slot);
	ring_client_poll(f->client, f->now_ns);
	fix_hint(f, slot);
	ring_client_poll(f->client, f->now_ns);
	assert_int_equal(fix_ends(f, 1), 1);
}

static void test_late_hint_does_not_complete_the_slots_next_command(void **state)
{
	struct fix *f = *state;
	uint32_t slot;

	fix_submit(f, 1, 0, 512);
	slot = fix_slot(f, 1);
	fix_answer(f, 1, 512);
	ring_client_poll(f->client, f->now_ns);
	fix_submit(f, 2, 0, 512);
	assert_int_equal(fix_slot(f, 2), slot);
	fix_hint(f, slot);
	ring_client_poll(f->client, f->now_ns);
	assert_int_equal(fix_ends(f, 2), 0);
	assert_int_equal(fix_ends(f, 1), 1);
}

static void test_request_reaches_the_slot(void **state)
{
	struct fix *f = *state;
	const struct ring_slot *s;
	const uint8_t *data;

	fix_submit(f, 5, 4097, 0);
	s = &f->slots[fix_slot(f, 5)];
	data = (const uint8_t *)f->base + f->h.arena_off + s->req.data_off;
	assert_int_equal(s->req.nexus_id, 105);
	assert_int_equal(s->req.cdb_bytes, 16);
	assert_int_equal(s->req.out_bytes, 4097);
	assert_int_equal(s->req.in_bytes, 0);
	assert_int_equal(s->req.data_bytes, 8192);
	assert_int_equal(s->req.data_off % 4096, 0);
	assert_int_equal(data[0], 5);
	assert_int_equal(data[4096], 5);
}

static void test_command_numbers_follow_arrival(void **state)
{
	struct fix *f = *state;

	for (unsigned i = 0; i < FIX_SLOTS; i++)
		fix_submit(f, i, 0, 0);
	for (unsigned i = 1; i < FIX_SLOTS; i++)
		assert_int_equal(f->slots[fix_slot(f, i)].req.cmd_seq,
				 f->slots[fix_slot(f, i - 1)].req.cmd_seq + 1);
}

static void test_complete_may_submit(void **state)
{
	struct fix *f = *state;

	fix_submit(f, 1, 0, 512);
	fix_answer(f, 1, 512);
	f->submit_on_complete = 2;
	ring_client_poll(f->client, f->now_ns);
	assert_int_equal(fix_ends(f, 1), 1);
	fix_answer(f, 2, 512);
	ring_client_poll(f->client, f->now_ns);
	assert_int_equal(fix_ends(f, 2), 1);
}

static void test_residuals_are_told_in_both_directions(void **state)
{
	struct fix *f = *state;
	uint32_t slot;

	fix_submit(f, 1, 0, 512);
	slot = fix_slot(f, 1);
	assert_true(fix_claim(f, slot, 1));
	fix_done(f, slot, 1024);
	fix_hint(f, slot);
	ring_client_poll(f->client, f->now_ns);
	assert_int_equal(f->commands[1].result.in_bytes, 512);
	assert_int_equal(f->commands[1].result.in_called_bytes, 1024);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_answer_completes_once_with_its_data, fix_setup,
					    fix_teardown),
	    cmocka_unit_test_setup_teardown(test_second_hint_completes_nothing, fix_setup,
					    fix_teardown),
	    cmocka_unit_test_setup_teardown(test_late_hint_does_not_complete_the_slots_next_command,
					    fix_setup, fix_teardown),
	    cmocka_unit_test_setup_teardown(test_request_reaches_the_slot, fix_setup, fix_teardown),
	    cmocka_unit_test_setup_teardown(test_command_numbers_follow_arrival, fix_setup,
					    fix_teardown),
	    cmocka_unit_test_setup_teardown(test_complete_may_submit, fix_setup, fix_teardown),
	    cmocka_unit_test_setup_teardown(test_residuals_are_told_in_both_directions, fix_setup,
					    fix_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
