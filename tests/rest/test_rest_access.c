/* SPDX-License-Identifier: MIT */
/* Who may reach a volume, and with which secrets; what does not fit together is refused by name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "rest_rig.h"

static int open_with_volume(void **state)
{
	int rc = rig_open(state);

	rig_datastore(0, 0);
	expect(202, "POST", "/volumes",
	       "{\"name\":\"web-1\",\"datastore\":\"fast\",\"size_bytes\":1073741824}");
	return rc;
}

static void host(const char *name, const char *more)
{
	char body[400];

	snprintf(body, sizeof(body), "{\"name\":\"%s\",\"iqn\":\"iqn.1998-01.com.vmware:%s\"%s}",
		 name, name, more);
	expect(202, "POST", "/hosts", body);
}

static void bad_host(const char *field, const char *word, const char *members)
{
	char body[600];

	snprintf(body, sizeof(body), "{\"name\":\"h\",%s}", members);
	refused(422, field, word, "POST", "/hosts", body);
}

static void secrets_go_in_and_never_out(void **state)
{
	host("esx-1", ",\"chap_user\":\"esx-1\",\"chap_secret\":\"sesame-open-77\"");
	assert_true(json_is_true(json_object_get(rig.body, "has_chap_secret")));
	assert_null(strstr(rig.text, "sesame"));
	expect(200, "GET", "/hosts/esx-1", NULL);
	assert_null(strstr(rig.text, "sesame"));
	assert_null(strstr(rig.text, "sealed"));
	expect(200, "GET", "/hosts", NULL);
	assert_null(strstr(rig.text, "sesame"));
	assert_null(strstr(rig.text, "sealed"));
}

static void a_generated_secret_is_shown_once(void **state)
{
	host("esx-1", ",\"generate_chap_secret\":true");
	assert_int_equal(strlen(said("chap_secret")), 16);
	assert_string_equal(said("chap_user"), "esx-1");
	expect(200, "GET", "/hosts/esx-1", NULL);
	assert_null(json_object_get(rig.body, "chap_secret"));
	expect(202, "PATCH", "/hosts/esx-1", "{\"generate_chap_secret\":true}");
	assert_int_equal(strlen(said("chap_secret")), 16);
	expect(202, "PATCH", "/hosts/esx-1", "{\"chap_user\":\"\"}");
	assert_true(json_is_false(json_object_get(rig.body, "has_chap_secret")));
}

static void hosts_are_checked(void **state)
{
#define IQN "\"iqn\":\"iqn.1998-01.com.vmware:h\""
	bad_host("iqn", "iqn", "\"description\":\"\"");
	bad_host("iqn", "iqn", "\"iqn\":\"esx-1\"");
	bad_host("addresses[0]", "", IQN ",\"addresses\":[\"10.0.0.256\"]");
	bad_host("addresses[1]", "", IQN ",\"addresses\":[\"10.0.0.0/8\",\"fd00::/129\"]");
	bad_host("addresses", "addresses", IQN ",\"addresses\":\"10.0.0.1\"");
	bad_host("chap_secret", "12 to 16", IQN ",\"chap_user\":\"h\"");
	bad_host("chap_secret", "12", IQN ",\"chap_user\":\"h\",\"chap_secret\":\"short\"");
	bad_host("chap_secret", "string", IQN ",\"chap_user\":\"h\",\"chap_secret\":123456789012");
	bad_host("chap_secret", "not both",
		 IQN ",\"chap_secret\":\"sesame-open-77\",\"generate_chap_secret\":true");
	bad_host("generate_chap_secret", "true or false", IQN ",\"generate_chap_secret\":\"yes\"");
	bad_host("chap_secret_sealed", "", IQN ",\"chap_secret_sealed\":\"x\"");
	host("esx-1", "");
	refused(409, "iqn", "", "POST", "/hosts",
		"{\"name\":\"other\",\"iqn\":\"IQN.1998-01.com.vmware:ESX-1\"}");
}

static void addresses_are_written_one_way(void **state)
{
	host("esx-1", ",\"addresses\":[\"FD00:0::1\",\"10.0.0.0/24\"]");
	assert_string_equal(
	    json_string_value(json_array_get(json_object_get(rig.body, "addresses"), 0)),
	    "fd00::1");
}

static void chap_is_for_all_hosts_of_a_volume_or_for_none(void **state)
{
	host("with", ",\"generate_chap_secret\":true");
	host("without", "");
	refused(422, "hosts", "without", "PUT", "/volumes/web-1/access",
		"{\"hosts\":[\"with\",\"without\"]}");
	expect(200, "GET", "/volumes/web-1/access", NULL);
	assert_int_equal(json_array_size(json_object_get(rig.body, "hosts")), 0);
	expect(202, "PUT", "/volumes/web-1/access", "{\"hosts\":[\"without\"]}");
	expect(202, "POST", "/host-groups", "{\"name\":\"cluster\",\"members\":[\"with\"]}");
	refused(422, "hosts", "with", "PUT", "/volumes/web-1/access",
		"{\"hosts\":[\"without\"],\"host_groups\":[\"cluster\"]}");
	/* Neither may a host's or a group's change bring it about. */
	expect(202, "PUT", "/volumes/web-1/access", "{\"host_groups\":[\"cluster\"]}");
	refused(422, "hosts", "without", "PATCH", "/host-groups/cluster",
		"{\"members\":[\"with\",\"without\"]}");
	host("with-2", ",\"generate_chap_secret\":true");
	expect(202, "PATCH", "/host-groups/cluster", "{\"members\":[\"with\",\"with-2\"]}");
	refused(422, "hosts", "with-2", "PATCH", "/hosts/with", "{\"chap_user\":\"\"}");
}

