/* SPDX-License-Identifier: MIT */
/* What the database refuses, it refuses in words for a person: taken, missing, in use, changed. */
#include "store_rig.h"

#include <sqlite3.h>

static struct rig rig;
static struct err err;

static int begin(void **state)
{
	rig_begin(&rig);
	rig_add_datastore(&rig);
	return store_begin(rig.s, &err);
}

static int end(void **state)
{
	rig_end(&rig);
	return 0;
}

static int insert(const struct store_table *t, const char *row)
{
	cleanup_json json_t *given = json_loads(row, 0, NULL);
	cleanup_json json_t *made = NULL;

	assert_non_null(given);
	memset(&err, 0, sizeof(err));
	made = store_insert(rig.s, t, given, &err);
	return made ? 0 : -err.code;
}

static void a_name_that_is_taken_is_named(void **state)
{
	rig_add_volume(&rig, "web-1");
	assert_int_equal(insert(&table_volumes, "{\"name\":\"WEB-1\",\"uuid\":"
						"\"20000000-0000-4000-8000-000000000001\","
						"\"datastore\":\"fast\",\"size_bytes\":4096}"),
			 -EEXIST);
	assert_string_equal(err.field, "name");
	assert_string_equal(err.text, "a volume WEB-1 is there already");
}

static void who_has_the_taken_value_is_named(void **state)
{
	assert_int_equal(insert(&table_hosts, "{\"name\":\"a\",\"iqn\":\"iqn.2026-01.x:1\","
					      "\"chap_user\":\"joe\"}"),
			 0);
	assert_int_equal(insert(&table_hosts, "{\"name\":\"b\",\"iqn\":\"iqn.2026-01.x:1\"}"),
			 -EEXIST);
	assert_string_equal(err.field, "iqn");
	assert_string_equal(err.text, "iqn iqn.2026-01.x:1 is taken by host a");
	assert_int_equal(insert(&table_hosts, "{\"name\":\"b\",\"iqn\":\"iqn.2026-01.x:2\","
					      "\"chap_user\":\"joe\"}"),
			 -EEXIST);
	assert_string_equal(err.field, "chap_user");
}

static void what_is_referred_to_must_be_there(void **state)
{
	assert_int_equal(insert(&table_volumes, "{\"name\":\"v\",\"uuid\":"
						"\"20000000-0000-4000-8000-000000000001\","
						"\"datastore\":\"slow\",\"size_bytes\":4096}"),
			 -ENOENT);
	assert_string_equal(err.field, "datastore");
	assert_string_equal(err.text, "there is no datastore slow");
}

static void a_value_that_the_schema_forbids_names_its_column(void **state)
{
	assert_int_equal(insert(&table_volumes, "{\"name\":\"v\",\"uuid\":"
						"\"20000000-0000-4000-8000-000000000001\","
						"\"datastore\":\"fast\",\"size_bytes\":4096,"
						"\"block_bytes\":1024}"),
			 -EINVAL);
	assert_string_equal(err.field, "block_bytes");
	assert_int_equal(insert(&table_hosts, "{\"name\":\"v\"}"), -EINVAL);
	assert_string_equal(err.field, "iqn");
	assert_int_equal(insert(&table_hosts, "{\"name\":5}"), -EINVAL);
	assert_string_equal(err.field, "name");
	assert_int_equal(insert(&table_hosts, "{\"nmae\":\"v\"}"), -EINVAL);
	assert_string_equal(err.field, "nmae");
}

static void a_row_that_is_not_there_is_said_so(void **state)
{
	memset(&err, 0, sizeof(err));
	assert_null(store_get(rig.s, &table_volumes, "web-9", &err));
	assert_int_equal(err.code, ENOENT);
	assert_string_equal(err.text, "there is no volume web-9");
	assert_null(store_get(rig.s, &table_tasks, "17", &err));
	assert_string_equal(err.text, "there is no task 17");
	assert_null(store_get(rig.s, &table_tasks, "1 OR 1", &err));
	assert_int_equal(err.code, ENOENT);
	memset(&err, 0, sizeof(err));
	assert_int_equal(store_id_of(rig.s, &table_hosts, "esx9", &err), 0);
	assert_int_equal(err.code, ENOENT);
	assert_int_equal(store_delete(rig.s, &table_hosts, 99, 0, &err), -ENOENT);
}

static void what_others_refer_to_stays_and_up_to_five_are_named(void **state)
{
	int64_t fast = store_id_of(rig.s, &table_datastores, "fast", &err);
	cleanup_json json_t *still = NULL;
	char name[16];

	for (int i = 1; i <= 7; i++) {
		snprintf(name, sizeof(name), "v%d", i);
		rig_add_volume(&rig, name);
	}
	assert_int_equal(store_delete(rig.s, &table_datastores, fast, 0, &err), -EBUSY);
	assert_string_equal(err.text,
			    "the datastore is in use by volumes v1, v2, v3, v4, v5 and 2 more");
	still = store_get_id(rig.s, &table_datastores, fast, &err);
	assert_non_null(still);
}

