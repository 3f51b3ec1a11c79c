/* SPDX-License-Identifier: MIT */
/* Every table's rows come back as they were stored, and columns and schema say the same. */
#include "store_rig.h"

#include <sqlite3.h>

static struct rig rig;

static int begin(void **state)
{
	rig_begin(&rig);
	return 0;
}

static int end(void **state)
{
	rig_end(&rig);
	return 0;
}

static void a_row_comes_back_as_it_was_stored(void **state)
{
	for (int i = 0; store_tables[i]; i++) {
		const struct store_table *t = store_tables[i];
		cleanup_json json_t *given = rig_sample(&rig, t, i);
		cleanup_json json_t *made = NULL, *again = NULL;
		struct err err = {0};
		const char *name;
		json_t *v;

		must(store_begin(rig.s, &err), err);
		made = store_insert(rig.s, t, given, &err);
		if (!made)
			fail_msg("%s: %s", t->name, err.text);
		must(store_commit(rig.s, &err), err);
		json_object_foreach(given, name, v)
		{
			if (!json_equal(v, json_object_get(made, name)))
				fail_msg("%s.%s changed on its way", t->name, name);
		}
		assert_int_equal(json_object_size(made), t->column_count);
		if (strcmp(t->key, "id") == 0)
			again = store_get_id(rig.s, t,
					     json_integer_value(json_object_get(made, "id")), &err);
		else
			again = store_get(rig.s, t,
					  json_string_value(json_object_get(made, t->key)), &err);
		assert_true(json_equal(made, again));
	}
}

static void what_a_client_may_leave_out_gets_the_default_that_is_told(void **state)
{
	for (int i = 0; store_tables[i]; i++) {
		const struct store_table *t = store_tables[i];
		cleanup_json json_t *given = rig_sample(&rig, t, 500 + i);
		cleanup_json json_t *made = NULL;
		struct err err = {0};

		for (uint32_t c = 0; c < t->column_count; c++)
			if (t->columns[c].def)
				json_object_del(given, t->columns[c].name);
		must(store_begin(rig.s, &err), err);
		made = store_insert(rig.s, t, given, &err);
		if (!made)
			fail_msg("%s: %s", t->name, err.text);
		for (uint32_t c = 0; c < t->column_count; c++) {
			cleanup_json json_t *def =
			    t->columns[c].def ? json_loads(t->columns[c].def, JSON_DECODE_ANY, NULL)
					      : NULL;

			if (t->columns[c].def &&
			    !json_equal(def, json_object_get(made, t->columns[c].name)))
				fail_msg("%s.%s", t->name, t->columns[c].name);
		}
		store_rollback(rig.s);
	}
}

/* ---------------------------------------------------------------- columns against the schema */

static const struct store_column *find_column(const struct store_table *t, const char *column)
{
	for (uint32_t i = 0; i < t->column_count; i++) {
		const struct store_column *c = &t->columns[i];

		if (strcmp(c->column ? c->column : c->name, column) == 0)
			return c;
	}
	return NULL;
}

static const char *sql_type(const struct store_column *c)
{
	switch (c->type) {
	case STORE_INTEGER:
	case STORE_BOOL:
	case STORE_TIME_MS:
	case STORE_NAME_OF:
		return "INTEGER";
	case STORE_REAL:
		return "REAL";
	default:
		return "TEXT";
	}
}

/* A default of SQL's as the JSON value that it stands for. */
static bool same_default(const struct store_column *c, const char *sql)
{
	char json[80];
	size_t len = strlen(sql);

	if (c->type == STORE_BOOL)
		return strcmp(c->def, strcmp(sql, "1") == 0 ? "true" : "false") == 0;
	if (c->type == STORE_REAL)
		return strtod(c->def, NULL) == strtod(sql, NULL);
	if (sql[0] != '\'')
		return strcmp(c->def, sql) == 0;
	if (c->type == STORE_JSON_ARRAY || c->type == STORE_JSON_OBJECT)
		snprintf(json, sizeof(json), "%.*s", (int)(len - 2), sql + 1);
	else
		snprintf(json, sizeof(json), "\"%.*s\"", (int)(len - 2), sql + 1);
	return strcmp(c->def, json) == 0;
}

