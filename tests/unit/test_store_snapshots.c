/* SPDX-License-Identifier: MIT */
/* Snapshots belong to their volume and go with it; what rests on one keeps it; a schedule is for
 * the volumes that it lists and for those that have its policy. */
#include "store_rig.h"
#include "store_snapshots.h"

static struct rig rig;
static int64_t web, db;

static int begin(void **state)
{
	rig_begin(&rig);
	rig_add_datastore(&rig);
	web = rig_add_volume(&rig, "web");
	db = rig_add_volume(&rig, "db");
	return 0;
}

static int end(void **state)
{
	rig_end(&rig);
	return 0;
}

static const char *uuid_of(int number)
{
	static char text[4][37];
	char *out = text[number % 4];

	snprintf(out, 37, "00000000-0000-4000-8000-%012d", number);
	return out;
}

static int64_t add(const char *volume, const char *name, int number)
{
	return rig_add(&rig, &table_snapshots, "{s:s, s:s, s:s, s:i}", "uuid", uuid_of(number),
		       "volume", volume, "name", name, "own_bytes", number);
}

static void comes_from(int64_t volume, int64_t snapshot, const char *kind)
{
	struct err err = {0};

	must(store_begin(rig.s, &err), err);
	must(store_volume_origin_put(rig.s, volume, snapshot, kind, &err), err);
	must(store_commit(rig.s, &err), err);
}

static size_t size_of(json_t *list)
{
	size_t n = json_array_size(list);

	assert_non_null(list);
	json_decref(list);
	return n;
}

static void a_name_is_one_volumes_and_a_uuid_finds_it_too(void **state)
{
	struct err err = {0};
	cleanup_json json_t *by_name = NULL, *by_uuid = NULL, *sum = NULL;

	add("web", "before", 1);
	add("db", "before", 2);
	by_name = store_snapshot_get(rig.s, "web", "BEFORE", &err);
	by_uuid = store_snapshot_get(rig.s, "db", uuid_of(2), &err);
	assert_string_equal(json_string_value(json_object_get(by_name, "uuid")), uuid_of(1));
	assert_string_equal(json_string_value(json_object_get(by_uuid, "volume")), "db");
	assert_null(store_snapshot_get(rig.s, "web", uuid_of(2), &err));
	assert_int_equal(err.code, ENOENT);
	sum = store_snapshots_sum(rig.s, db, &err);
	assert_int_equal(json_integer_value(json_object_get(sum, "own_bytes")), 2);
	assert_int_equal(size_of(store_snapshots_sums(rig.s, &err)), 2);
	assert_int_equal(size_of(store_volumes_with_snapshots(rig.s, &err)), 2);
	err.code = 0;
	assert_false(store_volume_is_replicated(rig.s, "web", &err));
	assert_int_equal(err.code, 0);
}

static void what_rests_on_a_snapshot_keeps_it(void **state)
{
	struct err err = {0};
	int64_t id = add("web", "base", 3);

	comes_from(db, id, "linked");
	assert_int_equal(size_of(store_snapshot_users(rig.s, id, &err)), 1);
	assert_int_equal(size_of(store_volume_snapshot_users(rig.s, web, &err)), 1);
	must(store_begin(rig.s, &err), err);
	assert_int_equal(store_delete(rig.s, &table_snapshots, id, 0, &err), -EBUSY);
	assert_non_null(strstr(err.text, "db"));
	store_rollback(rig.s);
	assert_true(store_delete(rig.s, &table_volumes, web, 0, &err) < 0);
}

static void snapshots_go_with_their_volume(void **state)
{
	struct err err = {0};

	add("web", "one", 4);
	must(store_begin(rig.s, &err), err);
	must(store_delete(rig.s, &table_volumes, web, 0, &err), err);
	must(store_commit(rig.s, &err), err);
	assert_int_equal(size_of(store_volumes_with_snapshots(rig.s, &err)), 0);
}

