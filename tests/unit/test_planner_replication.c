/* SPDX-License-Identifier: MIT */
/* A replicated volume is exported where its filter says that it serves, and nowhere else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "planner.h"

#define BASE "iqn.2026-01.org.sluice:h"
#define UUID "11111111-1111-1111-1111-111111111111"

/* What is given of the one volume: the database's replication, its rules, filterd's filters and
 * status, and whether tgtd has its target. */
struct given {
	const char *replication, *rules, *filters, *status;
	bool is_exported, is_created, runs;
};

#define OF(phase, initial, role)                                                                   \
	"{'name': 'r', 'phase': '" phase "', 'initial_role': '" initial "', 'role': '" role        \
	"', 'peer': 'b'}"
#define RULE                                                                                       \
	"{'class': 'replication', 'filter': 'replication', 'on_failure': 'hold', 'parameters': {}}"
#define FILTER                                                                                     \
	"{'filter': 'replication', 'class': 600, 'on_failure': 'hold', 'params': {}, "             \
	"'is_bypassed': false}"

static json_t *read_json(const char *text)
{
	char copy[8192];
	json_error_t e;
	json_t *j;

	snprintf(copy, sizeof(copy), "%s", text);
	for (char *p = copy; *p; p++)
		if (*p == '\'')
			*p = '"';
	j = json_loads(copy, 0, &e);
	if (!j)
		fail_msg("%s in %s", e.text, copy);
	return j;
}

static json_t *desired_of(const struct given *g)
{
	char text[4096];

	snprintf(text, sizeof(text),
		 "{'datastores': [{'name': 'd', 'type': 'mem', 'path': '', 'is_buffered': false, "
		 "'is_deleting': false}], 'hosts': [], 'portals': [], 'filters': [], 'volumes': "
		 "[{'name': 'web', 'uuid': '" UUID "', 'datastore': 'd', 'size_bytes': 1048576, "
		 "'block_bytes': 512, 'write_cache': 'durable', 'is_thin': true, 'desired_state': "
		 "'online', 'transfer': '', 'is_created': %s, 'target': {'iqn': '" BASE
		 ":web', 'lun': 1, 'mutual_user': '', 'mutual_changed_ms': 0}, 'rules': [%s], "
		 "'policy': null, 'policy_version': 0, 'newest_version': 0, 'hosts': [], "
		 "'replication': %s}]}",
		 g->is_created ? "true" : "false", g->rules, g->replication);
	return read_json(text);
}

static json_t *running_of(const struct given *g)
{
	char text[4096], volume[2048] = "";

	if (g->runs)
		snprintf(volume, sizeof(volume),
			 "{'name': 'web', 'uuid': '" UUID "', 'datastore': 'd', 'size_bytes': "
			 "1048576, 'block_bytes': 512, 'write_cache': 'durable', 'state': "
			 "'serving', 'rings': 0, 'filters': [%s]%s%s}",
			 g->filters, g->status ? ", 'replication': " : "",
			 g->status ? g->status : "");
	snprintf(text, sizeof(text),
		 "{'filterd': {'is_up': true, 'datastores': [{'name': 'd', 'type': 'mem', 'path': "
		 "''}], 'volumes': [%s]}, 'tgtd': {'is_up': true, 'pid': 1, 'targets': [%s], "
		 "'accounts': [], 'portals': []}}",
		 volume,
		 g->is_exported ? "{'tid': 1, 'iqn': '" BASE
				  ":web', 'state': 'ready', 'luns': [{'lun': 1, 'bstype': "
				  "'sluice', 'path': 'web'}], 'addresses': [], 'initiators': [], "
				  "'accounts': [], 'outgoing': null, 'sessions': []}"
				: "");
	return read_json(text);
}

