/* SPDX-License-Identifier: MIT */
/* Text to values by a table; each refusal names parameter, value and limit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "params.h"

static const char *const modes[] = {"through", "back", NULL};
static const struct sluice_param table[] = {
    {.name = "latency_us",
     .type = SLUICE_TYPE_U64,
     .unit = "us",
     .min = 10,
     .max = 1000,
     .def = 100,
     .help = "h"},
    {.name = "size_bytes",
     .type = SLUICE_TYPE_U64,
     .unit = "bytes",
     .max = 1ull << 40,
     .def = 0,
     .help = "h"},
    {.name = "pinned", .type = SLUICE_TYPE_BOOL, .unit = "", .def = 1, .help = "h"},
    {.name = "mode", .type = SLUICE_TYPE_ENUM, .unit = "", .choices = modes, .def = 1, .help = "h"},
    {.name = "path", .type = SLUICE_TYPE_STRING, .unit = "", .min = 1, .max = 10, .help = "h"},
};
static const struct params_table of_f = {"f", table, 5};
static const struct params_table of_bare = {"bare", NULL, 0};

static struct err err;
static union sluice_value *values;

static int parse(const char *name, const char *value)
{
	const char *names[] = {"path", name}, *texts[] = {"/x", value};

	return params_parse(&of_f, names, texts, name ? 2 : 1, &values, &err);
}

static void defaults_fill_what_is_not_named(void **state)
{
	assert_int_equal(parse(NULL, NULL), 0);
	assert_int_equal(values[0].u64, 100);
	assert_int_equal(values[1].u64, 0);
	assert_int_equal(values[2].u64, 1);
	assert_int_equal(values[3].u64, 1);
	assert_string_equal(values[4].string, "/x");
	params_free(&of_f, values);
}

static void each_type_is_parsed_and_formatted(void **state)
{
	static const struct {
		uint32_t at;
		const char *text;
		const char *back;
	} cases[] = {{0, "10", "10"},           {0, "1000", "1000"}, {1, "2GiB", "2147483648"},
		     {1, "512", "512"},         {2, "off", "false"}, {2, "true", "true"},
		     {3, "through", "through"}, {3, "back", "back"}};
	char text[64];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct sluice_param *p = &table[cases[i].at];

		assert_int_equal(parse(p->name, cases[i].text), 0);
		params_format(p, values[cases[i].at], text, sizeof(text));
		assert_string_equal(text, cases[i].back);
		params_free(&of_f, values);
	}
}

static void what_is_wrong_is_named(void **state)
{
	static const struct {
		const char *name, *text;
		int result;
		const char *says;
	} cases[] = {
	    {"latency_us", "9", -ERANGE, "10 to 1000"},
	    {"latency_us", "1001", -ERANGE, "1001"},
	    {"latency_us", "99999999999999999999999", -EINVAL, "latency_us"},
	    {"latency_us", "ten", -EINVAL, "'ten'"},
	    {"latency_us", "-1", -EINVAL, "'-1'"},
	    {"latency_us", "", -EINVAL, "latency_us"},
	    {"size_bytes", "2T", -ERANGE, "size_bytes"},
	    {"size_bytes", "3 apples", -EINVAL, "size_bytes"},
	    {"pinned", "maybe", -EINVAL, "'maybe'"},
	    {"mode", "around", -EINVAL, "one of through, back, not 'around'"},
	    {"path", "/y", -EINVAL, "given twice"},
	    {"speed", "1", -EINVAL, "no parameter 'speed'"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(parse(cases[i].name, cases[i].text), cases[i].result);
		assert_string_equal(err.field, cases[i].name);
		if (!strstr(err.text, cases[i].says))
			fail_msg("'%s' does not say '%s'", err.text, cases[i].says);
	}
}

static void a_string_without_a_default_must_be_named(void **state)
{
	assert_int_equal(params_parse(&of_f, NULL, NULL, 0, &values, &err), -EINVAL);
	assert_string_equal(err.field, "path");
	assert_non_null(strstr(err.text, "missing"));
}

static void a_string_has_its_length_checked(void **state)
{
	const char *names[] = {"path"}, *long_one[] = {"12345678901"}, *none[] = {""};

	assert_int_equal(params_parse(&of_f, names, long_one, 1, &values, &err), -ERANGE);
	assert_non_null(strstr(err.text, "1 to 10 bytes, not 11"));
	assert_int_equal(params_parse(&of_f, names, none, 1, &values, &err), -ERANGE);
}

static void a_filter_without_parameters_takes_none(void **state)
{
	const char *names[] = {"x"}, *texts[] = {"1"};

	assert_int_equal(params_parse(&of_bare, NULL, NULL, 0, &values, &err), 0);
	params_free(&of_bare, values);
	assert_int_equal(params_parse(&of_bare, names, texts, 1, &values, &err), -EINVAL);
	assert_string_equal(err.text, "filter 'bare' has no parameters, so no 'x'");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(defaults_fill_what_is_not_named),
	    cmocka_unit_test(each_type_is_parsed_and_formatted),
	    cmocka_unit_test(what_is_wrong_is_named),
	    cmocka_unit_test(a_string_without_a_default_must_be_named),
	    cmocka_unit_test(a_string_has_its_length_checked),
	    cmocka_unit_test(a_filter_without_parameters_takes_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
