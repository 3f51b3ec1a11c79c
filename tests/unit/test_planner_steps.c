/* SPDX-License-Identifier: MIT */
/* The steps for given pairs of desired and running, in order, and their arguments. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "planner.h"

#define BASE "iqn.2026-01.org.sluice:h"
#define UUID "11111111-1111-1111-1111-111111111111"

#define DATASTORES                                                                                 \
	"'datastores': [{'name': 'fast', 'type': 'dir', 'path': '/srv', 'is_buffered': false, "    \
	"'is_deleting': false}]"
#define HOSTS                                                                                      \
	"'hosts': [{'id': 1, 'name': 'a', 'iqn': 'iqn.2026-01.x:a', 'addresses': [], "             \
	"'chap_user': '', 'chap_changed_ms': 0}, {'id': 2, 'name': 'b', 'iqn': "                   \
	"'iqn.2026-01.x:b', 'addresses': ['10.0.0.2'], 'chap_user': 'ub', 'chap_changed_ms': 9}]"
#define VOLUME(state, transfer, hosts, mutual, created)                                            \
	"{'name': 'web', 'uuid': '" UUID "', 'datastore': 'fast', 'size_bytes': 1073741824, "      \
	"'block_bytes': 512, 'write_cache': 'durable', 'is_thin': true, 'desired_state': '" state  \
	"', 'transfer': '" transfer "', 'is_created': " created ", 'target': {'iqn': '" BASE       \
	":web', 'lun': 1, 'mutual_user': '" mutual "', 'mutual_changed_ms': 5}, 'rules': "         \
	"[{'class': 'inspection', 'filter': 'trace', 'on_failure': 'hold', 'parameters': "         \
	"{'entries': '7'}}], 'policy': 'p', 'policy_version': 1, 'newest_version': 1, 'hosts': "   \
	"[" hosts "]}"
#define DESIRED(volume)                                                                            \
	"{" DATASTORES ", " HOSTS ", 'portals': [], 'filters': [], 'volumes': [" volume "]}"

#define RUNS_ON "{'name': 'fast', 'type': 'dir', 'path': '/srv'}"
#define RUNS(state, size, entries)                                                                 \
	"{'name': 'web', 'uuid': '" UUID "', 'datastore': 'fast', 'size_bytes': " size             \
	", 'block_bytes': 512, 'write_cache': 'durable', 'state': '" state                         \
	"', 'rings': 0, 'filters': [{'filter': 'trace', 'class': 100, 'on_failure': 'hold', "      \
	"'params': {'entries': '" entries "'}, 'is_bypassed': false}]}"
#define FILTERD(volumes)                                                                           \
	"'filterd': {'is_up': true, 'datastores': [" RUNS_ON "], 'volumes': [" volumes "]}"
#define TARGET(iqn, luns, initiators, accounts, outgoing, sessions)                                \
	"{'tid': 1, 'iqn': '" iqn "', 'state': 'ready', 'luns': [{'lun': 0, 'bstype': 'None', "    \
	"'path': 'None'}" luns "], 'addresses': [], 'initiators': [" initiators                    \
	"], 'accounts': [" accounts "], 'outgoing': " outgoing ", 'sessions': [" sessions "]}"
#define TGTD(targets, accounts)                                                                    \
	"'tgtd': {'is_up': true, 'pid': 1, 'targets': [" targets "], 'accounts': [" accounts       \
	"], 'portals': ['0.0.0.0:3260']}"
#define LUN     ", {'lun': 1, 'bstype': 'sluice', 'path': 'web'}"
#define GUARD   "{'user': 'sluice-guard', 'changed_ms': 1}"
#define USER(t) "{'user': 'ub', 'changed_ms': " t "}"
#define SESSION "{'sid': 3, 'cid': 0, 'initiator': 'iqn.2026-01.x:a', 'address': '10.0.0.1'}"
#define GIG     "1073741824"

/* The filter share on the whole datastore, and in the chain of its one volume. */
#define DESIRED_SHARE(parameters)                                                                      \
	"{'datastores': [{'name': 'fast', 'type': 'dir', 'path': '/srv', 'is_buffered': false, "       \
	"'is_deleting': false, 'filters': [{'filter': 'share', 'parameters': {" parameters             \
	"}}]}], 'hosts': [], 'portals': [], 'filters': [], 'volumes': [{'name': 'web', 'uuid': '" UUID \
	"', 'datastore': 'fast', 'size_bytes': 1073741824, 'block_bytes': 512, "                       \
	"'write_cache': 'durable', 'is_thin': true, 'desired_state': 'online', 'transfer': '', "       \
	"'is_created': true, 'rules': [{'class': 'inspection', 'filter': 'trace', 'on_failure': "      \
	"'hold', 'parameters': {'entries': '7'}}, {'class': 'io_control', 'filter': 'share', "         \
	"'on_failure': 'bypass', 'parameters': {}, 'datastore': 'fast'}], 'hosts': []}]}"
