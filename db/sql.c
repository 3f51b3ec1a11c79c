/* SPDX-License-Identifier: MIT */
/*
 * sql.c - statements: prepared once and kept, values bound, rows read. Rows as JSON are in
 * sql_json.c.
 */
#include "sql.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---------------------------------------------------------------- errors */

static int fail_constraint(sqlite3 *db, int extended, struct err *err)
{
	switch (extended) {
	case SQLITE_CONSTRAINT_UNIQUE:
	case SQLITE_CONSTRAINT_PRIMARYKEY:
	case SQLITE_CONSTRAINT_ROWID:
		return err_set(err, EEXIST, "", "%s", sqlite3_errmsg(db));
	case SQLITE_CONSTRAINT_FOREIGNKEY:
		return err_set(err, EBUSY, "",
			       "other rows refer to it, or what it refers to is gone");
	default:
		return err_set(err, EINVAL, "", "%s", sqlite3_errmsg(db));
	}
}

int sql_fail(sqlite3 *db, int rc, struct err *err)
{
	int extended = db ? sqlite3_extended_errcode(db) : rc;
	int system = db ? sqlite3_system_errno(db) : 0;
	const char *text = db ? sqlite3_errmsg(db) : sqlite3_errstr(rc);

	switch (rc & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return err_set(err, EAGAIN, "",
			       "the database was busy for %u s: try again in a moment",
			       STORE_BUSY_MS / 1000u);
	case SQLITE_CONSTRAINT:
		return fail_constraint(db, extended, err);
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return err_set(err, EUCLEAN, "",
			       "the database is damaged (%.120s): stop sluice-policyd and start it "
			       "again, it will name the backup to restore",
			       text);
	case SQLITE_NOMEM:
		return err_set(err, ENOMEM, "", "not enough memory for the database");
	case SQLITE_READONLY:
		return err_set(err, EROFS, "", "the database cannot be written: %.200s", text);
	default:
		break;
	}
	if ((rc & 0xff) == SQLITE_FULL ||
	    (((rc & 0xff) == SQLITE_IOERR || (rc & 0xff) == SQLITE_CANTOPEN) && system == ENOSPC))
		return err_set(err, ENOSPC, "",
			       "the disk of the database is full: nothing was changed, free some "
			       "space and try again");
	return err_set(err, EIO, "", "the database cannot be used: %.200s%s%.80s", text,
		       system ? ": " : "", system ? strerror(system) : "");
}

int sql_missing(const struct store_table *t, const char *key, const char *field, struct err *err)
{
	return err_set(err, ENOENT, field, "there is no %s %.100s", t->singular, key);
}

/* ---------------------------------------------------------------- fault points */

/* A fork is a process of its own: it reads the environment again and counts from 0. */
static _Atomic pid_t fault_pid;
static _Atomic uint64_t fault_count;
static uint64_t fault_kill_at, fault_full_at;

void sql_fault_read(void)
{
	const char *text = getenv("SLUICE_FAULT");

	if (atomic_exchange(&fault_pid, getpid()) == getpid())
		return;
	atomic_store(&fault_count, 0);
	fault_kill_at = 0;
	fault_full_at = 0;
	if (text && strncmp(text, "kill:", 5) == 0)
		fault_kill_at = strtoull(text + 5, NULL, 10);
	if (text && strncmp(text, "enospc:", 7) == 0)
		fault_full_at = strtoull(text + 7, NULL, 10);
}

int sql_fault(struct err *err)
{
	uint64_t n = atomic_fetch_add(&fault_count, 1) + 1;

	if (n == fault_kill_at)
		raise(SIGKILL);
	if (n == fault_full_at)
		return err_set(err, ENOSPC, "",
			       "the disk of the database is full: nothing was changed, free some "
			       "space and try again");
	return 0;
}

uint64_t store_statements(void)
{
	return atomic_load(&fault_count);
}

/* ---------------------------------------------------------------- the cache */

static uint32_t bucket_of(const char *text)
{
	uint32_t hash = 2166136261u;

	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * 16777619u;
	return hash % SQL_BUCKETS;
}

