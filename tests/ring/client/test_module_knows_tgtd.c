/* SPDX-License-Identifier: GPL-2.0-only */
/* What the module does before it trusts a tgtd: asks for the version, in bounded time, and knows
 * its list. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "clock.h"
#include "version.h"

static char path[] = "/tmp/sluice-version.XXXXXX";

static void script(const char *body)
{
	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);

	assert_true(fd >= 0);
	dprintf(fd, "#!/bin/sh\n%s\n", body);
	close(fd);
}

static void test_version_is_asked_for(void **state)
{
	char version[64];

	script("[ \"$1\" = -V ] && echo 1.0.85");
	assert_int_equal(version_ask(path, version, sizeof(version)), 0);
	assert_string_equal(version, "1.0.85");
	assert_true(version_is_known(version));
}

static void test_unknown_versions_are_unknown(void **state)
{
	assert_true(version_is_known("1.0.97"));
	assert_false(version_is_known("1.0.86"));
	assert_false(version_is_known("1.0.8"));
	assert_false(version_is_known("2.0.0"));
	assert_false(version_is_known(""));
	assert_non_null(strstr(version_known_list(), "1.0.85"));
}

static void test_silence_is_an_error(void **state)
{
	char version[64];

	script("exit 0");
	assert_int_equal(version_ask(path, version, sizeof(version)), -EPROTO);
	assert_int_equal(version_ask("/nonexistent/tgtd", version, sizeof(version)), -ENOENT);
}

static void test_hang_ends_in_time(void **state)
{
	uint64_t from = clock_now_ns();
	char version[64];

	script("exec sleep 60");
	assert_int_equal(version_ask(path, version, sizeof(version)), -ETIMEDOUT);
	assert_true(clock_now_ns() - from < 4 * CLOCK_NS_PER_S);
}

static void test_chatter_is_cut(void **state)
{
	char version[64];

	script("while :; do echo 1.0.85-with-a-very-long-suffix; done");
	assert_int_equal(version_ask(path, version, sizeof(version)), 0);
	assert_false(version_is_known(version));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_version_is_asked_for),
	    cmocka_unit_test(test_unknown_versions_are_unknown),
	    cmocka_unit_test(test_silence_is_an_error),
	    cmocka_unit_test(test_hang_ends_in_time),
	    cmocka_unit_test(test_chatter_is_cut),
	};
	int fd = mkstemp(path), rc;

	if (fd < 0 || fchmod(fd, 0700) < 0)
		return 1;
	close(fd);
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(path);
	return rc;
}
