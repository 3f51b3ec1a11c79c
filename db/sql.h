/* SPDX-License-Identifier: MIT */
/*
 * sql.h - how the files of db/ speak to SQLite: cached statements, values in, rows out as JSON,
 * SQLite's errors as ours. Nobody outside db/ includes it.
 *
 *	struct sql *q cleanup_sql = sql_query(s, err, "SELECT ... WHERE id = ?1", "i", id);
 *	while ((rc = sql_next(q, err)) > 0)
 *		... sql_int(q, 0) ...
 *
 * Thread: the store's. Errors: as store.h; a breach of a constraint is -EEXIST (unique),
 * -EBUSY (foreign key) or -EINVAL (check, NOT NULL, type), with SQLite's own words as text.
 */
#ifndef DB_SQL_H
#define DB_SQL_H

#include <sqlite3.h>

#include "log.h"
#include "store.h"

#define SQL_BUCKETS          128u
#define SQL_STATEMENTS_MAX   256u
#define SQL_APPLICATION_ID   0x534c5543 /* "SLUC": a database of ours and of nobody else */
#define SQL_GENERATION_BYTES 21u        /* 20 digits and a newline */

/* One prepared statement; at home in the store's cache unless that has it in use already. */
struct sql {
	struct store *s;
	sqlite3_stmt *stmt;
	char *text;
	bool is_cached, is_in_use;
	struct sql *next;
};

struct store {
	sqlite3 *db;
	char *path;
	int seen_fd; /* generation.h */
	struct log_limit log_limit;
	bool in_transaction;
	uint64_t busy_since_ns;
	int64_t changes_before; /* sqlite3_total_changes64() at begin */
	struct sql *cache[SQL_BUCKETS];
	uint32_t cached;
};

/* What sqlite3_*() answered, as -errno and a sentence. */
int sql_fail(sqlite3 *db, int rc, struct err *err);

/*
 * Prepares (or takes from the cache) and binds. types has a letter for each value:
 * i int64_t, d double, t const char * (NULL: NULL), j const json_t * (as JSON text; NULL: NULL).
 * NULL with err set. A NULL query is fine everywhere below.
 */
struct sql *sql_query(struct store *s, struct err *err, const char *text, const char *types, ...);
/* The same with an array of values: strings, numbers, booleans (1, 0), null; others as JSON text.
 */
struct sql *sql_query_values(struct store *s, struct err *err, const char *text,
			     const json_t *values);
/* 1: a row; 0: no more; -errno. */
int must_check sql_next(struct sql *q, struct err *err);
void sql_end(struct sql *q);

static inline void cleanup_sql_p(struct sql **q)
{
	sql_end(*q);
}
#define cleanup_sql __attribute__((cleanup(cleanup_sql_p)))

int64_t sql_int(const struct sql *q, int column);
const char *sql_text(const struct sql *q, int column); /* "" for NULL; valid until sql_next() */
/* The row as an object whose members are the columns' names; "name:json" is parsed, "name:bool" is
 * a boolean. New reference. */
json_t *sql_object(const struct sql *q);

/* A statement without rows. */
int must_check sql_run(struct store *s, struct err *err, const char *text, const char *types, ...);
/* The first column of the first row; otherwise: what is answered if there is none. err as NULL or
 * with code 0 before the call tells that nothing went wrong. */
int64_t sql_one_int(struct store *s, struct err *err, int64_t otherwise, const char *text,
		    const char *types, ...);
/* All rows as objects; with one column that is named "item" as an array of its values. NULL with
 * err set. */
json_t *sql_array(struct store *s, struct err *err, const char *text, const char *types, ...);
/* The first row as an object; json_null() when there is none; NULL with err set. */
json_t *sql_first(struct store *s, struct err *err, const char *text, const char *types, ...);

/* Every statement of text in order, uncached: migrations. */
int must_check sql_script(sqlite3 *db, const char *text, struct err *err);
/* PRAGMA name, or the first column of any one-line answer; otherwise when there is none. */
int64_t sql_pragma(sqlite3 *db, const char *text, int64_t otherwise);

/* Before each statement that changes something: store.h's fault points. */
int must_check sql_fault(struct err *err);
/* Reads the environment, once in a process, when its first store is opened. */
void sql_fault_read(void);

/* A reading of several statements that sees one state; part of the transaction if one is open. */
struct sql_snapshot {
	sqlite3 *db;
};
struct sql_snapshot sql_snapshot_begin(struct store *s);
void sql_snapshot_end(struct sql_snapshot *snap);
#define cleanup_snapshot __attribute__((cleanup(sql_snapshot_end), unused))

void sql_free_cache(struct store *s);

/* "there is no volume web-1". Returns -ENOENT. */
int sql_missing(const struct store_table *t, const char *key, const char *field, struct err *err);
/* A SQLite error text about a constraint becomes a sentence with its field; row: what was to be
 * stored. Returns -err->code. */
int constraint_explain(struct store *s, const struct store_table *t, const json_t *row,
		       struct err *err);
/* -EBUSY when rows refer to this one, with up to five of their names. */
int must_check constraint_unused(struct store *s, const struct store_table *t, int64_t id,
				 struct err *err);

#endif
