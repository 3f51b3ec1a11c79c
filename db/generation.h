/* SPDX-License-Identifier: MIT */
/*
 * generation.h - a count of commits, in the database and once more beside it.
 *
 * SQLite cannot tell that its write-ahead log was removed or cut: it opens what is left, older than
 * it was. So every commit counts up inside the database, and after it the count is written into
 * PATH-generation, without a sync. After a crash of the process it is exact, after a power cut it
 * may be behind, and it is never ahead of the database. A database whose own count is smaller has
 * lost commits.
 *
 * Thread: the store's; several stores of one process may write the file, the last one wins.
 */
#ifndef DB_GENERATION_H
#define DB_GENERATION_H

#include "sql.h"

/* Opens or makes the file beside the database. A file that cannot be had is logged, not an error:
 * it only guards. */
void generation_open(struct store *s);
void generation_close(struct store *s);
/* Inside the transaction: one more. */
int must_check generation_count(struct store *s, struct err *err);
/* After the commit. */
void generation_note(struct store *s);
/* What the database says; 0 if it says nothing. */
int64_t generation_of(sqlite3 *db);
/* What the file beside path says; 0: no file or not readable. */
int64_t generation_seen(const char *path);
/* Takes the file away: another database comes to this path. */
void generation_forget(const char *path);

#endif
