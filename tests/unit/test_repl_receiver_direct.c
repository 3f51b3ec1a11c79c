/* SPDX-License-Identifier: MIT */
/* A pair's changes: below at once, persistent before the ACK, in order where they overlap. */
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
	rr_init(&g, 11);
	assert_int_equal(rr_start(&g), 0);
	g.node.record.state = REPL_SECONDARY_INSYNC;
	rr_up(&g);
	return 0;
}

static int teardown(void **state)
{
	rr_fini(&g);
	return 0;
}

static void a_write_is_persistent_before_its_ack(void **state)
{
	const struct rr_answer *a;

	g.is_own_held = true;
	assert_true(rr_data(&g, REPL_WRITE, 41, 0, 3, 2, 1001));
	assert_true(rr_data(&g, REPL_WRITE, 42, 1, 2, 1, 1002)); /* the short last unit */
	rr_run(&g);
	assert_int_equal(rr_answers(&g, REPL_ACK), 0);
	g.is_own_held = false;
	rr_run(&g);
	assert_int_equal(rr_answers(&g, REPL_ACK), 2);
	assert_int_equal(g.fua_below, 2);
	assert_memory_equal(g.now, g.stable, sizeof(g.now));
	assert_int_equal(rr_version(&g, 0, 4), 1001);
	assert_int_equal(rr_version(&g, 1, 2), 1002);
	a = rr_answer(&g, REPL_ACK);
	assert_true(a->h.value == 41 || a->h.value == 42);
	assert_int_equal(frame_status(&a->h), SLUICE_OK);
	assert_int_equal(g.began_below + g.began_staged, 0);
	assert_int_equal(g.seen_lsn, 42);
}

static void a_repair_is_no_place_in_the_order(void **state)
{
	assert_true(rr_data(&g, REPL_WRITE, REPL_NO_LSN | 7, 0, 0, 1, 55));
	rr_run(&g);
	assert_true(rr_data(&g, REPL_WRITE, 42, 0, 0, 1, 56));
	rr_run(&g);
	assert_int_equal(rr_answers(&g, REPL_ACK), 2);
	assert_int_equal(g.seen_lsn, 42);
}

static void zeros_need_no_data(void **state)
{
	assert_true(rr_data(&g, REPL_WRITE, 1, 0, 0, 8, 77));
	assert_true(rr_zero(&g, REPL_ZERO, 2, 0, 2, 4));
	rr_run(&g);
	assert_int_equal(rr_version(&g, 0, 1), 77);
	assert_int_equal(rr_version(&g, 0, 2), 0);
	assert_int_equal(rr_version(&g, 0, 5), 0);
	assert_int_equal(rr_version(&g, 0, 6), 77);
	assert_int_equal(rr_answers(&g, REPL_ACK), 2);
}

static void what_overlaps_keeps_its_order(void **state)
{
	for (uint64_t v = 1; v <= 200; v++)
		assert_true(rr_data(&g, REPL_WRITE, v, 0, v % 7, 3, v));
	rr_run(&g);
	assert_int_equal(rr_answers(&g, REPL_ACK), 200);
	for (uint64_t u = 0; u < 9; u++) {
		uint64_t last = 0;

		for (uint64_t v = 1; v <= 200; v++)
			if (v % 7 <= u && u < v % 7 + 3)
				last = v;
		assert_int_equal(rr_version(&g, 0, u), last);
	}
}

static void a_flush_waits_for_what_came_before(void **state)
{
	g.is_own_held = true;
	assert_true(rr_data(&g, REPL_WRITE, 1, 0, 0, 1, 5));
	assert_true(rr_plain(&g, REPL_FLUSH, 2));
	assert_true(rr_data(&g, REPL_WRITE, 3, 0, 9, 1, 6));
	assert_int_equal(g.own_count, 1);
	g.is_own_held = false;
	rr_run(&g);
	assert_int_equal(rr_answer(&g, REPL_ACK)->h.value, 1);
	assert_int_equal(rr_answer(&g, REPL_ACK)->h.value, 2);
	assert_int_equal(rr_answer(&g, REPL_ACK)->h.value, 3);
}

static void a_failed_write_is_told(void **state)
{
	g.own_fail_at = 1;
	assert_true(rr_data(&g, REPL_WRITE, 9, 0, 0, 1, 5));
	rr_run(&g);
	assert_int_equal(frame_status(&rr_answer(&g, REPL_ACK)->h), SLUICE_ERR_IO);
	assert_string_equal(g.refused, "");
}

static void an_older_term_is_refused(void **state)
{
	struct repl_header h;

	frame_begin(&h, REPL_FLUSH, 4, 1);
	assert_true(rr_offer(&g, &h, NULL));
	assert_non_null(strstr(g.refused, "term 4"));
	rr_run(&g);
	assert_int_equal(g.answer_count, 0);
}

static void a_newer_term_waits_for_the_node(void **state)
{
	struct repl_header h;

	frame_begin(&h, REPL_FLUSH, 6, 1);
	assert_false(rr_offer(&g, &h, NULL));
	rr_advance(&g, 100);
	assert_true(g.may_read);
	assert_false(rr_offer(&g, &h, NULL));
	g.node.record.term = 6;
	rr_advance(&g, 100);
	assert_true(rr_offer(&g, &h, NULL));
	rr_run(&g);
	assert_int_equal(rr_answers(&g, REPL_ACK), 1);
	h.term = 7;
	assert_false(rr_offer(&g, &h, NULL));
	rr_advance(&g, 3100);
	assert_true(rr_offer(&g, &h, NULL));
	assert_non_null(strstr(g.refused, "term 7"));
}

