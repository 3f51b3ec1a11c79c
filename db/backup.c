/* SPDX-License-Identifier: MIT */
/*
 * backup.c - copies of the database, taken while others write, and the way back.
 *
 * A copy is made beside its final name, checked, brought to stable storage and then renamed: under
 * its name there is a whole backup or none.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"
#include "durable.h"
#include "file.h"
#include "generation.h"
#include "json.h"
#include "log.h"
#include "migrate.h"
#include "sql.h"

#define STAMP_CHARS 16 /* 20261122T073000Z */

void backup_sync_folder(const char *path_inside)
{
	cleanup_free char *copy = strdup(path_inside);
	cleanup_fd int fd = copy ? open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

	if (fd >= 0 && fsync(fd) < 0)
		log_warn("cannot sync the folder of %s: %s", path_inside, strerror(errno));
}

/* ---------------------------------------------------------------- one copy */

static int fail_system(const char *what, const char *path, struct err *err)
{
	int code = errno;

	return err_set(err, code, "", "cannot %s %.200s: %s", what, path, strerror(code));
}

static int copy_pages(sqlite3 *from, sqlite3 *to, struct err *err)
{
	sqlite3_backup *b = sqlite3_backup_init(to, "main", from, "main");
	int rc;

	if (!b)
		return sql_fail(to, sqlite3_errcode(to), err);
	sqlite3_backup_step(b, -1);
	rc = sqlite3_backup_finish(b);
	return rc == SQLITE_OK ? 0 : sql_fail(to, rc, err);
}

static int copy_to(sqlite3 *from, const char *path, struct err *err)
{
	sqlite3 *to = NULL;
	int fd, rc;

	unlink(path); /* what an earlier try left */
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return fail_system("create", path, err);
	close(fd);
	rc = sqlite3_open_v2(path, &to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
	rc = rc == SQLITE_OK ? copy_pages(from, to, err) : sql_fail(to, rc, err);
	/* one file, whole without a log beside it */
	if (rc == 0 &&
	    sqlite3_exec(to, "PRAGMA journal_mode = DELETE", NULL, NULL, NULL) != SQLITE_OK)
		rc = sql_fail(to, sqlite3_errcode(to), err);
	sqlite3_close(to);
	return rc == 0 ? check_file(path, true, err) : rc;
}

static int sync_file(const char *path, struct err *err)
{
	cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd >= 0 && fsync(fd) == 0 ? 0 : fail_system("write", path, err);
}

int backup_copy(sqlite3 *db, const char *path, struct err *err)
{
	cleanup_free char *partial = NULL;
	int rc;

	if (access(path, F_OK) == 0)
		return err_set(err, EEXIST, "", "%.200s is there already", path);
	if (asprintf(&partial, "%s.partial", path) < 0)
		return err_set(err, ENOMEM, "", "not enough memory for a backup");
	rc = copy_to(db, partial, err);
	if (rc == 0)
		rc = sync_file(partial, err);
	if (rc == 0 && renameat2(AT_FDCWD, partial, AT_FDCWD, path, RENAME_NOREPLACE) < 0)
		rc = fail_system("write", path, err);
	if (rc < 0) {
		unlink(partial);
		return err_prefix(err, "no backup was made");
	}
	backup_sync_folder(path);
	return 0;
}

int store_backup(struct store *s, const char *path, struct err *err)
{
	if (s->in_transaction)
		return err_set(err, ENOTRECOVERABLE, "", "a backup inside a transaction");
	return backup_copy(s->db, path, err);
}

/* ---------------------------------------------------------------- which there are */

static bool is_automatic(const char *name)
{
	unsigned version;
	char stamp[STAMP_CHARS + 1], end;

	return sscanf(name, "sluice-%16[0-9TZ]-v%u.d%c", stamp, &version, &end) == 3 &&
	       strlen(stamp) == STAMP_CHARS && end == 'b';
}

/* From its name, or when the file was last written. */
static uint64_t created_ms(const char *name, const struct stat *st)
{
	struct tm tm = {0};

	if (is_automatic(name) && strptime(name + strlen("sluice-"), "%Y%m%dT%H%M%SZ", &tm))
		return (uint64_t)timegm(&tm) * 1000u;
	return (uint64_t)st->st_mtim.tv_sec * 1000u + (uint64_t)st->st_mtim.tv_nsec / 1000000u;
}

/* A database with a log beside it is in use, not a backup, and must not even be looked into:
 * file.h. */
static bool has_log(const char *path)
{
	cleanup_free char *log = NULL;

	return asprintf(&log, "%s-wal", path) < 0 || access(log, F_OK) == 0;
}

static json_t *describe(const char *dir, const char *name)
{
	cleanup_free char *path = NULL;
	size_t len = strlen(name);
	struct stat st;

	if (len < 4 || strcmp(name + len - 3, ".db") != 0 ||
	    asprintf(&path, "%s/%s", dir, name) < 0 || lstat(path, &st) < 0 ||
	    !S_ISREG(st.st_mode) || has_log(path))
		return NULL;
	return json_pack("{s:s, s:s, s:I, s:I, s:I}", "name", name, "path", path, "created_ms",
			 (json_int_t)created_ms(name, &st), "size_bytes", (json_int_t)st.st_size,
			 "schema_version", (json_int_t)check_version_of(path));
}

static void insert_by_age(json_t *list, json_t *one)
{
	json_int_t made = json_integer_value(json_object_get(one, "created_ms"));
	size_t i = 0;

	while (i < json_array_size(list) &&
	       json_integer_value(json_object_get(json_array_get(list, i), "created_ms")) > made)
		i++;
	json_array_insert_new(list, i, one);
}

json_t *store_backups(const char *backup_dir, struct err *err)
{
	json_t *list = json_array();
	DIR *dir = opendir(backup_dir);
	struct dirent *entry;

	if (!dir && errno != ENOENT) {
		fail_system("read", backup_dir, err);
		json_decref(list);
		return NULL;
	}
	while (dir && (entry = readdir(dir))) {
		json_t *one = describe(backup_dir, entry->d_name);

		if (one)
			insert_by_age(list, one);
	}
	if (dir)
		closedir(dir);
	return list;
}

static const char *member(const json_t *backup, const char *name)
{
	return json_string_value(json_object_get(backup, name));
}

char *backup_newest_good(const char *dir)
{
	cleanup_json json_t *list = store_backups(dir, NULL);
	json_t *one;
	size_t i;

	json_array_foreach(list, i, one)
	{
		if (check_file(member(one, "path"), true, NULL) == 0)
			return strdup(member(one, "path"));
	}
	return NULL;
}

/* ---------------------------------------------------------------- at start */

static int64_t generation_in(const char *path)
{
	int64_t commits = -1;
	sqlite3 *db = NULL;

	if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL) ==
	    SQLITE_OK)
		commits = generation_of(db);
	sqlite3_close(db);
	return commits;
}

