/* SPDX-License-Identifier: MIT */
/* test_rlog_idle.c - after 50 ms without an append the last record is flushed and vouched for. */
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

static int setup(void **state)
{
	static struct rig r;

	rig_init(&r, 1, 40);
	*state = &r;
	return rig_open(&r);
}

static int teardown(void **state)
{
	rig_fini(*state);
	return 0;
}

static void pass(struct rig *r, uint64_t ms)
{
	fake_env_advance(&r->fe, ms * 1000000);
	rig_run(r);
}

static void an_idle_log_is_flushed_and_marked_once(void **state)
{
	struct rig *r = *state;

	assert_int_equal(rig_put(r, 1, 1, false), 0);
	assert_int_equal(rig_stats(r).durable_seq, 0);
	pass(r, 40);
	assert_int_equal(rig_stats(r).records, 1);
	pass(r, 20);
	assert_int_equal(rig_stats(r).records, 2);
	assert_int_equal(rig_stats(r).durable_seq, 2);
	pass(r, 1000);
	assert_int_equal(rig_stats(r).records, 2);
}

static void damage_to_the_last_data_is_noticed_then(void **state)
{
	struct rig *r = *state;
	struct rlog_geometry g;

	assert_int_equal(rig_put(r, 1, 1, true), 0);
	pass(r, 60);
	rig_crash(r, true);
	assert_true(rlog_geometry_make(&g, RIG_BLOCK_BYTES, r->cfg.size_bytes, true));
	rig_file(r, "log")->now[((uint64_t)g.log_start + 1) * RIG_BLOCK_BYTES] ^= 1;
	assert_int_equal(rig_open(r), -EBADMSG);
	assert_int_equal(r->how.found, SLUICE_RLOG_CORRUPT);
	r->log = NULL;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(an_idle_log_is_flushed_and_marked_once, setup,
					    teardown),
	    cmocka_unit_test_setup_teardown(damage_to_the_last_data_is_noticed_then, setup,
					    teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
