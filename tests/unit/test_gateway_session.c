/* SPDX-License-Identifier: MIT */
/* test_gateway_session.c - a session leaves the login's body for the cookie, and is found there. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "session.h"

static int begin(const char *body, char **out, char cookie[SESSION_HEADER_MAX])
{
	return session_begin(body, strlen(body), out, cookie);
}

static void a_session_moves_into_the_cookie(void **state)
{
	char cookie[SESSION_HEADER_MAX];
	char *out = NULL;

	assert_int_equal(begin("{\"session\":\"abc-_DEF\",\"user\":\"anna\"}", &out, cookie), 0);
	assert_string_equal(out, "{\"user\":\"anna\"}");
	assert_string_equal(cookie, "__Host-sluice=abc-_DEF; Secure; HttpOnly; SameSite=Strict; "
				    "Path=/");
	free(out);
}

static void a_refused_login_sets_none(void **state)
{
	char cookie[SESSION_HEADER_MAX];
	char *out = NULL;

	assert_int_equal(begin("{\"code\":\"unauthorized\"}", &out, cookie), 0);
	assert_string_equal(out, "{\"code\":\"unauthorized\"}");
	assert_string_equal(cookie, "");
	free(out);
}

static void what_policyd_never_sends_is_refused(void **state)
{
	static const char *const bad[] = {
	    "", "[]", "{", "{\"session\":\"a;b\"}", "{\"session\":\"\"}", "{\"session\":\"a b\"}"};
	char cookie[SESSION_HEADER_MAX];
	char *out = NULL;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(begin(bad[i], &out, cookie), -EPROTO);
}

static void ours_is_found_among_others(void **state)
{
	char value[SESSION_VALUE_MAX];

	assert_int_equal(session_find("a=1; __Host-sluice=xyz; b=2", value), 1);
	assert_string_equal(value, "xyz");
	assert_int_equal(session_find("__Host-sluice=xyz", value), 1);
	assert_int_equal(session_find("a=__Host-sluice=xyz; x__Host-sluice=1", value), 0);
	assert_int_equal(session_find("", value), 0);
	assert_int_equal(session_find(" ; ;", value), 0);
}

static void two_of_ours_or_a_strange_one_are_refused(void **state)
{
	char value[SESSION_VALUE_MAX], longer[400] = "__Host-sluice=";

	assert_int_equal(session_find("__Host-sluice=a; __Host-sluice=b", value), -EINVAL);
	assert_int_equal(session_find("__Host-sluice=", value), -EINVAL);
	assert_int_equal(session_find("__Host-sluice=a,b", value), -EINVAL);
	memset(longer + strlen(longer), 'a', 300);
	assert_int_equal(session_find(longer, value), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_session_moves_into_the_cookie),
	    cmocka_unit_test(a_refused_login_sets_none),
	    cmocka_unit_test(what_policyd_never_sends_is_refused),
	    cmocka_unit_test(ours_is_found_among_others),
	    cmocka_unit_test(two_of_ours_or_a_strange_one_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
