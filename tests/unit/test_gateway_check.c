/* SPDX-License-Identifier: MIT */
/* test_gateway_check.c - no spelling of a path gets past the check, and no other site's page. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "check.h"

static void good_addresses_pass(void **state)
{
	static const char *const good[] = {
	    "/",
	    "/index.html",
	    "/api/v1/volumes/vm-1.disk0/connect?limit=3&q=a%20b%2Fc",
	    "/api/v1/users/anna%40example",
	    "/api/v1/volumes/...",
	    "/api/v1/hosts/..a",
	    "/?q=../..",
	};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct err err = {0};

		if (check_uri(good[i], &err) != 0)
			fail_msg("%s: %s", good[i], err.text);
	}
}

static void every_spelling_of_a_way_out_is_refused(void **state)
{
	static const char *const bad[] = {
	    "/..",
	    "/../etc/passwd",
	    "/a/../b",
	    "/a/./b",
	    "/a/.",
	    "/.?x",
	    "/a/..?x",
	    "/%2e%2e/etc/passwd",
	    "/%2E./x",
	    "/.%2e/x",
	    "/a/%2e",
	    "/a%2fb",
	    "/a%2Fb",
	    "/a\\b",
	    "/a%5cb",
	    "//etc/passwd",
	    "/a//b",
	    "/a%00b",
	    "/a%0d%0aSet-Cookie:%20x",
	    "/a%7f",
	    "/api/v1/log%69n", /* another spelling of what route.c knows */
	    "/api/v1/login%5F",
	    "/a%",
	    "/a%2",
	    "/a%zz",
	    "/a b",
	    "/a\tb",
	    "/a\x80",
	    "/a#b",
	    "/a\"b",
	    "/<a>",
	    "*",
	    "",
	    "http://other/",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (check_uri(bad[i], NULL) != -EBADMSG)
			fail_msg("%s passed", bad[i]);
}

static void an_address_too_long_says_so(void **state)
{
	char *uri = malloc(CHECK_URI_BYTES_MAX + 2);

	memset(uri, 'a', CHECK_URI_BYTES_MAX + 1);
	uri[0] = '/';
	uri[CHECK_URI_BYTES_MAX + 1] = '\0';
	assert_int_equal(check_uri(uri, NULL), -ENAMETOOLONG);
	uri[CHECK_URI_BYTES_MAX] = '\0';
	assert_int_equal(check_uri(uri, NULL), 0);
	free(uri);
}

static void only_our_own_pages_may_change(void **state)
{
	assert_true(check_is_own_site(NULL, NULL, "box:8443"));
	assert_true(check_is_own_site("https://box:8443", "same-origin", "box:8443"));
	assert_true(check_is_own_site("https://BOX:8443", NULL, "box:8443"));
	assert_true(check_is_own_site(NULL, "none", "box"));
	assert_false(check_is_own_site("https://box", NULL, "box:8443"));
	assert_false(check_is_own_site("http://box:8443", NULL, "box:8443"));
	assert_false(check_is_own_site("https://box:8443.evil", NULL, "box:8443"));
	assert_false(check_is_own_site("null", NULL, "box:8443"));
	assert_false(check_is_own_site("", NULL, "box:8443"));
	assert_false(check_is_own_site("https://box:8443", "same-site", "box:8443"));
	assert_false(check_is_own_site(NULL, "cross-site", "box:8443"));
	assert_false(check_is_own_site(NULL, "", "box:8443"));
}

static void a_host_is_a_name_or_an_address(void **state)
{
	assert_true(check_host("box"));
	assert_true(check_host("[fd00::1]:8443"));
	assert_true(check_host("10.0.0.1:8443"));
	assert_false(check_host(""));
	assert_false(check_host("box/evil"));
	assert_false(check_host("user@box"));
	assert_false(check_host("box evil"));
}

static void a_value_is_text(void **state)
{
	assert_true(check_value("a\tb \xc3\xa4"));
	assert_false(check_value("a\rb"));
	assert_false(check_value("\x01"));
	assert_false(check_value("\x7f"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(good_addresses_pass),
	    cmocka_unit_test(every_spelling_of_a_way_out_is_refused),
	    cmocka_unit_test(an_address_too_long_says_so),
	    cmocka_unit_test(only_our_own_pages_may_change),
	    cmocka_unit_test(a_host_is_a_name_or_an_address),
	    cmocka_unit_test(a_value_is_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
