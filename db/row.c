/* SPDX-License-Identifier: MIT */
/*
 * row.c - one row of any table to and from JSON, by the table's columns: store.h's get, insert,
 * update, note, delete.
 */
#include "row.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "clock.h"
#include "json.h"

/* ---------------------------------------------------------------- text */

void row_expression(FILE *out, const struct store_column *c)
{
	if (c->type == STORE_NAME_OF)
		fprintf(out, "(SELECT o.%s FROM %s AS o WHERE o.rowid = t.%s)", c->other->key,
			c->other->name, row_column(c));
	else
		fprintf(out, "t.%s", row_column(c));
}

static const char *kind_of(const struct store_column *c)
{
	switch (c->type) {
	case STORE_BOOL:
		return ":bool";
	case STORE_JSON_ARRAY:
	case STORE_JSON_OBJECT:
	case STORE_JSON:
		return ":json";
	default:
		return "";
	}
}

void row_columns(FILE *out, const struct store_table *t)
{
	for (uint32_t i = 0; i < t->column_count; i++) {
		row_expression(out, &t->columns[i]);
		fprintf(out, " AS \"%s%s\"%s", t->columns[i].name, kind_of(&t->columns[i]),
			i + 1 < t->column_count ? ", " : "");
	}
}

static char *select_with(const struct store_table *t, const char *tail, struct err *err)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (out) {
		fputs("SELECT ", out);
		row_columns(out, t);
		fprintf(out, " FROM %s AS t %s", t->name, tail);
	}
	if (!out || fclose(out) != 0) {
		err_set(err, ENOMEM, "", "not enough memory for the database");
		free(text);
		return NULL;
	}
	return text;
}

json_t *row_all(struct store *s, const struct store_table *t, const char *tail, struct err *err)
{
	cleanup_free char *text = select_with(t, tail, err);

	return text ? sql_array(s, err, text, "") : NULL;
}

/* ---------------------------------------------------------------- one row out */

static json_t *get_where(struct store *s, const struct store_table *t, const char *tail,
			 const char *types, const char *key, int64_t id, struct err *err)
{
	cleanup_free char *text = select_with(t, tail, err);
	char number[24];
	json_t *row;

	if (!text)
		return NULL;
	row =
	    types[0] == 'i' ? sql_first(s, err, text, "i", id) : sql_first(s, err, text, "t", key);
	if (!json_is_null(row))
		return row;
	snprintf(number, sizeof(number), "%lld", (long long)id);
	sql_missing(t, types[0] == 'i' ? number : key, "", err);
	return NULL;
}

json_t *store_get_id(struct store *s, const struct store_table *t, int64_t id, struct err *err)
{
	return get_where(s, t, "WHERE t.rowid = ?1", "i", NULL, id, err);
}

/* Paths name rows by text, and a text that is no number is no row's id. */
static bool id_from(const char *key, int64_t *id)
{
	char *end;

	*id = strtoll(key, &end, 10);
	return key[0] >= '0' && key[0] <= '9' && *end == '\0';
}

json_t *store_get(struct store *s, const struct store_table *t, const char *key, struct err *err)
{
	char tail[80];
	int64_t id;

	if (strcmp(t->key, "id") == 0) {
		if (id_from(key, &id))
			return store_get_id(s, t, id, err);
		sql_missing(t, key, "", err);
		return NULL;
	}
	snprintf(tail, sizeof(tail), "WHERE t.%s = ?1", t->key);
	return get_where(s, t, tail, "t", key, 0, err);
}

static int64_t find_id(struct store *s, const struct store_table *t, const char *key,
		       const char *field, struct err *err)
{
	struct err mine = {0};
	char text[120];
	int64_t id = 0;

	if (strcmp(t->key, "id") == 0 && !id_from(key, &id)) {
		sql_missing(t, key, field, err);
		return 0;
	}
	snprintf(text, sizeof(text), "SELECT rowid FROM %s WHERE %s = ?1", t->name, t->key);
	id =
	    id ? sql_one_int(s, &mine, 0, text, "i", id) : sql_one_int(s, &mine, 0, text, "t", key);
	if (mine.code) {
		if (err)
			*err = mine;
		return 0;
	}
	if (id == 0)
		sql_missing(t, key, field, err);
	return id;
}

int64_t store_id_of(struct store *s, const struct store_table *t, const char *key, struct err *err)
{
	return find_id(s, t, key, "", err);
}

