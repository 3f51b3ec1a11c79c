/* SPDX-License-Identifier: MIT */
/* MARK: the volume becomes a snapshot when all that came before is on it, and before what comes
 * after; amid a resync it does not. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "receiver_rig.h"

static struct repl_group g;

static int setup(void **state)
{
	rr_init(&g, 4);
	assert_int_equal(rr_start(&g), 0);
	rr_up(&g);
	return 0;
}

static int teardown(void **state)
{
	rr_fini(&g);
	return 0;
}

static bool send(enum repl_mark_what what, uint16_t member, bool is_once)
{
	struct repl_mark m = {.snapshot = {1, 2, 3}, .what = what, .name = "monday"};
	struct repl_header h;

	frame_begin(&h, REPL_MARK, 5, 77);
	h.member = member;
	frame_set_payload(&h, &m, sizeof(m));
	return is_once ? rr_offer(&g, &h, &m) : rr_send(&g, &h, &m);
}

static void window(uint64_t number, uint64_t version)
{
	assert_true(rr_plain(&g, REPL_WIN_BEGIN, number));
	assert_true(rr_data(&g, REPL_WIN_DATA, number, 0, 0, 1, version));
	assert_true(rr_plain(&g, REPL_WIN_END, number));
}

static void expect_answer(uint8_t status, const char *why)
{
	const struct rr_answer *a = rr_answer(&g, REPL_MARK_ACK);
	char text[300] = "";

	assert_non_null(a);
	assert_int_equal(a->h.value, 77);
	assert_int_equal(frame_status(&a->h), status);
	memcpy(text, a->payload + sizeof(struct repl_mark),
	       a->h.raw_bytes - sizeof(struct repl_mark));
	assert_string_equal(text, why);
}

static void the_snapshot_has_the_window_before_it(void **state)
{
	window(1, 8);
	assert_true(send(REPL_MARK_MAKE, 0, false));
	rr_run(&g);
	assert_int_equal(g.snapshots_asked, 1);
	assert_int_equal(g.snapshot_version, 8);
	assert_memory_equal(g.now, g.stable, sizeof(g.now));
	expect_answer(SLUICE_OK, "");
}

static void it_waits_while_the_window_goes_below(void **state)
{
	g.is_own_held = true;
	window(1, 8);
	assert_false(send(REPL_MARK_MAKE, 0, false));
	assert_null(g.snapshot);
	g.is_own_held = false;
	assert_true(send(REPL_MARK_MAKE, 0, false));
	rr_run(&g);
	assert_int_equal(g.snapshot_version, 8);
}

static void what_follows_stays_unread_until_it_is_made(void **state)
{
	g.is_snapshot_held = true;
	assert_true(rr_data(&g, REPL_WRITE, 5, 0, 0, 1, 8));
	assert_true(send(REPL_MARK_MAKE, 0, false));
	assert_false(rr_data(&g, REPL_WRITE, 6, 0, 0, 1, 9));
	assert_int_equal(rr_version(&g, 0, 0), 8);
	g.is_snapshot_held = false;
	assert_true(rr_data(&g, REPL_WRITE, 6, 0, 0, 1, 9));
	rr_run(&g);
	assert_int_equal(g.snapshot_version, 8);
	assert_int_equal(rr_version(&g, 0, 0), 9);
	expect_answer(SLUICE_OK, "");
}

static void a_refusal_comes_back_with_its_sentence(void **state)
{
	g.snapshot_results[0] = -ENOSPC;
	assert_true(send(REPL_MARK_MAKE, 0, false));
	rr_run(&g);
	expect_answer(SLUICE_ERR_FAILED, "no room");
	assert_string_equal(g.refused, "");
	window(1, 8); /* and frames go on */
	rr_run(&g);
	assert_int_equal(rr_version(&g, 0, 0), 8);
}

static void a_busy_volume_is_asked_again_for_a_while(void **state)
{
	g.snapshot_results[0] = g.snapshot_results[1] = -EBUSY;
	assert_true(send(REPL_MARK_MAKE, 0, false));
	for (int i = 0; i < 3; i++) {
		rr_run(&g);
		rr_advance(&g, 60);
	}
	assert_int_equal(g.snapshots_asked, 3);
	expect_answer(SLUICE_OK, "");
}

static void amid_a_resync_the_answer_is_no(void **state)
{
	assert_true(rr_resync(&g, 9, 1u << 20, false));
	assert_true(send(REPL_MARK_MAKE, 0, false));
	assert_int_equal(g.snapshots_asked, 0);
	expect_answer(SLUICE_ERR_FAILED, "the replica is amid a resync, and no point in time");
	assert_true(send(REPL_MARK_FIND, 0, false)); /* a question is none of that */
	rr_run(&g);
	expect_answer(SLUICE_OK, "");
}

static void a_connection_that_goes_gets_no_answer_and_the_next_one_asks_again(void **state)
{
	g.is_snapshot_held = true;
	assert_true(send(REPL_MARK_MAKE, 0, false));
	rr_down(&g);
	rr_up(&g);
	assert_false(send(REPL_MARK_MAKE, 0, false)); /* the first one is under way still */
	g.is_snapshot_held = false;
	assert_true(send(REPL_MARK_MAKE, 0, false));
	rr_run(&g);
	assert_int_equal(g.snapshots_asked, 2);
	assert_int_equal(rr_answers(&g, REPL_MARK_ACK), 1);
}

static void a_stop_waits_for_the_host(void **state)
{
	g.is_snapshot_held = true;
	assert_true(send(REPL_MARK_MAKE, 1, false));
	g.is_snapshot_held = false;
	g.snapshot_results[0] = -ECANCELED;
	rr_stop(&g);
	assert_int_equal(g.snapshots_asked, 1);
}

static void what_cannot_be_is_refused(void **state)
{
	assert_true(send((enum repl_mark_what)0, 0, true));
	assert_string_equal(g.refused, "the peer sent a malformed MARK");
	g.refused[0] = 0;
	assert_true(send(REPL_MARK_MAKE, 2, true));
	assert_string_equal(g.refused, "the peer sent a malformed MARK");
	g.refused[0] = 0;
	assert_true(rr_plain(&g, REPL_WIN_BEGIN, 1));
	assert_true(send(REPL_MARK_MAKE, 0, true));
	assert_string_equal(g.refused, "the peer sent MARK inside a window");
	assert_int_equal(g.snapshots_asked, 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(the_snapshot_has_the_window_before_it),
	    T(it_waits_while_the_window_goes_below),
	    T(what_follows_stays_unread_until_it_is_made),
	    T(a_refusal_comes_back_with_its_sentence),
	    T(a_busy_volume_is_asked_again_for_a_while),
	    T(amid_a_resync_the_answer_is_no),
	    T(a_connection_that_goes_gets_no_answer_and_the_next_one_asks_again),
	    T(a_stop_waits_for_the_host),
	    T(what_cannot_be_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
