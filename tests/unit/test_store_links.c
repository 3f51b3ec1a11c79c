/* SPDX-License-Identifier: MIT */
/* Policies, access, tasks, settings and the desired state hang together as store_link.h says. */
#include "store_rig.h"

#include "clock.h"

static struct rig rig;
static struct err err;

static int begin(void **state)
{
	rig_begin(&rig);
	rig_add_datastore(&rig);
	return 0;
}

static int end(void **state)
{
	rig_end(&rig);
	return 0;
}

static int64_t add_host(const char *name)
{
	char iqn[80];

	snprintf(iqn, sizeof(iqn), "iqn.2026-01.org.example:%s", name);
	return rig_add(&rig, &table_hosts, "{s:s, s:s}", "name", name, "iqn", iqn);
}

static void assert_json(json_t *got, const char *expected)
{
	cleanup_json json_t *wanted = json_loads(expected, JSON_DECODE_ANY, NULL);
	cleanup_json json_t *mine = got;
	char *text = json_dumps(got, JSON_ENCODE_ANY);

	assert_non_null(wanted);
	if (!got || !json_equal(got, wanted))
		fail_msg("%s instead of %s", text ? text : err.text, expected);
	free(text);
	(void)mine;
}

static json_t *without(json_t *row, const char *member)
{
	json_object_del(row, member);
	return row;
}

static void a_policy_keeps_its_versions_and_a_volume_stays_on_its_own(void **state)
{
	int64_t policy = rig_add(&rig, &table_policies, "{s:s}", "name", "gold");
	int64_t volume = rig_add_volume(&rig, "v1");
	cleanup_json json_t *one =
	    json_pack("[{s:s, s:s, s:s, s:{s:s}}]", "class", "cache", "filter", "wb", "on_failure",
		      "hold", "parameters", "size_bytes", "64");
	cleanup_json json_t *none = json_array();
	cleanup_json json_t *row = NULL, *versions = NULL;

	must(store_begin(rig.s, &err), err);
	assert_int_equal(store_policy_add_version(rig.s, policy, one, "anna", "first", &err), 1);
	must(store_assign(rig.s, volume, policy, 0, &err), err);
	assert_int_equal(store_policy_add_version(rig.s, policy, none, "bert", "", &err), 2);
	must(store_commit(rig.s, &err), err);

	row = store_get_id(rig.s, &table_policies, policy, &err);
	assert_int_equal(json_integer_value(json_object_get(row, "version")), 2);
	assert_int_equal(json_integer_value(json_object_get(row, "revision")), 2);
	assert_json(store_policy_rules(rig.s, policy, 0, &err), "[]");
	assert_json(store_policy_rules(rig.s, policy, 1, &err),
		    "[{\"class\":\"cache\",\"filter\":\"wb\",\"on_failure\":\"hold\","
		    "\"parameters\":{\"size_bytes\":\"64\"}}]");
	assert_json(without(store_assignment(rig.s, volume, &err), "assigned_ms"),
		    "{\"policy\":\"gold\",\"version\":1,\"newest_version\":2}");
	assert_json(store_filter_users(rig.s, "wb", &err),
		    "{\"policies\":[\"gold\"],\"volumes\":[\"v1\"],\"datastores\":[]}");
	assert_json(store_filter_users(rig.s, "other", &err),
		    "{\"policies\":[],\"volumes\":[],\"datastores\":[]}");
	versions = store_policy_versions(rig.s, policy, &err);
	assert_int_equal(json_array_size(versions), 2);
	assert_int_equal(
	    json_integer_value(json_object_get(json_array_get(versions, 1), "volumes")), 1);
	assert_string_equal(
	    json_string_value(json_object_get(json_array_get(versions, 0), "author")), "bert");
}

static void a_version_that_is_not_there_is_not_assigned(void **state)
{
	int64_t policy = rig_add(&rig, &table_policies, "{s:s}", "name", "silver");
	int64_t volume = rig_add_volume(&rig, "v2");
	cleanup_json json_t *twice = json_pack("[{s:s,s:s},{s:s,s:s}]", "class", "cache", "filter",
					       "a", "class", "cache", "filter", "b");

	must(store_begin(rig.s, &err), err);
	assert_int_equal(store_assign(rig.s, volume, policy, 7, &err), -ENOENT);
	store_rollback(rig.s);
	must(store_begin(rig.s, &err), err);
	assert_int_equal(store_policy_add_version(rig.s, policy, twice, "", "", &err), -EEXIST);
	assert_string_equal(err.field, "rules");
	store_rollback(rig.s);
	assert_json(store_assignment(rig.s, volume, &err), "null");
	assert_json(store_compliance(rig.s, volume, &err),
		    "{\"status\":\"unknown\",\"causes\":[],\"checked_ms\":0}");
}

