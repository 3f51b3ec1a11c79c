/* SPDX-License-Identifier: MIT */
/* test_rlog_close.c - closing answers every call that is under way, once, and then the file is
 * free. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

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

static void on_closed(void *ctx)
{
	(*(uint32_t *)ctx)++;
}

static void on_opened(void *ctx, const struct sluice_rlog_opened *how)
{
	((struct rig *)ctx)->is_opened = true;
}

static void appends_under_way_end_well_and_waiting_ones_are_cancelled(void **state)
{
	struct rig *r = *state;
	struct rig_entry *e[60];
	uint32_t closed = 0, good = 0, cancelled = 0;

	for (uint32_t i = 0; i < 60; i++)
		e[i] = rig_begin(r, SLUICE_RLOG_DATA, i, 1, i + 1, true);
	sluice_rlog_close(r->log, on_closed, &closed);
	assert_int_equal(closed, 0);
	rig_run(r);
	assert_int_equal(closed, 1);
	r->log = NULL;
	for (uint32_t i = 0; i < 60; i++) {
		assert_true(e[i]->is_done);
		good += e[i]->e.result == 0;
		cancelled += e[i]->e.result == -ECANCELED;
		/* In order: none that was taken comes after one that was not. */
		if (e[i]->e.result == 0)
			assert_int_equal(cancelled, 0);
		rig_entry_free(e[i]);
	}
	assert_int_equal(good + cancelled, 60);
	assert_true(good > 0 && cancelled > 0);
	assert_false(rig_file(r, "log")->is_open);
	assert_int_equal(rig_open(r), 0);
	assert_int_equal(r->how.found, SLUICE_RLOG_CLEAN);
	for (uint32_t i = 0; i < 60; i++)
		assert_int_equal(rig_get(r, i), i < good ? i + 1 : RIG_ABSENT);
}

static void a_log_may_be_closed_at_any_moment_of_opening(void **state)
{
	struct rig *r = *state;

	rig_put(r, 1, 1, true);
	rig_close(r);
	for (uint32_t steps = 0; steps < 12; steps++) {
		struct sluice_error err;
		uint32_t closed = 0;

		r->is_opened = false;
		r->log = rlog_open_env(&r->fe.env, &r->cfg, on_opened, r, &err);
		for (uint32_t i = 0; i < steps && !r->is_opened; i++)
			rig_step(r);
		sluice_rlog_close(r->log, on_closed, &closed);
		rig_run(r);
		assert_int_equal(closed, 1);
		r->log = NULL;
	}
	assert_int_equal(rig_open(r), 0);
	assert_int_equal(rig_get(r, 1), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		appends_under_way_end_well_and_waiting_ones_are_cancelled, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_log_may_be_closed_at_any_moment_of_opening, setup,
					    teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
