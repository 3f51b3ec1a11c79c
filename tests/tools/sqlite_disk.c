/* SPDX-License-Identifier: MIT */
/*
 * sqlite_disk.c - a SQLite database on an iSCSI disk, whose transactions are numbered.
 *
 *     sqlite_disk write MODE URL     transactions one after the other, until the disk is gone (exit
 * 3) or SIGTERM; prints the number of each once it is committed. MODE: delete, truncate, persist or
 * wal sqlite_disk check MODE URL     "prefix N": the database is sound, and is as after its first N
 * transactions, and no other; else exit 1
 *
 * Transaction n adds a row of a size and content that follow from n, removes the one 300 before,
 * and brings a running sum up to date, so that one transaction that is missing, twice or torn is
 * seen.
 */
#include <inttypes.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "disk_vfs.h"

#define LIMIT_MS   8000
#define KEPT       300
#define FILLER_MAX 6000

static volatile sig_atomic_t must_stop;
static sqlite3 *db;

static void on_term(int number)
{
	(void)number;
	must_stop = 1;
}

/* ---------------------------------------------------------------- what follows from a number */

static uint64_t mixed(uint64_t n)
{
	n = (n + 0x9e3779b97f4a7c15ull) * 0xbf58476d1ce4e5b9ull;
	n = (n ^ n >> 29) * 0x94d049bb133111ebull;
	return n ^ n >> 32;
}

static int filler_of(uint64_t n, uint8_t filler[FILLER_MAX])
{
	int bytes = 100 + (int)(mixed(n) % (FILLER_MAX - 100));

	for (int i = 0; i < bytes; i++)
		filler[i] = (uint8_t)(mixed(n) >> (i % 8 * 8));
	return bytes;
}

static int64_t sum_after(uint64_t sum, uint64_t n)
{
	return (int64_t)mixed(sum ^ n);
}

/* ---------------------------------------------------------------- SQL */

static int say(const char *sql)
{
	return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : -1;
}

static int opened(const char *mode)
{
	char pragma[64];

	if (sqlite3_open_v2("numbers.db", &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
			    DISK_VFS_NAME) != SQLITE_OK ||
	    say("PRAGMA temp_store = memory; PRAGMA locking_mode = exclusive;"
		"PRAGMA synchronous = full; PRAGMA cache_size = 50; PRAGMA page_size = 4096"))
		return -1;
	snprintf(pragma, sizeof(pragma), "PRAGMA journal_mode = %.10s", mode);
	if (say(pragma))
		return -1;
	return say(
	    "BEGIN; CREATE TABLE IF NOT EXISTS step (n INTEGER PRIMARY KEY, filler BLOB);"
	    "CREATE TABLE IF NOT EXISTS total (id INTEGER PRIMARY KEY, n INTEGER, sum INTEGER);"
	    "CREATE INDEX IF NOT EXISTS step_by_filler ON step (filler);"
	    "INSERT OR IGNORE INTO total VALUES (1, 0, 0); COMMIT");
}

static int read_total(uint64_t *n, uint64_t *sum)
{
	sqlite3_stmt *s = NULL;
	int rc = -1;

	if (sqlite3_prepare_v2(db, "SELECT n, sum FROM total WHERE id = 1", -1, &s, NULL) ==
		SQLITE_OK &&
	    sqlite3_step(s) == SQLITE_ROW) {
		*n = (uint64_t)sqlite3_column_int64(s, 0);
		*sum = (uint64_t)sqlite3_column_int64(s, 1);
		rc = 0;
	}
	sqlite3_finalize(s);
	return rc;
}

static int stepped(const char *sql, uint64_t n, const uint8_t *filler, int bytes, int64_t sum)
{
	sqlite3_stmt *s = NULL;
	int rc = -1;

	if (sqlite3_prepare_v2(db, sql, -1, &s, NULL) == SQLITE_OK &&
	    sqlite3_bind_int64(s, 1, (sqlite3_int64)n) == SQLITE_OK &&
	    (!filler || sqlite3_bind_blob(s, 2, filler, bytes, SQLITE_STATIC) == SQLITE_OK) &&
	    (filler || sqlite3_bind_parameter_count(s) < 2 ||
	     sqlite3_bind_int64(s, 2, sum) == SQLITE_OK))
		rc = sqlite3_step(s) == SQLITE_DONE ? 0 : -1;
	sqlite3_finalize(s);
	return rc;
}

/* ---------------------------------------------------------------- write */