static void access_by_group_and_by_host_adds_up(void **state)
{
	int64_t volume = rig_add_volume(&rig, "v3");
	int64_t h1 = add_host("h1"), h2 = add_host("h2");
	int64_t group = rig_add(&rig, &table_host_groups, "{s:s}", "name", "cluster");
	cleanup_json json_t *both = json_pack("[s, s, s]", "h1", "H2", "h2");
	cleanup_json json_t *first = json_pack("[s]", "h1");
	cleanup_json json_t *groups = json_pack("[s]", "cluster");
	cleanup_json json_t *missing = json_pack("[s]", "h9");

	must(store_begin(rig.s, &err), err);
	must(store_group_set(rig.s, group, both, &err), err);
	must(store_access_set(rig.s, volume, first, groups, &err), err);
	must(store_access_set(rig.s, volume, NULL, groups, &err), err);
	must(store_commit(rig.s, &err), err);
	assert_json(store_group_members(rig.s, group, &err), "[\"h1\",\"h2\"]");
	assert_json(store_access(rig.s, volume, &err),
		    "{\"hosts\":[\"h1\"],\"host_groups\":[\"cluster\"]}");
	assert_json(store_host_volumes(rig.s, h2, &err), "[\"v3\"]");
	assert_json(store_host_volumes(rig.s, h1, &err), "[\"v3\"]");
	assert_json(store_group_volumes(rig.s, group, &err), "[\"v3\"]");

	must(store_begin(rig.s, &err), err);
	assert_int_equal(store_access_set(rig.s, volume, missing, NULL, &err), -ENOENT);
	assert_string_equal(err.text, "there is no host h9");
	assert_string_equal(err.field, "hosts");
	store_rollback(rig.s);
	assert_json(store_access(rig.s, volume, &err),
		    "{\"hosts\":[\"h1\"],\"host_groups\":[\"cluster\"]}");
}

static void the_desired_state_is_whole(void **state)
{
	cleanup_json json_t *all = NULL;
	json_t *volume = NULL, *v;
	int64_t id = store_id_of(rig.s, &table_volumes, "v3", &err);
	size_t i;

	must(store_begin(rig.s, &err), err);
	must(store_target_put(rig.s, id, "iqn.2026-01.org.sluice:v3", &err), err);
	must(store_target_mutual(rig.s, id, "me", "sealed", &err), err);
	must(store_assign(rig.s, id, store_id_of(rig.s, &table_policies, "gold", &err), 1, &err),
	     err);
	must(store_commit(rig.s, &err), err);
	all = store_desired(rig.s, &err);
	json_array_foreach(json_object_get(all, "volumes"), i, v)
	{
		if (strcmp(json_string_value(json_object_get(v, "name")), "v3") == 0)
			volume = v;
		else
			assert_non_null(json_object_get(v, "rules"));
	}
	assert_non_null(volume);
	assert_string_equal(json_string_value(json_object_get(volume, "datastore")), "fast");
	assert_string_equal(json_string_value(json_object_get(volume, "policy")), "gold");
	assert_int_equal(json_integer_value(json_object_get(volume, "newest_version")), 2);
	assert_int_equal(json_array_size(json_object_get(volume, "rules")), 1);
	assert_int_equal(json_array_size(json_object_get(volume, "hosts")), 2);
	assert_string_equal(json_string_value(json_object_get(json_object_get(volume, "target"),
							      "mutual_secret_sealed")),
			    "sealed");
	assert_int_equal(json_array_size(json_object_get(all, "hosts")), 2);
	assert_int_equal(json_array_size(json_object_get(all, "datastores")), 1);
}

