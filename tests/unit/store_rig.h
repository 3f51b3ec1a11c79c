/* SPDX-License-Identifier: MIT */
/*
 * store_rig.h - a folder with a database in it, for the tests of db/; what many of them do.
 *
 * What must work is asserted here: a failure names the store's own sentence.
 */
#ifndef TESTS_STORE_RIG_H
#define TESTS_STORE_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "store.h"
#include "store_link.h"

struct rig {
	char dir[40], path[64], backups[64];
	struct store *s;
};

/* An empty folder; a store on a new database in it. */
void rig_folder(struct rig *r);
void rig_begin(struct rig *r);
/* Closes, and opens as a process that starts does. */
void rig_restart(struct rig *r);
void rig_end(struct rig *r); /* removes the folder */

#define must(rc_of_call, err)                                                                      \
	do {                                                                                       \
		if ((rc_of_call) < 0)                                                              \
			fail_msg("%s: %s", #rc_of_call, (err).text);                               \
	} while (0)

/* json_pack() arguments make the row; its number is returned. A transaction around it if none is
 * open. */
int64_t rig_add(struct rig *r, const struct store_table *t, const char *fmt, ...);
/* A datastore "fast", and a volume on it. */
int64_t rig_add_datastore(struct rig *r);
int64_t rig_add_volume(struct rig *r, const char *name);
void rig_note(struct rig *r, const struct store_table *t, int64_t id, const char *fmt, ...);

/* A new row's members from a table's columns, each with a value that its type and range allow;
 * number makes those differ that must. Rows that it refers to are made too. New reference. */
json_t *rig_sample(struct rig *r, const struct store_table *t, int number);

/* One change of many parts in a transaction of its own: host, volume, target, access, policy
 * version, task, event, audit entry, all with number k. Rolls back after an error. */
int rig_change(struct store *s, int k, struct err *err);
/* How many of the changes 1, 2, ... are there; each must be there with all its parts, with none
 * missing between them. */
int rig_count_changes(struct store *s);

/* Whole and consistent, read by SQLite's own check. */
void rig_assert_whole(const char *path);
/* One statement, past the store. */
void rig_sql(const char *path, const char *statement);
/* Bytes of a file; "" if it is not there. Caller frees. */
char *rig_read(const char *path, size_t *size);

#endif
