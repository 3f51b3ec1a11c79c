/* SPDX-License-Identifier: MIT */
/* A path and a method name one route: literal segments before parameters, 404 and 405 apart. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "router.h"

static const struct route one[] = {
    {"GET", "/healthz", REST_PUBLIC, ROUTE_TOP, NULL, "", NULL},
    {"GET", "/users", REST_ADMIN, 0, NULL, "", NULL},
    {"GET", "/users/{name}", REST_ADMIN, 0, NULL, "", NULL},
    {"PATCH", "/users/{name}", REST_ADMIN, 0, NULL, "", NULL},
    {.method = NULL},
};
static const struct route two[] = {
    {"POST", "/users/{name}/{what}", REST_ADMIN, 0, NULL, "", NULL},
    {"POST", "/users/me/password", REST_VIEWER, 0, NULL, "", NULL},
    {"GET", "/policies/{name}/versions/{version}", REST_VIEWER, 0, NULL, "", NULL},
    {.method = NULL},
};
static const struct route *const tables[] = {one, two, NULL};

static int find(const char *method, const char *target, struct router_match *m, struct url *u)
{
	struct err err = {0};

	assert_int_equal(url_parse(target, u, &err), 0);
	return router_find(tables, method, u, m);
}

static void parameters_are_taken_in_order(void **state)
{
	struct router_match m;
	struct url u;

	assert_int_equal(find("GET", "/api/v1/policies/gold/versions/7", &m, &u), 0);
	assert_ptr_equal(m.route, &two[2]);
	assert_string_equal(m.parameters[0], "gold");
	assert_string_equal(m.parameters[1], "7");
	assert_null(m.parameters[2]);
	url_free(&u);
}

static void literals_win_over_parameters(void **state)
{
	struct router_match m;
	struct url u;

	assert_int_equal(find("POST", "/api/v1/users/me/password", &m, &u), 0);
	assert_ptr_equal(m.route, &two[1]);
	url_free(&u);
	assert_int_equal(find("POST", "/api/v1/users/you/password", &m, &u), 0);
	assert_ptr_equal(m.route, &two[0]);
	url_free(&u);
}

static void top_paths_stand_alone(void **state)
{
	struct router_match m;
	struct url u;

	assert_int_equal(find("GET", "/healthz", &m, &u), 0);
	url_free(&u);
	assert_int_equal(find("GET", "/api/v1/healthz", &m, &u), -ENOENT);
	url_free(&u);
	assert_int_equal(find("GET", "/users", &m, &u), -ENOENT);
	url_free(&u);
}

static void another_method_names_those_that_there_are(void **state)
{
	struct router_match m;
	struct url u;

	assert_int_equal(find("DELETE", "/api/v1/users/anna", &m, &u), -ENOSYS);
	assert_string_equal(m.allow, "GET, PATCH");
	assert_null(m.route);
	url_free(&u);
}

static void nothing_fits_by_halves(void **state)
{
	static const char *const targets[] = {"/api/v1/user",  "/api/v1/users1",      "/api/v1",
					      "/api/v2/users", "/api/v1/users/a/b/c", "/x"};
	struct router_match m;
	struct url u;

	for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
		assert_int_equal(find("GET", targets[i], &m, &u), -ENOENT);
		url_free(&u);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(parameters_are_taken_in_order),
	    cmocka_unit_test(literals_win_over_parameters),
	    cmocka_unit_test(top_paths_stand_alone),
	    cmocka_unit_test(another_method_names_those_that_there_are),
	    cmocka_unit_test(nothing_fits_by_halves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
