/* SPDX-License-Identifier: MIT */
/* What tgtd 1.0.85 printed on a real machine, read; and initiators that try to be read as tgtd. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "json.h"
#include "tgt_show.h"

#define DRIVERS(targets) "LLDs:\n    iscsi: ready\n" targets "    iser: error\n"

#define HEAD(tid, iqn)                                                                             \
	"Target " tid ": " iqn "\n"                                                                \
	"    System information:\n"                                                                \
	"        Driver: iscsi\n"                                                                  \
	"        State: ready\n"                                                                   \
	"    I_T nexus information:\n"

#define LUN(lun, type, bstype, path)                                                               \
	"        LUN: " lun "\n"                                                                   \
	"            Type: " type "\n"                                                             \
	"            SCSI ID: IET     00010001\n"                                                  \
	"            SCSI SN: beaf11\n"                                                            \
	"            Size: 67 MB, Block size: 512\n"                                               \
	"            Online: Yes\n"                                                                \
	"            Removable media: No\n"                                                        \
	"            Prevent removal: No\n"                                                        \
	"            Readonly: No\n"                                                               \
	"            SWP: No\n"                                                                    \
	"            Thin-provisioning: No\n"                                                      \
	"            Backing store type: " bstype "\n"                                             \
	"            Backing store path: " path "\n"                                               \
	"            Backing store flags: \n"

#define TAIL(path)                                                                                 \
	"    LUN information:\n" LUN("0", "controller", "null", "None")                            \
	    LUN("1", "disk", "sluice", path) "    Account information:\n"                          \
					     "        guard\n"                                     \
					     "        u1\n"                                        \
					     "        out (outgoing)\n"                            \
					     "    ACL information:\n"                              \
					     "        10.0.0.0/8\n"                                \
					     "        iqn.2020-01.foo:bar\n"

#define SESSION(sid, name, alias)                                                                  \
	"        I_T nexus: " sid "\n"                                                             \
	"            Initiator: " name " alias: " alias "\n"                                       \
	"            Connection: 0\n"                                                              \
	"                IP Address: 127.0.0.1\n"

static json_t *read_all(const char *text, const char *drivers)
{
	json_t *targets = NULL;
	struct err err = {0};

	if (tgt_show_targets(text, drivers, &targets, &err) < 0)
		print_message("%s\n", err.text);
	assert_non_null(targets);
	return targets;
}

static const char *text_at(const json_t *t, const char *list, size_t i)
{
	return json_string_value(json_array_get(json_object_get(t, list), i));
}

static size_t count(const json_t *t, const char *list)
{
	return json_array_size(json_object_get(t, list));
}

static void every_section_is_read(void **state)
{
	cleanup_json json_t *all =
	    read_all(HEAD("3", "iqn.a:x") SESSION("7", "iqn.2020-01.foo:bar", "none") TAIL("vol-1"),
		     DRIVERS("        Target 3: iqn.a:x\n"));
	const json_t *t = json_array_get(all, 0), *s, *lun;

	assert_int_equal(json_array_size(all), 1);
	assert_int_equal(json_integer_value(json_object_get(t, "tid")), 3);
	assert_string_equal(json_string_value(json_object_get(t, "iqn")), "iqn.a:x");
	assert_string_equal(json_string_value(json_object_get(t, "state")), "ready");
	assert_int_equal(count(t, "luns"), 2);
	lun = json_array_get(json_object_get(t, "luns"), 1);
	assert_int_equal(json_integer_value(json_object_get(lun, "lun")), 1);
	assert_string_equal(json_string_value(json_object_get(lun, "bstype")), "sluice");
	assert_string_equal(json_string_value(json_object_get(lun, "path")), "vol-1");
	assert_string_equal(text_at(t, "accounts", 0), "guard");
	assert_string_equal(text_at(t, "accounts", 1), "u1");
	assert_int_equal(count(t, "accounts"), 2);
	assert_string_equal(json_string_value(json_object_get(t, "outgoing")), "out");
	assert_string_equal(text_at(t, "addresses", 0), "10.0.0.0/8");
	assert_string_equal(text_at(t, "initiators", 0), "iqn.2020-01.foo:bar");
	assert_int_equal(count(t, "sessions"), 1);
	s = json_array_get(json_object_get(t, "sessions"), 0);
	assert_int_equal(json_integer_value(json_object_get(s, "sid")), 7);
	assert_int_equal(json_integer_value(json_object_get(s, "cid")), 0);
	assert_true(json_is_integer(json_object_get(s, "cid")));
	assert_string_equal(json_string_value(json_object_get(s, "initiator")),
			    "iqn.2020-01.foo:bar");
	assert_string_equal(json_string_value(json_object_get(s, "address")), "127.0.0.1");
}

static void targets_stand_in_the_order_of_their_numbers(void **state)
{
	cleanup_json json_t *all =
	    read_all(HEAD("1", "iqn.a:x") TAIL("v1") HEAD("2", "iqn.a:y") TAIL("v2"),
		     DRIVERS("        Target 2: iqn.a:y\n        Target 1: iqn.a:x\n"));

	assert_int_equal(json_array_size(all), 2);
	assert_string_equal(json_string_value(json_object_get(json_array_get(all, 1), "iqn")),
			    "iqn.a:y");
	assert_int_equal(count(json_array_get(all, 0), "luns"), 2);
}

static void no_target_is_an_empty_list(void **state)
{
	cleanup_json json_t *all = read_all("", DRIVERS(""));

	assert_int_equal(json_array_size(all), 0);
}

/* The alias ends its line and goes on as the rest of a target would. */
#define FALSE_REST                                                                                 \
	"none\n            Connection: 0\n                IP Address: 127.0.0.1\n"                 \
	"    LUN information:\n" LUN("0", "controller", "null", "None")                            \
	    LUN("1", "disk", "sluice", "another") "    Account information:\n"                     \
						  "    ACL information:\n        ALL\n"