static bool plans(const struct given *g, const char *step)
{
	json_t *desired = desired_of(g), *running = running_of(g), *s;
	json_t *steps = planner_steps(desired, running, BASE);
	bool is_there = false;
	size_t i;

	json_array_foreach(steps, i, s)
	{
		is_there |= strcmp(json_string_value(json_object_get(s, "step")), step) == 0;
	}
	json_decref(steps);
	json_decref(desired);
	json_decref(running);
	return is_there;
}

#define SERVES  "{'is_serving': true, 'role': 'primary', 'state': 'primary_pair'}"
#define REPLICA "{'is_serving': false, 'role': 'secondary', 'state': 'secondary_insync'}"

static void what_serves_is_exported(void **state)
{
	const struct given g = {
	    OF("active", "secondary", "secondary"), RULE, FILTER, SERVES, false, true, true};

	assert_true(plans(&g, "lun.create"));
	assert_false(plans(&g, "filter.detach"));
}

static void a_replica_is_withdrawn_and_not_exported(void **state)
{
	struct given g = {
	    OF("active", "primary", "primary"), RULE, FILTER, REPLICA, true, true, true};

	assert_true(plans(&g, "target.delete"));
	g.is_exported = false;
	assert_false(plans(&g, "lun.create"));
	assert_false(plans(&g, "target.create"));
}

static void a_replica_that_is_just_made_is_not_exported(void **state)
{
	const struct given g = {
	    OF("attaching", "secondary", "none"), RULE, "", NULL, false, false, false};

	assert_true(plans(&g, "volume.create"));
	assert_false(plans(&g, "target.create"));
}

static void a_volume_goes_on_being_exported_while_its_replication_begins(void **state)
{
	struct given g = {OF("pending", "primary", "none"), "", "", NULL, true, true, true};

	assert_false(plans(&g, "target.delete"));
	g.replication = OF("attaching", "primary", "none");
	g.rules = RULE;
	assert_true(plans(&g, "filter.attach"));
	assert_false(plans(&g, "target.delete"));
}

static void a_filter_that_says_nothing_changes_nothing(void **state)
{
	struct given g = {OF("active", "primary", "primary"), RULE, FILTER, NULL, true, true, true};

	assert_false(plans(&g, "target.delete"));
	g.is_exported = false;
	assert_false(plans(&g, "lun.create"));
}

static void the_filter_leaves_only_when_the_replication_ends(void **state)
{
	struct given g = {"null", "", FILTER, REPLICA, false, true, true};

	assert_false(plans(&g, "filter.detach"));
	assert_false(plans(&g, "lun.create"));
	g.replication = OF("ending", "secondary", "secondary");
	assert_true(plans(&g, "filter.detach"));
	assert_false(plans(&g, "lun.create"));
}

static void what_was_a_replica_stays_hidden_after_its_filter_has_gone(void **state)
{
	struct given g = {OF("ending", "secondary", "secondary"), "", "", NULL, false, true, true};

	assert_false(plans(&g, "lun.create"));
	g.replication = OF("ending", "primary", "primary");
	assert_true(plans(&g, "lun.create"));
}

static void an_active_one_without_its_filter_is_withdrawn(void **state)
{
	const struct given g = {
	    OF("active", "primary", "primary"), RULE, "", NULL, true, true, true};

	assert_true(plans(&g, "target.delete"));
	assert_true(plans(&g, "filter.attach"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_serves_is_exported),
	    cmocka_unit_test(a_replica_is_withdrawn_and_not_exported),
	    cmocka_unit_test(a_replica_that_is_just_made_is_not_exported),
	    cmocka_unit_test(a_volume_goes_on_being_exported_while_its_replication_begins),
	    cmocka_unit_test(a_filter_that_says_nothing_changes_nothing),
	    cmocka_unit_test(the_filter_leaves_only_when_the_replication_ends),
	    cmocka_unit_test(what_was_a_replica_stays_hidden_after_its_filter_has_gone),
	    cmocka_unit_test(an_active_one_without_its_filter_is_withdrawn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
