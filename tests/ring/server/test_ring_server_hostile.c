/* SPDX-License-Identifier: MIT */
/* RING-5: whatever a client writes, the ring breaks with a reason, and no memory outside it is
 * touched. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ring_check.h"
#include "ring_fixture.h"

#define SLOTS 8u
#define ARENA (16ull * RING_PAGE_BYTES)

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	fixture_init(f, SLOTS, ARENA);
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

static void assert_broken(struct fixture *f, const char *why)
{
	assert_true(f->server.is_broken);
	if (!strstr(f->server.broken_text, why))
		fail_msg("'%s' does not say '%s'", f->server.broken_text, why);
	/* Nothing is taken any more, and a good command is no exception. */
	client_submit(f, 7, 1000);
	assert_int_equal(ring_server_poll(&f->server, 100, fixture_take, f), 0);
	assert_int_equal(ring_server_rescan(&f->server, fixture_take, f), 0);
	assert_false(ring_server_before_sleep(&f->server));
}

struct bad_header {
	const char *field;
	size_t offset, size;
	uint64_t value;
};

#define BAD(f, v)                                                                                  \
	{                                                                                          \
#f, offsetof(struct ring_header, f), sizeof(((struct ring_header *)0)->f), v       \
	}

static void a_wrong_header_is_refused_with_its_field(void **state)
{
	static const struct bad_header bad[] = {
	    BAD(magic, 1),          BAD(abi, 0),
	    BAD(abi, RING_ABI + 1), BAD(slot_count, 0),
	    BAD(slot_count, 7),     BAD(slot_count, 1),
	    BAD(slot_count, 2048),  BAD(slot_count, 1u << 31),
	    BAD(total_bytes, 0),    BAD(total_bytes, ~0ull),
	    BAD(control_off, 8),    BAD(slots_off, ~0ull),
	    BAD(sq_off, 1),         BAD(cq_off, 1 << 30),
	    BAD(arena_off, 0),      BAD(arena_bytes, 0),
	    BAD(arena_bytes, 1),    BAD(arena_bytes, RING_ARENA_MAX + 4096),
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct ring_server r;
		struct err err = {0};

		memcpy(f->base, &f->h, sizeof(f->h));
		memcpy(f->base + bad[i].offset, &bad[i].value, bad[i].size);
		assert_int_equal(
		    ring_server_init(&r, &f->env, f->base, f->h.total_bytes, NULL, 1, &err), -71);
		assert_string_equal(err.field, bad[i].field);
	}
}

static void a_size_that_differs_from_the_header_is_refused(void **state)
{
	struct fixture *f = *state;
	struct ring_server r;
	const uint64_t sizes[] = {0, 8, 4096, f->h.total_bytes - 4096, f->h.total_bytes + 4096};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		assert_int_equal(ring_server_init(&r, &f->env, f->base, sizes[i], NULL, 1, NULL),
				 -71);
}

static void a_wrong_abi_is_named_with_both_sides_numbers(void **state)
{
	struct fixture *f = *state;
	struct ring_server r;
	struct err err = {0};
	uint32_t abi = 77;

	memcpy(f->base + offsetof(struct ring_header, abi), &abi, sizeof(abi));
	assert_int_equal(ring_server_init(&r, &f->env, f->base, f->h.total_bytes, NULL, 1, &err),
			 -71);
	assert_non_null(strstr(err.text, "77"));
	assert_non_null(strstr(err.text, "1 to 1"));
}

struct bad_request {
	const char *why;
	struct ring_request q;
};

