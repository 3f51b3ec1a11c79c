/* SPDX-License-Identifier: MIT */
/*
 * restore.c - a backup takes the database's place.
 *
 * The order is such that a crash at any point leaves a whole database under the name or none:
 * the copy is made and checked beside, then database, log and shared memory are put aside, then
 * the copy is renamed. A log that stayed would be replayed into the copy.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"
#include "file.h"
#include "generation.h"
#include "log.h"
#include "sql.h"

/* SQLite holds a shared lock on these bytes of a database in WAL mode for as long as it is open. */
#define SHARED_LOCK_AT    (0x40000000 + 2)
#define SHARED_LOCK_BYTES 510

static int check_unused(const char *path, struct err *err)
{
	struct flock lock = {.l_type = F_WRLCK,
			     .l_whence = SEEK_SET,
			     .l_start = SHARED_LOCK_AT,
			     .l_len = SHARED_LOCK_BYTES};
	cleanup_fd int fd = open(path, O_RDWR | O_CLOEXEC);

	if (fd < 0 || fcntl(fd, F_OFD_GETLK, &lock) < 0 || lock.l_type == F_UNLCK)
		return 0;
	return err_set(err, EBUSY, "",
		       "the database %.200s is open: stop sluice-policyd, then restore", path);
}

static int put_aside(const char *path, const char *tail, const char *stamp, struct err *err)
{
	cleanup_free char *from = NULL, *to = NULL;

	if (asprintf(&from, "%s%s", path, tail) < 0 ||
	    asprintf(&to, "%s.before-restore-%s%s", path, stamp, tail) < 0)
		return err_set(err, ENOMEM, "", "not enough memory to restore");
	if (rename(from, to) < 0 && errno != ENOENT)
		return err_set(err, errno, "", "cannot put %.120s aside as %.120s: %s", from, to,
			       strerror(errno));
	return 0;
}

/*
 * The count of commits goes on from where the old database was: a number that stood for one state
 * never stands for another, in backups' or in anybody's memory.
 * A task that waited for its turn when the backup was made has had it since: begun again, an import
 * or a clone would write over what its volume has got in the meantime. As one that was under way it
 * is ended and named at the start.
 */
static int bring_up_to_date(const char *copy, int64_t seen, struct err *err)
{
	sqlite3 *db = NULL;
	char text[200];
	int rc = sqlite3_open_v2(copy, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);

	snprintf(text, sizeof(text),
		 "UPDATE generation SET commits = max(commits, %lld) + 1;"
		 "UPDATE tasks SET state = 'running' WHERE state = 'queued'",
		 (long long)seen);
	rc = rc == SQLITE_OK ? sql_script(db, text, err) : sql_fail(db, rc, err);
	sqlite3_close(db);
	return rc;
}

static int copy_backup(const char *backup, const char *path, struct err *err)
{
	sqlite3 *db = NULL;
	int rc = sqlite3_open_v2(backup, &db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL);

	if (rc == SQLITE_OK) {
		sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
		rc = backup_copy(db, path, err);
	} else {
		rc = sql_fail(db, rc, err);
	}
	sqlite3_close(db);
	return rc;
}

/* A name that nothing bears yet: what was put aside once is never written over. */
static void find_stamp(const char *path, char *stamp, size_t size)
{
	time_t at = (time_t)(clock_wall_ms() / 1000u);
	bool is_free = false;

	for (; !is_free; at++) {
		cleanup_free char *aside = NULL;
		struct tm tm;

		gmtime_r(&at, &tm);
		strftime(stamp, size, "%Y%m%dT%H%M%SZ", &tm);
		is_free = asprintf(&aside, "%s.before-restore-%s", path, stamp) < 0 ||
			  access(aside, F_OK) < 0;
	}
}

static int take_place(const char *path, const char *copy, struct err *err)
{
	cleanup_free char *shared = NULL;
	char stamp[24];
	int rc;

	find_stamp(path, stamp, sizeof(stamp));
	if (asprintf(&shared, "%s-shm", path) < 0)
		return -ENOMEM;
	rc = put_aside(path, "", stamp, err);
	if (rc == 0)
		rc = put_aside(path, "-wal", stamp, err);
	if (rc < 0)
		return rc;
	unlink(shared); /* only an index of the log */
	generation_forget(path);
	backup_sync_folder(path);
	if (rename(copy, path) < 0)
		return err_set(err, errno, "", "cannot rename %.120s to %.120s: %s", copy, path,
			       strerror(errno));
	backup_sync_folder(path);
	log_info("the database was restored; the old one is %s.before-restore-%s", path, stamp);
	return 0;
}

int store_restore(const char *path, const char *backup, struct err *err)
{
	cleanup_free char *copy = NULL;
	int rc = check_file(backup, true, err);

	if (rc < 0)
		return err_prefix(err, "%.120s cannot be restored", backup);
	rc = check_unused(path, err);
	if (rc < 0)
		return rc;
	if (asprintf(&copy, "%s.restoring", path) < 0)
		return err_set(err, ENOMEM, "", "not enough memory to restore");
	unlink(copy);
	rc = copy_backup(backup, copy, err);
	if (rc == 0)
		rc = bring_up_to_date(copy, generation_seen(path), err);
	if (rc == 0)
		rc = take_place(path, copy, err);
	if (rc < 0)
		unlink(copy);
	return rc;
}