static void an_alias_cannot_change_its_own_target(void **state)
{
	cleanup_json json_t *all = read_all(
	    HEAD("3", "iqn.a:x") SESSION("7", "iqn.2020-01.foo:bar", FALSE_REST) TAIL("vol-1"),
	    DRIVERS("        Target 3: iqn.a:x\n"));
	const json_t *t = json_array_get(all, 0);

	assert_int_equal(count(t, "luns"), 2);
	assert_string_equal(json_string_value(json_object_get(
				json_array_get(json_object_get(t, "luns"), 1), "path")),
			    "vol-1");
	assert_int_equal(count(t, "accounts"), 2);
	assert_int_equal(count(t, "addresses"), 1);
	assert_string_equal(text_at(t, "addresses", 0), "10.0.0.0/8");
}

static void refused(const char *text, const char *drivers)
{
	json_t *targets = NULL;
	struct err err = {0};

	assert_int_equal(tgt_show_targets(text, drivers, &targets, &err), -EBADMSG);
	assert_null(targets);
	assert_non_null(strstr(err.text, "alias"));
}

static void an_alias_cannot_make_a_target(void **state)
{
	refused(HEAD("3", "iqn.a:x") SESSION("7", "iqn.2020-01.foo:bar",
					     FALSE_REST HEAD("4", "iqn.a:z")) TAIL("vol-1"),
		DRIVERS("        Target 3: iqn.a:x\n"));
}

static void an_alias_cannot_stand_for_the_next_target(void **state)
{
	refused(HEAD("3", "iqn.a:x")
		    SESSION("7", "iqn.2020-01.foo:bar", FALSE_REST HEAD("4", "iqn.a:y"))
			TAIL("vol-1") HEAD("4", "iqn.a:y") TAIL("vol-2"),
		DRIVERS("        Target 3: iqn.a:x\n        Target 4: iqn.a:y\n"));
}

static void a_target_that_is_missing_is_noticed(void **state)
{
	refused(HEAD("3", "iqn.a:x") TAIL("vol-1"),
		DRIVERS("        Target 3: iqn.a:x\n        Target 4: iqn.a:y\n"));
}

