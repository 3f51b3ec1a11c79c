/* SPDX-License-Identifier: MIT */
/* I6: nothing that the other side writes makes the client index, copy or believe too much. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client_fixture.h"

static void test_absurd_tail_leads_to_a_scan(void **state)
{
	struct fix *f = *state;

	fix_submit(f, 1, 0, 512);
	assert_true(fix_claim(f, fix_slot(f, 1), 1));
	fix_done(f, fix_slot(f, 1), 512);
	atomic_store(&f->control->cq_tail, 0x80000000u);
	ring_client_poll(f->client, f->now_ns);
	assert_int_equal(fix_ends(f, 1), 1);
	assert_int_equal(ring_client_stats(f->client).garbage, 1);
}

static void test_index_out_of_range_leads_to_a_scan(void **state)
{
	struct fix *f = *state;

	fix_submit(f, 1, 0, 512);
	assert_true(fix_claim(f, fix_slot(f, 1), 1));
	fix_done(f, fix_slot(f, 1), 512);
	fix_hint(f, 0xfffffff0u);
	ring_client_poll(f->client, f->now_ns);
	assert_int_equal(fix_ends(f, 1), 1);
	assert_int_equal(ring_client_stats(f->client).garbage, 1);
}

static void test_queue_recovers_after_garbage(void **state)
{
	struct fix *f = *state;

	atomic_store(&f->control->cq_tail, 0x80000000u);
	f->cq_tail = 0x80000000u;
	ring_client_poll(f->client, f->now_ns);
	fix_submit(f, 2, 0, 512);
	fix_answer(f, 2, 512);
	ring_client_poll(f->client, f->now_ns);
	assert_int_equal(fix_ends(f, 2), 1);
}

static void test_lengths_are_clamped(void **state)
{
	struct fix *f = *state;
	uint32_t slot;

	fix_submit(f, 1, 0, 512);
	slot = fix_slot(f, 1);
	assert_true(fix_claim(f, slot, 1));
	fix_done(f, slot, 0xffffffffu);
	f->slots[slot].rsp.sense_bytes = 255;
	f->slots[slot].rsp.out_used_bytes = 0xffffffffu;
	fix_hint(f, slot);
	ring_client_poll(f->client, f->now_ns);
	assert_int_equal(fix_ends(f, 1), 1);
	assert_int_equal(f->commands[1].result.in_bytes, 512);
	assert_int_equal(f->commands[1].result.sense_bytes, RING_SENSE_BYTES);
	assert_true(f->commands[1].result.in_called_bytes <= INT32_MAX);
	assert_true(f->commands[1].result.out_called_bytes <= INT32_MAX);
}

static void test_state_that_does_not_exist_is_not_believed(void **state)
{
	struct fix *f = *state;
	uint32_t slot;

	fix_submit(f, 1, 0, 512);
	slot = fix_slot(f, 1);
	atomic_store(&f->slots[slot].state, RING_WORD(77, 1));
	fix_hint(f, slot);
	ring_client_poll(f->client, f->now_ns);
	fix_run(f, FIX_S);
	assert_int_equal(fix_ends(f, 1), 0);
	atomic_store(&f->slots[slot].state, RING_WORD(RING_SUBMITTED, 0));
}

static void test_damaged_request_does_not_misdirect_data(void **state)
{
	struct fix *f = *state;
	uint32_t slot;

	fix_submit(f, 1, 0, 512);
	slot = fix_slot(f, 1);
	assert_true(fix_claim(f, slot, 1));
	fix_done(f, slot, 512);
	f->slots[slot].req.data_off = 1ull << 40;
	f->slots[slot].req.in_bytes = 1u << 30;
	f->slots[slot].req.cmd_seq = 0;
	fix_hint(f, slot);
	ring_client_poll(f->client, f->now_ns);
	assert_int_equal(fix_ends(f, 1), 1);
	assert_int_equal(f->commands[1].in[511], 1 ^ 0xff);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_absurd_tail_leads_to_a_scan, fix_setup,
					    fix_teardown),
	    cmocka_unit_test_setup_teardown(test_index_out_of_range_leads_to_a_scan, fix_setup,
					    fix_teardown),
	    cmocka_unit_test_setup_teardown(test_queue_recovers_after_garbage, fix_setup,
					    fix_teardown),
	    cmocka_unit_test_setup_teardown(test_lengths_are_clamped, fix_setup, fix_teardown),
	    cmocka_unit_test_setup_teardown(test_state_that_does_not_exist_is_not_believed,
					    fix_setup, fix_teardown),
	    cmocka_unit_test_setup_teardown(test_damaged_request_does_not_misdirect_data, fix_setup,
					    fix_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
