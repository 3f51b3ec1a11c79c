/* SPDX-License-Identifier: MIT */
/* store.c - open and close, transactions, settings. */
#include "store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"
#include "file.h"
#include "generation.h"
#include "json.h"
#include "log.h"
#include "migrate.h"
#include "sql.h"

/* Waits for a lock: a few short ones, a change takes a few ms; then longer ones. */
#define BUSY_SHORT_WAITS 8
#define BUSY_SHORT_MS    1u
#define BUSY_LONG_MS     5u

/* ---------------------------------------------------------------- open, close */

/*
 * SQLite has nothing to wait on but the lock itself. Its own handler waits longer and longer, so
 * that among many writers the one that came first has the least chance; here all who wait longer
 * than a change takes wait alike, by chance.
 */
static int wait_for_lock(void *ctx, int count)
{
	struct store *s = ctx;
	uint64_t now_ns = clock_now_ns();
	uint32_t random, least_ms = count < BUSY_SHORT_WAITS ? BUSY_SHORT_MS : BUSY_LONG_MS;

	if (count == 0)
		s->busy_since_ns = now_ns;
	if (now_ns - s->busy_since_ns > STORE_BUSY_MS * CLOCK_NS_PER_MS)
		return 0;
	sqlite3_randomness(sizeof(random), &random);
	sqlite3_sleep((int)(least_ms + random % (2 * least_ms)));
	return 1;
}

static int set_up(struct store *s, struct err *err)
{
	sqlite3 *db = s->db;
	int rc;

	sqlite3_extended_result_codes(db, 1);
	sqlite3_busy_handler(db, wait_for_lock, s);
	sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	rc = sqlite3_exec(db,
			  "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;"
			  "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
			  "PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY;"
			  "PRAGMA journal_size_limit = 16777216;",
			  NULL, NULL, NULL);
	return rc == SQLITE_OK ? 0 : sql_fail(db, rc, err);
}

static int connect_to(struct store *s, struct err *err)
{
	int rc =
	    sqlite3_open_v2(s->path, &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);

	return rc == SQLITE_OK ? set_up(s, err) : sql_fail(s->db, rc, err);
}

static void disconnect(struct store *s)
{
	sql_free_cache(s);
	sqlite3_close(s->db);
	s->db = NULL;
}

/* The database and what SQLite keeps beside it. */
static const char *const tails[] = {"", "-wal", "-shm", "-journal"};
#define TAIL_COUNT (sizeof(tails) / sizeof(tails[0]))

static void remove_with_logs(const char *path)
{
	for (size_t i = 0; i < TAIL_COUNT; i++) {
		cleanup_free char *name = NULL;

		if (asprintf(&name, "%s%s", path, tails[i]) >= 0)
			unlink(name);
	}
}

/* Before anybody reads it: what SQLite makes beside it gets the same mode. */
static int set_modes(const char *path, struct err *err)
{
	for (size_t i = 0; i < TAIL_COUNT; i++) {
		cleanup_free char *name = NULL;

		if (asprintf(&name, "%s%s", path, tails[i]) < 0)
			return err_set(err, ENOMEM, "", "not enough memory for the database");
		if (chmod(name, 0600) < 0 && errno != ENOENT)
			return err_set(err, errno, "", "cannot set the mode of %.200s: %s", name,
				       strerror(errno));
	}
	return 0;
}

/* An empty file with the final mode: SQLite gives its logs the mode of the database. */
static int make_file(const char *path, struct err *err)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return err_set(err, errno, "", "cannot create the database %.200s: %s", path,
			       strerror(errno));
	close(fd);
	return 0;
}

/*
 * A new database is made under another name and takes its own when it is whole: an empty or half
 * made file under the real name is always damage.
 */
static int create(const char *path, struct err *err)
{
	struct store made = {.seen_fd = -1};
	char mark[64];
	int rc;

	if (asprintf(&made.path, "%s.new", path) < 0)
		return err_set(err, ENOMEM, "", "not enough memory for the database");
	remove_with_logs(made.path);
	rc = make_file(made.path, err);
	if (rc == 0)
		rc = connect_to(&made, err);
	snprintf(mark, sizeof(mark), "PRAGMA application_id = %d", SQL_APPLICATION_ID);
	if (rc == 0)
		rc = sql_script(made.db, mark, err);
	if (rc == 0)
		rc = migrate_run(made.db, err);
	disconnect(&made); /* the last connection: all is in the one file now */
	if (rc == 0 && rename(made.path, path) < 0)
		rc = err_set(err, errno, "", "cannot create the database %.200s: %s", path,
			     strerror(errno));
	if (rc == 0)
		backup_sync_folder(path);
	else
		remove_with_logs(made.path);
	free(made.path);
	return rc;
}

