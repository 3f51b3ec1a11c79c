/* SPDX-License-Identifier: MIT */
/* A volume is created whole or not at all, grows, and is deleted only when that is meant. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "rest_rig.h"

#define G "1073741824"

static int open_with_datastore(void **state)
{
	int rc = rig_open(state);

	rig_datastore(0, 100ll << 30);
	return rc;
}

static void web_1(const char *more)
{
	char body[400];

	snprintf(body, sizeof(body),
		 "{\"name\":\"web-1\",\"datastore\":\"fast\",\"size_bytes\":" G "%s}", more);
	expect(202, "POST", "/volumes", body);
}

/* What a body with this size and these members is refused for. */
static void bad(const char *field, const char *word, const char *members)
{
	char body[1200];

	snprintf(body, sizeof(body), "{\"name\":\"v\",\"datastore\":\"fast\",%s}", members);
	refused(422, field, word, "POST", "/volumes", body);
	expect(404, "GET", "/volumes/v", NULL);
}

static void created_with_all_that_hangs_on_it(void **state)
{
	const json_t *target;

	expect(202, "POST", "/hosts",
	       "{\"name\":\"esx-1\",\"iqn\":\"iqn.1998-01.com.vmware:esx-1\"}");
	web_1(",\"hosts\":[\"esx-1\"],\"description\":\"web\"");
	assert_true(said_number("task_id") > 0);
	assert_string_equal(said("running_state"), "pending");
	target = json_object_get(rig.body, "target");
	assert_string_equal(json_string_value(json_object_get(target, "iqn")),
			    "iqn.2026-01.org.sluice:test:web-1");
	assert_int_equal(json_integer_value(json_object_get(target, "lun")), 1);
	assert_int_equal(strlen(said("uuid")), 36);
	expect(200, "GET", "/volumes/web-1", NULL);
	assert_int_equal(
	    json_array_size(json_object_get(json_object_get(rig.body, "access"), "hosts")), 1);
	assert_null(json_object_get(rig.body, "is_created"));
	assert_null(json_object_get(rig.body, "id"));
	expect(200, "GET", "/volumes?datastore=fast", NULL);
	assert_int_equal(said_number("total"), 1);
}

static void size_has_its_limits(void **state)
{
	bad("size_bytes", "size_bytes", "\"description\":\"\"");
	bad("size_bytes", "1048576 (1M)", "\"size_bytes\":524288");
	bad("size_bytes", "(1P)", "\"size_bytes\":1125899906842625");
	bad("size_bytes", "size_bytes", "\"size_bytes\":-1");
	bad("size_bytes", "size_bytes", "\"size_bytes\":\"1G\"");
	bad("size_bytes", "size_bytes", "\"size_bytes\":1.5e9");
	bad("size_bytes", "multiple", "\"size_bytes\":1048577");
	bad("size_bytes", "multiple", "\"size_bytes\":1049088,\"block_bytes\":4096");
	expect(422, "POST", "/volumes",
	       "{\"name\":\"v\",\"datastore\":\"fast\",\"size_bytes\":99999999999999999999}");
}

static void members_are_checked(void **state)
{
	bad("block_bytes", "512 or 4096", "\"size_bytes\":" G ",\"block_bytes\":1024");
	bad("write_cache", "write_cache", "\"size_bytes\":" G ",\"write_cache\":\"writeback\"");
	bad("is_thin", "is_thin", "\"size_bytes\":" G ",\"is_thin\":\"yes\"");
	bad("desired_state", "DELETE", "\"size_bytes\":" G ",\"desired_state\":\"deleting\"");
	bad("colour", "colour", "\"size_bytes\":" G ",\"colour\":\"red\"");
	bad("uuid", "uuid", "\"size_bytes\":" G ",\"uuid\":\"7\"");
	bad("transfer", "transfer", "\"size_bytes\":" G ",\"transfer\":\"import\"");
	bad("hosts", "nobody", "\"size_bytes\":" G ",\"hosts\":[\"nobody\"]");
	bad("hosts", "array", "\"size_bytes\":" G ",\"hosts\":\"esx-1\"");
	bad("hosts", "hosts[0]", "\"size_bytes\":" G ",\"hosts\":[7]");
	bad("host_groups", "none-such", "\"size_bytes\":" G ",\"host_groups\":[\"none-such\"]");
	bad("policy", "none-such", "\"size_bytes\":" G ",\"policy\":\"none-such\"");
	bad("clone_of", "none-such", "\"clone_of\":\"none-such\"");
	bad("description", "description", "\"size_bytes\":" G ",\"description\":\"a\\u0001b\"");
	refused(422, "datastore", "slow", "POST", "/volumes",
		"{\"name\":\"v\",\"datastore\":\"slow\",\"size_bytes\":" G "}");
	refused(422, "", "object", "POST", "/volumes", NULL);
}