static void mutual_secret_differs_from_every_hosts(void **state)
{
	host("esx-1", ",\"chap_secret\":\"sesame-open-77\"");
	expect(202, "PUT", "/volumes/web-1/access", "{\"hosts\":[\"esx-1\"]}");
	refused(422, "secret", "esx-1", "PUT", "/volumes/web-1/mutual-chap",
		"{\"user\":\"box\",\"secret\":\"sesame-open-77\"}");
	refused(409, "user", "esx-1", "PUT", "/volumes/web-1/mutual-chap", "{\"user\":\"esx-1\"}");
	expect(202, "PUT", "/volumes/web-1/mutual-chap", "{\"user\":\"box\"}");
	assert_int_equal(strlen(said("secret")), 16);
	expect(202, "PUT", "/volumes/web-1/mutual-chap",
	       "{\"user\":\"box\",\"secret\":\"open-sesame-78\"}");
	assert_string_equal(said("secret"), "");
	refused(422, "secret", "web-1", "PATCH", "/hosts/esx-1",
		"{\"chap_secret\":\"open-sesame-78\"}");
	refused(409, "chap_user", "box", "POST", "/hosts",
		"{\"name\":\"b\",\"iqn\":\"iqn.2000-01.x:b\",\"chap_user\":\"box\","
		"\"generate_chap_secret\":true}");
	refused(422, "hosts", "web-1", "PATCH", "/hosts/esx-1", "{\"chap_user\":\"\"}");
	expect(202, "DELETE", "/volumes/web-1/mutual-chap", NULL);
	expect(202, "PATCH", "/hosts/esx-1", "{\"chap_user\":\"\"}");
}

static void who_has_access_is_not_deleted(void **state)
{
	host("esx-1", "");
	host("esx-2", "");
	expect(202, "POST", "/host-groups", "{\"name\":\"cluster\",\"members\":[\"esx-2\"]}");
	expect(202, "PUT", "/volumes/web-1/access",
	       "{\"hosts\":[\"esx-1\"],\"host_groups\":[\"cluster\"]}");
	refused(409, "", "web-1", "DELETE", "/hosts/esx-1", NULL);
	refused(409, "", "web-1", "DELETE", "/hosts/esx-2", NULL);
	refused(409, "", "web-1", "DELETE", "/host-groups/cluster", NULL);
	expect(202, "PUT", "/volumes/web-1/access", "{}");
	expect(202, "DELETE", "/hosts/esx-1", NULL);
	expect(409, "DELETE", "/hosts/esx-2", NULL); /* still in the group */
	expect(202, "DELETE", "/host-groups/cluster", NULL);
	expect(202, "DELETE", "/hosts/esx-2", NULL);
	expect(404, "GET", "/hosts/esx-2", NULL);
}

static void lists_name_what_there_is(void **state)
{
	refused(422, "hosts", "nobody", "PUT", "/volumes/web-1/access", "{\"hosts\":[\"nobody\"]}");
	host("esx-1", "");
	refused(422, "hosts", "twice", "PUT", "/volumes/web-1/access",
		"{\"hosts\":[\"esx-1\",\"ESX-1\"]}");
	refused(422, "everybody", "", "PUT", "/volumes/web-1/access", "{\"everybody\":true}");
	refused(422, "members", "nobody", "POST", "/host-groups",
		"{\"name\":\"g\",\"members\":[\"nobody\"]}");
	expect(404, "GET", "/host-groups/g", NULL);
	expect(404, "PUT", "/volumes/none/access", "{}");
}

