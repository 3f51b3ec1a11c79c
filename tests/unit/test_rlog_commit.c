/* SPDX-License-Identifier: MIT */
/* test_rlog_commit.c - where a write can be durable by itself, a group of appends is one of those.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>

#include "rlog_rig.h"

static int setup(void **state)
{
	static struct rig r;

	rig_init(&r, 1, 60);
	r.has_durable_writes = true;
	*state = &r;
	return rig_open(&r);
}

static int teardown(void **state)
{
	struct rig *r = *state;

	r->has_durable_writes = false;
	rig_fini(r);
	return 0;
}

static struct rig_file *log_file(struct rig *r)
{
	return rig_file(r, r->cfg.path);
}

static void an_append_is_durable_without_a_flush(void **state)
{
	struct rig *r = *state;
	uint64_t syncs = log_file(r)->syncs;

	r->is_manual = true;
	for (uint64_t b = 0; b < 3; b++) {
		struct rig_entry *e = rig_begin(r, SLUICE_RLOG_DATA, b, 1, 10 + b, true);

		while (!e->is_done)
			assert_true(rig_step(r));
		assert_int_equal(e->e.result, 0);
		rig_entry_free(e);
	}
	assert_int_equal(log_file(r)->syncs, syncs);
	assert_int_equal(log_file(r)->durable_writes, 3);
	rig_crash(r, true);
	r->is_manual = false;
	assert_int_equal(rig_open(r), 0);
	for (uint64_t b = 0; b < 3; b++)
		assert_int_equal(rig_get(r, b), 10 + b);
}

/* Each in a turn of its own. */
static void begin_some(struct rig *r, struct rig_entry **e, uint64_t count)
{
	for (uint64_t i = 0; i < count; i++) {
		e[i] = rig_begin(r, SLUICE_RLOG_DATA, i, 1, 20 + i, true);
		fake_env_settle(&r->fe);
	}
}

static void what_comes_while_two_are_written_shares_the_next_record(void **state)
{
	struct rig *r = *state;
	struct rig_entry *e[5];
	uint64_t records = rig_stats(r).records;

	r->is_manual = true;
	begin_some(r, e, 5);
	while (!e[4]->is_done)
		assert_true(rig_step(r));
	for (uint64_t i = 0; i < 5; i++) {
		assert_true(e[i]->is_done);
		rig_entry_free(e[i]);
	}
	r->is_manual = false;
	assert_int_equal(rig_stats(r).records, records + 3);
	assert_int_equal(log_file(r)->durable_writes, 3);
}

/* Whichever write ends first: a record would be lost with one before it. */
static void of_two_on_their_way_the_later_one_does_not_count_first(void **state)
{
	struct rig *r = *state;
	unsigned int together = 0;
	struct rig_entry *e[2];

	r->is_manual = true;
	for (int i = 0; i < 8; i++) {
		begin_some(r, e, 2);
		assert_true(rig_step(r));
		assert_false(e[1]->is_done);
		together += !e[0]->is_done;
		while (!e[1]->is_done)
			assert_true(rig_step(r));
		assert_true(e[0]->is_done);
		rig_entry_free(e[0]);
		rig_entry_free(e[1]);
	}
	assert_in_range(together, 1, 7);
	r->is_manual = false;
}

/* Nobody who wants no flush waits for one. */
static void a_record_that_also_has_others_is_flushed_as_ever(void **state)
{
	struct rig *r = *state;
	struct rig_entry *plain = rig_begin(r, SLUICE_RLOG_DATA, 1, 1, 1, false);
	struct rig_entry *durable = rig_begin(r, SLUICE_RLOG_DATA, 2, 1, 2, true);

	r->is_manual = true;
	while (!plain->is_done)
		assert_true(rig_step(r));
	assert_false(durable->is_done);
	r->is_manual = false;
	rig_run(r);
	assert_true(durable->is_done);
	assert_int_equal(log_file(r)->durable_writes, 0);
	rig_entry_free(plain);
	rig_entry_free(durable);
}

/* It vouches for itself alone, and recovery reads the log from its begin. */
static void a_record_behind_one_that_is_not_durable_is_flushed(void **state)
{
	struct rig *r = *state;

	assert_int_equal(rig_put(r, 1, 1, false), 0);
	assert_int_equal(rig_put(r, 2, 2, true), 0);
	assert_int_equal(log_file(r)->durable_writes, 0);
	rig_crash(r, true);
	assert_int_equal(rig_open(r), 0);
	assert_int_equal(rig_get(r, 1), 1);
	assert_int_equal(rig_get(r, 2), 2);
}

static void a_durable_write_that_fails_stops_the_log(void **state)
{
	struct rig *r = *state;

	r->fail_at = r->io_count + 1;
	r->fail_with = -EIO;
	assert_int_equal(rig_put(r, 1, 1, true), -EIO);
	r->fail_at = 0;
	assert_int_equal(rig_put(r, 2, 2, true), -EIO);
}

int main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(an_append_is_durable_without_a_flush),
	    TEST(what_comes_while_two_are_written_shares_the_next_record),
	    TEST(of_two_on_their_way_the_later_one_does_not_count_first),
	    TEST(a_record_that_also_has_others_is_flushed_as_ever),
	    TEST(a_record_behind_one_that_is_not_durable_is_flushed),
	    TEST(a_durable_write_that_fails_stops_the_log),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
