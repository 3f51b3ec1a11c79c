/* SPDX-License-Identifier: MIT */
/* A database of any older version is brought to the newest, whole or not at all, a backup first; a
 * newer one is refused. */
#include "store_rig.h"

#include <sqlite3.h>

#include "migrate.h"

/* What may come one day. */
static const struct migration invented[] = {
    {"colour", "ALTER TABLE volumes ADD COLUMN colour TEXT NOT NULL DEFAULT 'red';"},
    {"rebuilt", "CREATE TABLE new_groups (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,"
		" description TEXT NOT NULL DEFAULT '', revision INTEGER NOT NULL DEFAULT 1,"
		" created_ms INTEGER NOT NULL) STRICT;"
		"INSERT INTO new_groups SELECT id, name, description, revision, created_ms"
		" FROM host_groups; DROP TABLE host_groups;"
		"ALTER TABLE new_groups RENAME TO host_groups;"},
    {"index", "CREATE INDEX volumes_by_colour ON volumes (colour);"
	      "UPDATE volumes SET colour = 'blue' WHERE name = 'v1';"},
};
#define INVENTED (uint32_t)(sizeof(invented) / sizeof(invented[0]))

/* The real migrations, then those. */
static struct migration list[32];
#define REAL   migration_count
#define NEWEST (REAL + INVENTED)

static struct rig rig;
static struct err err;

static int begin(void **state)
{
	assert_true(NEWEST <= sizeof(list) / sizeof(list[0]));
	memcpy(list, migrations, REAL * sizeof(list[0]));
	memcpy(list + REAL, invented, sizeof(invented));
	memset(&err, 0, sizeof(err));
	rig_folder(&rig);
	return 0;
}

static int end(void **state)
{
	rig_end(&rig);
	migrate_use(NULL, 0);
	return 0;
}

