/* SPDX-License-Identifier: MIT */
/* Values are shown as their names say, and no text from outside drives a terminal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "json.h"
#include "print.h"
#include "value.h"

static void expect(const char *member, const char *json, const char *wanted)
{
	cleanup_json json_t *value = json_loads(json, JSON_DECODE_ANY, NULL);
	char text[VALUE_BYTES_MAX];

	assert_non_null(value);
	value_text(member, value, text, sizeof(text));
	assert_string_equal(text, wanted);
}

static void test_units_come_from_names(void **state)
{
	expect("size_bytes", "10737418240", "10G");
	expect("size_bytes", "1610612736", "1.5G");
	expect("size_bytes", "512", "512B");
	expect("size_bytes", "0", "0");
	expect("read_bytes_per_s", "2097152", "2M/s");
	expect("read_p99_us", "350", "350us");
	expect("read_p99_us", "1250.0", "1.2ms");
	expect("read_p99_us", "2500000", "2.5s");
	expect("progress_pct", "42", "42%");
	expect("uptime_s", "93784", "1d 2h");
	expect("uptime_s", "5", "5s");
	expect("dirty_age_ms", "4200", "4.2s");
	expect("created_ms", "0", "-");
	expect("created_ms", "1767225600000", "2026-01-01 00:00:00");
	expect("is_thin", "true", "yes");
	expect("volumes", "[\"a\", \"b\"]", "a, b");
	expect("volumes", "[]", "-");
	expect("name", "\"\"", "-");
	expect("policy", "null", "-");
	expect("parameters", "{\"a\": \"1\", \"size_bytes\": 1024}", "a=1 size_bytes=1K");
}

static void test_control_characters_are_tamed(void **state)
{
	expect("initiator", "\"a\\u001b[2J\\nb\\u007f\"", "a?[2J?b?");
	expect("initiator", "\"\\u009b2J gr\\u00fcn\"", "??2J gr\xc3\xbcn");
}

static void test_long_text_is_cut_not_overrun(void **state)
{
	cleanup_json json_t *list = json_array();
	char text[32];

	for (int i = 0; i < 100; i++)
		json_array_append_new(list, json_string("abcdefgh"));
	value_text("hosts", list, text, sizeof(text));
	assert_true(strlen(text) < sizeof(text));
}

static void column(const char *member, const char *json, const char *wanted)
{
	cleanup_json json_t *row = json_loads(json, 0, NULL);
	char text[VALUE_BYTES_MAX];

	assert_non_null(row);
	value_column(member, row, text, sizeof(text));
	assert_string_equal(text, wanted);
}

static void test_computed_columns(void **state)
{
	column("target.iqn", "{\"target\": {\"iqn\": \"iqn.x\"}}", "iqn.x");
	column("assignment.policy", "{\"assignment\": null}", "-");
	column("@state", "{\"desired_state\": \"online\", \"running_state\": \"pending\"}",
	       "pending (wanted: online)");
	column("@state", "{\"desired_state\": \"deleting\", \"running_state\": \"online\"}",
	       "deleting");
	column("@state", "{\"desired_state\": \"online\", \"running_state\": \"failed\"}",
	       "failed");
	column("@state", "{\"running_state\": \"online\"}", "online");
	column("@hosts", "{\"access\": {\"hosts\": [], \"host_groups\": []}}", "nobody");
	column("@hosts", "{\"access\": {\"hosts\": [\"a\"], \"host_groups\": [\"g\"]}}", "a, @g");
}

/* The unit stands behind the value; what an administrator types stands as it is typed. */
static void test_objects_name_units_once(void **state)
{
	cleanup_json json_t *object =
	    json_loads("{\"size_bytes\": 1024, \"seen_ms\": null, \"key\": \"session_max_s\", "
		       "\"parameters\": {\"read_us\": \"200\", \"share_pct\": 5}}",
		       0, NULL);
	char *text = NULL;
	size_t len;
	FILE *to = open_memstream(&text, &len);

	assert_non_null(object);
	print_object(to, object);
	fclose(to);
	assert_string_equal(text, "size: 1K\n"
				  "seen: -\n"
				  "key:  session_max_s\n"
				  "parameters:\n"
				  "  read_us:   200\n"
				  "  share_pct: 5\n");
	free(text);
}

static void test_tables_are_aligned(void **state)
{
	static const struct column columns[] = {{"NAME", "name"}, {"SIZE", "size_bytes"}, {NULL}};
	cleanup_json json_t *rows = json_loads("[{\"name\": \"gr\\u00fcn\", \"size_bytes\": 1024}, "
					       "{\"name\": \"x\", \"size_bytes\": 1}]",
					       0, NULL);
	char *text = NULL;
	size_t len;
	FILE *to = open_memstream(&text, &len);

	print_table(to, columns, rows);
	fclose(to);
	assert_string_equal(text, "NAME  SIZE\ngr\xc3\xbcn    1K\nx       1B\n");
	free(text);
}

static int utc(void **state)
{
	setenv("TZ", "UTC", 1);
	tzset();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_units_come_from_names),
	    cmocka_unit_test(test_control_characters_are_tamed),
	    cmocka_unit_test(test_long_text_is_cut_not_overrun),
	    cmocka_unit_test(test_computed_columns),
	    cmocka_unit_test(test_objects_name_units_once),
	    cmocka_unit_test(test_tables_are_aligned),
	};

	return cmocka_run_group_tests(tests, utc, NULL);
}