static void a_schedule_is_for_its_list_and_for_its_policy(void **state)
{
	struct err err = {0};
	cleanup_json json_t *names = json_pack("[s]", "web"), *wrong = json_pack("[s]", "nobody");
	cleanup_json json_t *rules = json_array();
	int64_t policy = rig_add(&rig, &table_policies, "{s:s}", "name", "gold");
	int64_t schedule = rig_add(&rig, &table_snapshot_schedules, "{s:s, s:s, s:s, s:i}", "name",
				   "nightly", "every", "day", "policy", "gold", "keep_daily", 3),
		version;

	must(store_begin(rig.s, &err), err);
	version = store_policy_add_version(rig.s, policy, rules, "t", "", &err);
	must(store_schedule_set(rig.s, schedule, names, &err), err);
	must(store_commit(rig.s, &err), err);
	assert_int_equal(size_of(store_schedule_volumes(rig.s, schedule, &err)), 1);
	must(store_begin(rig.s, &err), err);
	must(store_assign(rig.s, db, policy, version, &err), err);
	must(store_commit(rig.s, &err), err);
	assert_int_equal(size_of(store_schedule_volumes(rig.s, schedule, &err)), 2);
	assert_int_equal(size_of(store_schedule_listed(rig.s, schedule, &err)), 1);
	must(store_begin(rig.s, &err), err);
	assert_int_equal(store_schedule_set(rig.s, schedule, wrong, &err), -ENOENT);
	store_rollback(rig.s);
	comes_from(db, add("web", "base", 7), "exposure");
	assert_int_equal(size_of(store_schedule_volumes(rig.s, schedule, &err)), 1);
	assert_int_equal(store_delete(rig.s, &table_policies, policy, 0, &err), -EBUSY);
}

static const json_t *volume_in(const json_t *desired, const char *name)
{
	const json_t *v;
	size_t i;

	json_array_foreach(json_object_get(desired, "volumes"), i, v)
	{
		if (strcmp(json_string_value(json_object_get(v, "name")), name) == 0)
			return v;
	}
	return NULL;
}

static void an_exposure_keeps_only_what_makes_it_readable(void **state)
{
	struct err err = {0};
	cleanup_json json_t *rules =
	    json_pack("[{s:s, s:s, s:s, s:{}}, {s:s, s:s, s:s, s:{}}]", "class", "encryption",
		      "filter", "encryption", "on_failure", "hold", "parameters", "class", "cache",
		      "filter", "cache", "on_failure", "hold", "parameters");
	int64_t policy = rig_add(&rig, &table_policies, "{s:s}", "name", "gold");
	int64_t snapshot = add("web", "base", 5), version;
	cleanup_json json_t *desired = NULL;
	const json_t *v;

	must(store_begin(rig.s, &err), err);
	version = store_policy_add_version(rig.s, policy, rules, "t", "", &err);
	must(store_assign(rig.s, db, policy, version, &err), err);
	must(store_commit(rig.s, &err), err);
	comes_from(db, snapshot, "exposure");
	desired = store_desired(rig.s, &err);
	v = volume_in(desired, "db");
	assert_int_equal(json_array_size(json_object_get(v, "rules")), 1);
	assert_string_equal(
	    json_string_value(json_object_get(json_object_get(v, "snapshot_of"), "snapshot")),
	    uuid_of(5));
	comes_from(db, snapshot, NULL);
	comes_from(db, snapshot, "linked");
	json_decref(desired);
	desired = store_desired(rig.s, &err);
	v = volume_in(desired, "db");
	assert_int_equal(json_array_size(json_object_get(v, "rules")), 2);
	assert_string_equal(
	    json_string_value(json_object_get(json_object_get(v, "clone_from"), "kind")), "linked");
}

static void a_snapshot_remembers_its_key(void **state)
{
	struct err err = {0};
	int64_t key, id = add("web", "base", 6);
	cleanup_json json_t *now = NULL;

	rig_add(&rig, &table_key_providers, "{s:s, s:s}", "name", "own", "type", "native");
	key = rig_add(&rig, &table_keys, "{s:s, s:s, s:s}", "name", "k", "provider", "own", "uuid",
		      uuid_of(9));
	must(store_begin(rig.s, &err), err);
	must(store_volume_key_put(rig.s, web, key, 1, true, &err), err);
	must(store_snapshot_key_note(rig.s, id, web, &err), err);
	must(store_volume_key_put(rig.s, web, key, 2, true, &err), err);
	must(store_volume_key_of_snapshot(rig.s, web, id, &err), err);
	must(store_commit(rig.s, &err), err);
	now = store_volume_key(rig.s, web, &err);
	assert_int_equal(json_integer_value(json_object_get(now, "version")), 1);
	must(store_begin(rig.s, &err), err);
	must(store_volume_key_put(rig.s, web, 0, 0, false, &err), err);
	assert_int_equal(store_delete(rig.s, &table_keys, key, 0, &err), -EBUSY);
	assert_non_null(strstr(err.text, "web@base"));
	store_rollback(rig.s);
}

#define EACH(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    EACH(a_name_is_one_volumes_and_a_uuid_finds_it_too),
	    EACH(what_rests_on_a_snapshot_keeps_it),
	    EACH(snapshots_go_with_their_volume),
	    EACH(a_schedule_is_for_its_list_and_for_its_policy),
	    EACH(an_exposure_keeps_only_what_makes_it_readable),
	    EACH(a_snapshot_remembers_its_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
