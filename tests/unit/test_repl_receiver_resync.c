/* SPDX-License-Identifier: MIT */
/* A resync: staged where it fits, so that the last point in time stays; else below, said first. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "receiver_rig.h"

#define SMALL (64u * RR_UNIT)

static struct repl_group g;

static int setup(void **state)
{
	rr_init(&g, 5);
	assert_int_equal(rr_start(&g), 0);
	rr_up(&g);
	return 0;
}

static int teardown(void **state)
{
	rr_fini(&g);
	return 0;
}

static void window(uint64_t w, uint64_t unit, uint64_t version)
{
	assert_true(rr_plain(&g, REPL_WIN_BEGIN, w));
	assert_true(rr_data(&g, REPL_WIN_DATA, w, 0, unit, 1, version));
	assert_true(rr_plain(&g, REPL_WIN_END, w));
	rr_run(&g);
	assert_int_equal(frame_status(&rr_answer(&g, REPL_WIN_ACK)->h), SLUICE_OK);
}

static void reconnect(void)
{
	rr_down(&g);
	rr_run(&g);
	rr_up(&g);
}

static void restart(bool is_power_cut)
{
	rr_crash(&g, is_power_cut);
	assert_int_equal(rr_start(&g), 0);
	rr_run(&g);
	rr_up(&g);
}

static void a_small_one_is_staged_until_its_end(void **state)
{
	assert_true(rr_resync(&g, 9, SMALL, false));
	assert_int_equal(g.began_staged, 1);
	assert_true(rr_data(&g, REPL_RS_DATA, 9, 0, 1, 2, 50));
	window(1, 2, 60);
	assert_true(rr_data(&g, REPL_RS_DATA, 9, 0, 4, 1, 51));
	assert_true(rr_zero(&g, REPL_RS_ZERO, 9, 0, 5, 1));
	assert_true(rr_plain(&g, REPL_FLUSH, 3));
	rr_run(&g);
	assert_int_equal(rr_answer(&g, REPL_ACK)->h.value, 3);
	assert_int_equal(g.writes_below, 0);
	assert_int_equal(g.resync_ended, 0);
	assert_true(rr_plain(&g, REPL_RS_END, 9));
	rr_run(&g);
	assert_int_equal(rr_answer(&g, REPL_RS_ACK)->h.value, 9);
	assert_int_equal(g.resync_ended, 1);
	assert_int_equal(g.began_below, 0);
	assert_int_equal(rr_version(&g, 0, 1), 50);
	assert_int_equal(rr_version(&g, 0, 2), 60); /* what came later in the stream */
	assert_int_equal(rr_version(&g, 0, 4), 51);
	assert_int_equal(g.seen_lsn, 900);
	window(2, 1, 70);
	assert_int_equal(rr_version(&g, 0, 1), 70);
}

static void a_large_one_goes_below_and_says_so_first(void **state)
{
	assert_true(rr_resync(&g, 9, 1ull << 30, false));
	assert_int_equal(g.began_below, 1);
	assert_false(g.node.record.is_consistent);
	assert_true(rr_data(&g, REPL_RS_DATA, 9, 0, 1, 2, 50));
	rr_run(&g);
	assert_int_equal(rr_version(&g, 0, 1), 50);
	window(1, 2, 60);
	assert_int_equal(rr_version(&g, 0, 2), 60);
	assert_memory_equal(g.now, g.stable, sizeof(g.now));
	assert_true(rr_data(&g, REPL_RS_DATA, 9, 0, 7, 1, 51));
	assert_true(rr_plain(&g, REPL_RS_END, 9));
	rr_run(&g);
	assert_int_equal(frame_status(&rr_answer(&g, REPL_RS_ACK)->h), SLUICE_OK);
	assert_true(g.node.record.is_consistent);
	assert_memory_equal(g.now, g.stable, sizeof(g.now));
}

static void a_whole_one_is_never_staged(void **state)
{
	assert_true(rr_resync(&g, 9, SMALL, true));
	assert_int_equal(g.began_below, 1);
	assert_int_equal(g.began_staged, 0);
}

