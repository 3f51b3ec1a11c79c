/* SPDX-License-Identifier: MIT */
/* Windows: the replica is a point in time at every moment, also after a crash at any step. */
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
	rr_init(&g, 3);
	assert_int_equal(rr_start(&g), 0);
	rr_up(&g);
	return 0;
}

static int teardown(void **state)
{
	rr_fini(&g);
	return 0;
}

static void nothing_goes_below_before_the_end(void **state)
{
	assert_true(rr_plain(&g, REPL_WIN_BEGIN, 1));
	assert_true(rr_data(&g, REPL_WIN_DATA, 1, 0, 5, 3, 100));
	assert_true(rr_data(&g, REPL_WIN_DATA, 1, 1, 1, 2, 101)); /* with the short last unit */
	assert_true(rr_zero(&g, REPL_WIN_ZERO, 1, 0, 7, 1));
	rr_run(&g);
	assert_int_equal(g.writes_below, 0);
	assert_int_equal(g.answer_count, 0);
	assert_true(rr_plain(&g, REPL_WIN_END, 1));
	rr_run(&g);
	assert_int_equal(rr_answers(&g, REPL_WIN_ACK), 1);
	assert_int_equal(rr_version(&g, 0, 5), 100);
	assert_int_equal(rr_version(&g, 0, 7), 0);
	assert_int_equal(rr_version(&g, 1, 2), 101);
	assert_int_equal(g.seen_lsn, 100);
	assert_memory_equal(g.now, g.stable, sizeof(g.now));
}

static void the_next_window_comes_while_one_goes_below(void **state)
{
	g.is_own_held = true;
	for (uint64_t w = 1; w <= 2; w++) {
		assert_true(rr_plain(&g, REPL_WIN_BEGIN, w));
		assert_true(rr_data(&g, REPL_WIN_DATA, w, 0, 0, 2, w));
		assert_true(rr_plain(&g, REPL_WIN_END, w));
		rr_run(&g);
		assert_int_equal(rr_answer(&g, REPL_WIN_ACK)->h.value, w);
	}
	/* Both stages are in use: the third has to wait. */
	assert_false(rr_plain(&g, REPL_WIN_BEGIN, 3));
	g.is_own_held = false;
	rr_run(&g);
	assert_true(rr_plain(&g, REPL_WIN_BEGIN, 3));
	assert_int_equal(rr_version(&g, 0, 1), 2);
}

static void a_window_that_was_cut_off_leaves_nothing(void **state)
{
	assert_true(rr_plain(&g, REPL_WIN_BEGIN, 1));
	assert_true(rr_data(&g, REPL_WIN_DATA, 1, 0, 0, 2, 9));
	rr_down(&g);
	rr_run(&g);
	rr_up(&g);
	assert_true(rr_plain(&g, REPL_WIN_BEGIN, 2));
	assert_true(rr_data(&g, REPL_WIN_DATA, 2, 0, 5, 1, 10));
	assert_true(rr_plain(&g, REPL_WIN_END, 2));
	rr_run(&g);
	assert_int_equal(rr_version(&g, 0, 0), 0);
	assert_int_equal(rr_version(&g, 0, 5), 10);
}

static void a_window_that_is_too_large_is_refused(void **state)
{
	assert_true(rr_plain(&g, REPL_WIN_BEGIN, 1));
	for (int i = 0; i < 1000 && !g.refused[0]; i++)
		rr_data(&g, REPL_WIN_DATA, 1, 0, 0, 64, 9);
	assert_non_null(strstr(g.refused, "too large"));
	rr_down(&g);
	rr_run(&g);
	rr_up(&g);
	assert_true(rr_plain(&g, REPL_WIN_BEGIN, 1));
	assert_true(rr_plain(&g, REPL_WIN_END, 1));
	rr_run(&g);
	assert_int_equal(rr_answers(&g, REPL_WIN_ACK), 1);
	assert_int_equal(g.writes_below, 0);
}