static bool has_changed(struct store *s, const json_t *backups)
{
	const json_t *newest = json_array_get(backups, 0);

	return !newest ||
	       json_integer_value(json_object_get(newest, "schema_version")) !=
		   (json_int_t)store_schema_version(s) ||
	       generation_in(member(newest, "path")) != generation_of(s->db);
}

static void take_away_old(const char *dir)
{
	cleanup_json json_t *list = store_backups(dir, NULL);
	uint32_t kept = 0;
	json_t *one;
	size_t i;

	json_array_foreach(list, i, one)
	{
		if (is_automatic(member(one, "name")) && ++kept > STORE_BACKUPS_KEPT)
			unlink(member(one, "path"));
	}
}

int backup_at_start(struct store *s, const char *dir, struct err *err)
{
	cleanup_json json_t *list = NULL;
	time_t now = (time_t)(clock_wall_ms() / 1000u);
	int rc = durable_mkdir(dir, err);

	if (rc < 0)
		return rc;
	list = store_backups(dir, err);
	if (!list)
		return err && err->code ? -err->code : -EIO;
	if (!has_changed(s, list))
		return 0;
	do { /* another second if there is one of this second */
		cleanup_free char *path = NULL;
		char stamp[STAMP_CHARS + 1];
		struct tm tm;

		gmtime_r(&now, &tm);
		strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &tm);
		if (asprintf(&path, "%s/sluice-%s-v%u.db", dir, stamp, store_schema_version(s)) < 0)
			return -ENOMEM;
		rc = store_backup(s, path, err);
		now++;
	} while (rc == -EEXIST);
	if (rc == 0)
		take_away_old(dir);
	return rc;
}