static void statement_free(struct sql *q)
{
	sqlite3_finalize(q->stmt);
	free(q->text);
	free(q);
}

void sql_free_cache(struct store *s)
{
	for (uint32_t i = 0; i < SQL_BUCKETS; i++) {
		struct sql **at = &s->cache[i];

		while (*at) {
			struct sql *q = *at;

			if (q->is_in_use) {
				at = &q->next;
				continue;
			}
			*at = q->next;
			statement_free(q);
			s->cached--;
		}
	}
}

static struct sql *statement_new(struct store *s, const char *text, struct err *err)
{
	struct sql *q = calloc(1, sizeof(*q));
	int rc;

	if (!q || !(q->text = strdup(text))) {
		free(q);
		err_set(err, ENOMEM, "", "not enough memory for the database");
		return NULL;
	}
	q->s = s;
	rc = sqlite3_prepare_v3(s->db, text, -1, SQLITE_PREPARE_PERSISTENT, &q->stmt, NULL);
	if (rc == SQLITE_OK)
		return q;
	sql_fail(s->db, rc, err);
	statement_free(q);
	return NULL;
}

static struct sql *statement_get(struct store *s, const char *text, struct err *err)
{
	uint32_t bucket = bucket_of(text);
	bool is_taken = false;
	struct sql *q;

	for (q = s->cache[bucket]; q; q = q->next) {
		if (strcmp(q->text, text) != 0)
			continue;
		if (!q->is_in_use)
			break;
		is_taken = true;
	}
	if (!q)
		q = statement_new(s, text, err);
	if (!q)
		return NULL;
	if (!q->is_cached && !is_taken) {
		if (s->cached >= SQL_STATEMENTS_MAX)
			sql_free_cache(s);
		q->is_cached = true;
		q->next = s->cache[bucket];
		s->cache[bucket] = q;
		s->cached++;
	}
	q->is_in_use = true;
	return q;
}

void sql_end(struct sql *q)
{
	if (!q)
		return;
	sqlite3_reset(q->stmt);
	sqlite3_clear_bindings(q->stmt);
	q->is_in_use = false;
	if (!q->is_cached)
		statement_free(q);
}

/* ---------------------------------------------------------------- values in */

static int bind_json_text(sqlite3_stmt *stmt, int at, const json_t *value)
{
	char *text = value ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
	int rc;

	if (value && !text)
		return SQLITE_NOMEM;
	rc = text ? sqlite3_bind_text(stmt, at, text, -1, SQLITE_TRANSIENT)
		  : sqlite3_bind_null(stmt, at);
	free(text);
	return rc;
}

static int bind_value(sqlite3_stmt *stmt, int at, const json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_NULL:
		return sqlite3_bind_null(stmt, at);
	case JSON_TRUE:
	case JSON_FALSE:
		return sqlite3_bind_int(stmt, at, json_is_true(value));
	case JSON_INTEGER:
		return sqlite3_bind_int64(stmt, at, json_integer_value(value));
	case JSON_REAL:
		return sqlite3_bind_double(stmt, at, json_real_value(value));
	case JSON_STRING:
		return sqlite3_bind_text(stmt, at, json_string_value(value), -1, SQLITE_TRANSIENT);
	default:
		return bind_json_text(stmt, at, value);
	}
}

struct sql *sql_query_values(struct store *s, struct err *err, const char *text,
			     const json_t *values)
{
	struct sql *q = statement_get(s, text, err);
	int rc = SQLITE_OK;
	json_t *value;
	size_t i;

	if (!q)
		return NULL;
	json_array_foreach(values, i, value)
	{
		if (rc == SQLITE_OK)
			rc = bind_value(q->stmt, (int)i + 1, value);
	}
	if (rc == SQLITE_OK)
		return q;
	sql_fail(s->db, rc, err);
	sql_end(q);
	return NULL;
}