static void what_fails_below_is_tried_again(void **state)
{
	g.own_fail_at = 1;
	assert_true(rr_plain(&g, REPL_WIN_BEGIN, 1));
	assert_true(rr_data(&g, REPL_WIN_DATA, 1, 0, 0, 2, 9));
	assert_true(rr_plain(&g, REPL_WIN_END, 1));
	rr_run(&g);
	assert_int_equal(rr_answers(&g, REPL_WIN_ACK), 1);
	assert_int_equal(g.reports, 1);
	rr_advance(&g, 1100);
	assert_int_equal(rr_version(&g, 0, 1), 9);
}

static void a_stage_that_fails_acknowledges_nothing(void **state)
{
	assert_true(rr_plain(&g, REPL_WIN_BEGIN, 1));
	assert_true(rr_data(&g, REPL_WIN_DATA, 1, 0, 0, 2, 9));
	rig_file(&g.disk, "a")->is_failing = true;
	assert_true(rr_plain(&g, REPL_WIN_END, 1));
	rr_run(&g);
	assert_true(rr_answers(&g, REPL_WIN_ACK) == 0 ||
		    frame_status(&rr_answer(&g, REPL_WIN_ACK)->h) != SLUICE_OK);
	assert_true(g.refused[0]);
	assert_int_equal(g.writes_below, 0);
}

static void a_window_waits_for_the_next_start(void)
{
	g.is_own_held = true;
	assert_true(rr_plain(&g, REPL_WIN_BEGIN, 1));
	assert_true(rr_data(&g, REPL_WIN_DATA, 1, 0, 0, 2, 9));
	assert_true(rr_plain(&g, REPL_WIN_END, 1));
	rr_run(&g);
	rr_crash(&g, false);
}

/* Whoever started it stops it; till then nothing of it begins again. */
static void a_start_that_has_failed_ends_once(void **state)
{
	a_window_waits_for_the_next_start();
	assert_int_equal(rr_start(&g), -EINPROGRESS);
	rig_file(&g.disk, "a")->is_failing = true;
	g.is_own_held = false;
	rr_run(&g);
	assert_true(g.is_started);
	assert_int_equal(g.start_result, -EIO);
	rig_file(&g.disk, "a")->is_failing = false;
	g.is_started = false;
	rr_advance(&g, 2500);
	assert_false(g.is_started);
}

static void expect_it_at_the_next_start(void)
{
	assert_true(g.is_started);
	assert_int_equal(g.start_result, -ECANCELED);
	rr_stop(&g);
	assert_int_not_equal(rr_version(&g, 0, 1), 9);
	assert_int_equal(rr_start(&g), 0);
	assert_int_equal(rr_version(&g, 0, 1), 9);
}

/* The volume is locked, or gone: it would try again for ever. */
static void a_start_that_cannot_succeed_is_cancelled(void **state)
{
	a_window_waits_for_the_next_start();
	g.is_own_held = false;
	g.own_fail_at = g.owns_ended + 1;
	assert_int_equal(rr_start(&g), -EINPROGRESS);
	receiver_cancel_start(g.receiver);
	rr_run(&g);
	expect_it_at_the_next_start();
}

static void a_cancelled_start_ends_when_what_is_under_way_has_ended(void **state)
{
	a_window_waits_for_the_next_start();
	assert_int_equal(rr_start(&g), -EINPROGRESS);
	receiver_cancel_start(g.receiver);
	rr_run(&g);
	assert_false(g.is_started);
	g.own_fail_at = g.owns_ended + 1;
	g.is_own_held = false;
	rr_run(&g);
	expect_it_at_the_next_start();
}

static void a_promotion_brings_complete_windows_below(void **state)
{
	g.is_own_held = true;
	assert_true(rr_plain(&g, REPL_WIN_BEGIN, 1));
	assert_true(rr_data(&g, REPL_WIN_DATA, 1, 0, 0, 2, 9));
	assert_true(rr_plain(&g, REPL_WIN_END, 1));
	assert_true(rr_plain(&g, REPL_WIN_BEGIN, 2));
	assert_true(rr_data(&g, REPL_WIN_DATA, 2, 0, 0, 1, 10));
	rr_run(&g);
	rr_down(&g);
	receiver_apply_staged(g.receiver);
	rr_run(&g);
	assert_int_equal(g.applied, 0);
	g.is_own_held = false;
	rr_run(&g);
	assert_int_equal(g.applied, 1);
	assert_int_equal(rr_version(&g, 0, 0), 9);
	assert_int_equal(g.suspect, 0);
}

