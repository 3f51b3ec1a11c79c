/* SPDX-License-Identifier: MIT */
/*
 * Hints outlive the server that wrote them, and a new one writes them again. More of them than
 * slots is no garbage then, and nothing is lost by it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client_fixture.h"

/* A server answers all slots, and is killed before the client has looked. */
static void answer_all_and_die(struct fix *f)
{
	for (unsigned i = 1; i <= FIX_SLOTS; i++)
		fix_submit(f, i, 0, 512);
	for (unsigned i = 1; i <= FIX_SLOTS; i++)
		fix_answer(f, i, 512);
	ring_client_detached(f->client, f->now_ns);
}

/* What is DONE when a server comes gets its hint again. */
static void hint_all_again(struct fix *f)
{
	for (uint32_t slot = 0; slot < FIX_SLOTS; slot++)
		fix_hint(f, slot);
}

static void all_ended_once(const struct fix *f, unsigned until)
{
	for (unsigned i = 1; i <= until; i++)
		assert_int_equal(fix_ends(f, i), 1);
	assert_int_equal(ring_client_stats(f->client).garbage, 0);
}

static void test_hints_of_two_servers_are_no_garbage(void **state)
{
	struct fix *f = *state;

	answer_all_and_die(f);
	hint_all_again(f);
	ring_client_attached(f->client, f->now_ns);
	ring_client_poll(f->client, f->now_ns);
	all_ended_once(f, FIX_SLOTS);
}

static void test_nor_are_they_before_the_new_one_is_welcome(void **state)
{
	struct fix *f = *state;

	answer_all_and_die(f);
	hint_all_again(f);
	ring_client_poll(f->client, f->now_ns);
	all_ended_once(f, FIX_SLOTS);
	assert_int_equal(ring_client_stats(f->client).stale, 1);
	ring_client_attached(f->client, f->now_ns);
	ring_client_poll(f->client, f->now_ns);
	all_ended_once(f, FIX_SLOTS);
}

/* The slots were found DONE at the welcome, a moment before their hints. */
static void test_hints_that_come_after_their_slots_were_found_are_no_garbage(void **state)
{
	struct fix *f = *state;

	for (unsigned i = 1; i <= FIX_SLOTS; i++)
		fix_submit(f, i, 0, 512);
	ring_client_detached(f->client, f->now_ns);
	for (unsigned i = 1; i <= FIX_SLOTS; i++) {
		assert_true(fix_claim(f, fix_slot(f, i), 1));
		fix_done(f, fix_slot(f, i), 512);
	}
	ring_client_attached(f->client, f->now_ns);
	hint_all_again(f);
	for (unsigned i = FIX_SLOTS + 1; i <= 2 * FIX_SLOTS; i++)
		fix_submit(f, i, 0, 512);
	for (unsigned i = FIX_SLOTS + 1; i <= 2 * FIX_SLOTS; i++)
		fix_answer(f, i, 512);
	ring_client_poll(f->client, f->now_ns);
	all_ended_once(f, 2 * FIX_SLOTS);
	assert_int_equal(ring_client_stats(f->client).stale, 1);
}

static void test_an_absurd_tail_is_garbage_after_a_restart_too(void **state)
{
	struct fix *f = *state;

	answer_all_and_die(f);
	ring_client_attached(f->client, f->now_ns);
	atomic_store(&f->control->cq_tail, f->cq_tail + 3 * FIX_SLOTS);
	ring_client_poll(f->client, f->now_ns);
	assert_int_equal(ring_client_stats(f->client).garbage, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_hints_of_two_servers_are_no_garbage, fix_setup,
					    fix_teardown),
	    cmocka_unit_test_setup_teardown(test_nor_are_they_before_the_new_one_is_welcome,
					    fix_setup, fix_teardown),
	    cmocka_unit_test_setup_teardown(
		test_hints_that_come_after_their_slots_were_found_are_no_garbage, fix_setup,
		fix_teardown),
	    cmocka_unit_test_setup_teardown(test_an_absurd_tail_is_garbage_after_a_restart_too,
					    fix_setup, fix_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
