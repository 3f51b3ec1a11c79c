/* SPDX-License-Identifier: MIT */
/* Policy rules against the filters that are installed: every kind of refusal, by field and
 * sentence. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "model.h"

static json_t *filters(void)
{
	json_error_t e;
	json_t *j = json_loads(
	    "[{\"name\": \"trace\", \"class\": \"inspection\", \"is_installed\": true, "
	    "  \"is_enabled\": true, \"is_transparent\": true, \"parameters\": "
	    "  [{\"name\": \"entries\", \"type\": \"u64\", \"unit\": \"\", \"min\": \"1\", "
	    "    \"max\": \"65536\", \"default\": \"128\"}]},"
	    " {\"name\": \"delay\", \"class\": \"io_control\", \"is_installed\": true, "
	    "  \"is_enabled\": true, \"is_transparent\": true, \"parameters\": []},"
	    " {\"name\": \"luks\", \"class\": \"encryption\", \"is_installed\": true, "
	    "  \"is_enabled\": true, \"is_transparent\": false, \"parameters\": []},"
	    " {\"name\": \"off\", \"class\": \"cache\", \"is_installed\": true, "
	    "  \"is_enabled\": false, \"is_transparent\": false, \"parameters\": []},"
	    " {\"name\": \"odd\", \"class\": \"surprise\", \"is_installed\": true, "
	    "  \"is_enabled\": true, \"is_transparent\": false, \"parameters\": []},"
	    " {\"name\": \"gone\", \"class\": \"cache\", \"is_installed\": false, "
	    "  \"is_enabled\": true, \"is_transparent\": false, \"parameters\": []}]",
	    0, &e);

	assert_non_null(j);
	return j;
}

static int check(const char *rules, json_t **out, struct err *err)
{
	json_t *f = filters(), *r = json_loads(rules, JSON_DECODE_ANY, NULL);
	int rc;

	assert_non_null(r);
	rc = model_rules_check(r, f, out, err);
	json_decref(f);
	json_decref(r);
	return rc;
}

static void rules_come_out_whole_and_in_class_order(void **state)
{
	json_t *out = NULL, *wanted;
	struct err err = {0};

	assert_int_equal(check("[{\"filter\": \"delay\", \"on_failure\": \"bypass\"}, "
			       "{\"filter\": \"luks\", \"class\": \"encryption\"}, "
			       "{\"filter\": \"trace\", \"parameters\": {\"entries\": 7}}]",
			       &out, &err),
			 0);
	wanted = json_loads(
	    "[{\"class\": \"inspection\", \"filter\": \"trace\", \"on_failure\": \"hold\", "
	    "  \"parameters\": {\"entries\": \"7\"}},"
	    " {\"class\": \"encryption\", \"filter\": \"luks\", \"on_failure\": \"hold\", "
	    "  \"parameters\": {}},"
	    " {\"class\": \"io_control\", \"filter\": \"delay\", \"on_failure\": \"bypass\", "
	    "  \"parameters\": {}}]",
	    0, NULL);
	assert_true(json_equal(out, wanted));
	json_decref(out);
	json_decref(wanted);
	assert_int_equal(check("[]", &out, &err), 0);
	assert_int_equal(json_array_size(out), 0);
	json_decref(out);
}

static void checked_rules_pass_unchanged(void **state)
{
	json_t *once = NULL, *twice = NULL, *f = filters();

	assert_int_equal(check("[{\"filter\": \"trace\"}, {\"filter\": \"delay\"}]", &once, NULL),
			 0);
	assert_int_equal(model_rules_check(once, f, &twice, NULL), 0);
	assert_true(json_equal(once, twice));
	json_decref(once);
	json_decref(twice);
	json_decref(f);
}

static void each_fault_is_named(void **state)
{
	static const struct {
		const char *rules;
		int rc;
		const char *field, *says;
	} bad[] = {
	    {"{}", -EINVAL, "rules", "must be an array"},
	    {"[7]", -EINVAL, "rules[0]", "must be an object"},
	    {"[{}]", -EINVAL, "rules[0].filter", "filter"},
	    {"[{\"filter\": 7}]", -EINVAL, "rules[0].filter", "filter"},
	    {"[{\"filter\": \"trace\", \"clas\": \"x\"}]", -EINVAL, "rules[0].clas", "clas"},
	    {"[{\"filter\": \"trace\"}, {\"filter\": \"nope\"}]", -EINVAL, "rules[1].filter",
	     "'nope' is not installed; installed: trace, delay, luks, off, odd"},
	    {"[{\"filter\": \"gone\"}]", -EINVAL, "rules[0].filter", "'gone' is not installed"},
	    {"[{\"filter\": \"off\"}]", -EINVAL, "rules[0].filter", "disabled"},
	    {"[{\"filter\": \"trace\", \"class\": \"cache\"}]", -EINVAL, "rules[0].class",
	     "of the class inspection, not cache"},
	    {"[{\"filter\": \"trace\", \"class\": \"quick\"}]", -EINVAL, "rules[0].class",
	     "'quick' is no class"},
	    {"[{\"filter\": \"odd\"}]", -EINVAL, "rules[0].class", "'surprise' is no class"},
	    {"[{\"filter\": \"trace\"}, {\"filter\": \"delay\"}, {\"filter\": \"trace\"}]", -EINVAL,
	     "rules[2].class", "at most one of each class"},
	    {"[{\"filter\": \"trace\", \"on_failure\": \"skip\"}]", -EINVAL, "rules[0].on_failure",
	     "'skip' is neither hold nor bypass"},
	    {"[{\"filter\": \"luks\", \"on_failure\": \"bypass\"}]", -EINVAL, "rules[0].on_failure",
	     "cannot be bypassed"},
	    {"[{\"filter\": \"trace\", \"parameters\": []}]", -EINVAL, "rules[0].parameters",
	     "must be an object"},
	    {"[{\"filter\": \"trace\", \"parameters\": {\"entries\": 0}}]", -ERANGE,
	     "rules[0].parameters.entries", "0 is outside 1 to 65536"},
	    {"[{\"filter\": \"delay\", \"parameters\": {\"x\": 0}}]", -EINVAL,
	     "rules[0].parameters.x", "it has none"},
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct err err = {0};
		json_t *out = NULL;

		assert_int_equal(check(bad[i].rules, &out, &err), bad[i].rc);
		assert_string_equal(err.field, bad[i].field);
		if (!strstr(err.text, bad[i].says))
			fail_msg("'%s' does not say '%s'", err.text, bad[i].says);
		assert_null(out);
	}
}

static void classes_have_numbers_and_words(void **state)
{
	static const char *const words[] = {"inspection",   "replication", "compression",
					    "encryption",   "cache",       "data_provider",
					    "data_capture", "io_control"};

	for (uint32_t i = 0; i < 8; i++) {
		assert_int_equal(model_class_number(words[i]), (i + 1) * 100);
		assert_string_equal(model_class_word((i + 1) * 100), words[i]);
	}
	assert_int_equal(model_class_number("x"), 0);
	assert_int_equal(model_class_number(NULL), 0);
	assert_null(model_class_word(150));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(rules_come_out_whole_and_in_class_order),
	    cmocka_unit_test(checked_rules_pass_unchanged),
	    cmocka_unit_test(each_fault_is_named),
	    cmocka_unit_test(classes_have_numbers_and_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
