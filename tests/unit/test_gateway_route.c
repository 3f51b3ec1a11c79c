/* SPDX-License-Identifier: MIT */
/* test_gateway_route.c - who answers a path, and how large its body may be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "route.h"

static struct route of(const char *method, const char *uri)
{
	struct route r;

	assert_true(route_of(method, uri, &r));
	return r;
}

static void paths_go_to_policyd_or_to_files(void **state)
{
	assert_true(of("GET", "/api/v1/volumes").is_forwarded);
	assert_true(of("GET", "/healthz").is_forwarded);
	assert_true(of("GET", "/metrics?x").is_forwarded);
	assert_false(of("GET", "/healthzz").is_forwarded);
	assert_false(of("GET", "/api").is_forwarded);
	assert_false(of("GET", "/").is_forwarded);
	assert_false(of("GET", "/apis/x").is_forwarded);
}

static void bodies_have_limits_but_a_volumes_content(void **state)
{
	assert_int_equal(of("POST", "/api/v1/volumes").body_max, ROUTE_BODY_BYTES);
	assert_int_equal(of("POST", "/api/v1/config/apply?dry_run=1").body_max,
			 ROUTE_BIG_BODY_BYTES);
	assert_int_equal(of("POST", "/api/v1/config/applyx").body_max, ROUTE_BODY_BYTES);
	assert_int_equal(of("PUT", "/api/v1/volumes/v0/content").body_max, UINT64_MAX);
	assert_int_equal(of("PUT", "/api/v1/volumes//content").body_max, ROUTE_BODY_BYTES);
	assert_int_equal(of("PUT", "/api/v1/volumes/a/b/content").body_max, ROUTE_BODY_BYTES);
	assert_int_equal(of("POST", "/api/v1/volumes/v0/content").body_max, ROUTE_BODY_BYTES);
}

static void attempts_and_sessions_are_known(void **state)
{
	assert_true(of("POST", "/api/v1/login").is_attempt);
	assert_int_equal(of("POST", "/api/v1/login?x=1").session, ROUTE_SESSION_BEGINS);
	assert_int_equal(of("GET", "/api/v1/login").session, ROUTE_SESSION_NONE);
	assert_int_equal(of("POST", "/api/v1/logout").session, ROUTE_SESSION_ENDS);
	assert_true(of("POST", "/api/v1/setup").is_attempt);
	assert_true(of("POST", "/api/v1/users/me/password").is_attempt);
}

static void methods_are_changes_or_not(void **state)
{
	struct route r;

	assert_false(of("GET", "/api/v1/x").is_change);
	assert_false(of("HEAD", "/api/v1/x").is_change);
	assert_true(of("DELETE", "/api/v1/x").is_change);
	assert_true(of("POST", "/api/v1/login").is_change);
	assert_false(route_of("TRACE", "/", &r));
	assert_false(route_of("get", "/", &r));
	assert_false(route_of("OPTIONS", "*", &r));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(paths_go_to_policyd_or_to_files),
	    cmocka_unit_test(bodies_have_limits_but_a_volumes_content),
	    cmocka_unit_test(attempts_and_sessions_are_known),
	    cmocka_unit_test(methods_are_changes_or_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
