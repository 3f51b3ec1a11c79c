/* SPDX-License-Identifier: MIT */
/* A server takes each submitted command once, whatever the queue says, and sleeps only when there
 * is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ring_fixture.h"

#define SLOTS 8u

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	fixture_init(f, SLOTS, 16 * RING_PAGE_BYTES);
	fixture_serve(f, 1);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	fixture_fini(*state);
	free(*state);
	return 0;
}

static void takes_a_copy_of_the_request(void **state)
{
	struct fixture *f = *state;
	struct ring_request *q = &client_slot(f, 3)->req;

	client_fill(f, 3, 9);
	q->data_off = 4096;
	q->data_bytes = 4096;
	q->out_bytes = 512;
	q->in_bytes = 4096;
	q->cdb_bytes = 16;
	q->cdb[15] = 0xab;
	client_hint(f, 3);
	assert_int_equal(ring_server_poll(&f->server, 100, fixture_take, f), 1);
	memset(q, 0xff, sizeof(*q));
	assert_int_equal(f->taken[0].slot, 3);
	assert_int_equal(f->taken[0].cmd_seq, 9);
	assert_int_equal(f->taken[0].nexus_id, 7);
	assert_int_equal(f->taken[0].cdb_bytes, 16);
	assert_int_equal(f->taken[0].cdb[15], 0xab);
	assert_int_equal(f->taken[0].out_bytes, 512);
	assert_ptr_equal(f->taken[0].data, f->base + f->h.arena_off + 4096);
	assert_int_equal(client_state(f, 3), RING_CLAIMED);
	fixture_answer(f, 3, 0x42);
	assert_int_equal(client_state(f, 3), RING_DONE);
	assert_int_equal(client_slot(f, 3)->rsp.status, 0x42);
	assert_false(f->server.is_broken);
}

static void survives_many_wrap_arounds(void **state)
{
	struct fixture *f = *state;
	struct ring_control *c = f->server.control;
	uint64_t seq = 0;

	/* From just below 2^32, so that the counters wrap too. */
	atomic_store(&c->sq_tail, UINT32_MAX - 20);
	atomic_store(&c->cq_tail, UINT32_MAX - 20);
	fixture_kill(f);
	fixture_serve(f, 1);
	f->is_answered_at_once = true;
	for (uint32_t round = 0; round < 100; round++) {
		f->taken_count = 0;
		for (uint32_t i = 0; i < SLOTS; i++)
			client_submit(f, (i * 3 + round) % SLOTS, ++seq);
		assert_int_equal(ring_server_poll(&f->server, 5, fixture_take, f), 5);
		assert_int_equal(ring_server_poll(&f->server, 5, fixture_take, f), 3);
		for (uint32_t i = 0; i < SLOTS; i++) {
			assert_int_equal(f->taken[i].cmd_seq, seq - SLOTS + 1 + i);
			assert_int_equal(client_state(f, i), RING_DONE);
			atomic_store(&client_slot(f, i)->state, RING_FREE);
		}
	}
	assert_int_equal(atomic_load(&c->cq_tail), UINT32_MAX - 20 + 100 * SLOTS);
	assert_int_equal(f->server.in_flight, 0);
	assert_int_equal(f->server.rescues, 0);
	assert_false(f->server.is_broken);
}

static void never_takes_a_cancelled_command(void **state)
{
	struct fixture *f = *state;

	client_submit(f, 0, 1);
	assert_true(client_cancel(f, 0));
	assert_int_equal(ring_server_poll(&f->server, 100, fixture_take, f), 0);
	assert_int_equal(client_state(f, 0), RING_CANCELLED);
	/* The slot is used again: two hints, one command. */
	atomic_store(&client_slot(f, 0)->state, RING_FREE);
	client_hint(f, 0);
	client_submit(f, 0, 2);
	assert_int_equal(ring_server_poll(&f->server, 100, fixture_take, f), 1);
	assert_int_equal(f->taken[0].cmd_seq, 2);
	client_hint(f, 0);
	assert_int_equal(ring_server_poll(&f->server, 100, fixture_take, f), 0);
	assert_false(client_cancel(f, 0));
	assert_false(f->server.is_broken);
}

/* I2: the old entry of a slot that was cancelled and used again must not let its new command
 * overtake. */
