/* SPDX-License-Identifier: MIT */
/*
 * volume_rows.h - what the resources about storage and access share: bodies with more members than
 * the table has, all rows of a list, lists of names in sentences.
 *
 * Thread: main. JSON is returned as a new reference unless it says "borrowed".
 */
#ifndef REST_VOLUME_ROWS_H
#define REST_VOLUME_ROWS_H

#include "rest.h"

#define ROWS_NAMES_TEXT 256u
#define ROWS_NAMES_MAX  4096u /* in one list */

/* A shallow copy of the request's body, {} where may_be_absent. NULL: -EINVAL, an object is wanted.
 */
json_t *rows_body(const struct request *q, bool may_be_absent, struct err *err);
/* Takes a member out of a body that was copied: NULL when it is absent or null. */
json_t *rows_take(json_t *body, const char *key);
/* -EINVAL unless the member is absent or an array of strings, none twice. */
int must_check rows_names_check(const char *field, const json_t *names, struct err *err);

/* What a body names and what is not there is the body's fault: 422, not 404. Returns rc or -EINVAL.
 */
int rows_named_in_body(int rc, const char *field, struct err *err);

/* Every row of a table, hidden columns included; filters as in struct store_query. */
json_t *rows_all(struct store *s, const struct store_table *t, const char *const *filters,
		 struct err *err);

/* "a, b, c and 4 more", with each item's member, or the items themselves where member is NULL. */
void rows_names_text(const json_t *items, const char *member, char text[ROWS_NAMES_TEXT]);

/* What the reply is about, for the audit row of a POST: its path names nothing. */
void rows_object(struct reply *r, const char *name);
int64_t rows_id(const json_t *row);

const char *rows_text(const json_t *row, const char *member); /* "" when absent; borrowed */
uint64_t rows_u64(const json_t *row, const char *member);     /* 0 when absent */
bool rows_is(const json_t *row, const char *member);

#endif