#define FILTERD_SHARE(params)                                                                      \
	"'filterd': {'is_up': true, 'datastores': [{'name': 'fast', 'type': 'dir', 'path': "       \
	"'/srv', 'filters': [{'filter': 'share', 'params': {" params                               \
	"}}]}], 'volumes': [{'name': 'web', 'uuid': '" UUID "', 'datastore': 'fast', "             \
	"'size_bytes': 1073741824, 'block_bytes': 512, 'state': 'serving', 'filters': [{"          \
	"'filter': 'trace', 'class': 100, 'on_failure': 'hold', 'params': {'entries': '7'}}, {"    \
	"'filter': 'share', 'class': 800, 'on_failure': 'bypass', 'params': {}}]}]}"

static json_t *read(const char *text)
{
	char copy[4096];
	json_t *j;

	snprintf(copy, sizeof(copy), "%s", text);
	for (char *c = copy; *c; c++)
		if (*c == '\'')
			*c = '"';
	j = json_loads(copy, 0, NULL);
	assert_non_null(j);
	return j;
}

/* "step step ..." */
static void names_of(const json_t *steps, char *text, size_t size_bytes)
{
	const json_t *s;
	size_t i, n = 0;

	text[0] = '\0';
	json_array_foreach(steps, i, s)
	{
		const char *name = json_string_value(json_object_get(s, "step"));

		n += (size_t)snprintf(text + n, size_bytes - n, "%s%s", i ? " " : "", name);
		assert_true(n < size_bytes);
	}
}

static json_t *plan(const char *desired, const char *running)
{
	json_t *d = read(desired), *r = read(running), *steps = planner_steps(d, r, BASE);

	json_decref(d);
	json_decref(r);
	return steps;
}

