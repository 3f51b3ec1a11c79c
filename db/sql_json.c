/* SPDX-License-Identifier: MIT */
/* sql_json.c - a row as JSON; scripts, pragmas and snapshots: what needs no cached statement. */
#include "sql.h"

#include <errno.h>
#include <string.h>

int64_t sql_int(const struct sql *q, int column)
{
	return sqlite3_column_int64(q->stmt, column);
}

const char *sql_text(const struct sql *q, int column)
{
	const char *text = (const char *)sqlite3_column_text(q->stmt, column);

	return text ? text : "";
}

static json_t *value_of(const struct sql *q, int column, const char *kind)
{
	const char *text;
	json_t *parsed;

	switch (sqlite3_column_type(q->stmt, column)) {
	case SQLITE_NULL:
		return json_null();
	case SQLITE_INTEGER:
		if (strcmp(kind, ":bool") == 0)
			return json_boolean(sql_int(q, column) != 0);
		return json_integer(sql_int(q, column));
	case SQLITE_FLOAT:
		return json_real(sqlite3_column_double(q->stmt, column));
	default:
		break;
	}
	text = sql_text(q, column);
	if (strcmp(kind, ":json") == 0) {
		parsed = json_loads(text, JSON_DECODE_ANY, NULL);
		return parsed ? parsed : json_null();
	}
	parsed = json_string(text);
	return parsed ? parsed : json_string("(not UTF-8)");
}

json_t *sql_object(const struct sql *q)
{
	json_t *row = json_object();
	int count = sqlite3_column_count(q->stmt);

	for (int i = 0; i < count; i++) {
		const char *name = sqlite3_column_name(q->stmt, i);
		const char *kind = strchrnul(name, ':');

		json_object_setn_new(row, name, (size_t)(kind - name), value_of(q, i, kind));
	}
	return row;
}

int sql_script(sqlite3 *db, const char *text, struct err *err)
{
	int rc = SQLITE_OK;

	while (rc == SQLITE_OK && *text) {
		sqlite3_stmt *stmt = NULL;
		int fault = 0;

		rc = sqlite3_prepare_v2(db, text, -1, &stmt, &text);
		if (rc == SQLITE_OK && stmt) {
			fault = sql_fault(err);
			while (!fault && (rc = sqlite3_step(stmt)) == SQLITE_ROW)
				;
			rc = rc == SQLITE_DONE || fault ? SQLITE_OK : rc;
		}
		if (rc != SQLITE_OK)
			fault = sql_fail(db, rc, err);
		sqlite3_finalize(stmt);
		if (fault)
			return fault;
	}
	return rc == SQLITE_OK ? 0 : sql_fail(db, rc, err);
}

int64_t sql_pragma(sqlite3 *db, const char *text, int64_t otherwise)
{
	sqlite3_stmt *stmt = NULL;
	int64_t value = otherwise;

	if (sqlite3_prepare_v2(db, text, -1, &stmt, NULL) == SQLITE_OK &&
	    sqlite3_step(stmt) == SQLITE_ROW)
		value = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	return value;
}

struct sql_snapshot sql_snapshot_begin(struct store *s)
{
	struct sql_snapshot snap = {NULL};

	if (sqlite3_get_autocommit(s->db) &&
	    sqlite3_exec(s->db, "BEGIN", NULL, NULL, NULL) == SQLITE_OK)
		snap.db = s->db;
	return snap;
}

void sql_snapshot_end(struct sql_snapshot *snap)
{
	if (snap->db)
		sqlite3_exec(snap->db, "COMMIT", NULL, NULL, NULL);
}