static void names_are_checked(void **state)
{
	static const char *const names[] = {"", ".", "a b", "a/b", "-x", "a\\u0007b", "\\u00fc"};
	char body[400];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(body, sizeof(body),
			 "{\"name\":\"%s\",\"datastore\":\"fast\",\"size_bytes\":" G "}", names[i]);
		expect(422, "POST", "/volumes", body);
		assert_string_equal(said("field"), "name");
	}
	snprintf(body, sizeof(body),
		 "{\"name\":\"%081d\",\"datastore\":\"fast\",\"size_bytes\":" G "}", 7);
	expect(422, "POST", "/volumes", body);
	assert_string_equal(said("field"), "name");
	snprintf(body, sizeof(body),
		 "{\"name\":\"%080d\",\"datastore\":\"fast\",\"size_bytes\":" G "}", 7);
	expect(202, "POST", "/volumes", body);
}

static void same_name_in_any_case_is_taken(void **state)
{
	web_1("");
	refused(409, "name", "WEB-1", "POST", "/volumes",
		"{\"name\":\"WEB-1\",\"datastore\":\"fast\",\"size_bytes\":" G "}");
}

static void thin_ones_stay_below_the_limit(void **state)
{
	expect(200, "PATCH", "/datastores/fast", "{\"overcommit_limit_pct\":200}");
	expect(202, "POST", "/volumes",
	       "{\"name\":\"a\",\"datastore\":\"fast\",\"size_bytes\":161061273600}");
	refused(507, "size_bytes", "150G", "POST", "/volumes",
		"{\"name\":\"b\",\"datastore\":\"fast\",\"size_bytes\":64424509440}");
	assert_non_null(strstr(said("detail"), "200 %"));
	expect(202, "POST", "/volumes",
	       "{\"name\":\"b\",\"datastore\":\"fast\",\"size_bytes\":53687091200}");
	refused(507, "size_bytes", "overcommit", "PATCH", "/volumes/b",
		"{\"size_bytes\":53688139776}");
}

static void whole_ones_need_free_space(void **state)
{
	refused(
	    507, "size_bytes", "100G free", "POST", "/volumes",
	    "{\"name\":\"a\",\"datastore\":\"fast\",\"size_bytes\":107375230976,\"is_thin\":false}");
	expect(
	    202, "POST", "/volumes",
	    "{\"name\":\"a\",\"datastore\":\"fast\",\"size_bytes\":64424509440,\"is_thin\":false}");
	/* The first is promised its space although nothing of it is taken yet. */
	refused(
	    507, "size_bytes", "40G free", "POST", "/volumes",
	    "{\"name\":\"b\",\"datastore\":\"fast\",\"size_bytes\":64424509440,\"is_thin\":false}");
}

static void grows_and_never_shrinks(void **state)
{
	web_1("");
	expect(202, "PATCH", "/volumes/web-1", "{\"size_bytes\":2147483648}");
	assert_int_equal(said_number("size_bytes"), 2147483648);
	refused(422, "size_bytes", "only grow", "PATCH", "/volumes/web-1",
		"{\"size_bytes\":" G "}");
	refused(422, "size_bytes", "multiple", "PATCH", "/volumes/web-1",
		"{\"size_bytes\":2147483649}");
	expect(200, "PATCH", "/volumes/web-1", "{\"size_bytes\":2147483648}");
	expect(422, "PATCH", "/volumes/web-1", "{\"block_bytes\":4096}");
	expect(422, "PATCH", "/volumes/web-1", "{\"name\":\"other\"}");
	expect(200, "PATCH", "/volumes/web-1", "{\"description\":\"x\"}");
	assert_string_equal(said("description"), "x");
}

static void an_old_etag_changes_nothing(void **state)
{
	char etag[32];

	web_1("");
	expect(200, "GET", "/volumes/web-1", NULL);
	snprintf(etag, sizeof(etag), "%s", rig.etag);
	rig.if_match = etag;
	expect(200, "PATCH", "/volumes/web-1", "{\"description\":\"first\"}");
	rig.if_match = etag;
	expect(412, "PATCH", "/volumes/web-1", "{\"description\":\"second\"}");
	rig.if_match = etag;
	expect(412, "DELETE", "/volumes/web-1", NULL);
	expect(200, "GET", "/volumes/web-1", NULL);
	assert_string_equal(said("description"), "first");
}

