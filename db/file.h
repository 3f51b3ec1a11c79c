/* SPDX-License-Identifier: MIT */
/*
 * file.h - the database as a file: looked at without changing it, backups found, put aside.
 *
 *   check.c    is this file a whole database of ours?
 *   backup.c   copies of it
 *
 * Thread: any. A database that this process has open is never opened here by other means than
 * SQLite's: closing any descriptor of a file drops the process's POSIX locks on it.
 */
#ifndef DB_FILE_H
#define DB_FILE_H

#include <sqlite3.h>

#include "store.h"

/*
 * Reads the whole file and changes nothing. is_thorough: every index against its table too
 * (integrity_check). Errors: -EUCLEAN with the reason; -EPROTO from a newer version, both named;
 * -ENOENT; -EIO.
 */
int must_check check_file(const char *path, bool is_thorough, struct err *err);
/* What a store's first open asks: no file (*is_new), a whole one, or the refusal with what to do.
 */
int must_check check_first(const char *path, const char *backup_dir, bool *is_new, struct err *err);
/* The header's user_version, without SQLite; 0: not readable. Not for an open database. */
uint32_t check_version_of(const char *path);

/* The newest backup in dir that is whole; NULL: none. Caller frees. */
char *backup_newest_good(const char *dir);
/* Copies what db sees to path, which must not be there: one file without a log, checked, mode
 * 0600, on stable storage. -EEXIST. */
int must_check backup_copy(sqlite3 *db, const char *path, struct err *err);
/* A backup of a database that has changed since the newest one, named by time and version; old ones
 * beyond STORE_BACKUPS_KEPT are taken away. */
int must_check backup_at_start(struct store *s, const char *dir, struct err *err);
/* After a rename in it. */
void backup_sync_folder(const char *path_inside);

#endif