static void a_cut_session_has_no_number_of_its_connection(void **state)
{
	cleanup_json json_t *all =
	    read_all(HEAD("3", "iqn.a:x") "        I_T nexus: 7\n"
					  "            Initiator: iqn.2020-01.foo:bar alias: aaaa"
					  "    LUN information:\n" TAIL("vol-1"),
		     DRIVERS("        Target 3: iqn.a:x\n"));
	const json_t *s = json_array_get(json_object_get(json_array_get(all, 0), "sessions"), 0);

	assert_true(json_is_null(json_object_get(s, "cid")));
	assert_string_equal(json_string_value(json_object_get(s, "initiator")),
			    "iqn.2020-01.foo:bar");
}

static void bytes_that_are_no_text_do_no_harm(void **state)
{
	cleanup_json json_t *all =
	    read_all(HEAD("3", "iqn.a:x") SESSION("7", "iqn.\xff\xfe:bar", "\xc3") TAIL("vol-1"),
		     DRIVERS("        Target 3: iqn.a:x\n"));
	const json_t *s = json_array_get(json_object_get(json_array_get(all, 0), "sessions"), 0);

	assert_string_equal(json_string_value(json_object_get(s, "initiator")), "iqn.??:bar");
}

static void connections_are_sessions_without_aliases(void **state)
{
	cleanup_json json_t *all = tgt_show_connections("Session: 7\n"
							"    Connection: 2\n"
							"        Initiator: iqn.2020-01.foo:bar\n"
							"        IP Address: ::1\n"
							"Session: 9\n"
							"    Connection: 0\n"
							"        Initiator: iqn.2020-01.foo:baz\n"
							"        IP Address: 10.0.0.9\n");
	const json_t *s = json_array_get(all, 1);

	assert_int_equal(json_array_size(all), 2);
	assert_int_equal(json_integer_value(json_object_get(s, "sid")), 9);
	assert_string_equal(json_string_value(json_object_get(s, "address")), "10.0.0.9");
}

static void accounts_and_portals_are_read(void **state)
{
	cleanup_json json_t *users = tgt_show_accounts("Account list:\n    out\n    u 2\n");
	cleanup_json json_t *portals =
	    tgt_show_portals("Portal: 127.0.0.1:3260,1\nPortal: [::]:3261,1\n");
	cleanup_json json_t *none = tgt_show_accounts("");

	assert_int_equal(json_array_size(users), 2);
	assert_string_equal(json_string_value(json_array_get(users, 1)), "u 2");
	assert_int_equal(json_array_size(portals), 2);
	assert_string_equal(json_string_value(json_array_get(portals, 1)), "[::]:3261");
	assert_int_equal(json_array_size(none), 0);
}

/* Any beginning of an answer is read or refused, without a wrong access. */
static void every_cut_is_survived(void **state)
{
	static const char text[] =
	    HEAD("3", "iqn.a:x") SESSION("7", "iqn.2020-01.foo:bar", "none") TAIL("vol-1");

	for (size_t n = 0; n < sizeof(text); n++) {
		char *cut = strndup(text, n);
		json_t *targets = NULL;
		struct err err;
		int rc =
		    tgt_show_targets(cut, DRIVERS("        Target 3: iqn.a:x\n"), &targets, &err);

		assert_true(rc == 0 || rc == -EBADMSG);
		json_decref(targets);
		json_decref(tgt_show_connections(cut));
		json_decref(tgt_show_accounts(cut));
		json_decref(tgt_show_portals(cut));
		free(cut);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_section_is_read),
	    cmocka_unit_test(targets_stand_in_the_order_of_their_numbers),
	    cmocka_unit_test(no_target_is_an_empty_list),
	    cmocka_unit_test(an_alias_cannot_change_its_own_target),
	    cmocka_unit_test(an_alias_cannot_make_a_target),
	    cmocka_unit_test(an_alias_cannot_stand_for_the_next_target),
	    cmocka_unit_test(a_target_that_is_missing_is_noticed),
	    cmocka_unit_test(a_cut_session_has_no_number_of_its_connection),
	    cmocka_unit_test(bytes_that_are_no_text_do_no_harm),
	    cmocka_unit_test(connections_are_sessions_without_aliases),
	    cmocka_unit_test(accounts_and_portals_are_read),
	    cmocka_unit_test(every_cut_is_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