/* ---------------------------------------------------------------- values in */

static bool fits(const struct store_column *c, const json_t *v)
{
	if (json_is_null(v) && c->type != STORE_JSON)
		return c->flags & STORE_NULLABLE;
	switch (c->type) {
	case STORE_INTEGER:
	case STORE_TIME_MS:
		return json_is_integer(v);
	case STORE_REAL:
		return json_is_number(v);
	case STORE_BOOL:
		return json_is_boolean(v);
	case STORE_JSON_ARRAY:
		return json_is_array(v);
	case STORE_JSON_OBJECT:
		return json_is_object(v);
	case STORE_JSON:
		return true;
	default:
		return json_is_string(v);
	}
}

/* What SQLite stores for the member: a reference's number, JSON as text. New reference. */
static json_t *stored_form(struct store *s, const struct store_column *c, json_t *v,
			   struct err *err)
{
	cleanup_free char *text = NULL;
	int64_t id;

	if (!fits(c, v)) {
		err_set(err, EINVAL, c->name, "%s has a value of the wrong type", c->name);
		return NULL;
	}
	if (c->type == STORE_NAME_OF && json_is_string(v)) {
		id = find_id(s, c->other, json_string_value(v), c->name, err);
		return id ? json_integer(id) : NULL;
	}
	if (c->type != STORE_JSON)
		return json_incref(v);
	text = json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY);
	return text ? json_string(text) : NULL;
}

/* The member as it is to be in a new row; NULL: SQL's own default. New reference. */
static json_t *initial(const struct store_column *c, const json_t *row)
{
	json_t *given = json_object_get(row, c->name);

	if (given)
		return json_incref(given);
	if (strcmp(c->name, "created_ms") == 0)
		return json_integer((json_int_t)clock_wall_ms());
	return c->def ? json_loads(c->def, JSON_DECODE_ANY, NULL) : NULL;
}

static int known_only(const struct store_table *t, const json_t *row, struct err *err)
{
	const char *name;
	json_t *v;

	json_object_foreach((json_t *)(uintptr_t)row, name, v)
	{
		if (!table_find(t, name))
			return err_set(err, EINVAL, name, "'%.60s' is not known for a %s", name,
				       t->singular);
	}
	return 0;
}

/* ---------------------------------------------------------------- insert */

static int insert_parts(struct store *s, const struct store_table *t, const json_t *row,
			FILE *names, FILE *marks, json_t *values, struct err *err)
{
	for (uint32_t i = 0; i < t->column_count; i++) {
		cleanup_json json_t *v = initial(&t->columns[i], row);
		json_t *stored;

		if (!v)
			continue;
		stored = stored_form(s, &t->columns[i], v, err);
		if (!stored)
			return err && err->code ? -err->code : -ENOMEM;
		fprintf(names, "%s%s", json_array_size(values) ? ", " : "",
			row_column(&t->columns[i]));
		fprintf(marks, "%s?%zu", json_array_size(values) ? ", " : "",
			json_array_size(values) + 1);
		json_array_append_new(values, stored);
	}
	return 0;
}

static int run_values(struct store *s, const struct store_table *t, const char *text,
		      const json_t *values, const json_t *row, struct err *err)
{
	cleanup_sql struct sql *q = sql_query_values(s, err, text, values);
	int rc = sql_next(q, err);

	if (rc == -EEXIST || rc == -EINVAL || rc == -EBUSY)
		return constraint_explain(s, t, row, err);
	return rc < 0 ? rc : 0;
}

static int insert_row(struct store *s, const struct store_table *t, const json_t *row,
		      struct err *err)
{
	cleanup_json json_t *values = json_array();
	cleanup_free char *names = NULL, *marks = NULL, *text = NULL;
	size_t names_size, marks_size;
	FILE *names_out = open_memstream(&names, &names_size);
	FILE *marks_out = open_memstream(&marks, &marks_size);
	int rc = -ENOMEM;

	if (names_out && marks_out)
		rc = insert_parts(s, t, row, names_out, marks_out, values, err);
	if (names_out)
		fclose(names_out);
	if (marks_out)
		fclose(marks_out);
	if (rc < 0)
		return rc;
	if (asprintf(&text, "INSERT INTO %s (%s) VALUES (%s)", t->name, names, marks) < 0)
		return -ENOMEM;
	return run_values(s, t, text, values, row, err);
}

