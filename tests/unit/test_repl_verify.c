/* SPDX-License-Identifier: MIT */
/*
 * test_repl_verify.c - a verify says nothing of blocks whose newest change is on its way to the
 * peer, and of all others.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "group_int.h"

#define BLOCK    4096ull
#define AT       (3ull << 20) /* where the slot's range begins */
#define BLOCKS   256u
#define SIZE     (16ull << 20)
#define NO_BLOCK UINT64_MAX

static struct repl_group G;
static struct resync_slot S;
static bool is_log_empty;

/* The journal has all of it, or nothing. */
void sluice_rlog_lookup(const struct sluice_rlog *log, uint64_t block, uint64_t max_blocks,
			struct sluice_rlog_run *run)
{
	*run = (struct sluice_rlog_run){is_log_empty ? SLUICE_RLOG_ABSENT : SLUICE_RLOG_HAS_DATA,
					max_blocks};
}

static int set_up(void **state)
{
	memset(&G, 0, sizeof(G));
	memset(&S, 0, sizeof(S));
	G.track = TRACK_JOURNAL;
	G.journal.is_open = true;
	is_log_empty = false;
	S.g = &G;
	S.member = 1;
	S.offset_bytes = AT;
	S.len_bytes = BLOCKS * BLOCK;
	return bitmap_init(&G.bits[0], SIZE) < 0 || bitmap_init(&G.bits[1], SIZE) < 0;
}

static int tear_down(void **state)
{
	bitmap_fini(&G.bits[0]);
	bitmap_fini(&G.bits[1]);
	return 0;
}

/* Blocks first to last are on their way, and no others. */
static void on_way_are(uint64_t first, uint64_t last)
{
	for (uint64_t i = 0; i < BLOCKS; i++)
		assert_int_equal(verify_is_on_way(&S, i), i >= first && i <= last);
}

static struct repl_io *running(struct repl_io *io, uint16_t member, uint64_t offset_bytes,
			       uint64_t len_bytes)
{
	*io = (struct repl_io){
	    .member = member, .offset_bytes = offset_bytes, .len_bytes = len_bytes, .lsn = 7};
	io->next = G.running.first;
	G.running.first = io;
	return io;
}

static void nothing_is_under_way(void **state)
{
	bitmap_set(&G.bits[0], BITMAP_JOURNALED, AT, SIZE - AT); /* another volume's */
	bitmap_set(&G.bits[1], BITMAP_JOURNALED, AT - BLOCK, BLOCK);
	bitmap_set(&G.bits[1], BITMAP_JOURNALED, AT + BLOCKS * BLOCK, BLOCK);
	verify_find_on_way(&S);
	on_way_are(NO_BLOCK, 0);
}

static void what_is_in_the_journal_or_only_noted_is_on_its_way(void **state)
{
	for (uint32_t kind = 0; kind < BITMAP_KINDS; kind++) {
		for (uint32_t k = 0; k < BITMAP_KINDS; k++)
			bitmap_clear_all(&G.bits[1], (enum bitmap_kind)k);
		memset(S.on_way, 0, sizeof(S.on_way));
		bitmap_set(&G.bits[1], (enum bitmap_kind)kind, AT + 5 * BLOCK, 2 * BLOCK);
		verify_find_on_way(&S);
		on_way_are(5, 6);
	}
}

/* An extent that was hot when power went. */
static void journaled_is_what_the_log_has(void **state)
{
	is_log_empty = true;
	bitmap_set(&G.bits[1], BITMAP_JOURNALED, AT, BLOCKS * BLOCK);
	bitmap_set(&G.bits[1], BITMAP_SUSPECT, AT + 3 * BLOCK, BLOCK);
	verify_find_on_way(&S);
	on_way_are(3, 3);
	G.journal.is_open = false; /* nobody knows */
	verify_find_on_way(&S);
	on_way_are(0, BLOCKS - 1);
}

static void bits_of_a_pair_say_nothing(void **state)
{
	bitmap_set(&G.bits[1], BITMAP_SUSPECT, AT, BLOCKS * BLOCK);
	G.track = TRACK_DIRECT;
	verify_find_on_way(&S);
	on_way_are(NO_BLOCK, 0);
}

static void a_change_that_is_running_is_on_its_way(void **state)
{
	struct repl_io a, b, flush;

	running(&a, 0, AT, BLOCK);
	running(&b, 1, AT - BLOCK, 3 * BLOCK);
	running(&flush, 1, AT + 9 * BLOCK, BLOCK)->lsn = 0;
	G.track = TRACK_DIRECT;
	verify_find_on_way(&S);
	on_way_are(0, 1);
}

static void a_part_of_a_block_is_the_block(void **state)
{
	verify_disturb(&S, AT + 9 * BLOCK + 512, 512);
	on_way_are(9, 9);
	verify_disturb(&S, AT + 10 * BLOCK - 512, 1024);
	on_way_are(9, 10);
}

static void a_change_may_be_larger_than_the_range(void **state)
{
	verify_disturb(&S, AT - BLOCK, (BLOCKS + 2) * BLOCK);
	on_way_are(0, BLOCKS - 1);
}

static void what_was_read_is_overtaken_by_what_touches_it(void **state)
{
	S.at_bytes = 10 * BLOCK;
	S.part_bytes = 4 * BLOCK;
	verify_disturb(&S, AT + 9 * BLOCK, BLOCK);
	verify_disturb(&S, AT + 14 * BLOCK, BLOCK);
	assert_false(verify_is_overtaken(&S));
	verify_disturb(&S, AT + 13 * BLOCK + 3584, 512);
	assert_true(verify_is_overtaken(&S));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(nothing_is_under_way, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(journaled_is_what_the_log_has, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(what_is_in_the_journal_or_only_noted_is_on_its_way,
					    set_up, tear_down),
	    cmocka_unit_test_setup_teardown(bits_of_a_pair_say_nothing, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(a_change_that_is_running_is_on_its_way, set_up,
					    tear_down),
	    cmocka_unit_test_setup_teardown(a_part_of_a_block_is_the_block, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(a_change_may_be_larger_than_the_range, set_up,
					    tear_down),
	    cmocka_unit_test_setup_teardown(what_was_read_is_overtaken_by_what_touches_it, set_up,
					    tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