static int prepare(struct store *s, const char *backup_dir, bool is_new, struct err *err)
{
	int64_t version = sql_pragma(s->db, "PRAGMA user_version", 0);
	int rc = 0;

	if (!is_new)
		rc = backup_at_start(s, backup_dir, err);
	if (rc == -ENOSPC && version == migrate_newest()) {
		log_warn("no backup at start: %s", err ? err->text : "the disk is full");
		rc = 0; /* a full disk is no reason to stay down */
	}
	return rc == 0 ? migrate_run(s->db, err) : rc;
}

int store_open(const char *path, const char *backup_dir, bool is_first, struct store **out,
	       struct err *err)
{
	bool is_new = false;
	struct store *s;
	int rc = 0;

	sql_fault_read();
	if (is_first)
		rc = set_modes(path, err);
	if (rc == 0 && is_first)
		rc = check_first(path, backup_dir, &is_new, err);
	if (rc == 0 && is_new)
		rc = create(path, err);
	if (rc < 0)
		return rc;
	s = calloc(1, sizeof(*s));
	if (!s || !(s->path = strdup(path))) {
		free(s);
		return err_set(err, ENOMEM, "", "not enough memory for the database");
	}
	s->seen_fd = -1;
	rc = connect_to(s, err);
	if (rc == 0 && is_first)
		rc = prepare(s, backup_dir, is_new, err);
	if (rc < 0) {
		store_close(s);
		return rc;
	}
	generation_open(s);
	*out = s;
	return 0;
}

void store_close(struct store *s)
{
	if (!s)
		return;
	store_rollback(s);
	generation_close(s);
	disconnect(s);
	free(s->path);
	free(s);
}

uint32_t store_schema_version(const struct store *s)
{
	return (uint32_t)sql_pragma(s->db, "PRAGMA user_version", 0);
}

/* ---------------------------------------------------------------- transactions */

/* BEGIN and COMMIT are counted here: sql_next() takes only what SQLite calls a change. */
static int run_plain(struct store *s, const char *text, struct err *err)
{
	int rc = sql_fault(err);

	if (rc == 0)
		rc = sqlite3_exec(s->db, text, NULL, NULL, NULL);
	return rc > 0 ? sql_fail(s->db, rc, err) : rc;
}

int store_begin(struct store *s, struct err *err)
{
	int rc;

	if (s->in_transaction)
		return err_set(err, ENOTRECOVERABLE, "", "a transaction in a transaction");
	rc = run_plain(s, "BEGIN IMMEDIATE", err);
	if (rc < 0)
		return rc;
	s->in_transaction = true;
	s->changes_before = sqlite3_total_changes64(s->db);
	return 0;
}

int store_commit(struct store *s, struct err *err)
{
	bool is_changed = sqlite3_total_changes64(s->db) != s->changes_before;
	int rc = 0;

	if (!s->in_transaction)
		return err_set(err, ENOTRECOVERABLE, "", "no transaction to commit");
	if (sqlite3_get_autocommit(s->db))
		rc = err_set(err, ECANCELED, "",
			     "the transaction was undone after an earlier error");
	if (rc == 0 && is_changed)
		rc = generation_count(s, err);
	if (rc == 0)
		rc = run_plain(s, "COMMIT", err);
	if (rc < 0)
		return rc;
	s->in_transaction = false;
	if (is_changed)
		generation_note(s);
	return 0;
}

void store_rollback(struct store *s)
{
	if (s->in_transaction && !sqlite3_get_autocommit(s->db))
		sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
	s->in_transaction = false;
}

bool store_in_transaction(const struct store *s)
{
	return s->in_transaction;
}

uint64_t store_data_version(struct store *s)
{
	return (uint64_t)sql_one_int(s, NULL, 0, "SELECT commits FROM generation", "");
}

/* ---------------------------------------------------------------- settings */

json_t *store_setting(struct store *s, const char *key)
{
	cleanup_json json_t *found = sql_first(
	    s, NULL, "SELECT value AS \"value:json\" FROM settings WHERE key = ?1", "t", key);

	return json_incref(json_object_get(found, "value"));
}

int store_setting_put(struct store *s, const char *key, json_t *value, struct err *err)
{
	return sql_run(s, err,
		       "INSERT INTO settings (key, value) VALUES (?1, ?2)"
		       " ON CONFLICT (key) DO UPDATE SET value = excluded.value",
		       "tj", key, value);
}
