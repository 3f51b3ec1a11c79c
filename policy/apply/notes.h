/* SPDX-License-Identifier: MIT */
/*
 * notes.h - what a thread beside the reconciler writes into the database about its work: rows as
 * seen, events, tasks' progress and ends. Each call is a transaction of its own.
 *
 * Thread: the store's.
 */
#ifndef POLICY_NOTES_H
#define POLICY_NOTES_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "err.h"
#include "store.h"

struct notes {
	struct store *store;
	bool has_changed; /* something was written; whoever tells main clears it */
};

const char *notes_text(const json_t *row, const char *member); /* "" */
json_int_t notes_number(const json_t *row, const char *member);
bool notes_is(const json_t *row, const char *member, const char *text);

/* Commits what rc came of, or takes it back. Returns rc, or the commit's. */
int notes_settle(struct notes *n, int rc, struct err *err);
/* Members of a row that are no change of what is wanted, if they differ. Takes fields. */
int notes_row(struct notes *n, const struct store_table *t, const json_t *row, json_t *fields,
	      struct err *err);
void notes_event(struct notes *n, const char *severity, const char *kind, const char *type,
		 const char *name, const char *fmt, ...) __attribute__((format(printf, 6, 7)));
/* error NULL: it has succeeded; ECANCELED: it was cancelled. */
void notes_task_end(struct notes *n, const json_t *task, const struct err *error);
/* It runs; text "": as it was. */
void notes_task_go_on(struct notes *n, const json_t *task, uint32_t progress_pct, const char *text);

#endif
