/* SPDX-License-Identifier: MIT */
/*
 * migrate.h - numbered migrations: schema/NNNN_*.sql, embedded by migrations.c.
 *
 * A database's number is its user_version. Each migration is one transaction: done or not begun.
 */
#ifndef DB_MIGRATE_H
#define DB_MIGRATE_H

#include <sqlite3.h>
#include <stdint.h>

#include "err.h"

struct migration {
	const char *name;
	const char *sql; /* ends with a zero byte */
};

/* migrations.c: the first makes version 1 of nothing, the next 2 of 1, and so on. */
extern const struct migration migrations[];
extern const uint32_t migration_count;

/* The newest version that this program knows. */
uint32_t migrate_newest(void);
/* Brings db from its version to the newest. The caller has seen that it is not newer, and has kept
 * a backup. Errors: -EUCLEAN a migration left references to rows that are not there. */
int must_check migrate_run(sqlite3 *db, struct err *err);
/* For tests: these instead of the embedded ones; NULL, 0: the embedded ones again. */
void migrate_use(const struct migration *list, uint32_t count);

#endif