static const struct {
	const char *what, *desired, *running, *steps;
} cases[] = {
    {"a first start, with CHAP and mutual CHAP", DESIRED(VOLUME("online", "", "2", "m", "false")),
     "{'filterd': {'is_up': true, 'datastores': [], 'volumes': []}, " TGTD("", "") "}",
     "datastore.add volume.create account.create account.create account.create "
     "target.create lun.create account.bind account.bind account.bind acl.bind"},
    {"without CHAP", DESIRED(VOLUME("online", "", "1", "", "false")),
     "{" FILTERD("") ", " TGTD("", "") "}", "volume.create target.create lun.create acl.bind"},
    {"no host: nobody's name, and the guard", DESIRED(VOLUME("online", "", "", "", "true")),
     "{" FILTERD(RUNS("serving", GIG, "7")) ", " TGTD("", "") "}",
     "account.create target.create lun.create account.bind"},
    {"all is as it should be", DESIRED(VOLUME("online", "", "1", "", "true")),
     "{" FILTERD(RUNS("serving", GIG, "7")) ", " TGTD(
	 TARGET(BASE ":web", LUN, "'iqn.2026-01.x:a'", "", "null", SESSION), "") "}",
     ""},
    {"a datastore's filter: first there, then in the chain", DESIRED_SHARE("'on': '1'"),
     "{" FILTERD(RUNS("serving", GIG, "7")) ", 'tgtd': {'is_up': false}}",
     "datastore.filter.set filter.attach"},
    {"a new datastore with a filter", DESIRED_SHARE("'on': '1'"),
     "{'filterd': {'is_up': true, 'datastores': [], 'volumes': []}, 'tgtd': {'is_up': false}}",
     "datastore.add datastore.filter.set"},
    {"a datastore's filter has other parameters", DESIRED_SHARE("'on': '1'"),
     "{" FILTERD_SHARE("'on': '2'") ", 'tgtd': {'is_up': false}}", "datastore.filter.set"},
    {"a datastore's filter as it should be", DESIRED_SHARE("'on': '1'"),
     "{" FILTERD_SHARE("'on': '1', 'more': 'x'") ", 'tgtd': {'is_up': false}}", ""},
    {"a datastore's filter that nobody wants", "{" DATASTORES ", 'volumes': []}",
     "{" FILTERD_SHARE("'on': '1'") ", 'tgtd': {'is_up': false}}", "datastore.filter.set"},
    {"a datastore's filter with nothing set is none", "{" DATASTORES ", 'volumes': []}",
     "{" FILTERD_SHARE("") ", 'tgtd': {'is_up': false}}", ""},
    {"a datastore's filter that is not installed",
     "{'datastores': [{'name': 'fast', 'type': 'dir', 'path': '/srv', 'is_deleting': false, "
     "'filters': [{'filter': 'share', 'parameters': {'on': '1'}}]}], 'volumes': [], 'filters': "
     "[{'name': 'share', 'is_installed': false}]}",
     "{" FILTERD("") ", 'tgtd': {'is_up': false}}", ""},
    {"both daemons are down", DESIRED(VOLUME("online", "", "1", "", "true")),
     "{'filterd': {'is_up': false}, 'tgtd': {'is_up': false}}", ""},
    {"filterd is down: nothing new is exported", DESIRED(VOLUME("online", "", "1", "", "true")),
     "{'filterd': {'is_up': false}, " TGTD("", "") "}", ""},
    {"filterd is down: the list is still kept true", DESIRED(VOLUME("online", "", "1", "", "true")),
     "{'filterd': {'is_up': false}, " TGTD(
	 TARGET(BASE ":web", LUN, "'iqn.2026-01.x:old'", "", "null", ""), "") "}",
     "acl.unbind acl.bind"},
    {"closed, larger, another parameter", DESIRED(VOLUME("online", "", "1", "", "true")),
     "{" FILTERD(RUNS("closed", "4096", "8")) ", " TGTD("", "") "}",
     "volume.open volume.grow filter.set target.create lun.create acl.bind"},
    {"a filter that is in the way of the open goes first",
     DESIRED(VOLUME("online", "", "1", "", "true")),
     "{'filterd': {'is_up': true, 'datastores': [" RUNS_ON "], 'volumes': [{'name': 'web', 'uuid': "
     "'" UUID "', 'datastore': 'fast', 'size_bytes': " GIG ", 'state': 'quarantined', 'filters': "
     "[{'filter': 'bad', 'class': 800, 'on_failure': 'hold', 'params': {}}]}]}, " TGTD("", "") "}",
     "filter.detach volume.open filter.attach target.create lun.create acl.bind"},
    {"quarantine with the filters that are wanted", DESIRED(VOLUME("online", "", "1", "", "true")),
     "{" FILTERD(RUNS("quarantined", GIG, "7")) ", " TGTD("", "") "}", ""},
    {"offline, and in quarantine", DESIRED(VOLUME("offline", "", "1", "", "true")),
     "{" FILTERD(RUNS("quarantined", GIG, "7")) ", " TGTD("", "") "}", ""},
    {"still opening", DESIRED(VOLUME("online", "", "1", "", "true")),
     "{" FILTERD(RUNS("opening", GIG, "7")) ", " TGTD("", "") "}", ""},
    {"offline", DESIRED(VOLUME("offline", "", "1", "", "true")),
     "{" FILTERD(RUNS("serving", GIG, "7")) ", " TGTD(
	 TARGET(BASE ":web", LUN, "'iqn.2026-01.x:a'", "", "null", SESSION), "") "}",
     "acl.unbind session.close lun.delete target.delete volume.close"},
    {"import: open, not exported", DESIRED(VOLUME("online", "import", "1", "", "true")),
     "{" FILTERD(RUNS("closed", GIG, "7")) ", " TGTD(
	 TARGET(BASE ":web", LUN, "'iqn.2026-01.x:a'", "", "null", ""), "") "}",
     "acl.unbind lun.delete target.delete volume.open"},
    {"deleting", DESIRED(VOLUME("deleting", "", "1", "", "true")),
     "{" FILTERD(RUNS("serving", GIG, "7")) ", " TGTD(
	 TARGET(BASE ":web", LUN, "'iqn.2026-01.x:a'", "", "null", ""), "") "}",
     "acl.unbind lun.delete target.delete volume.close volume.delete"},
    {"CHAP turned on, first plan", DESIRED(VOLUME("online", "", "2", "", "true")),
     "{" FILTERD(RUNS("serving", GIG, "7")) ", " TGTD(
	 TARGET(BASE ":web", LUN, "'iqn.2026-01.x:b'", "", "null", ""), "") "}",
     "acl.unbind account.create account.create account.bind account.bind"},
    {"CHAP turned on, second plan", DESIRED(VOLUME("online", "", "2", "", "true")),
     "{" FILTERD(RUNS("serving", GIG, "7")) ", " TGTD(
	 TARGET(BASE ":web", LUN, "", "'sluice-guard', 'ub'", "null", ""),
	 GUARD ", " USER("9")) "}",
     "acl.bind"},
    {"a new secret, first plan", DESIRED(VOLUME("online", "", "2", "", "true")),
     "{" FILTERD(RUNS("serving", GIG, "7")) ", " TGTD(
	 TARGET(BASE ":web", LUN, "'iqn.2026-01.x:b'", "'sluice-guard', 'ub'", "null", ""),
	 GUARD ", " USER("8")) "}",
     "account.unbind"},
    {"a new secret, second plan", DESIRED(VOLUME("online", "", "2", "", "true")),
     "{" FILTERD(RUNS("serving", GIG, "7")) ", " TGTD(
	 TARGET(BASE ":web", LUN, "'iqn.2026-01.x:b'", "'sluice-guard'", "null", ""),
	 GUARD ", " USER("8")) "}",
     "account.delete account.create account.bind"},
    {"an account behind one that must go is bound again",
     DESIRED(VOLUME("online", "", "2", "", "true")),
     "{" FILTERD(RUNS("serving", GIG, "7")) ", " TGTD(
	 TARGET(BASE ":web", LUN, "'iqn.2026-01.x:b'", "'sluice-guard', 'old', 'ub'", "null", ""),
	 GUARD ", " USER("9")) "}",
     "account.unbind account.unbind account.bind"},
    {"a target of ours without a row", DESIRED(""),
     "{" FILTERD("") ", " TGTD(TARGET(BASE ":old", LUN, "'iqn.2026-01.x:a'", "", "null", SESSION),
			       "") "}",
     "acl.unbind session.close lun.delete target.delete"},
    {"somebody else's target and volume", DESIRED(""),
     "{" FILTERD(RUNS("serving", GIG, "7")) ", " TGTD(
	 TARGET("iqn.2000-01.z:t", LUN, "'iqn.2026-01.x:a'", "'z'", "null", SESSION),
	 "{'user': 'z', 'changed_ms': 0}") "}",
     ""},
};

