/* SPDX-License-Identifier: MIT */
/* cursor.h - where a page ended, as text for a client: base64url of JSON. Pure. */
#ifndef DB_CURSOR_H
#define DB_CURSOR_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "err.h"

/* A JSON string. New reference. */
json_t *cursor_write(const char *sort, const json_t *value, int64_t id);
/* -EINVAL, field cursor: garbled, of another sort, or its value is no number where one is sorted
 * by. *value: new reference. */
int must_check cursor_read(const char *cursor, const char *sort, bool is_number, json_t **value,
			   int64_t *id, struct err *err);

#endif