static void what_cannot_be_said_is_not_done(void **state)
{
	g.record_error = -ENOSPC;
	rr_resync(&g, 9, 1ull << 30, false);
	assert_non_null(strstr(g.refused, "point in time"));
	g.refused[0] = '\0';
	rr_resync(&g, 9, SMALL, false);
	assert_non_null(strstr(g.refused, "could not note"));
}

/* An acknowledged window in an open resync is not sent again: it may not be lost. */
static void an_interrupted_one_keeps_its_windows(void **state)
{
	assert_true(rr_resync(&g, 9, SMALL, false));
	assert_true(rr_data(&g, REPL_RS_DATA, 9, 0, 1, 1, 50));
	window(1, 2, 60);
	reconnect();
	restart(true);
	assert_int_equal(g.writes_below, 0);
	assert_int_equal(rr_version(&g, 0, 2), 0);
	assert_true(rr_resync(&g, 10, SMALL, false));
	assert_true(rr_data(&g, REPL_RS_DATA, 10, 0, 1, 1, 51));
	assert_true(rr_plain(&g, REPL_RS_END, 10));
	rr_run(&g);
	assert_int_equal(rr_version(&g, 0, 1), 51);
	assert_int_equal(rr_version(&g, 0, 2), 60);
	assert_int_equal(g.began_below, 0);
}

static void one_that_becomes_too_large_goes_below(void **state)
{
	assert_true(rr_resync(&g, 9, SMALL, false));
	for (uint64_t i = 0; i < 40; i++)
		assert_true(rr_data(&g, REPL_RS_DATA, 9, 0, 0, 64, i));
	rr_run(&g);
	assert_int_equal(g.began_below, 1);
	assert_true(g.writes_below > 0);
	window(1, 2, 60);
	assert_true(rr_plain(&g, REPL_RS_END, 9));
	rr_run(&g);
	assert_int_equal(g.resync_ended, 1);
	assert_int_equal(rr_version(&g, 0, 1), 39);
	assert_int_equal(rr_version(&g, 0, 2), 60);
	assert_true(receiver_stages_are_free(g.receiver));
}

static void an_interrupted_one_may_go_on_below(void **state)
{
	assert_true(rr_resync(&g, 9, SMALL, false));
	window(1, 2, 60);
	reconnect();
	assert_true(rr_resync(&g, 10, 1ull << 30, false));
	assert_true(g.began_below > 0);
	assert_int_equal(rr_version(&g, 0, 2), 60);
	assert_true(rr_plain(&g, REPL_RS_END, 10));
	rr_run(&g);
	assert_int_equal(g.resync_ended, 1);
}

static void a_promotion_gives_an_open_one_up(void **state)
{
	window(1, 2, 60);
	assert_true(rr_resync(&g, 9, SMALL, false));
	assert_true(rr_data(&g, REPL_RS_DATA, 9, 0, 1, 1, 50));
	assert_true(rr_zero(&g, REPL_RS_ZERO, 9, 0, 30, 2));
	window(2, 2, 61);
	rr_down(&g);
	receiver_apply_staged(g.receiver);
	rr_run(&g);
	assert_int_equal(g.applied, 1);
	assert_int_equal(rr_version(&g, 0, 1), 0);
	assert_int_equal(rr_version(&g, 0, 2), 60);
	assert_int_equal(g.suspect, 1u << 1 | 1u << 2 | 3u << 30);
	assert_true(g.marks_flushed);
	assert_true(receiver_stages_are_free(g.receiver));
	receiver_leads(g.receiver);
	assert_int_equal(g.receiver->kept.kept, KEPT_GIVE_UP);
	g.node.record.state = REPL_PRIMARY_ALONE;
	receiver_leads(g.receiver);
	assert_int_equal(g.receiver->kept.kept, KEPT_NOTHING);
	assert_int_equal(g.gave_up, 0);
}