static int64_t ask(const char *question)
{
	sqlite3_stmt *stmt = NULL;
	sqlite3 *db = NULL;
	int64_t answer = -1;

	assert_int_equal(sqlite3_open_v2(rig.path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	if (sqlite3_prepare_v2(db, question, -1, &stmt, NULL) == SQLITE_OK &&
	    sqlite3_step(stmt) == SQLITE_ROW)
		answer = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	return answer;
}

static void run(const char *sql)
{
	sqlite3 *db = NULL;

	assert_int_equal(sqlite3_open(rig.path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

/* A database of that version with a group, its member and a volume. In SQL what has got columns
 * since then. */
static void make_old(uint32_t version)
{
	cleanup_json json_t *members = json_pack("[s]", "h1");
	int64_t group;

	migrate_use(list, version);
	must(store_open(rig.path, rig.backups, true, &rig.s, &err), err);
	run("INSERT INTO datastores (name, type, path, created_ms) VALUES ('fast', 'dir', '/srv', 1)");
	rig_add_volume(&rig, "v1");
	rig_add(&rig, &table_hosts, "{s:s, s:s}", "name", "h1", "iqn", "iqn.2026-01.x:h1");
	group = rig_add(&rig, &table_host_groups, "{s:s}", "name", "g1");
	must(store_begin(rig.s, &err), err);
	must(store_group_set(rig.s, group, members, &err), err);
	must(store_commit(rig.s, &err), err);
	store_close(rig.s);
	rig.s = NULL;
}

static void every_older_version_becomes_the_newest(void **state)
{
	for (uint32_t version = 1; version <= NEWEST; version++) {
		cleanup_json json_t *members = NULL, *backups = NULL, *volume = NULL;

		make_old(version);
		migrate_use(list, NEWEST);
		must(store_open(rig.path, rig.backups, true, &rig.s, &err), err);
		assert_int_equal(store_schema_version(rig.s), NEWEST);
		volume = store_get(rig.s, &table_volumes, "v1", &err);
		assert_non_null(volume);
		members = store_group_members(
		    rig.s, store_id_of(rig.s, &table_host_groups, "g1", &err), &err);
		assert_int_equal(json_array_size(members), 1);
		assert_int_equal(ask("SELECT count(*) FROM volumes WHERE colour = 'blue'"),
				 version < NEWEST);
		backups = store_backups(rig.backups, &err);
		assert_int_equal(json_array_size(backups), 1);
		assert_int_equal(json_integer_value(
				     json_object_get(json_array_get(backups, 0), "schema_version")),
				 version);
		store_close(rig.s);
		rig.s = NULL;
		rig_assert_whole(rig.path);
		end(NULL);
		begin(NULL);
	}
}

static void a_first_version_learns_of_filters_of_whole_datastores(void **state)
{
	cleanup_json json_t *filter = NULL, *filters = NULL, *desired = NULL;
	cleanup_json json_t *parameters = json_pack("{s:s}", "enabled", "true");

	make_old(1);
	run("INSERT INTO filters (name, class, parameters, seen_ms)"
	    " VALUES ('old', 'cache', '[{\"name\":\"n\"}]', 1)");
	migrate_use(migrations, migration_count);
	must(store_open(rig.path, rig.backups, true, &rig.s, &err), err);
	filter = store_get(rig.s, &table_filters, "old", &err);
	assert_int_equal(json_array_size(json_object_get(filter, "parameters")), 1);
	assert_true(json_is_array(json_object_get(filter, "group_parameters")));
	assert_int_equal(json_array_size(json_object_get(filter, "group_parameters")), 0);
	must(store_begin(rig.s, &err), err);
	must(store_datastore_filter_put(rig.s, store_id_of(rig.s, &table_datastores, "fast", &err),
					"old", parameters, &err),
	     err);
	must(store_commit(rig.s, &err), err);
	filters = store_datastore_filters(
	    rig.s, store_id_of(rig.s, &table_datastores, "fast", &err), &err);
	assert_int_equal(json_array_size(filters), 1);
	desired = store_desired(rig.s, &err);
	assert_non_null(desired);
}

static void the_backup_before_a_migration_can_be_restored(void **state)
{
	cleanup_json json_t *backups = NULL;

	make_old(1);
	migrate_use(list, NEWEST);
	must(store_open(rig.path, rig.backups, true, &rig.s, &err), err);
	store_close(rig.s);
	rig.s = NULL;
	backups = store_backups(rig.backups, &err);
	migrate_use(list, 1);
	must(store_restore(rig.path,
			   json_string_value(json_object_get(json_array_get(backups, 0), "path")),
			   &err),
	     err);
	must(store_open(rig.path, rig.backups, true, &rig.s, &err), err);
	assert_int_equal(store_schema_version(rig.s), 1);
}

static void a_newer_database_is_refused_and_left_alone(void **state)
{
	cleanup_json json_t *backups = NULL;
	size_t before_size, after_size;
	char *before, *after, newest[16];

	snprintf(newest, sizeof(newest), "version %u", NEWEST);
	make_old(NEWEST);
	before = rig_read(rig.path, &before_size);
	migrate_use(list, 2);
	assert_int_equal(store_open(rig.path, rig.backups, true, &rig.s, &err), -EPROTO);
	assert_non_null(strstr(err.text, newest));
	assert_non_null(strstr(err.text, "up to 2"));
	after = rig_read(rig.path, &after_size);
	assert_int_equal(before_size, after_size);
	assert_memory_equal(before, after, before_size);
	backups = store_backups(rig.backups, &err);
	assert_int_equal(json_array_size(backups), 0);
	assert_int_equal(store_restore(rig.path, rig.path, &err), -EPROTO);
	free(before);
	free(after);
}

static void assert_fails_whole(const char *sql, const char *why)
{
	const struct migration bad[] = {list[0], list[1], {"0003_bad", sql}};

	make_old(1);
	migrate_use(bad, 3);
	assert_true(store_open(rig.path, rig.backups, true, &rig.s, &err) < 0);
	assert_non_null(strstr(err.text, "0003_bad"));
	assert_non_null(strstr(err.text, why));
	assert_int_equal(ask("PRAGMA user_version"), 2); /* what came before it stands */
	assert_int_equal(ask("SELECT count(*) FROM volumes WHERE description = 'x'"), 0);
	assert_int_equal(ask("SELECT count(*) FROM host_group_members"), 1);
}

static void a_migration_that_fails_leaves_nothing_half_done(void **state)
{
	assert_fails_whole("UPDATE volumes SET description = 'x'; SELECT nonsense;", "nonsense");
}

static void a_migration_that_breaks_references_is_undone(void **state)
{
	assert_fails_whole("UPDATE volumes SET description = 'x'; DELETE FROM hosts;", "not there");
}

#define EACH(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    EACH(every_older_version_becomes_the_newest),
	    EACH(a_first_version_learns_of_filters_of_whole_datastores),
	    EACH(the_backup_before_a_migration_can_be_restored),
	    EACH(a_newer_database_is_refused_and_left_alone),
	    EACH(a_migration_that_fails_leaves_nothing_half_done),
	    EACH(a_migration_that_breaks_references_is_undone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
