/* SPDX-License-Identifier: MIT */
/*
 * migrations.c - schema/NNNN_*.sql inside the program. A new migration is a new file there and a
 * line in each of the two lists below; one that has been released is never changed.
 */
#include "migrate.h"

#define EMBED(symbol, file)                                                                        \
	__asm__(".section .rodata\n"                                                               \
		".global " #symbol "\n"                                                            \
		".hidden " #symbol "\n" #symbol ":\n"                                              \
		".incbin \"" file "\"\n"                                                           \
		".byte 0\n"                                                                        \
		".previous\n");                                                                    \
	extern const char symbol[]

EMBED(migration_0001, "db/schema/0001_initial.sql");
EMBED(migration_0002, "db/schema/0002_datastore_filters.sql");
EMBED(migration_0003, "db/schema/0003_key_providers.sql");
EMBED(migration_0004, "db/schema/0004_datastore_identity.sql");
EMBED(migration_0005, "db/schema/0005_replication.sql");
EMBED(migration_0006, "db/schema/0006_snapshots.sql");

const struct migration migrations[] = {
    {"0001_initial", migration_0001},       {"0002_datastore_filters", migration_0002},
    {"0003_key_providers", migration_0003}, {"0004_datastore_identity", migration_0004},
    {"0005_replication", migration_0005},   {"0006_snapshots", migration_0006},
};
const uint32_t migration_count = sizeof(migrations) / sizeof(migrations[0]);
