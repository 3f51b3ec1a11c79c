/* SPDX-License-Identifier: MIT */
/* The audit trail shows each kind of tampering, and at which entry. */
#include "store_rig.h"

#include <sqlite3.h>

#define ENTRIES 20

static struct rig rig;
static struct err err;

static void add(int count)
{
	struct store_audit a = {.actor = "user:anna",
				.role = "admin",
				.address = "10.0.0.7",
				.method = "POST",
				.path = "/api/v1/volumes",
				.object_type = "volume",
				.object_name = "v1",
				.summary = "{\"name\":\"v1\"}",
				.status = 202};

	must(store_begin(rig.s, &err), err);
	for (int i = 0; i < count; i++)
		must(store_audit_add(rig.s, &a, &err), err);
	must(store_commit(rig.s, &err), err);
}

static int begin(void **state)
{
	rig_begin(&rig);
	add(ENTRIES);
	return 0;
}

static int end(void **state)
{
	rig_end(&rig);
	return 0;
}

static void tamper(const char *sql)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(rig.path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static void assert_broken_at(int64_t id)
{
	int64_t bad_id = 0;

	assert_int_equal(store_audit_verify(rig.s, &bad_id, &err), -EUCLEAN);
	assert_int_equal(bad_id, id);
}

static void a_trail_that_nobody_touched_is_whole(void **state)
{
	int64_t bad_id;

	must(store_audit_verify(rig.s, &bad_id, &err), err);
	rig_restart(&rig);
	add(5);
	must(store_audit_verify(rig.s, &bad_id, &err), err);
}

static void an_empty_trail_is_whole(void **state)
{
	int64_t bad_id;

	end(NULL);
	rig_begin(&rig);
	must(store_audit_verify(rig.s, &bad_id, &err), err);
}

static void a_change_of_any_column_shows(void **state)
{
	for (uint32_t i = 0; i < table_audit.column_count; i++) {
		const struct store_column *c = &table_audit.columns[i];
		char sql[200];

		if (strcmp(c->name, "id") == 0)
			continue;
		snprintf(sql, sizeof(sql), "UPDATE audit SET %s = %s WHERE id = 7", c->name,
			 c->type == STORE_TEXT ? "summary || 'x'" : "status + 1");
		tamper(sql);
		assert_broken_at(7);
		end(NULL);
		begin(NULL);
	}
}

static void an_entry_that_was_taken_out_shows(void **state)
{
	tamper("DELETE FROM audit WHERE id = 9");
	assert_broken_at(9);
}

static void entries_that_changed_places_show(void **state)
{
	tamper("UPDATE audit SET id = 1000 WHERE id = 3; UPDATE audit SET id = 3 WHERE id = 4;"
	       "UPDATE audit SET id = 4 WHERE id = 1000");
	assert_broken_at(3);
}

static void an_end_that_was_cut_off_shows(void **state)
{
	tamper("DELETE FROM audit WHERE id > 15");
	assert_broken_at(16);
	add(2); /* goes on, and the hole still shows */
	assert_broken_at(16);
}

static void a_trail_that_was_emptied_shows(void **state)
{
	tamper("DELETE FROM audit");
	assert_broken_at(1);
}

static void an_entry_that_was_added_by_hand_shows(void **state)
{
	tamper("INSERT INTO audit SELECT 21, at_ms, actor, role, address, method, path, status,"
	       " object_type, object_name, summary, hash FROM audit WHERE id = 20");
	assert_broken_at(21);
}

#define EACH(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    EACH(a_trail_that_nobody_touched_is_whole), EACH(an_empty_trail_is_whole),
	    EACH(a_change_of_any_column_shows),         EACH(an_entry_that_was_taken_out_shows),
	    EACH(entries_that_changed_places_show),     EACH(an_end_that_was_cut_off_shows),
	    EACH(a_trail_that_was_emptied_shows),       EACH(an_entry_that_was_added_by_hand_shows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