json_t *store_insert(struct store *s, const struct store_table *t, const json_t *row,
		     struct err *err)
{
	struct err mine = {0};

	if (known_only(t, row, &mine) == 0 && insert_row(s, t, row, &mine) == 0)
		return store_get_id(s, t, sqlite3_last_insert_rowid(s->db), err);
	if (!mine.code)
		err_set(&mine, ENOMEM, "", "not enough memory for the database");
	if (err)
		*err = mine;
	return NULL;
}

/* ---------------------------------------------------------------- update, note, delete */

static char *update_text(struct store *s, const struct store_table *t, const json_t *changes,
			 bool is_revised, json_t *values, struct err *err)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	bool is_good = out != NULL;
	const char *name;
	json_t *v;

	if (!is_good)
		return NULL;
	fprintf(out, "UPDATE %s SET ", t->name);
	json_object_foreach((json_t *)(uintptr_t)changes, name, v)
	{
		const struct store_column *c = table_find(t, name);
		json_t *stored = is_good ? stored_form(s, c, v, err) : NULL;

		is_good = is_good && stored;
		fprintf(out, "%s%s = ?%zu", json_array_size(values) ? ", " : "", row_column(c),
			json_array_size(values) + 1);
		if (stored)
			json_array_append_new(values, stored);
	}
	fprintf(out, "%s WHERE rowid = ?%zu", is_revised ? ", revision = revision + 1" : "",
		json_array_size(values) + 1);
	if (fclose(out) == 0 && is_good)
		return text;
	free(text);
	return NULL;
}

static int change(struct store *s, const struct store_table *t, int64_t id, const json_t *changes,
		  bool is_revised, struct err *err)
{
	cleanup_json json_t *values = json_array();
	cleanup_free char *text = NULL;
	struct err mine = {0};
	int rc = known_only(t, changes, &mine);

	if (rc == 0 && json_object_size(changes) == 0)
		return 0;
	if (rc == 0)
		text = update_text(s, t, changes, is_revised, values, &mine);
	if (rc == 0 && !text && !mine.code)
		err_set(&mine, ENOMEM, "", "not enough memory for the database");
	if (mine.code) {
		if (err)
			*err = mine;
		return -mine.code;
	}
	json_array_append_new(values, json_integer(id));
	rc = run_values(s, t, text, values, changes, err);
	if (rc == 0 && sqlite3_changes64(s->db) == 0)
		return err_set(err, ENOENT, "", "there is no %s number %lld any more", t->singular,
			       (long long)id);
	return rc;
}

static const char *label_of(const struct store_table *t, const json_t *row)
{
	const char *label = json_string_value(json_object_get(row, t->key));

	return label ? label : "";
}

static int match(const struct store_table *t, const json_t *row, int64_t revision, struct err *err)
{
	int64_t there = json_integer_value(json_object_get(row, "revision"));

	if (!t->has_revision || revision == 0 || revision == there)
		return 0;
	return err_set(err, ESTALE, "revision",
		       "%s %.100s has revision %lld, not %lld: somebody has changed it meanwhile; "
		       "read it again and repeat the change",
		       t->singular, label_of(t, row), (long long)there, (long long)revision);
}

json_t *store_update(struct store *s, const struct store_table *t, int64_t id,
		     const json_t *changes, int64_t revision, struct err *err)
{
	cleanup_json json_t *before = store_get_id(s, t, id, err);

	if (!before || match(t, before, revision, err) < 0 ||
	    change(s, t, id, changes, t->has_revision, err) < 0)
		return NULL;
	return store_get_id(s, t, id, err);
}

int store_note(struct store *s, const struct store_table *t, int64_t id, const json_t *changes,
	       struct err *err)
{
	return change(s, t, id, changes, false, err);
}

int store_delete(struct store *s, const struct store_table *t, int64_t id, int64_t revision,
		 struct err *err)
{
	struct err mine = {0};
	cleanup_json json_t *before = store_get_id(s, t, id, &mine);
	char text[80];
	int rc = before ? match(t, before, revision, &mine) : -mine.code;

	if (rc == 0)
		rc = constraint_unused(s, t, id, &mine);
	snprintf(text, sizeof(text), "DELETE FROM %s WHERE rowid = ?1", t->name);
	if (rc == 0)
		rc = sql_run(s, &mine, text, "i", id);
	if (rc < 0 && err)
		*err = mine;
	return rc;
}
