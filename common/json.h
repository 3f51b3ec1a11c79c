/* SPDX-License-Identifier: MIT */
/*
 * json.h - typed getters over jansson, whose refusals name the field.
 *
 * "get" wants the member; "opt" leaves *out as it is when the member is absent or null.
 * Strings belong to the object. Errors: -EINVAL missing or of another type, -ERANGE.
 */
#ifndef COMMON_JSON_H
#define COMMON_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "err.h"

static inline void cleanup_json_p(json_t **j)
{
	json_decref(*j);
}
#define cleanup_json __attribute__((cleanup(cleanup_json_p)))

int must_check json_get_string(const json_t *obj, const char *key, const char **out,
			       struct err *err);
int must_check json_opt_string(const json_t *obj, const char *key, const char **out,
			       struct err *err);
int must_check json_get_u64(const json_t *obj, const char *key, uint64_t min, uint64_t max,
			    uint64_t *out, struct err *err);
int must_check json_opt_u64(const json_t *obj, const char *key, uint64_t min, uint64_t max,
			    uint64_t *out, struct err *err);
int must_check json_opt_bool(const json_t *obj, const char *key, bool *out, struct err *err);
int must_check json_opt_array(const json_t *obj, const char *key, json_t **out,
			      struct err *err); /* borrowed */

/* Refuses members that are not in the NULL-terminated list: a misspelt option must not be ignored.
 */
int must_check json_only(const json_t *obj, const char *const *keys, struct err *err);

/* One JSON text of len bytes; duplicate keys are refused. NULL with err set. New reference. */
json_t *json_parse(const char *text, size_t len, const char *what, struct err *err);

#endif
