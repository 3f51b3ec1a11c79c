/* SPDX-License-Identifier: MIT */
/* Configuration documents: what is refused and where, what differs, and in which order it is done.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "config.h"
#include "datastores.h"
#include "json.h"
#include "policies.h"

/* Rules are the model's affair: here they are as they come. */
json_t *policies_check_rules(struct store *s, const json_t *rules, struct err *err)
{
	if (json_is_array(rules))
		return json_incref((json_t *)rules);
	err_set(err, EINVAL, "rules", "rules must be an array");
	return NULL;
}

int datastore_filters_check(struct store *s, json_t *filters, struct err *err)
{
	return 0;
}

static const char now_text[] =
    "{'format': 1, 'datastores': [{'name': 'fast', 'type': 'mem', 'path': ''}],"
    " 'policies': [{'name': 'slow', 'rules': []}],"
    " 'hosts': [{'name': 'one', 'iqn': 'iqn.2026-01.x:one', 'addresses': ['10.0.0.1', '::1']}],"
    " 'host_groups': [{'name': 'all', 'members': ['one']}],"
    " 'portals': [{'name': '10.0.0.9:3260', 'address': '10.0.0.9', 'port': 3260}],"
    " 'volumes': [{'name': 'v0', 'datastore': 'fast', 'size_bytes': 1048576, 'policy': 'slow',"
    " 'hosts': ['one'], 'host_groups': []}],"
    " 'peers': [{'name': 'site-b', 'address': '10.0.0.2', 'port': 3262}],"
    " 'replications': [{'name': 'web', 'peer': 'site-b', 'volumes': ['v0'], 'mode': 'sync',"
    " 'rpo_target_ms': null}]}";

/* JSON with ' for ". */
static json_t *parse(const char *text)
{
	cleanup_free char *copy = strdup(text);
	json_error_t error;
	json_t *j;

	for (char *p = copy; *p; p++)
		if (*p == '\'')
			*p = '"';
	j = json_loads(copy, 0, &error);
	if (!j)
		fail_msg("%s: %s", error.text, text);
	return j;
}

static void assert_refused(const char *text, const char *field)
{
	cleanup_json json_t *document = parse(text);
	struct err err = {0};
	int rc = config_check(document, &err);

	if (rc == 0)
		rc = config_normalise(NULL, document, &err);
	if (rc == 0)
		fail_msg("taken: %s", text);
	assert_string_equal(err.field, field);
}

static void faults_are_named_by_their_place(void **state)
{
	assert_refused("{'disks': []}", "disks");
	assert_refused("{'format': 2}", "format");
	assert_refused("{'volumes': {}}", "volumes");
	assert_refused("{'volumes': [{'name': 'a'}, 5]}", "volumes[1]");
	assert_refused("{'volumes': [{'name': 'a', 'size': 5}]}", "volumes[0].size");
	assert_refused("{'volumes': [{'size_bytes': 5}]}", "volumes[0].name");
	assert_refused("{'volumes': [{'name': 'a'}, {'name': 'A'}]}", "volumes[1].name");
	assert_refused("{'volumes': [{'name': 'a', 'hosts': 'one'}]}", "volumes[0].hosts");
	assert_refused("{'hosts': [{'name': 'a', 'iqn': 'nonsense'}]}", "hosts[0].iqn");
	assert_refused("{'hosts': [{'name': 'a', 'addresses': [7]}]}", "hosts[0].addresses");
	assert_refused("{'policies': [{'name': 'a', 'rules': 7}]}", "policies[0].rules");
	assert_refused("{'portals': [{'port': 3260}]}", "portals[0].address");
	assert_refused("{'peers': [{'name': 'b', 'state': 'paired'}]}", "peers[0].state");
	assert_refused("{'replications': [{'name': 'r', 'role': 'primary'}]}",
		       "replications[0].role");
	assert_refused(
	    "{'portals': [{'address': '10.0.0.1'}, {'address': '10.0.0.1', 'port': 3260}]}",
	    "portals[1].name");
}

/* "create volume v1, change host one", in order. */
static void assert_changes(const char *wanted_text, struct config_prune prune, const char *said)
{
	cleanup_json json_t *now = parse(now_text), *wanted = parse(wanted_text), *changes = NULL;
	struct err err = {0};
	char text[512] = "";
	const json_t *c;
	size_t i;

	if (config_check(wanted, &err) < 0 || config_normalise(NULL, wanted, &err) < 0)
		fail_msg("%s", err.text);
	changes = config_diff(now, wanted, prune);
	json_array_foreach(changes, i, c)
	{
		size_t used = strlen(text);

		snprintf(text + used, sizeof(text) - used, "%s%s %s %s", i ? ", " : "",
			 json_string_value(json_object_get(c, "action")),
			 json_string_value(json_object_get(c, "object_type")),
			 json_string_value(json_object_get(c, "object_name")));
	}
	assert_string_equal(text, said);
}

static const struct config_prune keep = {0}, prune = {.is_on = true},
				 prune_all = {.is_on = true, .volumes_too = true};

