/* SPDX-License-Identifier: MIT */
/* Digests are of the content as of their place in the stream; and the bitmap of a rejoining side.
 */
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
	rr_init(&g, 21);
	assert_int_equal(rr_start(&g), 0);
	rr_up(&g);
	for (uint64_t u = 0; u < 8; u++)
		rr_set(&g, 0, u, 100 + u);
	for (uint64_t u = 0; u < 3; u++)
		rr_set(&g, 1, u, 300);
	return 0;
}

static int teardown(void **state)
{
	rr_fini(&g);
	return 0;
}

static bool ask(uint16_t member, uint64_t unit, uint64_t bytes, uint32_t block_bytes)
{
	struct repl_digest_ask a = {.block_bytes = block_bytes};
	struct repl_header h;

	frame_begin(&h, REPL_DIGEST_ASK, 5, 77);
	frame_set_range(&h, member, unit * RR_UNIT, bytes);
	frame_set_payload(&h, &a, sizeof(a));
	return rr_send(&g, &h, &a);
}

static struct digest_sum sum_of(uint64_t version, uint64_t bytes)
{
	uint64_t data[RR_UNIT / 8];
	struct digest_sum s;

	for (uint64_t i = 0; i < bytes / 8; i++)
		data[i] = version;
	digest_block(data, bytes, &s);
	return s;
}

static void expect(const struct rr_answer *a, uint32_t i, uint64_t version, uint64_t bytes)
{
	struct digest_sum s = sum_of(version, bytes);

	assert_true(a->h.raw_bytes >= (i + 1) * sizeof(s));
	assert_memory_equal(a->payload + i * sizeof(s), &s, sizeof(s));
}

static void digests_are_what_they_should_be(void **state)
{
	struct digest_sum zero = sum_of(0, RR_UNIT), one = sum_of(1, RR_UNIT),
			  two = sum_of(2, RR_UNIT);

	assert_true(digest_is_zero(&zero));
	assert_false(digest_is_zero(&one));
	assert_memory_not_equal(&one, &two, sizeof(one));
	assert_int_equal(digest_count(8193, 4096), 3);
}

static void a_volume_below_is_read_but_not_its_holes(void **state)
{
	const struct rr_answer *a;

	assert_true(ask(0, 0, RR_UNITS * RR_UNIT, RR_UNIT));
	rr_run(&g);
	a = rr_answer(&g, REPL_DIGEST);
	assert_int_equal(a->h.value, 77);
	assert_int_equal(a->h.len_bytes, RR_UNITS * RR_UNIT);
	assert_int_equal(a->h.raw_bytes, RR_UNITS * 16);
	for (uint32_t u = 0; u < 8; u++)
		expect(a, u, 100 + u, RR_UNIT);
	expect(a, 8, 0, RR_UNIT);
	expect(a, RR_UNITS - 1, 0, RR_UNIT);
	g.reads_below = 0;
	assert_true(ask(0, 16, 8 * RR_UNIT, 2 * RR_UNIT));
	rr_run(&g);
	assert_int_equal(rr_answer(&g, REPL_DIGEST)->h.raw_bytes, 4 * 16);
	assert_int_equal(g.reads_below, 0);
	assert_true(ask(1, 0, 2 * RR_UNIT + 512, RR_UNIT));
	rr_run(&g);
	a = rr_answer(&g, REPL_DIGEST);
	expect(a, 2, 300, 512);
}

/* It may be there since before a start, and no flush has covered it. */
static void what_was_compared_in_a_volatile_cache_is_persistent_at_the_next_flush(void **state)
{
	memset(g.stable[0], 0, RR_UNIT);
	assert_true(ask(0, 0, 8 * RR_UNIT, RR_UNIT));
	rr_run(&g);
	assert_true(rr_plain(&g, REPL_FLUSH, REPL_NO_LSN | 1));
	rr_run(&g);
	assert_int_equal(frame_status(&rr_answer(&g, REPL_ACK)->h), SLUICE_OK);
	assert_memory_equal(g.stable[0], g.now[0], RR_UNIT);
}