static void compare_column(const struct store_table *t, sqlite3_stmt *info)
{
	const char *column = (const char *)sqlite3_column_text(info, 0);
	const char *type = (const char *)sqlite3_column_text(info, 1);
	bool is_not_null = sqlite3_column_int(info, 2) || sqlite3_column_int(info, 4);
	const char *def = (const char *)sqlite3_column_text(info, 3);
	const struct store_column *c = find_column(t, column);

	if (!c)
		fail_msg("%s.%s is in the schema and not among the columns", t->name, column);
	if (strcmp(type, sql_type(c)) != 0)
		fail_msg("%s.%s has another type in the schema: %s", t->name, column, type);
	if (is_not_null == (bool)(c->flags & STORE_NULLABLE))
		fail_msg("%s.%s: NULL or not?", t->name, column);
	if (c->def && def && !same_default(c, def))
		fail_msg("%s.%s: default %s here, %s in the schema", t->name, column, c->def, def);
	if (strcmp(column, "revision") == 0)
		assert_true(t->has_revision);
}

static void columns_and_schema_say_the_same(void **state)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open_v2(rig.path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	for (int i = 0; store_tables[i]; i++) {
		const struct store_table *t = store_tables[i];
		sqlite3_stmt *info;
		uint32_t count = 0;

		assert_int_equal(sqlite3_prepare_v2(db,
						    "SELECT name, type, \"notnull\", dflt_value, pk"
						    " FROM pragma_table_info(?1)",
						    -1, &info, NULL),
				 SQLITE_OK);
		sqlite3_bind_text(info, 1, t->name, -1, SQLITE_STATIC);
		for (; sqlite3_step(info) == SQLITE_ROW; count++)
			compare_column(t, info);
		sqlite3_finalize(info);
		/* targets' number is its volume's: one column, seen as a name */
		assert_int_equal(count, t->column_count);
	}
	sqlite3_close(db);
}

static void every_choice_of_a_column_is_taken_by_the_schema(void **state)
{
	int number = 2000;

	for (int i = 0; store_tables[i]; i++) {
		const struct store_table *t = store_tables[i];

		for (uint32_t c = 0; c < t->column_count; c++) {
			const char *const *choice = t->columns[c].choices;

			for (; choice && *choice; choice++) {
				cleanup_json json_t *row = rig_sample(&rig, t, number++);
				cleanup_json json_t *made = NULL;
				struct err err = {0};

				json_object_set_new(row, t->columns[c].name, json_string(*choice));
				must(store_begin(rig.s, &err), err);
				made = store_insert(rig.s, t, row, &err);
				if (!made)
					fail_msg("%s.%s = %s: %s", t->name, t->columns[c].name,
						 *choice, err.text);
				store_rollback(rig.s);
			}
		}
	}
}

static void every_column_has_a_unit_and_a_sentence(void **state)
{
	for (int i = 0; store_tables[i]; i++) {
		const struct store_table *t = store_tables[i];

		assert_non_null(table_find(t, t->key));
		for (uint32_t n = 0; n < t->column_count; n++) {
			const struct store_column *c = &t->columns[n];

			assert_non_null(c->unit);
			assert_non_null(c->help);
			assert_int_equal(c->help[strlen(c->help) - 1], '.');
			assert_true(c->type != STORE_ENUM || c->choices);
			assert_true(c->type != STORE_NAME_OF || c->other);
			assert_ptr_equal(table_find(t, c->name), c);
		}
	}
}

static void nothing_hidden_leaves(void **state)
{
	cleanup_json json_t *row = rig_sample(&rig, &table_users, 900);
	cleanup_json json_t *shown = table_public(&table_users, row);

	assert_non_null(json_object_get(row, "password_hash"));
	assert_null(json_object_get(shown, "password_hash"));
	assert_non_null(json_object_get(shown, "name"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_row_comes_back_as_it_was_stored),
	    cmocka_unit_test(what_a_client_may_leave_out_gets_the_default_that_is_told),
	    cmocka_unit_test(columns_and_schema_say_the_same),
	    cmocka_unit_test(every_choice_of_a_column_is_taken_by_the_schema),
	    cmocka_unit_test(every_column_has_a_unit_and_a_sentence),
	    cmocka_unit_test(nothing_hidden_leaves),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