static void deleting_must_be_meant(void **state)
{
	web_1("");
	refused(422, "confirm", "confirm=web-1", "DELETE", "/volumes/web-1", NULL);
	refused(422, "confirm", "web-2", "DELETE", "/volumes/web-1?confirm=web-2", NULL);
	expect(202, "DELETE", "/volumes/web-1?confirm=web-1", NULL);
	assert_string_equal(said("desired_state"), "deleting");
	expect(409, "DELETE", "/volumes/web-1?confirm=web-1", NULL);
	expect(409, "PATCH", "/volumes/web-1", "{\"description\":\"x\"}");
	expect(409, "POST", "/volumes/web-1/start", NULL);
	expect(404, "DELETE", "/volumes/none?confirm=none", NULL);
}

static void whoever_is_logged_in_is_named(void **state)
{
	web_1("");
	rig.sessions = json_pack("[{s:s, s:s}]", "volume", "web-1", "initiator", "iqn.x:esx-1");
	refused(409, "force", "iqn.x:esx-1", "DELETE", "/volumes/web-1?confirm=web-1", NULL);
	refused(409, "force", "iqn.x:esx-1", "POST", "/volumes/web-1/stop", NULL);
	refused(409, "force", "iqn.x:esx-1", "PATCH", "/volumes/web-1",
		"{\"desired_state\":\"offline\"}");
	refused(422, "force", "0 or 1", "POST", "/volumes/web-1/stop?force=please", NULL);
	expect(202, "POST", "/volumes/web-1/stop?force=1", NULL);
	assert_string_equal(said("desired_state"), "offline");
	expect(202, "DELETE", "/volumes/web-1?confirm=web-1&force=1", NULL);
}

static void dry_run_changes_nothing(void **state)
{
	expect(200, "POST", "/volumes?dry_run=1",
	       "{\"name\":\"v\",\"datastore\":\"fast\",\"size_bytes\":" G "}");
	assert_non_null(json_object_get(rig.body, "plan"));
	expect(404, "GET", "/volumes/v", NULL);
}

static void datastore_with_volumes_stays(void **state)
{
	web_1("");
	refused(409, "", "web-1", "DELETE", "/datastores/fast", NULL);
	expect(200, "GET", "/datastores/fast", NULL);
	assert_int_equal(said_number("volume_count"), 1);
}

static void nothing_is_put_on_a_datastore_that_goes(void **state)
{
	expect(202, "DELETE", "/datastores/fast", NULL);
	refused(409, "datastore", "being deleted", "POST", "/volumes",
		"{\"name\":\"v\",\"datastore\":\"fast\",\"size_bytes\":" G "}");
	expect(409, "PATCH", "/datastores/fast", "{\"description\":\"x\"}");
}

static void datastores_are_checked(void **state)
{
	refused(422, "path", "needs a path", "POST", "/datastores",
		"{\"name\":\"d\",\"type\":\"dir\"}");
	refused(422, "path", "begin with /", "POST", "/datastores",
		"{\"name\":\"d\",\"type\":\"dir\",\"path\":\"srv\"}");
	refused(422, "path", "..", "POST", "/datastores",
		"{\"name\":\"d\",\"type\":\"dir\",\"path\":\"/srv/../etc\"}");
	refused(422, "path", "mem", "POST", "/datastores",
		"{\"name\":\"d\",\"type\":\"mem\",\"path\":\"/srv\"}");
	refused(409, "path", "fast", "POST", "/datastores",
		"{\"name\":\"d\",\"type\":\"dir\",\"path\":\"/fast\"}");
	refused(422, "type", "type", "POST", "/datastores", "{\"name\":\"d\",\"type\":\"rbd\"}");
	refused(422, "type", "type", "PATCH", "/datastores/fast", "{\"type\":\"mem\"}");
	expect(409, "POST", "/datastores", "{\"name\":\"FAST\",\"type\":\"mem\"}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, open_with_datastore, rig_close)
	    TEST(created_with_all_that_hangs_on_it),
	    TEST(size_has_its_limits),
	    TEST(members_are_checked),
	    TEST(names_are_checked),
	    TEST(same_name_in_any_case_is_taken),
	    TEST(thin_ones_stay_below_the_limit),
	    TEST(whole_ones_need_free_space),
	    TEST(grows_and_never_shrinks),
	    TEST(an_old_etag_changes_nothing),
	    TEST(deleting_must_be_meant),
	    TEST(whoever_is_logged_in_is_named),
	    TEST(dry_run_changes_nothing),
	    TEST(datastore_with_volumes_stays),
	    TEST(nothing_is_put_on_a_datastore_that_goes),
	    TEST(datastores_are_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
