/* SPDX-License-Identifier: MIT */
/* test_rlog_faults.c - the N-th I/O of the log, or of the sink, fails, for every N until none does:
 * nothing that was acknowledged is lost, every call is answered, and what failed says so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include "rlog_rig.h"

#define BLOCKS 12u

static uint64_t acked[BLOCKS];

static void put(struct rig *r, uint64_t block, uint64_t version)
{
	struct rig_entry *e = rig_begin(r, SLUICE_RLOG_DATA, block, 1, version, true);

	rig_run(r);
	for (uint32_t i = 0; i < 20 && !e->is_done; i++) {
		rig_destage(r, 1000);
		if (r->sink_fail_at == 0 && rig_stats(r).is_failed)
			rig_run(r);
	}
	assert_true(e->is_done);
	if (e->e.result == 0)
		acked[block] = version;
	rig_entry_free(e);
}

static void work(struct rig *r)
{
	for (uint64_t v = 1; v <= 60 && !rig_stats(r).is_failed; v++) {
		put(r, v * 7 % BLOCKS, v);
		if (v % 9 == 0)
			rig_flush(r);
		if (v % 5 == 0)
			rig_destage(r, 600);
	}
}

static bool strike(uint64_t log_n, uint64_t sink_n)
{
	static struct rig r;
	bool has_struck;

	memset(acked, 0, sizeof(acked));
	rig_init(&r, 3, 40);
	r.cfg.checkpoint_bytes = 1500;
	r.fail_at = log_n;
	r.sink_fail_at = sink_n;
	if (rig_open(&r) == 0) {
		work(&r);
		if (log_n && r.io_count >= log_n)
			assert_true(rig_stats(&r).is_failed || r.how.found == SLUICE_RLOG_NEW);
		if (rig_stats(&r).is_failed) {
			assert_int_equal(rig_put(&r, 1, 99, true), -EIO);
			assert_int_equal(rig_flush(&r), -EIO);
			assert_int_equal(rig_drop(&r), -EIO);
			assert_int_equal(rig_destage(&r, 100), -EIO);
			assert_true(strlen(rig_stats(&r).failed_text) > 10);
		}
		rig_close(&r);
	}
	has_struck = (log_n && r.io_count >= log_n) || (sink_n && r.sink_count >= sink_n);
	rig_crash(&r, true);
	r.fail_at = r.sink_fail_at = 0;
	assert_int_equal(rig_open(&r), 0);
	for (uint64_t b = 0; b < BLOCKS; b++)
		assert_true(rig_see(&r, b) >= acked[b]);
	rig_fini(&r);
	return has_struck;
}

static void every_io_of_the_log_may_fail(void **state)
{
	uint64_t n = 1;

	while (strike(n, 0))
		n++;
	assert_true(n > 100);
}

static void every_io_of_the_sink_may_fail(void **state)
{
	uint64_t n = 1;

	while (strike(0, n))
		n++;
	assert_true(n > 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_io_of_the_log_may_fail),
	    cmocka_unit_test(every_io_of_the_sink_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