/* It is in the own bitmap, and the peer takes it for sent. */
static void a_promotion_that_was_not_to_be_says_what_it_gave_up(void **state)
{
	for (int i = 0; i < 2; i++) {
		assert_true(rr_resync(&g, 9, SMALL, false));
		window(2, 2, 61);
		rr_down(&g);
		receiver_apply_staged(g.receiver);
		rr_run(&g);
		assert_int_equal(g.suspect, 1u << 2);
		if (i == 0) /* the other time the role has gone on meanwhile */
			restart(true);
		else
			rr_up(&g);
		g.record_error = -EIO;
		assert_false(rr_resync(&g, 10, SMALL, false));
		assert_int_equal(g.began_staged, 1 + i);
		assert_int_equal(g.receiver->kept.kept, KEPT_GIVE_UP);
		g.record_error = 0;
		g.node.is_failed = false;
		(void)rr_resync(&g, 10, SMALL, false);
		assert_int_equal(g.began_staged, 1 + i);
		assert_int_equal(g.node.record.state, REPL_OUTDATED);
		assert_int_equal(g.gave_up, 1);
		assert_int_equal(g.receiver->kept.kept, KEPT_NOTHING);
		g.node.record.state = REPL_SECONDARY_SYNCING;
		g.gave_up = 0;
		g.suspect = 0;
		g.refused[0] = 0;
		reconnect();
	}
}

static void a_promotion_of_no_point_in_time_keeps_what_came(void **state)
{
	assert_true(rr_resync(&g, 9, SMALL, false));
	window(2, 2, 61);
	g.node.record.is_consistent = false; /* an operator's force */
	rr_down(&g);
	receiver_apply_staged(g.receiver);
	rr_run(&g);
	assert_int_equal(g.applied, 1);
	assert_int_equal(rr_version(&g, 0, 2), 61);
	assert_int_equal(g.suspect, 0);
}

/* ---------------------------------------------------------------- crashes */

enum { VERSION_RS = 100, VERSION_WIN = 200, VERSION_OLD = 7 };

/* What the peer knows after it: may it have cleared the bits of units 1 to 9; has the resync ended;
 * the last window that was acknowledged. */
struct known {
	bool is_flushed, is_ended;
	uint64_t window;
};

static void collect(struct known *k)
{
	rr_run(&g);
	while (rr_answers(&g, REPL_WIN_ACK))
		k->window = rr_answer(&g, REPL_WIN_ACK)->h.value;
	k->is_flushed |= rr_answers(&g, REPL_ACK) > 0;
	k->is_ended |= rr_answers(&g, REPL_RS_ACK) > 0;
}

static bool one_window(uint64_t w)
{
	return rr_plain(&g, REPL_WIN_BEGIN, w) &&
	       rr_data(&g, REPL_WIN_DATA, w, 0, 20 + w, 1, VERSION_WIN + w) &&
	       rr_plain(&g, REPL_WIN_END, w);
}

/* As far as it comes. */
static bool run_resync(uint64_t bytes_max, struct known *k)
{
	bool is_ok = rr_resync(&g, 9, bytes_max, false);

	for (uint64_t u = 1; is_ok && u < 10; u++)
		is_ok = rr_data(&g, REPL_RS_DATA, 9, 0, u, 1, VERSION_RS + u);
	is_ok = is_ok && rr_plain(&g, REPL_FLUSH, 1);
	collect(k);
	for (uint64_t w = 1; is_ok && w <= 2; w++) {
		is_ok = one_window(w);
		collect(k);
	}
	is_ok = is_ok && rr_plain(&g, REPL_RS_END, 9);
	collect(k);
	return is_ok && k->is_ended;
}

static bool is_old(void)
{
	for (uint64_t u = 0; u < RR_UNITS; u++)
		if (rr_version(&g, 0, u) != VERSION_OLD)
			return false;
	return true;
}

/* The peer comes back, sends what it still knows to be different, and both are equal. */
static void finish(const struct known *k)
{
	if (!k->is_ended) {
		assert_true(rr_resync(&g, 10, SMALL, false));
		for (uint64_t u = 1; u < 10 && !k->is_flushed; u++)
			assert_true(rr_data(&g, REPL_RS_DATA, 10, 0, u, 1, VERSION_RS + u));
	}
	for (uint64_t w = k->window + 1; w <= 2; w++)
		assert_true(one_window(w));
	if (!k->is_ended)
		assert_true(rr_plain(&g, REPL_RS_END, 10));
	rr_run(&g);
	for (uint64_t u = 1; u < 10; u++)
		assert_int_equal(rr_version(&g, 0, u), VERSION_RS + u);
	for (uint64_t w = 1; w <= 2; w++)
		assert_int_equal(rr_version(&g, 0, 20 + w), VERSION_WIN + w);
	assert_string_equal(g.refused, "");
}

