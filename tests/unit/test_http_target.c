/* SPDX-License-Identifier: MIT */
/* A request's target is taken apart once, and what could be read in two ways is refused. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "url.h"

static void path_and_query_are_decoded(void **state)
{
	struct err err = {0};
	struct url u;

	assert_int_equal(
	    url_parse("/api/v1/portals/%5B::1%5D:3260?q=a+b%26c&empty=&flag", &u, &err), 0);
	assert_int_equal(u.segment_count, 4);
	assert_string_equal(u.segments[3], "[::1]:3260");
	assert_string_equal(url_query(&u, "q"), "a b&c");
	assert_string_equal(url_query(&u, "empty"), "");
	assert_string_equal(url_query(&u, "flag"), "");
	assert_null(url_query(&u, "other"));
	url_free(&u);
}

static void what_has_two_readings_is_refused(void **state)
{
	static const char *const bad[] = {
	    "",
	    "api/v1",
	    "//x",
	    "/a//b",
	    "/a/",
	    "/a/./b",
	    "/a/../b",
	    "/a/%2e%2e/b",
	    "/a%2fb",
	    "/a%00b",
	    "/a%0ab",
	    "/a%",
	    "/a%4",
	    "/a%zz",
	    "/a%ff",
	    "/a%c0%af",
	    "/a%ed%a0%80",
	    "/a%f5%80%80%80",
	    "/a?x=1&x=2",
	    "/a?x=%00",
	    "/a?x=%c3",
	    "/1/2/3/4/5/6/7/8/9",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct err err = {0};
		struct url u;

		if (url_parse(bad[i], &u, &err) != -EBADMSG)
			fail_msg("'%s' was taken", bad[i]);
		assert_true(err.text[0]);
		url_free(&u);
	}
}

static void many_members_and_long_targets_are_refused(void **state)
{
	char *text = calloc(1, URL_BYTES_MAX + 100);
	struct err err = {0};
	struct url u;

	snprintf(text, 4, "/a?");
	for (unsigned i = 0; i <= URL_QUERY_MAX; i++)
		snprintf(text + strlen(text), 20, "x%u=1&", i);
	assert_int_equal(url_parse(text, &u, &err), -EBADMSG);
	url_free(&u);
	memset(text, 'a', URL_BYTES_MAX + 50);
	text[0] = '/';
	assert_int_equal(url_parse(text, &u, &err), -EBADMSG);
	url_free(&u);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(path_and_query_are_decoded),
	    cmocka_unit_test(what_has_two_readings_is_refused),
	    cmocka_unit_test(many_members_and_long_targets_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
