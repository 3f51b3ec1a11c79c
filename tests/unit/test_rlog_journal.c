/* SPDX-License-Identifier: MIT */
/* test_rlog_journal.c - with a journal the sink alone is a point in time at every moment: whenever
 * the process ends, the journal brings it to one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include "rlog_format.h"
#include "rlog_rig.h"

#define BLOCKS 12u
#define PUTS   80u

static struct rig r;
static struct sluice_rlog *journal;
static uint64_t state_after[PUTS + 1][BLOCKS];
static uint32_t puts_done;

static void on_opened(void *ctx, const struct sluice_rlog_opened *how)
{
	*(int *)ctx = how->result;
}

static void on_destaged(struct sluice_rlog_destage *d)
{
	*(bool *)d->ctx = true;
}

static void open_journal(void)
{
	struct sluice_rlog_cfg cfg = r.cfg;
	struct sluice_rlog_sink sink = rig_sink(&r);
	struct sluice_error err;
	bool is_done = false;
	struct sluice_rlog_destage d = {.fn = on_destaged, .ctx = &is_done};
	int result = 1;

	cfg.path = "journal";
	cfg.checkpoint_bytes = 600;
	journal = rlog_open_env(&r.fe.env, &cfg, on_opened, &result, &err);
	rig_run(&r);
	assert_int_equal(result, 0);
	sluice_rlog_replay_journal(journal, &sink, &d);
	rig_run(&r);
	assert_true(is_done);
	assert_int_equal(d.result, 0);
}

static void expect_point_in_time(void)
{
	uint64_t seen[BLOCKS];

	for (uint64_t b = 0; b < BLOCKS; b++)
		seen[b] = rig_sink_version(&r, b);
	for (uint32_t p = 0; p <= puts_done; p++)
		if (memcmp(seen, state_after[p], sizeof(seen)) == 0)
			return;
	fail_msg("the sink alone is no point in time");
}

/* Destages max_bytes; stops after so many steps of I/O. False: it ended before. */
static bool destage_some(uint64_t max_bytes, uint64_t steps)
{
	static struct sluice_rlog_destage d;
	static struct sluice_rlog_sink sink;
	static bool is_done;

	is_done = false;
	sink = rig_sink(&r);
	sink.journal = journal;
	d = (struct sluice_rlog_destage){
	    .max_bytes = max_bytes, .fn = on_destaged, .ctx = &is_done};
	sluice_rlog_destage(r.log, &sink, &d);
	while (steps-- && !is_done)
		rig_step(&r);
	return !is_done;
}

static void begin(uint64_t seed)
{
	rig_init(&r, seed, 60);
	r.sink_is_late = true;
	open_journal();
	assert_int_equal(rig_open(&r), 0);
	puts_done = 0;
	memset(state_after, 0, sizeof(state_after));
}

static void put(void)
{
	uint32_t v = ++puts_done;

	memcpy(state_after[v], state_after[v - 1], sizeof(state_after[0]));
	state_after[v][v * 5 % BLOCKS] = v;
	assert_int_equal(rig_put(&r, v * 5 % BLOCKS, v, true), 0);
}

static void the_sink_alone_is_a_point_in_time_wherever_it_stops(void **state)
{
	uint64_t steps = 1;
	bool is_within = true;

	while (is_within) {
		begin(steps);
		for (uint32_t i = 0; i < 20; i++)
			put();
		assert_false(destage_some(1000, 1000));
		expect_point_in_time();
		is_within = destage_some(900, steps++);
		rlog_abandon(journal);
		rig_crash(&r, steps % 2);
		open_journal();
		expect_point_in_time();
		/* A smaller window now must not take the sink back. */
		assert_int_equal(rig_open(&r), 0);
		destage_some(1, 1000);
		expect_point_in_time();
		rlog_abandon(journal);
		rig_crash(&r, false);
		rig_fini(&r);
	}
	assert_true(steps > 15);
}

static void a_sink_that_failed_goes_on_with_the_same_window(void **state)
{
	begin(5);
	for (uint32_t i = 0; i < 20; i++)
		put();
	r.sink_fail_at = 3;
	destage_some(100000, 1000);
	assert_true(rig_stats(&r).dirty_blocks > 0);
	assert_false(rig_stats(&r).is_failed);
	destage_some(1, 1000);
	expect_point_in_time();
	while (rig_stats(&r).dirty_blocks) {
		destage_some(600, 1000);
		expect_point_in_time();
	}
	rlog_abandon(journal);
	rig_crash(&r, false);
	rig_fini(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_sink_alone_is_a_point_in_time_wherever_it_stops),
	    cmocka_unit_test(a_sink_that_failed_goes_on_with_the_same_window),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
