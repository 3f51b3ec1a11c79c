/* SPDX-License-Identifier: MIT */
/* RING-3, RING-4: a successor replays what was in flight, in order, and nothing that was answered.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ring_fixture.h"

#define SLOTS 8u

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	fixture_init(f, SLOTS, 16 * RING_PAGE_BYTES);
	fixture_serve(f, 5);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	fixture_fini(*state);
	free(*state);
	return 0;
}

static void restart(struct fixture *f, uint64_t incarnation)
{
	fixture_kill(f);
	fixture_serve(f, incarnation);
	f->taken_count = 0;
}

static void replays_in_command_order(void **state)
{
	struct fixture *f = *state;
	const uint32_t slots[] = {6, 2, 7, 0, 3};

	for (uint32_t i = 0; i < 5; i++)
		client_submit(f, slots[i], 10 + i);
	ring_server_poll(&f->server, 3, fixture_take, f); /* 3 claimed, 2 submitted */
	restart(f, 6);
	assert_int_equal(ring_server_recover(&f->server, fixture_take, f), 5);
	for (uint32_t i = 0; i < 5; i++) {
		assert_int_equal(f->taken[i].slot, slots[i]);
		assert_int_equal(f->taken[i].cmd_seq, 10 + i);
		assert_int_equal(
		    RING_WORD_INCARNATION(atomic_load(&client_slot(f, slots[i])->state)), 6);
	}
	/* Their queue entries were seen by the scan. */
	assert_int_equal(ring_server_poll(&f->server, 100, fixture_take, f), 0);
	assert_false(f->server.is_broken);
}

static void leaves_done_cancelled_and_free_alone(void **state)
{
	struct fixture *f = *state;

	for (uint32_t i = 0; i < 3; i++)
		client_submit(f, i, i + 1);
	ring_server_poll(&f->server, 2, fixture_take, f);
	fixture_answer(f, 0, 0);
	assert_true(client_cancel(f, 2));
	restart(f, 6);
	assert_int_equal(ring_server_recover(&f->server, fixture_take, f), 1);
	assert_int_equal(f->taken[0].slot, 1);
	assert_int_equal(client_state(f, 0), RING_DONE);
	assert_int_equal(client_state(f, 2), RING_CANCELLED);
}

static void a_disowned_claim_may_be_replayed_or_cancelled(void **state)
{
	struct fixture *f = *state;

	client_submit(f, 0, 1);
	client_submit(f, 1, 2);
	ring_server_poll(&f->server, 2, fixture_take, f);
	/* The client, while no server is there. */
	atomic_store(&client_slot(f, 0)->state, RING_WORD(RING_CLAIMED, 0));
	atomic_store(&client_slot(f, 1)->state, RING_WORD(RING_CANCELLED, 0));
	restart(f, 6);
	assert_int_equal(ring_server_recover(&f->server, fixture_take, f), 1);
	assert_int_equal(f->taken[0].slot, 0);
}

static void a_compared_command_says_so(void **state)
{
	struct fixture *f = *state;

	for (uint32_t i = 0; i < 4; i++)
		client_submit(f, i, i + 1);
	ring_server_poll(&f->server, 4, fixture_take, f);
	ring_server_compared(&f->server, 2);
	assert_int_equal(client_state(f, 2), RING_COMPARED);
	/* And still after one more death, before it was done. */
	for (uint64_t incarnation = 6; incarnation <= 7; incarnation++) {
		restart(f, incarnation);
		assert_int_equal(ring_server_recover(&f->server, fixture_take, f), 4);
		for (uint32_t i = 0; i < 4; i++) {
			assert_int_equal(f->taken[i].cmd_seq, i + 1);
			assert_true(f->taken[i].is_compared == (f->taken[i].slot == 2));
		}
	}
	fixture_answer(f, 2, 0);
	assert_int_equal(client_state(f, 2), RING_DONE);
	assert_false(f->server.is_broken);
}

/* What was claimed in order a0 b0 a1 b1, whatever the commands' own numbers, comes back in this
 * order. */
