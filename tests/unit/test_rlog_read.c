/* SPDX-License-Identifier: MIT */
/* test_rlog_read.c - a read gets what the block was when it was asked for, or an error; never
 * something else. */
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

static void on_read(struct sluice_rlog_read *rd)
{
	*(bool *)rd->ctx = true;
}

static void space_under_a_read_is_not_used_again(void **state)
{
	struct rig *r = *state;
	uint8_t data[RIG_BLOCK_BYTES], want[RIG_BLOCK_BYTES];
	bool is_done = false;
	struct sluice_rlog_read rd = {
	    .block = 5, .block_count = 1, .buf = data, .fn = on_read, .ctx = &is_done};
	struct list_node held;

	assert_int_equal(rig_put(r, 5, 1, true), 0);
	sluice_rlog_read(r->log, &rd);
	/* The read is on its way for long; the log goes around as far as it can. */
	list_init(&held);
	list_splice_back(&held, &r->ios);
	for (uint64_t v = 2; v < 200; v++) {
		struct rig_entry *e = rig_begin(r, SLUICE_RLOG_DATA, v % 9, 1, v, true);

		rig_run(r);
		for (int i = 0; i < 3 && !e->is_done; i++)
			rig_destage(r, 10000);
		if (!e->is_done) {
			assert_int_equal(rig_stats(r).waiting_entries, 1);
			list_splice_back(&r->ios, &held);
			rig_run(r);
			assert_true(is_done);
			assert_int_equal(rd.result, 0);
			rig_fill(want, 5, 1);
			assert_memory_equal(data, want, sizeof(data));
			assert_true(e->is_done);
			rig_entry_free(e);
			return;
		}
		rig_entry_free(e);
	}
	fail_msg("the log went around and over a block that was being read");
}

static void a_damaged_block_is_an_error_and_stays_one(void **state)
{
	struct rig *r = *state;
	struct rig_file *f = rig_file(r, "log");
	struct rlog_geometry g;
	uint64_t at;

	assert_true(rlog_geometry_make(&g, RIG_BLOCK_BYTES, r->cfg.size_bytes, true));
	at = ((uint64_t)g.log_start + 1) * RIG_BLOCK_BYTES + 3;
	assert_int_equal(rig_put(r, 5, 1, true), 0);
	assert_int_equal(rig_put(r, 6, 1, true), 0);
	f->now[at] ^= 1;
	assert_int_equal((int64_t)rig_get(r, 5), -EBADMSG);
	assert_int_equal(rig_get(r, 6), 1);
	assert_int_equal(rig_destage(r, 1000), -EBADMSG);
	assert_int_equal(rig_sink_version(r, 5), 0);
	assert_int_equal((int64_t)rig_get(r, 5), -EBADMSG);
	f->now[at] ^= 1;
	assert_int_equal(rig_get(r, 5), 1);
	assert_int_equal(rig_destage(r, 1000), 0);
	assert_int_equal(rig_sink_version(r, 5), 1);
}

static void what_is_no_run_of_data_is_refused(void **state)
{
	struct rig *r = *state;
	uint8_t data[2 * RIG_BLOCK_BYTES];
	bool is_done = false;
	struct sluice_rlog_read rd = {
	    .block = 5, .block_count = 2, .buf = data, .fn = on_read, .ctx = &is_done};

	assert_int_equal(rig_put(r, 5, 1, true), 0);
	sluice_rlog_read(r->log, &rd);
	assert_false(is_done);
	rig_run(r);
	assert_true(is_done);
	assert_int_equal(rd.result, -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(space_under_a_read_is_not_used_again, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_damaged_block_is_an_error_and_stays_one, setup,
					    teardown),
	    cmocka_unit_test_setup_teardown(what_is_no_run_of_data_is_refused, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