static bool crash_at(uint64_t steps, bool is_power_cut, uint64_t bytes_max)
{
	struct known k = {0};
	bool is_through;
	int rc;

	rr_init(&g, 7000 + steps);
	for (uint64_t u = 0; u < RR_UNITS; u++)
		rr_set(&g, 0, u, VERSION_OLD);
	assert_int_equal(rr_start(&g), 0);
	rr_up(&g);
	g.steps = 0;
	g.steps_max = steps;
	is_through = run_resync(bytes_max, &k);
	rr_crash(&g, is_power_cut);
	g.steps_max = 1 + steps % 23;
	rc = rr_start(&g);
	g.steps_max = 0;
	if (rc)
		rr_crash(&g, is_power_cut);
	else
		rr_stop(&g);
	assert_int_equal(rr_start(&g), 0);
	rr_run(&g);
	/* A point in time that it is said to be: the old one, or the end. */
	if (g.node.record.is_consistent && rr_version(&g, 0, 9) == VERSION_OLD)
		assert_true(is_old());
	else if (g.node.record.is_consistent)
		assert_int_equal(rr_version(&g, 0, 22), VERSION_WIN + 2);
	rr_up(&g);
	finish(&k);
	rr_fini(&g);
	return !is_through;
}

static void a_crash_of_a_staged_one_loses_nothing(void **state)
{
	uint64_t steps = 1;

	while (crash_at(steps, false, SMALL) | crash_at(steps, true, SMALL))
		steps++;
	assert_true(steps > 12);
}

static void a_crash_of_a_large_one_loses_nothing(void **state)
{
	uint64_t steps = 1;

	while (crash_at(steps, false, 1ull << 30) | crash_at(steps, true, 1ull << 30))
		steps++;
	assert_true(steps > 12);
}

/* At every step of a promotion that gives up a resync, the marks are there before the stage is
 * forgotten. */
static void a_crash_of_a_promotion_loses_no_mark(void **state)
{
	for (uint64_t steps = 1;; steps++) {
		bool is_done;

		rr_init(&g, 90 + steps);
		assert_int_equal(rr_start(&g), 0);
		rr_up(&g);
		assert_true(rr_resync(&g, 9, SMALL, false));
		window(1, 2, 60);
		rr_down(&g);
		rr_run(&g);
		g.steps = 0;
		g.steps_max = steps;
		receiver_apply_staged(g.receiver);
		rr_run(&g);
		is_done = g.applied > 0;
		if (!g.marks_flushed)
			g.suspect = 0; /* they were only in memory */
		rr_crash(&g, steps % 2);
		assert_int_equal(rr_start(&g), 0);
		rr_run(&g);
		/* Given up, or still as it was before. */
		assert_int_not_equal(g.receiver->kept.kept, KEPT_NOTHING);
		if (g.receiver->kept.kept == KEPT_GIVE_UP)
			assert_int_equal(g.suspect, 1u << 2);
		assert_int_equal(rr_version(&g, 0, 2), 0);
		rr_fini(&g);
		if (is_done)
			break;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(a_small_one_is_staged_until_its_end, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_large_one_goes_below_and_says_so_first, setup,
					    teardown),
	    cmocka_unit_test_setup_teardown(a_whole_one_is_never_staged, setup, teardown),
	    cmocka_unit_test_setup_teardown(what_cannot_be_said_is_not_done, setup, teardown),
	    cmocka_unit_test_setup_teardown(an_interrupted_one_keeps_its_windows, setup, teardown),
	    cmocka_unit_test_setup_teardown(one_that_becomes_too_large_goes_below, setup, teardown),
	    cmocka_unit_test_setup_teardown(an_interrupted_one_may_go_on_below, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_promotion_gives_an_open_one_up, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_promotion_that_was_not_to_be_says_what_it_gave_up,
					    setup, teardown),
	    cmocka_unit_test_setup_teardown(a_promotion_of_no_point_in_time_keeps_what_came, setup,
					    teardown),
	    cmocka_unit_test(a_crash_of_a_staged_one_loses_nothing),
	    cmocka_unit_test(a_crash_of_a_large_one_loses_nothing),
	    cmocka_unit_test(a_crash_of_a_promotion_loses_no_mark),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