static void a_task_ends_once(void **state)
{
	cleanup_json json_t *row = NULL, *log = NULL;
	struct err why = {.code = ENOSPC, .text = "the datastore is full"};
	char expected[40];
	int64_t id;

	must(store_begin(rig.s, &err), err);
	id = store_task_add(rig.s, "volume.create", "volume", "v1", true, NULL, "user:anna", &err);
	assert_true(id > 0);
	must(store_task_log(rig.s, id, "began", &err), err);
	must(store_commit(rig.s, &err), err);
	snprintf(expected, sizeof(expected), "[%d]", (int)id);
	assert_json(store_tasks_open(rig.s, "volume", "v1", &err), expected);
	assert_json(store_tasks_open(rig.s, "volume", NULL, &err), expected);
	assert_json(store_tasks_open(rig.s, "volume", "v9", &err), "[]");
	must(store_begin(rig.s, &err), err);
	must(store_task_end(rig.s, id, "failed", &why, &err), err);
	must(store_task_end(rig.s, id, "succeeded", NULL, &err), err);
	must(store_commit(rig.s, &err), err);
	row = store_get_id(rig.s, &table_tasks, id, &err);
	assert_string_equal(json_string_value(json_object_get(row, "state")), "failed");
	assert_string_equal(json_string_value(json_object_get(row, "error_code")), "ENOSPC");
	assert_string_equal(json_string_value(json_object_get(row, "error_text")), why.text);
	assert_json(store_tasks_open(rig.s, "volume", "v1", &err), "[]");
	log = store_task_log_get(rig.s, id, &err);
	assert_int_equal(json_array_size(log), 1);
}

static void a_setting_is_replaced(void **state)
{
	cleanup_json json_t *one = json_pack("[s]", "hooks.example.org");
	cleanup_json json_t *two = json_integer(900);

	must(store_begin(rig.s, &err), err);
	must(store_setting_put(rig.s, "x", one, &err), err);
	must(store_setting_put(rig.s, "x", two, &err), err);
	must(store_commit(rig.s, &err), err);
	assert_json(store_setting(rig.s, "x"), "900");
}

static void what_is_old_goes_and_what_is_open_stays(void **state)
{
	int64_t now_ms = (int64_t)clock_wall_ms(), day_ms = 86400000;
	int64_t old = rig_add(&rig, &table_tasks, "{s:s, s:s, s:I}", "kind", "backup", "state",
			      "succeeded", "ended_ms", (json_int_t)(now_ms - 31 * day_ms));
	int64_t open = rig_add(&rig, &table_tasks, "{s:s, s:I}", "kind", "backup", "created_ms",
			       (json_int_t)(now_ms - 99 * day_ms));
	cleanup_json json_t *kept = NULL, *answer = NULL;

	must(store_begin(rig.s, &err), err);
	must(store_idempotent_put(rig.s, "k", "user:anna", "hash", 201, "{}", "/x", &err), err);
	must(store_clean(rig.s, &err), err);
	must(store_commit(rig.s, &err), err);
	assert_null(store_get_id(rig.s, &table_tasks, old, &err));
	kept = store_get_id(rig.s, &table_tasks, open, &err);
	assert_non_null(kept);
	answer = store_idempotent_get(rig.s, "k", "user:anna");
	assert_int_equal(json_integer_value(json_object_get(answer, "status")), 201);
	assert_null(store_idempotent_get(rig.s, "k", "user:bert"));
}

static void an_event_comes_back_with_its_details(void **state)
{
	cleanup_json json_t *details = json_pack("{s:i}", "attempts", 3);
	cleanup_json json_t *row = NULL;
	int64_t id;

	must(store_begin(rig.s, &err), err);
	id = store_event_add(rig.s, "warning", "filter.hung", "volume", "v1", "it hangs", details,
			     &err);
	must(store_commit(rig.s, &err), err);
	row = store_get_id(rig.s, &table_events, id, &err);
	assert_true(json_equal(json_object_get(row, "details"), details));
	assert_int_equal(store_event_add(rig.s, "info", "x", NULL, NULL, "y", NULL, &err),
			 -ENOTRECOVERABLE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_policy_keeps_its_versions_and_a_volume_stays_on_its_own),
	    cmocka_unit_test(a_version_that_is_not_there_is_not_assigned),
	    cmocka_unit_test(access_by_group_and_by_host_adds_up),
	    cmocka_unit_test(the_desired_state_is_whole),
	    cmocka_unit_test(a_task_ends_once),
	    cmocka_unit_test(a_setting_is_replaced),
	    cmocka_unit_test(what_is_old_goes_and_what_is_open_stays),
	    cmocka_unit_test(an_event_comes_back_with_its_details),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
