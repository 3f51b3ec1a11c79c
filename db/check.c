/* SPDX-License-Identifier: MIT */
/*
 * check.c - is this file a whole database of ours? And if it is not, what a person is to do.
 *
 * Looks through a connection that may only read and that leaves the write-ahead log as it is: a
 * damaged database is evidence, and maybe the best copy that there is.
 */
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "generation.h"
#include "migrate.h"
#include "sql.h"

#define HEADER_BYTES       100u
#define HEADER_VERSION_AT  60u /* user_version, big-endian */
#define HEADER_MAGIC_BYTES 16u

static bool read_header(const char *path, uint8_t header[HEADER_BYTES])
{
	cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd >= 0 && pread(fd, header, HEADER_BYTES, 0) == (ssize_t)HEADER_BYTES &&
	       memcmp(header, "SQLite format 3", HEADER_MAGIC_BYTES) == 0;
}

uint32_t check_version_of(const char *path)
{
	uint8_t header[HEADER_BYTES], *at = header + HEADER_VERSION_AT;

	if (!read_header(path, header))
		return 0;
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* Without sql_fail()'s advice: the refusal has its own. */
static int fail(sqlite3 *db, int rc, struct err *err)
{
	if ((rc & 0xff) == SQLITE_CORRUPT || (rc & 0xff) == SQLITE_NOTADB)
		return err_set(err, EUCLEAN, "", "%.120s", sqlite3_errmsg(db));
	return sql_fail(db, rc, err);
}

/* One line "ok", or the first complaint. */
static int run_check(sqlite3 *db, const char *pragma, struct err *err)
{
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v2(db, pragma, -1, &stmt, NULL);
	const char *text;

	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW) {
		text = (const char *)sqlite3_column_text(stmt, 0);
		rc = text && strcmp(text, "ok") == 0
			 ? 0
			 : err_set(err, EUCLEAN, "", "%.120s", text ? text : "no answer");
	} else {
		rc = rc == SQLITE_DONE ? 0 : fail(db, rc, err);
	}
	sqlite3_finalize(stmt);
	return rc;
}

static int check_content(sqlite3 *db, const char *path, bool is_thorough, struct err *err)
{
	int64_t version = sql_pragma(db, "PRAGMA user_version", -1);
	int rc;

	if (version > migrate_newest())
		return err_set(err, EPROTO, "",
			       "the database %.200s is of version %lld, this program knows "
			       "versions up to %u: use the newer program that made it",
			       path, (long long)version, migrate_newest());
	rc =
	    run_check(db, is_thorough ? "PRAGMA integrity_check(1)" : "PRAGMA quick_check(1)", err);
	if (rc < 0)
		return rc;
	if (sql_pragma(db, "PRAGMA application_id", 0) != SQL_APPLICATION_ID || version < 1)
		return err_set(err, EUCLEAN, "", "it is a database of another program");
	if (sql_pragma(db, "SELECT count(*) FROM pragma_foreign_key_check", -1) != 0)
		return err_set(err, EUCLEAN, "", "rows refer to what is not there");
	return 0;
}

int check_file(const char *path, bool is_thorough, struct err *err)
{
	uint8_t header[HEADER_BYTES];
	sqlite3 *db = NULL;
	int rc;

	if (access(path, F_OK) < 0)
		return err_set(err, ENOENT, "", "there is no file %.200s", path);
	if (!read_header(path, header))
		return err_set(err, EUCLEAN, "", "it is not a SQLite database");
	rc = sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL);
	if (rc == SQLITE_OK) {
		sqlite3_extended_result_codes(db, 1);
		sqlite3_busy_timeout(db, (int)STORE_BUSY_MS);
		sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
		sqlite3_exec(db, "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON", NULL,
			     NULL, NULL);
		rc = check_content(db, path, is_thorough, err);
	} else {
		rc = fail(db, rc, err);
	}
	sqlite3_close(db);
	return rc;
}

/* ---------------------------------------------------------------- at start */

static int refuse(const char *path, const char *backup_dir, const char *why, struct err *err)
{
	cleanup_free char *backup = backup_newest_good(backup_dir);

	if (!backup)
		return err_set(err, EUCLEAN, "",
			       "the database %.120s is damaged: %.120s. Nothing was changed. There "
			       "is no good backup in %.80s",
			       path, why, backup_dir);
	return err_set(err, EUCLEAN, "",
		       "the database %.80s is damaged: %.100s. Nothing was changed. Restore the "
		       "newest good backup with: sluice-policyd --restore %.120s",
		       path, why, backup);
}

/* No file. A new appliance, unless something says that there was one. */
static int check_absent(const char *path, const char *backup_dir, bool *is_new, struct err *err)
{
	cleanup_free char *backup = backup_newest_good(backup_dir);
	cleanup_free char *log = NULL;

	if (asprintf(&log, "%s-wal", path) < 0)
		return -ENOMEM;
	if (backup || generation_seen(path) > 0 || access(log, F_OK) == 0)
		return refuse(path, backup_dir, "the file is gone", err);
	*is_new = true;
	return 0;
}

static int64_t generation_in(const char *path)
{
	int64_t commits = 0;
	sqlite3 *db = NULL;

	if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL) ==
	    SQLITE_OK) {
		sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
		commits = generation_of(db);
	}
	sqlite3_close(db);
	return commits;
}

int check_first(const char *path, const char *backup_dir, bool *is_new, struct err *err)
{
	struct err why = {0};
	int64_t there, seen = generation_seen(path);
	int rc = check_file(path, false, &why);

	*is_new = false;
	if (rc == -ENOENT)
		return check_absent(path, backup_dir, is_new, err);
	if (rc == -EUCLEAN)
		return refuse(path, backup_dir, why.text, err);
	if (rc < 0) {
		if (err)
			*err = why;
		return rc;
	}
	there = generation_in(path);
	if (there >= seen)
		return 0;
	snprintf(why.text, sizeof(why.text),
		 "its newest %lld changes are missing (%s-wal removed or cut, or an old copy?)",
		 (long long)(seen - there), strrchr(path, '/') ? strrchr(path, '/') + 1 : path);
	return refuse(path, backup_dir, why.text, err);
}
