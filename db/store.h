/* SPDX-License-Identifier: MIT */
/*
 * store.h - the appliance's database: one SQLite file, the truth about what it is to be.
 *
 * Every thread opens a store of its own on the same file; SQLite's locks are all that is between
 * them. WAL, synchronous=FULL, foreign keys. Every change stands in a transaction: begin, changes,
 * commit; reading needs none.
 *
 *   store.c          open, close, transactions
 *   sql*.c           statements, values and rows, SQLite's errors, fault points
 *   migrate.c        numbered migrations; migrations.c has schema/NNNN_*.sql inside
 *   check.c          is this file a whole database of ours? what to do if it is not
 *   backup.c         online backup, the one at start; restore.c the way back
 *   generation.c     a count of commits, which tells a lost write-ahead log
 *   table*.c         the tables' columns, and a client's JSON against them
 *   row.c            a row of any table to and from JSON; constraint.c why one is refused
 *   query.c          lists: filter, sort, pages; cursor.c
 *   store_*.c        what is more than one row: links, desired state, tasks, events, audit
 *   history.c        a day of figures, in a file of its own
 *
 * Thread: the one that opened it. Errors everywhere: -EAGAIN the database was busy for
 * STORE_BUSY_MS; -ENOSPC the disk is full; -EIO; -EUCLEAN it is damaged. After an error inside a
 * transaction only store_rollback() is left.
 */
#ifndef DB_STORE_H
#define DB_STORE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "err.h"
#include "table.h"

#define STORE_BUSY_MS      5000u
#define STORE_BACKUPS_KEPT 8u /* made by itself, at start, and before a migration */
#define STORE_PAGE_MAX     1000u
#define STORE_PAGE_DEFAULT 100u

struct store;

/* ---------------------------------------------------------------- the file */

/*
 * Opens or creates the database at path, mode 0600. The first open of a process (is_first) checks
 * it, keeps a backup in backup_dir (sluice-YYYYMMDDTHHMMSSZ-vN.db) and migrates; later ones only
 * open. Errors: -EUCLEAN damaged: the sentence names the newest good backup and how to restore it,
 * the file is left as it is; -EPROTO made by a newer version: both versions named; -ENOSPC.
 */
int must_check store_open(const char *path, const char *backup_dir, bool is_first,
			  struct store **out, struct err *err);
void store_close(struct store *s);
uint32_t store_schema_version(const struct store *s);

/* Online, while others write: a whole, checked copy at path, mode 0600. -EEXIST. */
int must_check store_backup(struct store *s, const char *path, struct err *err);
/* Takes backup's place for the database at path while nobody has that open; the old one is put
 * aside as path.before-restore-<time>. Checks backup first. */
int must_check store_restore(const char *path, const char *backup, struct err *err);
/* [{"name", "path", "created_ms", "size_bytes", "schema_version"}], newest first. New reference. */
json_t *store_backups(const char *backup_dir, struct err *err);

/* ---------------------------------------------------------------- transactions */

/* Immediate: takes the write lock now, waits up to STORE_BUSY_MS. Not nested. */
int must_check store_begin(struct store *s, struct err *err);
int must_check store_commit(struct store *s, struct err *err);
void store_rollback(struct store *s); /* fine when none is open */
bool store_in_transaction(const struct store *s);

/* Grows with every commit of any connection that changed something; cheap. For "has anything
 * changed?" */
uint64_t store_data_version(struct store *s);

/* ---------------------------------------------------------------- rows
 * JSON as in table.h. Members that a client may not set are allowed here: the caller has checked.
 * New references are returned. */

/* By the table's key column, as text. NULL with -ENOENT in err->code: "there is no volume web-1".
 */
json_t *store_get(struct store *s, const struct store_table *t, const char *key, struct err *err);
json_t *store_get_id(struct store *s, const struct store_table *t, int64_t id, struct err *err);
/* 0 and err set when there is none. */
int64_t store_id_of(struct store *s, const struct store_table *t, const char *key, struct err *err);

/* created_ms and defaults are filled in. Returns the new row whole. -EEXIST: the name (or IQN ...)
 * is taken, field named; -ENOENT: a row that is referred to by name is not there. */
json_t *store_insert(struct store *s, const struct store_table *t, const json_t *row,
		     struct err *err);
/* Only the members of changes. revision: the one that must be there (0: any), else -ESTALE with
 * both in the sentence. Returns the row as it is now. */
json_t *store_update(struct store *s, const struct store_table *t, int64_t id,
		     const json_t *changes, int64_t revision, struct err *err);
/* Does not count as a change (revision stays): running_state, last_used_ms and the like. */
int must_check store_note(struct store *s, const struct store_table *t, int64_t id,
			  const json_t *changes, struct err *err);
/* -EBUSY: other rows refer to it; the sentence names up to five. */
int must_check store_delete(struct store *s, const struct store_table *t, int64_t id,
			    int64_t revision, struct err *err);

/* ---------------------------------------------------------------- lists */

struct store_query {
	const char *const
	    *filters;       /* pairs: column, value (as text); ends with NULL; may be NULL */
	const char *search; /* part of the name or description; NULL: all */
	const char *sort;   /* "name", "-created_ms"; NULL: the key, upwards */
	const char *cursor; /* from the page before; NULL: the first */
	uint32_t limit;     /* 0: STORE_PAGE_DEFAULT; at most STORE_PAGE_MAX */
	int64_t after_id;   /* only rows with a greater id; 0: all */
};

/* {"items": [rows], "next_cursor": text or null, "total": number}. A cursor stays right while rows
 * come and go: nothing is shown twice, nothing that stays is left out. */
json_t *store_list(struct store *s, const struct store_table *t, const struct store_query *q,
		   struct err *err);
/* [rows], however many there are. */
json_t *store_list_all(struct store *s, const struct store_table *t, const char *const *filters,
		       struct err *err);

/* ---------------------------------------------------------------- settings */

/* NULL: not set (no error). New reference. */
json_t *store_setting(struct store *s, const char *key);
int must_check store_setting_put(struct store *s, const char *key, json_t *value, struct err *err);

/*
 * Fault points, for tests: with SLUICE_FAULT=kill:N in the environment the process ends by SIGKILL
 * before its N-th statement that changes something (BEGIN and COMMIT count too), with
 * SLUICE_FAULT=enospc:N that statement says that the disk is full. Read once, when the process's
 * first store is opened. Returns how many such statements this process has run.
 */
uint64_t store_statements(void);

#endif