/* ---------------------------------------------------------------- a crash at every step */

#define WINDOWS 4u

static uint64_t images[WINDOWS + 1][RR_UNITS];

static bool one_window(uint64_t w, uint64_t *acked)
{
	bool is_ok = rr_plain(&g, REPL_WIN_BEGIN, w);

	for (uint64_t u = w % 3; is_ok && u < RR_UNITS; u += 5)
		is_ok = rr_data(&g, REPL_WIN_DATA, w, 0, u, 1 + w % 2, w * 1000 + u);
	is_ok = is_ok && rr_zero(&g, REPL_WIN_ZERO, w, 0, w, 2) && rr_plain(&g, REPL_WIN_END, w);
	rr_run(&g);
	while (rr_answers(&g, REPL_WIN_ACK))
		*acked = rr_answer(&g, REPL_WIN_ACK)->h.value;
	return is_ok;
}

/* What rr_data() and rr_zero() above make of it. */
static void make_images(void)
{
	for (uint64_t w = 1; w <= WINDOWS; w++) {
		memcpy(images[w], images[w - 1], sizeof(images[0]));
		for (uint64_t u = w % 3; u < RR_UNITS; u += 5)
			for (uint64_t i = 0; i < 1 + w % 2 && u + i < RR_UNITS; i++)
				images[w][u + i] = w * 1000 + u;
		images[w][w] = images[w][w + 1] = 0;
	}
}

static int64_t image_of_now(void)
{
	for (int64_t w = 0; w <= (int64_t)WINDOWS; w++) {
		uint64_t u = 0;

		while (u < RR_UNITS && rr_version(&g, 0, u) == images[w][u])
			u++;
		if (u == RR_UNITS)
			return w;
	}
	return -1;
}

/* Stopped after so many steps; then started, again stopped in the middle, and started for good. */
static bool crash_at(uint64_t steps, bool is_power_cut)
{
	uint64_t acked = 0, w = 1;
	int64_t is;

	rr_init(&g, 1000 + steps * 2 + is_power_cut);
	assert_int_equal(rr_start(&g), 0);
	rr_up(&g);
	g.steps = 0;
	g.steps_max = steps;
	while (w <= WINDOWS && one_window(w, &acked))
		w++;
	rr_crash(&g, is_power_cut);
	g.steps_max = 1 + steps % 37;
	is = rr_start(&g);
	g.steps_max = 0;
	if (is)
		rr_crash(&g, is_power_cut);
	else
		rr_stop(&g);
	assert_int_equal(rr_start(&g), 0);
	rr_run(&g);
	is = image_of_now();
	if (is < (int64_t)acked)
		fail_msg("%llu steps: image %lld, acknowledged %llu", (unsigned long long)steps,
			 (long long)is, (unsigned long long)acked);
	rr_fini(&g);
	return w <= WINDOWS;
}

static void a_crash_leaves_a_point_in_time(void **state)
{
	uint64_t steps = 1;

	make_images();
	while (crash_at(steps, false) | crash_at(steps, true))
		steps++;
	assert_true(steps > 40);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(nothing_goes_below_before_the_end, setup, teardown),
	    cmocka_unit_test_setup_teardown(the_next_window_comes_while_one_goes_below, setup,
					    teardown),
	    cmocka_unit_test_setup_teardown(a_window_that_was_cut_off_leaves_nothing, setup,
					    teardown),
	    cmocka_unit_test_setup_teardown(a_window_that_is_too_large_is_refused, setup, teardown),
	    cmocka_unit_test_setup_teardown(what_fails_below_is_tried_again, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_start_that_has_failed_ends_once, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_start_that_cannot_succeed_is_cancelled, setup,
					    teardown),
	    cmocka_unit_test_setup_teardown(a_cancelled_start_ends_when_what_is_under_way_has_ended,
					    setup, teardown),
	    cmocka_unit_test_setup_teardown(a_stage_that_fails_acknowledges_nothing, setup,
					    teardown),
	    cmocka_unit_test_setup_teardown(a_promotion_brings_complete_windows_below, setup,
					    teardown),
	    cmocka_unit_test(a_crash_leaves_a_point_in_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