static void a_stale_hint_lets_nobody_overtake(void **state)
{
	struct fixture *f = *state;

	client_submit(f, 0, 1);
	ring_server_poll(&f->server, 1, fixture_take, f);
	client_submit(f, 1, 2);
	client_submit(f, 2, 3);
	assert_true(client_cancel(f, 1));
	client_submit(f, 1, 4);
	assert_int_equal(ring_server_poll(&f->server, 1, fixture_take, f), 2);
	assert_int_equal(f->taken[1].cmd_seq, 3);
	assert_int_equal(f->taken[2].cmd_seq, 4);
	assert_int_equal(ring_server_poll(&f->server, 100, fixture_take, f), 0);
	assert_int_equal(f->server.rescues, 0);
	assert_false(f->server.is_broken);
}

static void an_overrun_queue_loses_no_command(void **state)
{
	struct fixture *f = *state;

	for (uint64_t seq = 1; seq <= 3 * SLOTS; seq++) {
		client_submit(f, (uint32_t)(seq * 5 % SLOTS), seq);
		if (seq <= 2 * SLOTS)
			assert_true(client_cancel(f, (uint32_t)(seq * 5 % SLOTS)));
	}
	assert_int_equal(ring_server_poll(&f->server, 100, fixture_take, f), SLOTS);
	for (uint32_t i = 0; i < SLOTS; i++)
		assert_int_equal(f->taken[i].cmd_seq, 2 * SLOTS + 1 + i);
	assert_int_equal(f->server.rescues, 0);
	assert_false(f->server.is_broken);
}

static void the_rescan_finds_what_the_queue_lost_and_counts_it(void **state)
{
	struct fixture *f = *state;

	client_fill(f, 5, 1);
	assert_int_equal(ring_server_poll(&f->server, 100, fixture_take, f), 0);
	/* Once seen it may be a client between slot and queue. */
	assert_int_equal(ring_server_rescan(&f->server, fixture_take, f), 0);
	assert_int_equal(f->server.rescues, 0);
	assert_int_equal(ring_server_rescan(&f->server, fixture_take, f), 1);
	assert_int_equal(f->server.rescues, 1);
	assert_int_equal(f->taken[0].slot, 5);
	assert_int_equal(ring_server_rescan(&f->server, fixture_take, f), 0);
}

static void sleeps_only_when_there_is_nothing(void **state)
{
	struct fixture *f = *state;
	struct ring_control *c = f->server.control;

	assert_false(ring_server_before_sleep(&f->server));
	assert_int_equal(atomic_load(&c->sq_need_kick), 1);
	ring_server_awake(&f->server);
	assert_int_equal(atomic_load(&c->sq_need_kick), 0);
	client_submit(f, 0, 1);
	assert_true(ring_server_before_sleep(&f->server));
	assert_int_equal(atomic_load(&c->sq_need_kick), 0);
}

static void rings_a_sleeping_client_once_per_batch(void **state)
{
	struct fixture *f = *state;
	struct ring_control *c = f->server.control;

	f->is_answered_at_once = true;
	client_submit(f, 0, 1);
	client_submit(f, 1, 2);
	ring_server_poll(&f->server, 100, fixture_take, f);
	ring_server_kick(&f->server);
	assert_int_equal(f->bells, 0);
	client_submit(f, 2, 3);
	client_submit(f, 3, 4);
	atomic_store(&c->cq_need_kick, 1);
	ring_server_poll(&f->server, 100, fixture_take, f);
	ring_server_kick(&f->server);
	ring_server_kick(&f->server);
	assert_int_equal(f->bells, 1);
}

static void an_abort_is_seen(void **state)
{
	struct fixture *f = *state;

	client_submit(f, 2, 1);
	ring_server_poll(&f->server, 100, fixture_take, f);
	assert_false(ring_server_is_aborted(&f->server, 2));
	atomic_store(&client_slot(f, 2)->abort, 1);
	assert_true(ring_server_is_aborted(&f->server, 2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(takes_a_copy_of_the_request, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(survives_many_wrap_arounds, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(never_takes_a_cancelled_command, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(a_stale_hint_lets_nobody_overtake, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(an_overrun_queue_loses_no_command, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(the_rescan_finds_what_the_queue_lost_and_counts_it,
					    set_up, tear_down),
	    cmocka_unit_test_setup_teardown(sleeps_only_when_there_is_nothing, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(rings_a_sleeping_client_once_per_batch, set_up,
					    tear_down),
	    cmocka_unit_test_setup_teardown(an_abort_is_seen, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
