/* SPDX-License-Identifier: MIT */
/* A line of words becomes the path, query and body that the REST interface wants, or a sentence. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cli.h"
#include "json.h"

#define WORDS_MAX 16

static struct call call;
static struct err err;

/* Cuts text at blanks. 0 or -errno. */
static int parse(const char *text)
{
	static char buffer[512];
	char *words[WORDS_MAX], *save = NULL, *word;
	const struct command *cmd;
	struct cli c = {0};
	int count = 0, used;

	args_free(&call);
	memset(&err, 0, sizeof(err));
	snprintf(buffer, sizeof(buffer), "%s", text);
	for (word = strtok_r(buffer, " ", &save); word && count < WORDS_MAX;
	     word = strtok_r(NULL, " ", &save))
		words[count++] = word;
	cmd = table_find_command(count, words, &used);
	assert_non_null(cmd);
	return args_parse(&c, cmd, count - used, words + used, &call, &err);
}

static void expect(const char *text, const char *target, const char *body)
{
	cleanup_json json_t *wanted = body ? json_loads(body, 0, NULL) : NULL;
	char *got;

	if (parse(text) < 0)
		fail_msg("'%s': %s", text, err.text);
	got = args_target(call.path, call.query);
	assert_string_equal(got, target);
	free(got);
	if (body && !json_equal(wanted, call.body))
		fail_msg("'%s' sends %s instead of %s", text, json_dumps(call.body, 0), body);
	if (!body)
		assert_null(call.body);
}

static void refuse(const char *text, const char *part)
{
	if (parse(text) == 0)
		fail_msg("'%s' is taken", text);
	if (!strstr(err.text, part))
		fail_msg("'%s' says: %s", text, err.text);
}

static void test_units_become_members(void **state)
{
	expect("volume create v --size 10G --datastore d --host a,b --host c --full",
	       "/api/v1/volumes",
	       "{\"name\": \"v\", \"size_bytes\": 10737418240, \"datastore\": \"d\", "
	       "\"hosts\": [\"a\", \"b\", \"c\"], \"is_thin\": false}");
	expect("token create t --role viewer --expires-in 30d", "/api/v1/tokens",
	       "{\"name\": \"t\", \"role\": \"viewer\", \"expires_in_s\": 2592000}");
	expect(
	    "alert-rule set r --warning never --error 1.5 --raise-after 5m --enabled no",
	    "/api/v1/alert-rules/r",
	    "{\"warning\": null, \"error\": 1.5, \"raise_after_s\": 300, \"is_enabled\": false}");
	expect("setting set egress_allow [\"a:443\"]", "/api/v1/settings/egress_allow",
	       "{\"value\": [\"a:443\"]}");
	expect("setting set appliance_name store-1", "/api/v1/settings/appliance_name",
	       "{\"value\": \"store-1\"}");
}

static void test_rules_are_written_in_one_word(void **state)
{
	expect(
	    "policy create p --rule delay,read_us=5,on_failure=bypass --rule trace",
	    "/api/v1/policies",
	    "{\"name\": \"p\", \"rules\": [{\"filter\": \"delay\", \"on_failure\": \"bypass\", "
	    "\"parameters\": {\"read_us\": \"5\"}}, {\"filter\": \"trace\", \"parameters\": {}}]}");
	refuse("policy create p --rule delay,=5", "is not parameter=value");
}

static void test_paths_are_escaped(void **state)
{
	expect("volume show ../../x", "/api/v1/volumes/..%2F..%2Fx", NULL);
	expect("portal show [::]:3260", "/api/v1/portals/%5B%3A%3A%5D%3A3260", NULL);
	expect("volume list --where name=a&b --limit 5", "/api/v1/volumes?limit=5&name=a%26b",
	       NULL);
	expect("health live", "/healthz", NULL);
}

static void test_deleting_a_volume_names_it_twice(void **state)
{
	expect("volume delete v --force", "/api/v1/volumes/v?force=1&confirm=v", NULL);
	assert_string_equal(call.name, "v");
}

static void test_what_is_not_given_is_fixed_or_empty(void **state)
{
	expect("filter disable delay", "/api/v1/filters/delay", "{\"is_enabled\": false}");
	expect("volume access set v", "/api/v1/volumes/v/access",
	       "{\"hosts\": [], \"host_groups\": []}");
	expect("datastore filter set d share enabled=true text=a=b",
	       "/api/v1/datastores/d/filters/share",
	       "{\"parameters\": {\"enabled\": \"true\", \"text\": \"a=b\"}}");
	expect("datastore filter set d share", "/api/v1/datastores/d/filters/share",
	       "{\"parameters\": {}}");
	refuse("datastore filter set d share enabled", "is not parameter=value");
	refuse("datastore filter clear d", "FILTER is missing");
	expect("host set h --address=", "/api/v1/hosts/h", "{\"addresses\": []}");
}

static void test_mistakes_name_what_is_wrong(void **state)
{
	refuse("volume show", "NAME is missing");
	refuse("volume show a b", "'b' is too much");
	refuse("volume set v", "nothing to change");
	refuse("volume create v --size 99999999999P", "--size");
	refuse("volume create v --size -1", "not a size");
	refuse("volume create v --block-bytes 5x", "not a whole number");
	refuse("datastore create d --type", "--type needs a value: --type dir|block|mem");
	refuse("volume history v --from 2026-13-45", "not a time");
	refuse("token create t --role viewer --expires-in 99999999999d", "not a time span");
	refuse("alert-rule set r --warning nan", "neither a number nor never");
}

static int teardown(void **state)
{
	args_free(&call);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_units_become_members),
	    cmocka_unit_test(test_rules_are_written_in_one_word),
	    cmocka_unit_test(test_paths_are_escaped),
	    cmocka_unit_test(test_deleting_a_volume_names_it_twice),
	    cmocka_unit_test(test_what_is_not_given_is_fixed_or_empty),
	    cmocka_unit_test(test_mistakes_name_what_is_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, teardown);
}