static void a_primary_takes_no_changes(void **state)
{
	g.node.record.state = REPL_PRIMARY_ALONE;
	rr_data(&g, REPL_WRITE, 1, 0, 0, 1, 5);
	assert_non_null(strstr(g.refused, "primary"));
	rr_run(&g);
	assert_int_equal(g.writes_below, 0);
}

static void rules_of_the_stream_are_kept(void **state)
{
	struct repl_header h;

	frame_begin(&h, REPL_ZERO, 5, 1);
	frame_set_range(&h, 0, RR_UNITS * RR_UNIT, 512);
	assert_true(rr_offer(&g, &h, NULL));
	assert_non_null(strstr(g.refused, "outside"));
	g.refused[0] = '\0';
	rr_data(&g, REPL_WIN_DATA, 1, 0, 0, 1, 5);
	assert_non_null(strstr(g.refused, "outside of a window"));
	g.refused[0] = '\0';
	rr_data(&g, REPL_RS_DATA, 1, 0, 0, 1, 5);
	assert_non_null(strstr(g.refused, "outside of a resync"));
	g.refused[0] = '\0';
	rr_plain(&g, REPL_WIN_END, 1);
	assert_non_null(strstr(g.refused, "did not begin"));
	g.refused[0] = '\0';
	rr_plain(&g, REPL_RS_END, 1);
	assert_non_null(strstr(g.refused, "did not begin"));
	g.refused[0] = '\0';
	rr_plain(&g, REPL_ACK, 1);
	assert_non_null(strstr(g.refused, "does not take"));
	g.refused[0] = '\0';
	rr_plain(&g, REPL_WIN_BEGIN, 1);
	rr_plain(&g, REPL_WIN_BEGIN, 2);
	assert_non_null(strstr(g.refused, "inside another"));
	g.refused[0] = '\0';
	rr_data(&g, REPL_WRITE, 1, 0, 0, 1, 5);
	assert_non_null(strstr(g.refused, "amid a window"));
	rr_run(&g);
	assert_int_equal(g.writes_below, 0);
}

static void who_sends_beyond_its_credit_is_cut_off(void **state)
{
	static uint8_t data[1 << 17];
	struct repl_header h;
	int n = 0;

	g.is_own_held = true;
	frame_begin(&h, REPL_WRITE, 5, 1);
	frame_set_range(&h, 0, 0, sizeof(data));
	frame_set_payload(&h, data, sizeof(data));
	while (!g.refused[0]) {
		assert_true(++n < 100);
		assert_true(receiver_frame(g.receiver, &h, data));
	}
	assert_non_null(strstr(g.refused, "credit"));
	assert_true(n > 60);
	g.is_own_held = false;
	rr_run(&g);
}

static void credit_comes_back(void **state)
{
	for (uint64_t v = 1; v < 2000; v++) {
		assert_true(rr_data(&g, REPL_WRITE, v, 0, 0, 32, v));
		rr_run(&g);
		assert_non_null(rr_answer(&g, REPL_ACK));
	}
	assert_int_equal(rr_version(&g, 0, 31), 1999);
}

static void without_memory_frames_wait(void **state)
{
	struct repl_header h;
	uint8_t data[512] = {1};

	g.has_no_bufs = true;
	frame_begin(&h, REPL_WRITE, 5, 1);
	frame_set_range(&h, 0, 0, 512);
	frame_set_payload(&h, data, 512);
	assert_false(rr_offer(&g, &h, data));
	g.has_no_bufs = false;
	rr_advance(&g, 50);
	assert_true(g.may_read);
	assert_true(rr_offer(&g, &h, data));
	rr_run(&g);
	assert_int_equal(rr_answers(&g, REPL_ACK), 1);
}

static void answers_belong_to_their_connection(void **state)
{
	g.is_own_held = true;
	assert_true(rr_data(&g, REPL_WRITE, 1, 0, 0, 1, 5));
	rr_down(&g);
	rr_up(&g);
	assert_true(rr_data(&g, REPL_WRITE, 2, 0, 0, 1, 6));
	g.is_own_held = false;
	rr_run(&g);
	assert_int_equal(rr_answers(&g, REPL_ACK), 1);
	assert_int_equal(rr_answer(&g, REPL_ACK)->h.value, 2);
	assert_int_equal(rr_version(&g, 0, 0), 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(a_write_is_persistent_before_its_ack, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_repair_is_no_place_in_the_order, setup, teardown),
	    cmocka_unit_test_setup_teardown(zeros_need_no_data, setup, teardown),
	    cmocka_unit_test_setup_teardown(what_overlaps_keeps_its_order, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_flush_waits_for_what_came_before, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_failed_write_is_told, setup, teardown),
	    cmocka_unit_test_setup_teardown(an_older_term_is_refused, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_newer_term_waits_for_the_node, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_primary_takes_no_changes, setup, teardown),
	    cmocka_unit_test_setup_teardown(rules_of_the_stream_are_kept, setup, teardown),
	    cmocka_unit_test_setup_teardown(who_sends_beyond_its_credit_is_cut_off, setup,
					    teardown),
	    cmocka_unit_test_setup_teardown(credit_comes_back, setup, teardown),
	    cmocka_unit_test_setup_teardown(without_memory_frames_wait, setup, teardown),
	    cmocka_unit_test_setup_teardown(answers_belong_to_their_connection, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