static void only_who_has_read_the_newest_may_change(void **state)
{
	cleanup_json json_t *changes = json_pack("{s:s}", "description", "new");
	int64_t id = rig_add_volume(&rig, "web-1");
	cleanup_json json_t *now = NULL, *same = NULL;

	now = store_update(rig.s, &table_volumes, id, changes, 1, &err);
	assert_int_equal(json_integer_value(json_object_get(now, "revision")), 2);
	assert_string_equal(json_string_value(json_object_get(now, "description")), "new");
	assert_null(store_update(rig.s, &table_volumes, id, changes, 1, &err));
	assert_int_equal(err.code, ESTALE);
	assert_string_equal(err.text, "volume web-1 has revision 2, not 1: somebody has changed it "
				      "meanwhile; read it again and repeat the change");
	assert_int_equal(store_delete(rig.s, &table_volumes, id, 1, &err), -ESTALE);
	must(store_note(rig.s, &table_volumes, id, changes, &err), err);
	same = store_get_id(rig.s, &table_volumes, id, &err);
	assert_int_equal(json_integer_value(json_object_get(same, "revision")), 2);
	must(store_delete(rig.s, &table_volumes, id, 2, &err), err);
	assert_null(store_get_id(rig.s, &table_volumes, id, &err));
}

static void a_change_outside_a_transaction_is_refused(void **state)
{
	must(store_commit(rig.s, &err), err);
	assert_int_equal(insert(&table_hosts, "{\"name\":\"a\",\"iqn\":\"iqn.2026-01.x:1\"}"),
			 -ENOTRECOVERABLE);
	must(store_begin(rig.s, &err), err);
	assert_int_equal(store_begin(rig.s, &err), -ENOTRECOVERABLE);
	store_rollback(rig.s);
	assert_int_equal(store_commit(rig.s, &err), -ENOTRECOVERABLE);
}

static void what_is_rolled_back_never_was(void **state)
{
	uint64_t before;

	must(store_commit(rig.s, &err), err);
	before = store_data_version(rig.s);
	must(store_begin(rig.s, &err), err);
	rig_add_volume(&rig, "ghost");
	store_rollback(rig.s);
	assert_null(store_get(rig.s, &table_volumes, "ghost", &err));
	assert_int_equal(store_data_version(rig.s), before);
	must(store_begin(rig.s, &err), err);
	must(store_commit(rig.s, &err), err);
	assert_int_equal(store_data_version(rig.s), before);
	rig_add_volume(&rig, "real");
	assert_true(store_data_version(rig.s) > before);
}

/* Every reference of the schema that would stop a delete; constraint.c has a question for each. */
static void every_reference_that_holds_a_row_is_known(void **state)
{
	static const char *const known[] = {
	    "volumes.datastore_id datastores",
	    "assignments.policy_id policies",
	    "host_group_members.host_id hosts",
	    "volume_access.host_id hosts",
	    "volume_access.group_id host_groups",
	    "replications.peer_id peers",
	    "replication_members.volume_id volumes",
	    "keys.provider_id key_providers",
	    "volume_keys.key_id keys",
	    "snapshots.key_id keys",
	    "snapshot_schedules.policy_id policies",
	    "volume_origins.snapshot_id snapshots",
	};
	const size_t known_count = sizeof(known) / sizeof(known[0]);
	sqlite3_stmt *stmt;
	sqlite3 *db;
	size_t found = 0;

	assert_int_equal(sqlite3_open_v2(rig.path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	assert_int_equal(
	    sqlite3_prepare_v2(db,
			       "SELECT m.name || '.' || f.\"from\" || ' ' || f.\"table\""
			       " FROM sqlite_schema AS m JOIN pragma_foreign_key_list(m.name) AS f"
			       " WHERE m.type = 'table' AND f.on_delete = 'NO ACTION'"
			       " AND f.\"table\" <> 'policy_versions'",
			       -1, &stmt, NULL),
	    SQLITE_OK);
	for (; sqlite3_step(stmt) == SQLITE_ROW; found++) {
		const char *name = (const char *)sqlite3_column_text(stmt, 0);
		size_t i = 0;

		while (i < known_count && strcmp(known[i], name) != 0)
			i++;
		if (i == known_count)
			fail_msg("%s: constraint.c does not know it", name);
	}
	assert_int_equal(found, known_count);
	sqlite3_finalize(stmt);
	sqlite3_close(db);
}

#define EACH(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    EACH(a_name_that_is_taken_is_named),
	    EACH(who_has_the_taken_value_is_named),
	    EACH(what_is_referred_to_must_be_there),
	    EACH(a_value_that_the_schema_forbids_names_its_column),
	    EACH(a_row_that_is_not_there_is_said_so),
	    EACH(what_others_refer_to_stays_and_up_to_five_are_named),
	    EACH(only_who_has_read_the_newest_may_change),
	    EACH(a_change_outside_a_transaction_is_refused),
	    EACH(what_is_rolled_back_never_was),
	    EACH(every_reference_that_holds_a_row_is_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
