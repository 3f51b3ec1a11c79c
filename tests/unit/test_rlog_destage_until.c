/* SPDX-License-Identifier: MIT */
/* test_rlog_destage_until.c - a window ends at the sequence that its owner says, and no other one
 * goes past it. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "rlog_rig.h"

static struct rig r;

static int setup(void **state)
{
	rig_init(&r, 1, 40);
	return rig_open(&r);
}

static int teardown(void **state)
{
	rig_fini(&r);
	return 0;
}

static bool has_ended;

static void ended(struct sluice_rlog_destage *d)
{
	has_ended = true;
}

static int destage_until(uint64_t last_seq)
{
	struct sluice_rlog_sink sink = rig_sink(&r);
	struct sluice_rlog_destage d = {.max_bytes = UINT32_MAX, .last_seq = last_seq, .fn = ended};

	has_ended = false;
	sluice_rlog_destage(r.log, &sink, &d);
	rig_run(&r);
	assert_true(has_ended);
	return d.result;
}

static void a_window_ends_where_it_is_told(void **state)
{
	uint64_t seq;

	assert_int_equal(rig_put(&r, 1, 11, true), 0);
	assert_int_equal(rig_put(&r, 2, 12, true), 0);
	seq = rig_stats(&r).next_seq - 1;
	assert_int_equal(rig_put(&r, 1, 21, true), 0);
	assert_int_equal(rig_put(&r, 3, 13, true), 0);
	assert_int_equal(destage_until(seq), 0);
	assert_int_equal(rig_sink_version(&r, 1), 11);
	assert_int_equal(rig_sink_version(&r, 2), 12);
	assert_int_equal(rig_sink_version(&r, 3), 0);
	assert_int_equal(rig_get(&r, 1), 21);
	assert_int_equal(rig_stats(&r).tail_seq, seq + 1);
}

static void behind_it_nothing_goes(void **state)
{
	uint64_t seq, writes;

	assert_int_equal(rig_put(&r, 1, 11, true), 0);
	seq = rig_stats(&r).next_seq - 1;
	assert_int_equal(rig_put(&r, 1, 21, true), 0);
	assert_int_equal(destage_until(seq), 0);
	writes = r.sink_writes;
	assert_int_equal(destage_until(seq), -EAGAIN);
	assert_int_equal(r.sink_writes, writes);
	assert_int_equal(rig_sink_version(&r, 1), 11);
	assert_int_equal(destage_until(0), 0); /* without the limit all does */
	assert_int_equal(rig_sink_version(&r, 1), 21);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {T(a_window_ends_where_it_is_told),
					   T(behind_it_nothing_goes)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
