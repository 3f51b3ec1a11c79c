/* SPDX-License-Identifier: MIT */
/* test_rlog_space.c - crashes that follow one another find room for their EPOCH records in a full
 * log; when the reserve is gone, too, the log opens and destaging makes room. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

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

static uint64_t fill(struct rig *r)
{
	uint64_t n = 0;

	for (;;) {
		struct rig_entry *e = rig_begin(r, SLUICE_RLOG_DATA, n, 1, n + 1, true);

		rig_run(r);
		if (!e->is_done) {
			rig_crash(r, false);
			rig_entry_free(e);
			return n;
		}
		rig_entry_free(e);
		n++;
	}
}

static void a_full_log_survives_many_crashes(void **state)
{
	struct rig *r = *state;
	uint64_t n = fill(r);
	struct rig_entry *e;

	for (uint32_t i = 0; i < 20; i++) {
		assert_int_equal(rig_open(r), 0);
		for (uint64_t b = 0; b < n; b++)
			assert_int_equal(rig_get(r, b), b + 1);
		rig_crash(r, i % 2);
	}
	assert_int_equal(rig_open(r), 0);
	assert_int_equal(rig_stats(r).used_blocks, rig_stats(r).capacity_blocks - 1);
	r->want_space = 0;
	e = rig_begin(r, SLUICE_RLOG_DATA, 0, 1, 1000, true);
	rig_run(r);
	assert_false(e->is_done);
	assert_true(r->want_space > 0);
	assert_int_equal(rig_destage(r, 8 * RIG_BLOCK_BYTES), 0);
	assert_true(e->is_done);
	rig_entry_free(e);
	rig_crash(r, true);
	assert_int_equal(rig_open(r), 0);
	assert_int_equal(rig_see(r, 0), 1000);
	for (uint64_t b = 1; b < n; b++)
		assert_int_equal(rig_see(r, b), b + 1);
}

/* An owner who will not wait: entries end at once, in a log that goes on. */
static void what_waits_for_space_can_be_refused(void **state)
{
	struct rig *r = *state;
	uint64_t n = fill(r);
	struct rig_entry *first, *second, *later;

	assert_int_equal(rig_open(r), 0);
	first = rig_begin(r, SLUICE_RLOG_DATA, 0, 1, 1000, true);
	second = rig_begin(r, SLUICE_RLOG_DATA, 1, 1, 1001, true);
	rig_run(r);
	assert_false(first->is_done || second->is_done);
	sluice_rlog_refuse_waiting(r->log);
	rig_run(r);
	assert_true(first->is_done && second->is_done);
	assert_int_equal(first->e.result, -ENOSPC);
	assert_int_equal(rig_stats(r).waiting_entries, 0);
	assert_int_equal(rig_get(r, 0), 1);
	later = rig_begin(r, SLUICE_RLOG_DATA, n, 1, 1002, true);
	rig_run(r);
	assert_false(later->is_done);
	assert_int_equal(rig_destage(r, 8 * RIG_BLOCK_BYTES), 0);
	assert_true(later->is_done);
	assert_int_equal(later->e.result, 0);
	rig_entry_free(first);
	rig_entry_free(second);
	rig_entry_free(later);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(a_full_log_survives_many_crashes, setup, teardown),
	    cmocka_unit_test_setup_teardown(what_waits_for_space_can_be_refused, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
