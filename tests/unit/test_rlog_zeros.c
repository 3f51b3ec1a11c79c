/* SPDX-License-Identifier: MIT */
/* test_rlog_zeros.c - a log whose map is full of zeroed ranges opens after a crash, whatever came
 * behind them and wherever the crash came. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rlog_rig.h"

#define RANGES_MAX 40u

/* With checkpoints, of which none comes: a map of few ranges. */
static void init(struct rig *r, uint64_t seed)
{
	rig_init(r, seed, 160);
	r->cfg.checkpoint_bytes = 1 << 30;
	assert_int_equal(rig_open(r), 0);
}

/* Every other block, one range after the other, until one has to wait; how many are in the map. */
static uint32_t fill_with_ranges(struct rig *r, uint64_t from)
{
	for (uint32_t n = 0; n < RANGES_MAX; n++) {
		struct rig_entry *e = rig_begin(r, SLUICE_RLOG_ZERO, from + 2ull * n, 1, 0, true);

		rig_run(r);
		if (!e->is_done) {
			sluice_rlog_refuse_waiting(r->log);
			rig_run(r);
			rig_entry_free(e);
			return n;
		}
		rig_entry_free(e);
	}
	fail_msg("%u ranges, and none had to wait", RANGES_MAX);
	return 0;
}

static void data_behind_many_ranges_is_there_after_a_crash(void **state)
{
	struct rig_entry *e[4];
	uint32_t ranges;
	struct rig r;

	init(&r, 1);
	ranges = fill_with_ranges(&r, 0);
	/* One record with an extent for each, since they are no neighbours. */
	for (uint32_t i = 0; i < 4; i++)
		e[i] = rig_begin(&r, SLUICE_RLOG_DATA, 200 + 2 * i, 1, i + 1, true);
	rig_run(&r);
	for (uint32_t i = 0; i < 4; i++) {
		assert_true(e[i]->is_done);
		assert_int_equal(e[i]->e.result, 0);
		rig_entry_free(e[i]);
	}
	rig_crash(&r, true);
	assert_int_equal(rig_open(&r), 0);
	assert_int_equal(r.how.found, SLUICE_RLOG_RECOVERED);
	for (uint32_t i = 0; i < 4; i++)
		assert_int_equal(rig_get(&r, 200 + 2 * i), i + 1);
	for (uint32_t i = 0; i < ranges; i++)
		assert_int_equal(rig_get(&r, 2ull * i), 0);
	rig_fini(&r);
	(void)state;
}

static void on_destaged(struct sluice_rlog_destage *d)
{
	*(bool *)d->ctx = true;
}

/* The tail moves, more ranges take the room of those that went, and the process dies at a step of
 * all this: maybe between the ranges and the superblock with the new tail. */
static bool dies_at(uint64_t seed, uint32_t step)
{
	struct rig_entry *e[RANGES_MAX];
	struct sluice_rlog_destage d;
	struct sluice_rlog_sink sink;
	bool is_destaged = false, is_over = false;
	uint32_t count = 0;
	struct rig r;

	init(&r, seed);
	fill_with_ranges(&r, 0);
	sink = rig_sink(&r);
	d = (struct sluice_rlog_destage){
	    .max_bytes = 1 << 20, .fn = on_destaged, .ctx = &is_destaged};
	sluice_rlog_destage(r.log, &sink, &d);
	/* One with each step, so that some come just when there is room again. */
	for (uint32_t i = 0; i < step && !is_over; i++) {
		if (count < RANGES_MAX)
			e[count] = rig_begin(&r, SLUICE_RLOG_ZERO, 101 + 2ull * count, 1, 0, true);
		count += count < RANGES_MAX;
		is_over = !rig_step(&r);
	}
	rig_crash(&r, false);
	assert_int_equal(rig_open(&r), 0);
	for (uint32_t i = 0; i < count; i++) {
		if (e[i]->is_done && e[i]->e.result == 0)
			assert_int_equal(rig_see(&r, 101 + 2ull * i), 0);
		rig_entry_free(e[i]);
	}
	/* It takes more when there is room again, and what it took is there the next time. */
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(rig_destage(&r, 1 << 20) == -5, false);
	assert_true(fill_with_ranges(&r, 301) > 0);
	rig_crash(&r, true);
	assert_int_equal(rig_open(&r), 0);
	rig_fini(&r);
	return is_over;
}

static void ranges_that_took_the_room_of_others_are_no_damage(void **state)
{
	for (uint64_t seed = 1; seed <= 20; seed++) {
		uint32_t step = 0;

		while (!dies_at(seed, step))
			step++;
	}
	(void)state;
}

/* Nobody destages a stage while it fills, and it says beforehand what will fit. */
static void a_log_without_checkpoints_takes_a_whole_window_of_ranges(void **state)
{
	uint32_t count = SLUICE_RLOG_RANGES / 2;
	struct rig_entry **e = calloc(count, sizeof(struct rig_entry *));
	struct rig r;

	assert_non_null(e);
	rig_init(&r, 1, 6000);
	r.cfg.checkpoint_bytes = 0;
	assert_int_equal(rig_open(&r), 0);
	for (uint32_t i = 0; i < count; i++)
		e[i] = rig_begin(&r, SLUICE_RLOG_ZERO, 2ull * i, 1, 0, false);
	rig_run(&r);
	for (uint32_t i = 0; i < count; i++)
		assert_true(e[i]->is_done && e[i]->e.result == 0);
	assert_int_equal(rig_flush(&r), 0);
	rig_crash(&r, true);
	assert_int_equal(rig_open(&r), 0);
	assert_int_equal(rig_stats(&r).zero_blocks, count);
	for (uint32_t i = 0; i < count; i++)
		rig_entry_free(e[i]);
	free(e);
	rig_fini(&r);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(data_behind_many_ranges_is_there_after_a_crash),
	    cmocka_unit_test(a_log_without_checkpoints_takes_a_whole_window_of_ranges),
	    cmocka_unit_test(ranges_that_took_the_room_of_others_are_no_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