static int transaction(uint64_t n, uint64_t *sum)
{
	uint8_t filler[FILLER_MAX];
	int bytes = filler_of(n, filler);

	*sum = (uint64_t)sum_after(*sum, n);
	if (say("BEGIN IMMEDIATE") ||
	    stepped("INSERT INTO step VALUES (?1, ?2)", n, filler, bytes, 0) ||
	    (n > KEPT && stepped("DELETE FROM step WHERE n = ?1", n - KEPT, NULL, 0, 0)) ||
	    stepped("UPDATE total SET n = ?1, sum = ?2 WHERE id = 1", n, NULL, 0, (int64_t)*sum))
		return -1;
	return say("COMMIT");
}

static int write_all(void)
{
	uint64_t n, sum;

	if (read_total(&n, &sum))
		return 3;
	while (!must_stop) {
		if (transaction(++n, &sum)) {
			fprintf(stderr, "transaction %" PRIu64 ": %s\n", n, sqlite3_errmsg(db));
			return 3;
		}
		printf("%" PRIu64 "\n", n);
		fflush(stdout);
	}
	return 0;
}

/* ---------------------------------------------------------------- check */

static int is_sound(void)
{
	sqlite3_stmt *s = NULL;
	bool is_ok = sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &s, NULL) == SQLITE_OK &&
		     sqlite3_step(s) == SQLITE_ROW &&
		     strcmp((const char *)sqlite3_column_text(s, 0), "ok") == 0;

	if (!is_ok)
		printf("not sound: %s\n", s && sqlite3_column_text(s, 0)
					      ? (const char *)sqlite3_column_text(s, 0)
					      : sqlite3_errmsg(db));
	sqlite3_finalize(s);
	return is_ok ? 0 : -1;
}

/* The rows are those of the last transactions, in full, and there are no others. */
static int rows_are_right(uint64_t last)
{
	uint64_t n = last > KEPT ? last - KEPT + 1 : 1;
	uint8_t filler[FILLER_MAX];
	sqlite3_stmt *s = NULL;
	int bytes,
	    rc = sqlite3_prepare_v2(db, "SELECT n, filler FROM step ORDER BY n", -1, &s, NULL);

	while (rc == SQLITE_OK && sqlite3_step(s) == SQLITE_ROW) {
		bytes = filler_of(n, filler);
		if ((uint64_t)sqlite3_column_int64(s, 0) != n ||
		    sqlite3_column_bytes(s, 1) != bytes ||
		    memcmp(sqlite3_column_blob(s, 1), filler, (size_t)bytes) != 0) {
			printf("the row of transaction %" PRIu64 " is not as it was written\n", n);
			rc = SQLITE_ERROR;
		}
		n++;
	}
	sqlite3_finalize(s);
	if (rc == SQLITE_OK && n != last + 1)
		printf("rows end at %" PRIu64 " and not at %" PRIu64 "\n", n - 1, last);
	return rc == SQLITE_OK && n == last + 1 ? 0 : -1;
}

static int check_all(void)
{
	uint64_t last, sum, want = 0;

	if (is_sound() || read_total(&last, &sum))
		return 1;
	for (uint64_t n = 1; n <= last; n++)
		want = (uint64_t)sum_after(want, n);
	if (want != sum) {
		printf("the sum is not that of %" PRIu64 " transactions\n", last);
		return 1;
	}
	if (rows_are_right(last))
		return 1;
	printf("prefix %" PRIu64 "\n", last);
	return 0;
}

int main(int argc, char **argv)
{
	struct sigaction term = {.sa_handler = on_term};
	struct initiator in;
	int rc;

	if (argc != 4 || (strcmp(argv[1], "write") != 0 && strcmp(argv[1], "check") != 0)) {
		fprintf(stderr, "sqlite_disk write|check delete|truncate|persist|wal URL\n");
		return 2;
	}
	sigaction(SIGTERM, &term, NULL);
	if (initiator_open(&in, argv[3], NULL, LIMIT_MS) || disk_vfs_register(&in, LIMIT_MS)) {
		fprintf(stderr, "%s\n", in.error);
		return 2;
	}
	if (opened(argv[2])) {
		fprintf(stderr, "the database does not open: %s\n", sqlite3_errmsg(db));
		rc = strcmp(argv[1], "check") == 0 ? 1 : 3;
	} else {
		rc = strcmp(argv[1], "check") == 0 ? check_all() : write_all();
	}
	sqlite3_close(db);
	if (in.iscsi && !in.is_broken)
		initiator_logout(&in, LIMIT_MS);
	if (in.iscsi)
		initiator_close(&in);
	return rc;
}