static void two_rings_are_replayed_in_the_order_of_claims(void **state)
{
	struct fixture *a = *state, b = {.taken_count = 0};
	struct fixture *rings[] = {a, &b};
	uint64_t claims = 0, next[2];

	fixture_init(&b, SLOTS, 16 * RING_PAGE_BYTES);
	fixture_serve(&b, 5);
	a->server.claims = b.server.claims = &claims;
	for (uint32_t i = 0; i < 2; i++) {
		client_submit(a, i, i + 1);
		ring_server_poll(&a->server, 1, fixture_take, a);
		client_submit(&b, i, i + 100);
		ring_server_poll(&b.server, 1, fixture_take, &b);
	}
	client_submit(a, 5, 3); /* never begun */
	restart(a, 6);
	restart(&b, 6);
	ring_server_recover_begin(&a->server);
	ring_server_recover_begin(&b.server);
	for (uint32_t i = 0; i < 4; i++) {
		struct fixture *f = rings[i % 2];

		assert_true(ring_server_recover_next(&a->server, &next[0]));
		if (!ring_server_recover_next(&b.server, &next[1]))
			next[1] = UINT64_MAX;
		assert_true(next[i % 2] < next[1 - i % 2]);
		assert_int_equal(ring_server_recover_take(&f->server, fixture_take, f), 1);
		assert_int_equal(f->taken[i / 2].slot, i / 2);
	}
	assert_true(ring_server_recover_next(&a->server, &next[0]));
	assert_true(next[0] == UINT64_MAX);
	assert_false(ring_server_recover_next(&b.server, &next[1]));
	ring_server_recover_take(&a->server, fixture_take, a);
	assert_int_equal(a->taken[2].slot, 5);
	fixture_fini(&b);
}

static void progress_survives_and_is_not_inherited(void **state)
{
	struct fixture *f = *state;

	client_submit(f, 1, 1);
	ring_server_poll(&f->server, 1, fixture_take, f);
	ring_server_progress(&f->server, 1, 4096);
	restart(f, 6);
	ring_server_recover(&f->server, fixture_take, f);
	assert_int_equal(f->taken[0].progress, 4096);
	fixture_answer(f, 1, 0);
	atomic_store(&client_slot(f, 1)->state, RING_FREE);
	client_submit(f, 1, 2);
	ring_server_poll(&f->server, 1, fixture_take, f);
	assert_int_equal(f->taken[1].progress, 0);
	restart(f, 7); /* dies before it noted anything */
	ring_server_recover(&f->server, fixture_take, f);
	assert_int_equal(f->taken[0].progress, 0);
}

static void goes_on_in_the_completion_queue(void **state)
{
	struct fixture *f = *state;

	f->is_answered_at_once = true;
	client_submit(f, 0, 1);
	client_submit(f, 1, 2);
	ring_server_poll(&f->server, 2, fixture_take, f);
	restart(f, 6);
	client_submit(f, 2, 3);
	ring_server_recover(&f->server, fixture_take, f);
	assert_int_equal(atomic_load(&f->server.control->cq_tail), 3);
	assert_int_equal(atomic_load(&f->server.cq[2]), 2);
}

static void rings_after_recovery_for_what_the_last_one_left_done(void **state)
{
	struct fixture *f = *state;

	f->is_answered_at_once = true;
	client_submit(f, 0, 1);
	ring_server_poll(&f->server, 1, fixture_take, f);
	atomic_store(&f->server.control->cq_need_kick, 1);
	restart(f, 6);
	assert_int_equal(ring_server_recover(&f->server, fixture_take, f), 0);
	ring_server_kick(&f->server);
	assert_int_equal(f->bells, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(replays_in_command_order, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(leaves_done_cancelled_and_free_alone, set_up,
					    tear_down),
	    cmocka_unit_test_setup_teardown(a_disowned_claim_may_be_replayed_or_cancelled, set_up,
					    tear_down),
	    cmocka_unit_test_setup_teardown(a_compared_command_says_so, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(two_rings_are_replayed_in_the_order_of_claims, set_up,
					    tear_down),
	    cmocka_unit_test_setup_teardown(progress_survives_and_is_not_inherited, set_up,
					    tear_down),
	    cmocka_unit_test_setup_teardown(goes_on_in_the_completion_queue, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(rings_after_recovery_for_what_the_last_one_left_done,
					    set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
