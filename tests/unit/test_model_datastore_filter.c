/* SPDX-License-Identifier: MIT */
/* Which filters a whole datastore may have, and with which parameters. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "model.h"

#define FILTER(name, class, installed, enabled, group)                                             \
	"{\"name\":\"" name                                                                        \
	"\",\"class\":\"" class "\",\"is_installed\":" installed ",\"is_enabled\":" enabled        \
				",\"parameters\":[],\"group_parameters\":" group "}"
#define GROUP                                                                                      \
	"[{\"name\":\"enabled\",\"type\":\"bool\",\"default\":false},"                             \
	"{\"name\":\"peak_pct\",\"type\":\"u64\",\"unit\":\"%\",\"min\":\"50\",\"max\":\"100\","   \
	"\"default\":\"90\"}]"

static const char filters_text[] =
    "[" FILTER("share", "io_control", "true", "true", GROUP) "," FILTER(
	"slow", "io_control", "true", "true",
	"[]") "," FILTER("other", "io_control", "true", "true",
			 GROUP) "," FILTER("gone", "cache", "false", "true",
					   GROUP) "," FILTER("off", "cache", "true", "false",
							     GROUP) "]";

static int check(const char *filter, const char *given, const char *all, json_t **out,
		 struct err *err)
{
	json_t *filters = json_loads(filters_text, 0, NULL), *a = json_loads(all, 0, NULL);
	json_t *g = given ? json_loads(given, 0, NULL) : NULL;
	int rc;

	assert_non_null(filters);
	assert_non_null(a);
	rc = model_datastore_filter_check(filter, g, a, filters, out, err);
	json_decref(filters);
	json_decref(a);
	json_decref(g);
	return rc;
}

static void every_parameter_stands_there_as_text(void **state)
{
	json_t *wanted = json_pack("{s:s, s:s}", "enabled", "true", "peak_pct", "90");
	json_t *out = NULL;
	struct err err = {0};

	assert_int_equal(
	    check("share", "{\"enabled\": true}", "[{\"filter\": \"share\"}]", &out, &err), 0);
	assert_true(json_equal(out, wanted));
	json_decref(out);
	assert_int_equal(check("share", NULL, "[]", &out, &err), 0);
	assert_string_equal(json_string_value(json_object_get(out, "enabled")), "false");
	json_decref(out);
	json_decref(wanted);
}

static void what_cannot_be_is_refused_with_its_field(void **state)
{
	static const struct {
		const char *filter, *given, *all;
		int rc;
		const char *field, *says;
	} cases[] = {
	    {"share", "{\"peak_pct\": 49}", "[]", -ERANGE, "parameters.peak_pct", "50 to 100 %"},
	    {"share", "{\"peak\": 60}", "[]", -EINVAL, "parameters.peak", "enabled, peak_pct"},
	    {"share", "{}", "[{\"filter\": \"other\"}]", -EEXIST, "",
	     "other of the class io_control"},
	    {"slow", "{}", "[]", -EINVAL, "", "single volumes only"},
	    {"gone", "{}", "[]", -ENOENT, "", "share, other, off"},
	    {"nothing", "{}", "[]", -ENOENT, "", "is not installed"},
	    {"off", "{}", "[]", -EINVAL, "", "is disabled"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err err = {0};
		json_t *out = NULL;

		assert_int_equal(check(cases[i].filter, cases[i].given, cases[i].all, &out, &err),
				 cases[i].rc);
		assert_string_equal(err.field, cases[i].field);
		if (!strstr(err.text, cases[i].says))
			fail_msg("'%s' does not say '%s'", err.text, cases[i].says);
		assert_null(out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_parameter_stands_there_as_text),
	    cmocka_unit_test(what_cannot_be_is_refused_with_its_field),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
