/* SPDX-License-Identifier: MIT */
/* test_rlog_logcheck.c - sluice-logcheck says of a log what opening it would find, and finds the
 * damage that opening finds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>
#include <unistd.h>

#include "explain.h"
#include "rlog_rig.h"

static struct rig r;
static char path[] = "/tmp/test-rlog-logcheck-XXXXXX";
static struct report report;

static int setup(void **state)
{
	rig_init(&r, 1, 60);
	r.cfg.checkpoint_bytes = 2000;
	return rig_open(&r);
}

static int teardown(void **state)
{
	rig_fini(&r);
	return 0;
}

/* The simulated disk goes into a file. */
static void look(void)
{
	struct rig_file *f = rig_file(&r, "log");
	FILE *out = fopen(path, "w");
	struct err err = {0};

	assert_non_null(out);
	assert_int_equal(fwrite(f->now, 1, f->f.size_bytes, out), f->f.size_bytes);
	assert_int_equal(fclose(out), 0);
	assert_int_equal(image_open(&report.m, path, &err), 0);
	assert_int_equal(explain_look(&report, &err), 0);
	explain_verify(&report);
	explain_print(&report);
	if (report.m.super)
		assert_int_equal(explain_dump(&report, &err), 0);
	image_close(&report.m);
}

static void work(uint64_t n)
{
	for (uint64_t v = 1; v <= n; v++) {
		assert_int_equal(rig_put(&r, v % 9, v, true), 0);
		if (v % 10 == 0)
			assert_int_equal(rig_destage(&r, 500), 0);
	}
}

static void a_good_log_is_good(void **state)
{
	work(25);
	rig_crash(&r, false);
	look();
	assert_non_null(report.m.super);
	assert_false(report.is_damaged);
	assert_true(report.checkpoint.is_good);
	assert_int_equal(report.end.seq, 26);
	assert_int_equal(rig_open(&r), 0);
	rig_close(&r);
	look();
	assert_false(report.is_damaged);
	assert_true(report.m.super->is_clean);
}

static void what_open_refuses_is_damaged(void **state)
{
	struct rig_file *f = rig_file(&r, "log");
	uint32_t refused = 0;
	uint8_t *good;

	work(12);
	rig_crash(&r, false);
	good = malloc(f->f.size_bytes);
	memcpy(good, f->now, f->f.size_bytes);
	for (uint64_t at = 0; at < f->f.size_bytes; at += 37) {
		int rc;

		memcpy(f->now, good, f->f.size_bytes);
		f->now[at] ^= 0x10;
		look();
		rc = rig_open(&r);
		if (rc)
			assert_true(!report.m.super || report.is_damaged);
		refused += rc != 0;
		rig_crash(&r, false);
	}
	assert_true(refused > 10);
	free(good);
}

static void what_is_no_log_is_said_to_be_none(void **state)
{
	struct rig_file *f = rig_file(&r, "log");

	rig_close(&r);
	memset(f->now, 3, f->f.size_bytes);
	look();
	assert_null(report.m.super);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(a_good_log_is_good, setup, teardown),
	    cmocka_unit_test_setup_teardown(what_open_refuses_is_damaged, setup, teardown),
	    cmocka_unit_test_setup_teardown(what_is_no_log_is_said_to_be_none, setup, teardown),
	};
	int fd = mkstemp(path), rc;

	if (fd < 0)
		return 1;
	close(fd);
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(path);
	return rc;
}
