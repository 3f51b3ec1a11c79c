/* SPDX-License-Identifier: MIT */
/* test_rlog_checkpoint.c - recovery from a checkpoint finds what replay would have found, and a
 * useless checkpoint costs nothing but time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rlog_format.h"
#include "rlog_rig.h"

static int setup(void **state)
{
	static struct rig r;

	rig_init(&r, 1, 200);
	r.cfg.checkpoint_bytes = 2000;
	*state = &r;
	return rig_open(&r);
}

static int teardown(void **state)
{
	rig_fini(*state);
	return 0;
}

static void fill(struct rig *r)
{
	for (uint64_t v = 1; v <= 60; v++) {
		assert_int_equal(rig_put(r, v % 23, v, true), 0);
		if (v % 20 == 0)
			assert_int_equal(rig_zero(r, 100 * v, 1000), 0);
		if (v == 30)
			assert_int_equal(rig_destage(r, 8 * RIG_BLOCK_BYTES), 0);
	}
	assert_true(rig_stats(r).checkpoints > 1);
}

static void check(struct rig *r)
{
	for (uint64_t b = 0; b < 23; b++)
		assert_int_equal(rig_see(r, b), b >= 15 ? 23 + b : b == 0 ? 46 : 46 + b);
	assert_int_equal(rig_get(r, 6000), 0);
	assert_int_equal(rig_get(r, 7001), RIG_ABSENT);
}

static void a_checkpoint_shortens_the_replay(void **state)
{
	struct rig *r = *state;

	fill(r);
	rig_crash(r, true);
	assert_int_equal(rig_open(r), 0);
	check(r);
	rig_crash(r, false);
	assert_int_equal(rig_open(r), 0);
	check(r);
}

static void a_damaged_checkpoint_is_not_used(void **state)
{
	struct rig *r = *state;
	struct rig_file *f = rig_file(r, "log");
	struct rlog_geometry g;

	fill(r);
	rig_crash(r, true);
	assert_true(rlog_geometry_make(&g, RIG_BLOCK_BYTES, r->cfg.size_bytes, true));
	for (uint32_t area = 0; area < 2; area++)
		f->now[(uint64_t)(g.checkpoint_start + area * g.checkpoint_blocks) *
			   RIG_BLOCK_BYTES +
		       70] ^= 1;
	assert_int_equal(rig_open(r), 0);
	check(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(a_checkpoint_shortens_the_replay, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_damaged_checkpoint_is_not_used, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