static void what_was_compared_is_persistent_when_a_staged_resync_ends(void **state)
{
	memset(g.stable[0], 0, RR_UNIT);
	assert_true(rr_resync(&g, 9, 64 * RR_UNIT, false));
	assert_true(rr_data(&g, REPL_RS_DATA, 9, 1, 1, 1, 555));
	assert_true(ask(0, 0, 8 * RR_UNIT, RR_UNIT));
	rr_run(&g);
	assert_true(rr_plain(&g, REPL_FLUSH, REPL_NO_LSN | 1));
	rr_run(&g);
	assert_int_equal(frame_status(&rr_answer(&g, REPL_ACK)->h), SLUICE_OK);
	assert_memory_equal(g.stable[0], g.now[0], RR_UNIT);
	memset(g.stable[0], 0, RR_UNIT);
	assert_true(ask(0, 0, 8 * RR_UNIT, RR_UNIT));
	rr_run(&g);
	g.is_own_held = true;
	assert_true(rr_plain(&g, REPL_RS_END, 9));
	assert_false(rr_plain(&g, REPL_WIN_BEGIN, 1)); /* that is of the next stage */
	g.is_own_held = false;
	rr_run(&g);
	assert_int_equal(frame_status(&rr_answer(&g, REPL_RS_ACK)->h), SLUICE_OK);
	assert_memory_equal(g.stable[0], g.now[0], RR_UNIT);
	assert_int_equal(rr_version(&g, 1, 1), 555);
}

/* What its initiators wrote before it became a secondary would land on what the peer sends. */
static void a_former_primary_takes_nothing_before_its_own_changes_have_landed(void **state)
{
	g.is_own_busy = true;
	assert_false(rr_data(&g, REPL_WRITE, 9, 0, 1, 1, 555));
	receiver_send_bitmap(g.receiver);
	rr_advance(&g, 100);
	assert_int_equal(rr_answers(&g, REPL_BITMAP), 0);
	g.is_own_busy = false;
	rr_advance(&g, 100);
	assert_int_equal(rr_answers(&g, REPL_BITMAP), 1);
	assert_true(rr_data(&g, REPL_WRITE, 9, 0, 1, 1, 555));
}

static void what_is_staged_counts(void **state)
{
	const struct rr_answer *a;

	assert_true(rr_resync(&g, 9, 64 * RR_UNIT, false));
	assert_true(rr_data(&g, REPL_RS_DATA, 9, 0, 2, 2, 555));
	assert_true(rr_zero(&g, REPL_RS_ZERO, 9, 0, 5, 1));
	assert_true(rr_data(&g, REPL_RS_DATA, 9, 1, 2, 1, 556));
	assert_true(ask(0, 0, 8 * RR_UNIT, RR_UNIT));
	rr_run(&g);
	a = rr_answer(&g, REPL_DIGEST);
	expect(a, 1, 101, RR_UNIT);
	expect(a, 2, 555, RR_UNIT);
	expect(a, 3, 555, RR_UNIT);
	expect(a, 4, 104, RR_UNIT);
	expect(a, 5, 0, RR_UNIT);
	assert_true(ask(1, 0, 2 * RR_UNIT + 512, RR_UNIT));
	rr_run(&g);
	expect(rr_answer(&g, REPL_DIGEST), 2, 556, 512);
	assert_int_equal(g.writes_below, 0);
}

static void a_stage_does_not_go_below_under_a_digest(void **state)
{
	struct repl_header h;

	assert_true(rr_plain(&g, REPL_WIN_BEGIN, 1));
	assert_true(rr_data(&g, REPL_WIN_DATA, 1, 0, 2, 1, 555));
	rr_run(&g);
	g.is_own_held = true;
	assert_true(ask(0, 2, RR_UNIT, RR_UNIT));
	frame_begin(&h, REPL_WIN_END, 5, 1);
	assert_false(rr_offer(&g, &h, NULL));
	g.is_own_held = false;
	rr_run(&g);
	expect(rr_answer(&g, REPL_DIGEST), 0, 555, RR_UNIT);
	assert_true(rr_send(&g, &h, NULL));
	rr_run(&g);
	assert_int_equal(rr_version(&g, 0, 2), 555);
}