static void portals_do_not_overlap(void **state)
{
	expect(202, "POST", "/portals", "{\"address\":\"10.0.0.1\"}");
	assert_string_equal(said("name"), "10.0.0.1:3260");
	expect(409, "POST", "/portals", "{\"address\":\"10.0.0.1\",\"port\":3260}");
	refused(409, "address", "10.0.0.1", "POST", "/portals", "{\"address\":\"0.0.0.0\"}");
	expect(202, "POST", "/portals", "{\"address\":\"::\",\"port\":3261}");
	assert_string_equal(said("name"), "[::]:3261");
	refused(409, "address", "[::]", "POST", "/portals",
		"{\"address\":\"fd00::1\",\"port\":3261}");
	expect(422, "POST", "/portals", "{\"address\":\"10.0.0\"}");
	expect(422, "POST", "/portals", "{\"address\":\"10.0.0.2\",\"port\":0}");
	expect(422, "POST", "/portals", "{\"address\":\"10.0.0.2\",\"port\":65536}");
	expect(200, "GET", "/portals/[::]:3261", NULL);
	expect(202, "DELETE", "/portals/10.0.0.1:3260", NULL);
	expect(404, "GET", "/portals/10.0.0.1:3260", NULL);
}

static void connect_help_is_for_this_volume(void **state)
{
	const json_t *portals;

	host("esx-1", ",\"generate_chap_secret\":true");
	expect(202, "PUT", "/volumes/web-1/access", "{\"hosts\":[\"esx-1\"]}");
	expect(202, "POST", "/portals", "{\"address\":\"0.0.0.0\"}");
	rig.host = "10.1.2.3:8443";
	expect(200, "GET", "/volumes/web-1/connect", NULL);
	portals = json_object_get(rig.body, "portals");
	assert_string_equal(json_string_value(json_array_get(portals, 0)), "10.1.2.3:3260");
	assert_int_equal(json_array_size(json_object_get(rig.body, "help")), 5);
	assert_non_null(strstr(rig.text, "MD5"));
	assert_string_equal(said("host"), "esx-1");
}

static void sessions_are_shown_and_closed_by_number(void **state)
{
	rig.running =
	    json_pack("{s:{s:[{s:i, s:s, s:s, s:[s], s:[{s:i, s:i, s:s, s:s}]}]}}", "tgtd",
		      "targets", "tid", 3, "iqn", "iqn.2026-01.org.sluice:test:web-1", "state",
		      "ready", "accounts", "u", "sessions", "sid", 2, "cid", 1, "initiator",
		      "iqn.1998-01.com.vmware:esx-1", "address", "10.0.0.9");
	host("esx-1", "");
	expect(200, "GET", "/iscsi-sessions", NULL);
	assert_int_equal(said_number("total"), 1);
	assert_non_null(strstr(rig.text, "\"id\":\"3-2-1\""));
	assert_non_null(strstr(rig.text, "\"host\":\"esx-1\""));
	expect(200, "GET", "/iscsi-sessions?volume=other", NULL);
	assert_int_equal(said_number("total"), 0);
	expect(404, "DELETE", "/iscsi-sessions/3-2-2", NULL);
	expect(404, "DELETE", "/iscsi-sessions/3-2", NULL);
	expect(404, "DELETE", "/iscsi-sessions/3-2-1-0", NULL);
	expect(202, "DELETE", "/iscsi-sessions/3-2-1", NULL);
	expect(200, "GET", "/targets", NULL);
	assert_non_null(strstr(rig.text, "\"session_count\":1"));
	assert_non_null(strstr(rig.text, "\"has_accounts\":true"));
	assert_null(strstr(rig.text, "sealed"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, open_with_volume, rig_close)
	    TEST(secrets_go_in_and_never_out),
	    TEST(a_generated_secret_is_shown_once),
	    TEST(hosts_are_checked),
	    TEST(addresses_are_written_one_way),
	    TEST(chap_is_for_all_hosts_of_a_volume_or_for_none),
	    TEST(mutual_secret_differs_from_every_hosts),
	    TEST(who_has_access_is_not_deleted),
	    TEST(lists_name_what_there_is),
	    TEST(portals_do_not_overlap),
	    TEST(connect_help_is_for_this_volume),
	    TEST(sessions_are_shown_and_closed_by_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