static void steps_come_in_the_right_order(void **state)
{
	char names[600];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_t *steps = plan(cases[i].desired, cases[i].running);

		names_of(steps, names, sizeof(names));
		if (strcmp(names, cases[i].steps) != 0)
			fail_msg("%s: '%s', not '%s'", cases[i].what, names, cases[i].steps);
		json_decref(steps);
	}
}

static void a_step_has_all_that_is_needed_and_no_secret(void **state)
{
	json_t *wanted = read(
	    "{'x': [{'name': 'web', 'uuid': '" UUID
	    "', 'datastore': 'fast', 'size_bytes': 1073741824, 'block_bytes': 512, 'write_cache': "
	    "'durable', 'is_thin': true, 'filters': [{'filter': 'trace', 'on_failure': 'hold', "
	    "'params': {'entries': '7'}}]}, {'user': 'ub', 'changed_ms': 9, 'host': 'b'}, {'user': "
	    "'sluice-guard', 'changed_ms': 1, 'guard': true}, {'user': 'm', 'changed_ms': 5, "
	    "'volume': 'web'}, {'iqn': '" BASE ":web'}, {'iqn': '" BASE
	    ":web', 'lun': 1, 'volume': 'web'}, {'iqn': '" BASE
	    ":web', 'user': 'sluice-guard', 'is_outgoing': false}, {'iqn': '" BASE
	    ":web', 'user': 'ub', 'is_outgoing': false}, {'iqn': '" BASE
	    ":web', 'user': 'm', 'is_outgoing': true}, {'iqn': '" BASE
	    ":web', 'initiator': 'iqn.2026-01.x:b'}]}");
	json_t *steps = plan(DESIRED(VOLUME("online", "", "2", "m", "false")),
			     "{" FILTERD("") ", " TGTD("", "") "}");
	const json_t *s;
	size_t i;

	assert_int_equal(json_array_size(steps), 10);
	json_array_foreach(steps, i, s)
	{
		assert_true(json_equal(json_object_get(s, "arguments"),
				       json_array_get(json_object_get(wanted, "x"), i)));
		assert_non_null(json_string_value(json_object_get(s, "object_type")));
		assert_non_null(json_string_value(json_object_get(s, "object_name")));
	}
	assert_string_equal(json_string_value(json_object_get(json_array_get(steps, 0), "text")),
			    "create volume web, 1G on fast");
	json_decref(wanted);
	json_decref(steps);
}

static void strangers_are_reported(void **state)
{
	json_t *d = read(DESIRED("")), *r = read("{" FILTERD(RUNS("serving", GIG, "7")) "}");
	json_t *wanted = read("{'x': [{'name': 'web', 'uuid': '" UUID
			      "', 'datastore': 'fast', 'size_bytes': " GIG "}]}");
	json_t *is = planner_strangers(d, r);

	assert_true(json_equal(is, json_object_get(wanted, "x")));
	json_decref(d);
	json_decref(is);
	d = read(DESIRED(VOLUME("online", "", "1", "", "true")));
	is = planner_strangers(d, r);
	assert_int_equal(json_array_size(is), 0);
	json_decref(d);
	json_decref(r);
	json_decref(is);
	json_decref(wanted);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(steps_come_in_the_right_order),
	    cmocka_unit_test(a_step_has_all_that_is_needed_and_no_secret),
	    cmocka_unit_test(strangers_are_reported),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