static void document_is_the_same_as_itself(void **state)
{
	assert_changes(now_text, prune_all, "");
	assert_changes("{}", prune_all, "");
}

static void spelling_and_order_are_no_difference(void **state)
{
	assert_changes("{'hosts': [{'name': 'ONE', 'iqn': 'IQN.2026-01.x:One', 'addresses': "
		       "['0:0:0:0:0:0:0:1', '10.0.0.1']}],"
		       " 'portals': [{'address': '10.0.0.9'}],"
		       " 'volumes': [{'name': 'v0', 'datastore': 'FAST', 'policy': 'Slow'}]}",
		       keep, "");
}

static void peers_come_before_what_is_replicated_to_them_and_go_after_it(void **state)
{
	assert_changes("{'replications': [{'name': 'r', 'peer': 'c', 'volumes': ['v1']},"
		       " {'name': 'WEB', 'peer': 'Site-B', 'volumes': ['v0'], 'mode': 'async'}],"
		       " 'peers': [{'name': 'site-b'}, {'name': 'c', 'address': '10.0.0.3',"
		       " 'code': 'once-only'}], 'volumes': [{'name': 'v0'}, {'name': 'v1'}]}",
		       keep,
		       "create volume v1, create peer c, create replication r, change replication "
		       "WEB");
	assert_changes("{'replications': [], 'peers': []}", prune,
		       "delete replication web, delete peer site-b");
}

static void things_are_made_in_the_order_of_need(void **state)
{
	assert_changes("{'volumes': [{'name': 'v1', 'datastore': 'd1', 'size_bytes': 5},"
		       " {'name': 'v0', 'policy': null}],"
		       " 'host_groups': [{'name': 'g'}], 'hosts': [{'name': 'h', 'iqn': "
		       "'iqn.2026-01.x:h'}],"
		       " 'policies': [{'name': 'p', 'rules': []}], 'datastores': [{'name': 'd1'}]}",
		       keep,
		       "create datastore d1, create policy p, create host h, create host_group g, "
		       "create volume v1, change volume v0");
}

static void filters_of_datastores_compare_in_any_order(void **state)
{
	cleanup_json json_t *now = parse("{'datastores': [{'name': 'fast', 'filters': [{'filter': "
					 "'a', 'parameters': {'n': '1'}}, {'filter': 'b', "
					 "'parameters': {}}]}]}");
	cleanup_json json_t *same = parse("{'datastores': [{'name': 'fast', 'filters': [{'filter': "
					  "'b', 'parameters': {}}, {'filter': 'a', 'parameters': "
					  "{'n': '1'}}]}]}");
	cleanup_json json_t *other = parse("{'datastores': [{'name': 'fast', 'filters': []}]}");
	cleanup_json json_t *none = NULL, *one = NULL;
	struct err err = {0};

	assert_int_equal(config_normalise(NULL, same, &err), 0);
	none = config_diff(now, same, keep);
	assert_int_equal(json_array_size(none), 0);
	one = config_diff(now, other, keep);
	assert_int_equal(json_array_size(one), 1);
	assert_refused("{'datastores': [{'name': 'fast', 'filters': 7}]}", "datastores[0].filters");
}

static void only_named_sections_are_pruned_and_volumes_by_their_own_word(void **state)
{
	assert_changes("{'hosts': [], 'host_groups': [], 'volumes': []}", keep, "");
	assert_changes("{'hosts': [], 'host_groups': [], 'volumes': []}", prune,
		       "delete host_group all, delete host one");
	assert_changes("{'datastores': [], 'volumes': []}", prune_all,
		       "delete volume v0, delete datastore fast");
}

static void public_form_has_nothing_internal(void **state)
{
	cleanup_json json_t *now = parse(now_text), *out = NULL, *changes = NULL;
	cleanup_json json_t *wanted = parse("{'hosts': [{'name': 'one', 'chap_secret': 'x', "
					    "'description': 'new'}]}");
	cleanup_free char *text = NULL;

	changes = config_diff(now, wanted, keep);
	out = config_diff_public(changes);
	text = json_dumps(out, JSON_COMPACT);
	assert_string_equal(text, "{\"changes\":[{\"action\":\"change\",\"object_type\":\"host\","
				  "\"object_name\":\"one\",\"members\":{\"description\":{\"from\":"
				  "null,\"to\":\"new\"}}}],\"is_same\":false}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(faults_are_named_by_their_place),
	    cmocka_unit_test(document_is_the_same_as_itself),
	    cmocka_unit_test(spelling_and_order_are_no_difference),
	    cmocka_unit_test(peers_come_before_what_is_replicated_to_them_and_go_after_it),
	    cmocka_unit_test(things_are_made_in_the_order_of_need),
	    cmocka_unit_test(filters_of_datastores_compare_in_any_order),
	    cmocka_unit_test(only_named_sections_are_pruned_and_volumes_by_their_own_word),
	    cmocka_unit_test(public_form_has_nothing_internal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