static void a_wrong_request_breaks_the_ring(void **state)
{
	static const struct bad_request bad[] = {
	    {"cdb_bytes", {.cdb_bytes = 0}},
	    {"cdb_bytes", {.cdb_bytes = 5}},
	    {"cdb_bytes", {.cdb_bytes = 33}},
	    {"cdb_bytes", {.cdb_bytes = 65535}},
	    {"flags", {.cdb_bytes = 6, .flags = 0x8000}},
	    {"data_bytes", {.cdb_bytes = 6, .data_bytes = UINT32_MAX}},
	    {"data_bytes", {.cdb_bytes = 6, .data_bytes = RING_TRANSFER_MAX + 1}},
	    {"multiple of 4096", {.cdb_bytes = 6, .data_off = 512}},
	    {"out of the arena", {.cdb_bytes = 6, .data_off = ARENA + 4096}},
	    {"out of the arena", {.cdb_bytes = 6, .data_off = ~4095ull, .data_bytes = 8192}},
	    {"out of the arena", {.cdb_bytes = 6, .data_off = ARENA - 4096, .data_bytes = 4097}},
	    {"out_bytes", {.cdb_bytes = 6, .data_bytes = 512, .out_bytes = 513}},
	    {"in_bytes", {.cdb_bytes = 6, .data_bytes = 512, .in_bytes = UINT32_MAX}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct fixture f;

		fixture_init(&f, SLOTS, ARENA);
		fixture_serve(&f, 5);
		client_fill(&f, 1, 1);
		client_slot(&f, 1)->req = bad[i].q;
		client_hint(&f, 1);
		assert_int_equal(ring_server_poll(&f.server, 100, fixture_take, &f), 0);
		assert_int_equal(f.server.in_flight, 0);
		assert_broken(&f, bad[i].why);
		fixture_fini(&f);
	}
}

static void the_last_byte_of_the_arena_is_allowed(void **state)
{
	struct fixture *f = *state;

	client_fill(f, 1, 1);
	client_slot(f, 1)->req.data_off = ARENA - 4096;
	client_slot(f, 1)->req.data_bytes = 4096;
	client_slot(f, 1)->req.out_bytes = 4096;
	client_hint(f, 1);
	assert_int_equal(ring_server_poll(&f->server, 100, fixture_take, f), 1);
}

static void an_index_out_of_the_table_breaks_the_ring(void **state)
{
	struct fixture *f = *state;

	client_hint(f, SLOTS);
	assert_int_equal(ring_server_poll(&f->server, 100, fixture_take, f), 0);
	assert_broken(f, "names slot 8 of 8");
}

static void a_state_that_does_not_exist_breaks_the_ring(void **state)
{
	struct fixture *f = *state;

	atomic_store(&client_slot(f, 2)->state, RING_WORD(0x77, 0));
	client_hint(f, 2);
	assert_int_equal(ring_server_poll(&f->server, 100, fixture_take, f), 0);
	assert_broken(f, "state 119");
}

static void a_claim_that_nobody_made_breaks_the_ring(void **state)
{
	struct fixture *f = *state;

	client_fill(f, 2, 1);
	atomic_store(&client_slot(f, 2)->state, RING_WORD(RING_CLAIMED, 4));
	client_hint(f, 2);
	assert_int_equal(ring_server_poll(&f->server, 100, fixture_take, f), 0);
	assert_broken(f, "incarnation 4");
}

static void a_claim_from_the_future_breaks_recovery(void **state)
{
	struct fixture *f = *state;

	client_fill(f, 2, 1);
	atomic_store(&client_slot(f, 2)->state, RING_WORD(RING_CLAIMED, 5));
	assert_int_equal(ring_server_recover(&f->server, fixture_take, f), 0);
	assert_broken(f, "incarnation 5");
}

static void one_number_twice_breaks_recovery(void **state)
{
	struct fixture *f = *state;

	client_submit(f, 0, 3);
	client_submit(f, 1, 4);
	client_submit(f, 2, 4);
	atomic_store(&client_slot(f, 2)->state, RING_WORD(RING_COMPARED, 1));
	assert_int_equal(ring_server_recover(&f->server, fixture_take, f), 0);
	assert_broken(f, "command number 4");
}

static void a_slot_taken_from_us_breaks_the_ring(void **state)
{
	struct fixture *f = *state;

	client_submit(f, 0, 1);
	client_submit(f, 1, 2);
	ring_server_poll(&f->server, 100, fixture_take, f);
	client_submit(f, 0, 3); /* submits anew what is claimed */
	assert_int_equal(ring_server_poll(&f->server, 100, fixture_take, f), 0);
	assert_broken(f, "slot 0 is ours");
	/* What was in flight ends; a slot that is not ours any more keeps what its thief wrote. */
	fixture_answer(f, 0, 0);
	assert_int_equal(client_state(f, 0), RING_SUBMITTED);
	fixture_answer(f, 1, 0);
	assert_int_equal(client_state(f, 1), RING_DONE);
	assert_int_equal(f->server.in_flight, 0);
}

static void a_changed_claim_is_seen_when_it_completes(void **state)
{
	struct fixture *f = *state;

	client_submit(f, 0, 1);
	ring_server_poll(&f->server, 100, fixture_take, f);
	atomic_store(&client_slot(f, 0)->state, RING_WORD(RING_FREE, 0));
	fixture_answer(f, 0, 0);
	assert_int_equal(client_state(f, 0), RING_FREE);
	assert_broken(f, "slot 0 is ours");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(a_wrong_header_is_refused_with_its_field, set_up,
					    tear_down),
	    cmocka_unit_test_setup_teardown(a_size_that_differs_from_the_header_is_refused, set_up,
					    tear_down),
	    cmocka_unit_test_setup_teardown(a_wrong_abi_is_named_with_both_sides_numbers, set_up,
					    tear_down),
	    cmocka_unit_test_setup_teardown(a_wrong_request_breaks_the_ring, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(the_last_byte_of_the_arena_is_allowed, set_up,
					    tear_down),
	    cmocka_unit_test_setup_teardown(an_index_out_of_the_table_breaks_the_ring, set_up,
					    tear_down),
	    cmocka_unit_test_setup_teardown(a_state_that_does_not_exist_breaks_the_ring, set_up,
					    tear_down),
	    cmocka_unit_test_setup_teardown(a_claim_that_nobody_made_breaks_the_ring, set_up,
					    tear_down),
	    cmocka_unit_test_setup_teardown(a_claim_from_the_future_breaks_recovery, set_up,
					    tear_down),
	    cmocka_unit_test_setup_teardown(one_number_twice_breaks_recovery, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(a_slot_taken_from_us_breaks_the_ring, set_up,
					    tear_down),
	    cmocka_unit_test_setup_teardown(a_changed_claim_is_seen_when_it_completes, set_up,
					    tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
