/* SPDX-License-Identifier: MIT */
/* migrate.c - one migration after the other, each whole or not at all. */
#include "migrate.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>

#include "log.h"
#include "sql.h"

static const struct migration *used;
static uint32_t used_count;

void migrate_use(const struct migration *list, uint32_t count)
{
	used = list;
	used_count = count;
}

uint32_t migrate_newest(void)
{
	return used ? used_count : migration_count;
}

static int run_one(sqlite3 *db, const struct migration *m, uint32_t version, struct err *err)
{
	char text[64];
	int rc = sql_script(db, "BEGIN IMMEDIATE", err);

	if (rc == 0)
		rc = sql_script(db, m->sql, err);
	snprintf(text, sizeof(text), "PRAGMA user_version = %u", version);
	if (rc == 0)
		rc = sql_script(db, text, err);
	if (rc == 0 && sql_pragma(db, "SELECT count(*) FROM pragma_foreign_key_check", 1) != 0)
		rc = err_set(err, EUCLEAN, "", "rows would refer to what is not there");
	if (rc == 0)
		rc = sql_script(db, "COMMIT", err);
	if (rc < 0 && !sqlite3_get_autocommit(db))
		sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
	return rc < 0 ? err_prefix(err, "migration %s of the database", m->name) : 0;
}

/* Foreign keys are off meanwhile, so that a migration can build a table anew; each one's end is
 * checked as a whole instead. */
int migrate_run(sqlite3 *db, struct err *err)
{
	const struct migration *list = used ? used : migrations;
	uint32_t version = (uint32_t)sql_pragma(db, "PRAGMA user_version", 0);
	bool is_new = version == 0;
	int rc = 0;

	if (version >= migrate_newest())
		return 0;
	sqlite3_exec(db, "PRAGMA foreign_keys = OFF", NULL, NULL, NULL);
	for (; rc == 0 && version < migrate_newest(); version++) {
		rc = run_one(db, &list[version], version + 1, err);
		if (rc == 0 && !is_new)
			log_info("the database was migrated from version %u to %u (%s)", version,
				 version + 1, list[version].name);
	}
	sqlite3_exec(db, "PRAGMA foreign_keys = ON", NULL, NULL, NULL);
	return rc;
}
