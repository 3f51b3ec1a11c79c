/* SPDX-License-Identifier: MIT */
/* test_rlog_append.c - what is appended is found again, newest first, also after a crash. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

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

static void a_block_is_found_as_it_was_written_last(void **state)
{
	struct rig *r = *state;

	assert_int_equal(r->how.found, SLUICE_RLOG_NEW);
	assert_int_equal(rig_get(r, 5), RIG_ABSENT);
	assert_int_equal(rig_put(r, 5, 1, true), 0);
	assert_int_equal(rig_put(r, 5, 2, false), 0);
	assert_int_equal(rig_get(r, 5), 2);
	assert_int_equal(rig_get(r, 4), RIG_ABSENT);
	assert_int_equal(rig_stats(r).dirty_blocks, 1);
}

static void it_is_there_after_a_power_cut(void **state)
{
	struct rig *r = *state;

	for (uint64_t b = 0; b < 6; b++)
		assert_int_equal(rig_put(r, b, 10 + b, true), 0);
	rig_crash(r, true);
	assert_int_equal(rig_open(r), 0);
	assert_int_equal(r->how.found, SLUICE_RLOG_RECOVERED);
	assert_int_equal(r->how.dirty_blocks, 6);
	for (uint64_t b = 0; b < 6; b++)
		assert_int_equal(rig_get(r, b), 10 + b);
}

static void a_clean_close_is_seen(void **state)
{
	struct rig *r = *state;

	assert_int_equal(rig_put(r, 3, 1, false), 0);
	rig_close(r);
	assert_int_equal(rig_open(r), 0);
	assert_int_equal(r->how.found, SLUICE_RLOG_CLEAN);
	assert_int_equal(rig_get(r, 3), 1);
	rig_crash(r, false);
	assert_int_equal(rig_open(r), 0);
	assert_int_equal(r->how.found, SLUICE_RLOG_RECOVERED);
	assert_int_equal(rig_get(r, 3), 1);
}

static void what_fits_no_record_is_split_and_whole_at_the_end(void **state)
{
	struct rig *r = *state;

	assert_int_equal(rig_put_many(r, 100, 20, 7), 0);
	assert_true(rig_stats(r).records > 1);
	for (uint64_t b = 100; b < 120; b++)
		assert_int_equal(rig_get(r, b), 7);
}

static void what_comes_in_one_turn_shares_a_record(void **state)
{
	struct rig *r = *state;
	struct rig_entry *e[3];

	for (uint64_t i = 0; i < 3; i++)
		e[i] = rig_begin(r, SLUICE_RLOG_DATA, 10 * i, 1, i + 1, true);
	rig_run(r);
	assert_int_equal(rig_stats(r).records, 1);
	for (uint64_t i = 0; i < 3; i++) {
		assert_true(e[i]->is_done);
		assert_int_equal(e[i]->e.result, 0);
		assert_int_equal(rig_get(r, 10 * i), i + 1);
		rig_entry_free(e[i]);
	}
}

static void zeros_hide_data_and_data_hides_zeros(void **state)
{
	struct rig *r = *state;
	struct sluice_rlog_run run;

	assert_int_equal(rig_put(r, 5, 1, true), 0);
	assert_int_equal(rig_zero(r, 0, 1ull << 40), 0);
	assert_int_equal(rig_get(r, 5), 0);
	assert_int_equal(rig_put(r, 7, 2, true), 0);
	assert_int_equal(rig_get(r, 7), 2);
	sluice_rlog_lookup(r->log, 0, 100, &run);
	assert_int_equal(run.what, SLUICE_RLOG_HAS_ZEROS);
	assert_int_equal(run.block_count, 7);
	assert_int_equal(rig_zero(r, 7, 1), 0);
	assert_int_equal(rig_get(r, 7), 0);
	rig_crash(r, true);
	assert_int_equal(rig_open(r), 0);
	assert_int_equal(rig_get(r, 5), 0);
	assert_int_equal(rig_get(r, 7), 0);
	assert_int_equal(rig_get(r, 1ull << 39), 0);
	assert_int_equal(rig_get(r, 1ull << 40), RIG_ABSENT);
}

static void a_full_log_makes_appends_wait_until_it_is_destaged(void **state)
{
	struct rig *r = *state;
	struct rig_entry *e[40];
	uint32_t begun = 0;

	while (rig_stats(r).waiting_entries == 0) {
		e[begun] = rig_begin(r, SLUICE_RLOG_DATA, begun, 1, begun + 1, true);
		begun++;
		rig_run(r);
	}
	assert_true(r->want_space > 0);
	assert_false(e[begun - 1]->is_done);
	for (uint32_t i = 0; i < 50 && !e[begun - 1]->is_done; i++)
		assert_int_equal(rig_destage(r, 4 * RIG_BLOCK_BYTES), 0);
	assert_true(e[begun - 1]->is_done);
	assert_true(r->is_sink_ascending);
	for (uint32_t i = 0; i < begun; i++) {
		assert_int_equal(rig_see(r, i), i + 1);
		rig_entry_free(e[i]);
	}
}

static void a_dropped_log_is_empty_and_stays_so(void **state)
{
	struct rig *r = *state;

	assert_int_equal(rig_put(r, 3, 1, true), 0);
	assert_int_equal(rig_drop(r), 0);
	assert_int_equal(rig_get(r, 3), RIG_ABSENT);
	assert_int_equal(rig_put(r, 4, 2, true), 0);
	rig_crash(r, true);
	assert_int_equal(rig_open(r), 0);
	assert_int_equal(rig_get(r, 3), RIG_ABSENT);
	assert_int_equal(rig_get(r, 4), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	    T(a_block_is_found_as_it_was_written_last),
	    T(it_is_there_after_a_power_cut),
	    T(a_clean_close_is_seen),
	    T(what_fits_no_record_is_split_and_whole_at_the_end),
	    T(what_comes_in_one_turn_shares_a_record),
	    T(zeros_hide_data_and_data_hides_zeros),
	    T(a_full_log_makes_appends_wait_until_it_is_destaged),
	    T(a_dropped_log_is_empty_and_stays_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