static void a_digest_keeps_its_place_between_writes(void **state)
{
	g.node.record.state = REPL_SECONDARY_INSYNC;
	assert_true(rr_data(&g, REPL_WRITE, 1, 0, 2, 1, 801));
	assert_true(ask(0, 0, 8 * RR_UNIT, RR_UNIT));
	assert_true(rr_data(&g, REPL_WRITE, 2, 0, 2, 1, 802));
	rr_run(&g);
	expect(rr_answer(&g, REPL_DIGEST), 2, 801, RR_UNIT);
	assert_int_equal(rr_version(&g, 0, 2), 802);
}

static void a_read_error_is_told(void **state)
{
	const struct rr_answer *a;

	g.own_fail_at = 2; /* EXTENT, then READ */
	assert_true(ask(0, 0, RR_UNIT, RR_UNIT));
	rr_run(&g);
	a = rr_answer(&g, REPL_DIGEST);
	assert_int_equal(frame_status(&a->h), SLUICE_ERR_IO);
	assert_int_equal(a->h.raw_bytes, 0);
}

static void silly_questions_are_refused(void **state)
{
	const uint32_t blocks[] = {0, 512, 4097, 6144, 2u << 20};

	for (uint32_t i = 0; i < 5; i++) {
		g.refused[0] = '\0';
		ask(0, 0, 8 * RR_UNIT, blocks[i]);
		assert_non_null(strstr(g.refused, "cannot be"));
	}
	g.refused[0] = '\0';
	ask(0, 1, 2 * RR_UNIT, 2 * RR_UNIT);
	assert_non_null(strstr(g.refused, "cannot be"));
}

static void the_bitmap_goes_with_an_end(void **state)
{
	const struct repl_range *ranges;
	const struct rr_answer *a;

	g.out.is_up = true;
	g.differ[0] = (struct repl_range){.offset_bytes = 8192, .len_bytes = 4096, .member = 1};
	g.differ[1] = (struct repl_range){.offset_bytes = 0, .len_bytes = 65536, .member = 0};
	g.differ_count = 2;
	receiver_send_bitmap(g.receiver);
	assert_int_equal(g.answer_count, 0);
	rr_advance(&g, 1);
	a = rr_answer(&g, REPL_BITMAP);
	assert_int_equal(a->h.value, 1);
	assert_int_equal(a->h.raw_bytes, 2 * sizeof(struct repl_range));
	ranges = (const struct repl_range *)(const void *)a->payload;
	assert_memory_equal(ranges, g.differ, a->h.raw_bytes);
	/* Sent is not there: the peer's resync says that it has taken it. */
	assert_int_equal(g.bitmap_sent, 0);
	assert_true(rr_resync(&g, 9, 64 * RR_UNIT, false));
	assert_int_equal(g.bitmap_sent, 1);
	/* Nothing differs: that is said, too. */
	g.differ_count = 0;
	receiver_send_bitmap(g.receiver);
	rr_advance(&g, 1);
	assert_int_equal(rr_answer(&g, REPL_BITMAP)->h.raw_bytes, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(digests_are_what_they_should_be, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_volume_below_is_read_but_not_its_holes, setup,
					    teardown),
	    cmocka_unit_test_setup_teardown(
		what_was_compared_in_a_volatile_cache_is_persistent_at_the_next_flush, setup,
		teardown),
	    cmocka_unit_test_setup_teardown(
		what_was_compared_is_persistent_when_a_staged_resync_ends, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		a_former_primary_takes_nothing_before_its_own_changes_have_landed, setup, teardown),
	    cmocka_unit_test_setup_teardown(what_is_staged_counts, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_stage_does_not_go_below_under_a_digest, setup,
					    teardown),
	    cmocka_unit_test_setup_teardown(a_digest_keeps_its_place_between_writes, setup,
					    teardown),
	    cmocka_unit_test_setup_teardown(a_read_error_is_told, setup, teardown),
	    cmocka_unit_test_setup_teardown(silly_questions_are_refused, setup, teardown),
	    cmocka_unit_test_setup_teardown(the_bitmap_goes_with_an_end, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
