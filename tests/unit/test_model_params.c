/* SPDX-License-Identifier: MIT */
/* A filter's parameters: every type's values, and refusals that name value, range and unit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "params.h"

static const char filter_text[] =
    "{'name': 'delay', 'class': 'io_control', 'parameters': ["
    " {'name': 'delay_us', 'type': 'u64', 'unit': 'us', 'min': '0', 'max': '60000000', 'default': '5'},"
    " {'name': 'big', 'type': 'u64', 'unit': '', 'min': '0', 'max': '18446744073709551615',"
    "  'default': '18446744073709551615'},"
    " {'name': 'window_bytes', 'type': 'u64', 'unit': 'bytes', 'min': '4096', 'max': '1073741824',"
    "  'default': '65536'},"
    " {'name': 'is_on', 'type': 'bool', 'unit': '', 'default': true},"
    " {'name': 'mode', 'type': 'enum', 'unit': '', 'default': 'fast', 'choices': ['fast', 'slow']},"
    " {'name': 'file', 'type': 'string', 'unit': '', 'min': '0', 'max': '5', 'default': 'abc'}]}";
static const char secret_text[] =
    "{'name': 'vault', 'parameters': [{'name': 'key', 'type': 'string', 'min': '2', 'max': '9',"
    " 'default': ''}]}";

static json_t *read(const char *text)
{
	json_t *j = json_loads(text, JSON_DECODE_ANY, NULL);

	if (!j) { /* written with ' for legibility */
		char copy[1400];
		size_t n = strlen(text);

		assert_true(n < sizeof(copy));
		for (size_t i = 0; i <= n; i++)
			copy[i] = text[i] == '\'' ? '"' : text[i];
		j = json_loads(copy, JSON_DECODE_ANY, NULL);
	}
	assert_non_null(j);
	return j;
}

static int check(const char *filter, const char *given, json_t **out, struct err *err)
{
	json_t *f = read(filter), *g = given ? read(given) : NULL;
	int rc = params_check("rules[0].parameters", f, "parameters", g, out, err);

	json_decref(f);
	json_decref(g);
	return rc;
}

static void absent_parameters_take_their_defaults(void **state)
{
	json_t *out = NULL,
	       *wanted = read("{'delay_us': '5', 'big': '18446744073709551615', 'window_bytes': "
			      "'65536', 'is_on': 'true', 'mode': 'fast', 'file': 'abc'}");

	assert_int_equal(check(filter_text, NULL, &out, NULL), 0);
	assert_true(json_equal(out, wanted));
	json_decref(out);
	assert_int_equal(check(filter_text, "{'mode': null}", &out, NULL), 0);
	assert_true(json_equal(out, wanted));
	json_decref(out);
	json_decref(wanted);
}

static void values_become_canonical_text(void **state)
{
	static const struct {
		const char *given, *name, *out;
	} good[] = {
	    {"{'delay_us': 7}", "delay_us", "7"},
	    {"{'delay_us': '0007'}", "delay_us", "7"},
	    {"{'delay_us': '60000000'}", "delay_us", "60000000"},
	    {"{'window_bytes': '1M'}", "window_bytes", "1048576"},
	    {"{'window_bytes': '64KiB'}", "window_bytes", "65536"},
	    {"{'is_on': false}", "is_on", "false"},
	    {"{'is_on': 'yes'}", "is_on", "true"},
	    {"{'is_on': 0}", "is_on", "false"},
	    {"{'mode': 'slow'}", "mode", "slow"},
	    {"{'file': ''}", "file", ""},
	    {"{'file': 12345}", "file", "12345"},
	};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		json_t *out = NULL;

		assert_int_equal(check(filter_text, good[i].given, &out, NULL), 0);
		assert_string_equal(json_string_value(json_object_get(out, good[i].name)),
				    good[i].out);
		json_decref(out);
	}
}

static void refusals_name_field_value_range_and_unit(void **state)
{
	static const struct {
		const char *filter, *given;
		int rc;
		const char *field, *says;
	} bad[] = {
	    {filter_text, "{'delay_us': 60000001}", -ERANGE, "delay_us",
	     "60000001 is outside 0 to 60000000 us"},
	    {filter_text, "{'delay_us': -1}", -EINVAL, "delay_us",
	     "'-1' is not a whole number; it takes 0 to 60000000 us"},
	    {filter_text, "{'delay_us': '5ms'}", -EINVAL, "delay_us", "'5ms'"},
	    {filter_text, "{'delay_us': ''}", -EINVAL, "delay_us", "not a whole number"},
	    {filter_text, "{'delay_us': 1.5}", -EINVAL, "delay_us", "must be text"},
	    {filter_text, "{'delay_us': [1]}", -EINVAL, "delay_us", "must be text"},
	    {filter_text, "{'big': '18446744073709551616'}", -EINVAL, "big", "not a whole number"},
	    {filter_text, "{'window_bytes': '1'}", -ERANGE, "window_bytes", "4K to 1G"},
	    {filter_text, "{'window_bytes': '1X'}", -EINVAL, "window_bytes", "not a size"},
	    {filter_text, "{'is_on': 'maybe'}", -EINVAL, "is_on", "neither yes nor no"},
	    {filter_text, "{'mode': 'medium'}", -EINVAL, "mode", "one of fast, slow"},
	    {filter_text, "{'file': 'abcdef'}", -ERANGE, "file", "0 to 5 bytes, not 6"},
	    {filter_text, "{'dealy_us': 1}", -EINVAL, "dealy_us",
	     "it has delay_us, big, window_bytes, is_on, mode, file"},
	    {secret_text, "{}", -ERANGE, "key", "2 to 9 bytes, not 0"},
	    {"{'name': 'none', 'parameters': []}", "{'x': 1}", -EINVAL, "x", "it has none"},
	    {"{'name': 'new', 'parameters': [{'name': 'p', 'type': 'float'}]}", "{'p': 1}", -EINVAL,
	     "p", "'float', which this version does not know"},
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct err err = {0};
		json_t *out = NULL;
		char field[64];

		snprintf(field, sizeof(field), "rules[0].parameters.%s", bad[i].field);
		assert_int_equal(check(bad[i].filter, bad[i].given, &out, &err), bad[i].rc);
		assert_string_equal(err.field, field);
		if (!strstr(err.text, bad[i].says))
			fail_msg("'%s' does not say '%s'", err.text, bad[i].says);
		assert_null(out);
	}
}

static void what_is_not_an_object_is_refused(void **state)
{
	struct err err = {0};
	json_t *out = NULL;

	assert_int_equal(check(filter_text, "[1]", &out, &err), -EINVAL);
	assert_string_equal(err.field, "rules[0].parameters");
}

static void a_nul_byte_in_a_value_is_refused(void **state)
{
	struct err err = {0};
	json_t *f = read(filter_text), *out = NULL,
	       *g = json_pack("{s:o}", "file", json_stringn("a\0b", 3));

	assert_int_equal(params_check("p", f, "parameters", g, &out, &err), -EINVAL);
	assert_string_equal(err.field, "p.file");
	json_decref(f);
	json_decref(g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(absent_parameters_take_their_defaults),
	    cmocka_unit_test(values_become_canonical_text),
	    cmocka_unit_test(refusals_name_field_value_range_and_unit),
	    cmocka_unit_test(what_is_not_an_object_is_refused),
	    cmocka_unit_test(a_nul_byte_in_a_value_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