static struct sql *query_v(struct store *s, struct err *err, const char *text, const char *types,
			   va_list args)
{
	struct sql *q = statement_get(s, text, err);
	int rc = SQLITE_OK;
	int at = 0;

	for (; q && rc == SQLITE_OK && types[at]; at++) {
		if (types[at] == 'i')
			rc = sqlite3_bind_int64(q->stmt, at + 1, va_arg(args, int64_t));
		else if (types[at] == 'd')
			rc = sqlite3_bind_double(q->stmt, at + 1, va_arg(args, double));
		else if (types[at] == 't')
			rc = sqlite3_bind_text(q->stmt, at + 1, va_arg(args, const char *), -1,
					       SQLITE_TRANSIENT);
		else
			rc = bind_json_text(q->stmt, at + 1, va_arg(args, const json_t *));
	}
	if (q && rc != SQLITE_OK) {
		sql_fail(s->db, rc, err);
		sql_end(q);
		q = NULL;
	}
	return q;
}

struct sql *sql_query(struct store *s, struct err *err, const char *text, const char *types, ...)
{
	struct sql *q;
	va_list args;

	va_start(args, types);
	q = query_v(s, err, text, types, args);
	va_end(args);
	return q;
}

/* ---------------------------------------------------------------- rows out */

/* SQLite undoes a whole transaction by itself after some errors. What came then would stand alone
 * and be committed at once; so nothing comes. */
static int may_change(const struct store *s, struct err *err)
{
	if (!s->in_transaction)
		return err_set(err, ENOTRECOVERABLE, "",
			       "a change of the database outside a transaction was refused");
	if (sqlite3_get_autocommit(s->db))
		return err_set(err, ECANCELED, "",
			       "the transaction was undone after an earlier error");
	return sql_fault(err);
}

int sql_next(struct sql *q, struct err *err)
{
	int rc;

	if (!q)
		return err && err->code ? -err->code : -EIO;
	if (!sqlite3_stmt_busy(q->stmt) && !sqlite3_stmt_readonly(q->stmt)) {
		rc = may_change(q->s, err);
		if (rc < 0)
			return rc;
	}
	rc = sqlite3_step(q->stmt);
	if (rc == SQLITE_ROW)
		return 1;
	return rc == SQLITE_DONE ? 0 : sql_fail(q->s->db, rc, err);
}

int sql_run(struct store *s, struct err *err, const char *text, const char *types, ...)
{
	struct sql *q;
	va_list args;
	int rc;

	va_start(args, types);
	q = query_v(s, err, text, types, args);
	va_end(args);
	while ((rc = sql_next(q, err)) > 0)
		;
	sql_end(q);
	return rc;
}

int64_t sql_one_int(struct store *s, struct err *err, int64_t otherwise, const char *text,
		    const char *types, ...)
{
	int64_t value = otherwise;
	struct sql *q;
	va_list args;

	va_start(args, types);
	q = query_v(s, err, text, types, args);
	va_end(args);
	if (sql_next(q, err) > 0 && sqlite3_column_type(q->stmt, 0) != SQLITE_NULL)
		value = sql_int(q, 0);
	sql_end(q);
	return value;
}

json_t *sql_array(struct store *s, struct err *err, const char *text, const char *types, ...)
{
	json_t *array = json_array();
	struct sql *q;
	va_list args;
	int rc;

	va_start(args, types);
	q = query_v(s, err, text, types, args);
	va_end(args);
	while ((rc = sql_next(q, err)) > 0) {
		json_t *row = sql_object(q);
		json_t *item = json_object_get(row, "item");

		json_array_append(array, item ? item : row);
		json_decref(row);
	}
	sql_end(q);
	if (rc == 0)
		return array;
	json_decref(array);
	return NULL;
}

json_t *sql_first(struct store *s, struct err *err, const char *text, const char *types, ...)
{
	json_t *row = NULL;
	struct sql *q;
	va_list args;
	int rc;

	va_start(args, types);
	q = query_v(s, err, text, types, args);
	va_end(args);
	rc = sql_next(q, err);
	if (rc >= 0)
		row = rc > 0 ? sql_object(q) : json_null();
	sql_end(q);
	return row;
}
