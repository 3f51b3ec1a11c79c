/* SPDX-License-Identifier: MIT */
/*
 * url.h - a request's target into decoded path segments and query members. Pure.
 *
 * A path that could be read in two ways is refused rather than tidied up: empty segments, "." and
 * "..", an encoded slash, control characters, bytes that are not UTF-8.
 */
#ifndef POLICY_URL_H
#define POLICY_URL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

#define URL_SEGMENTS_MAX 8u
#define URL_QUERY_MAX    24u
#define URL_BYTES_MAX    8192u

struct url {
	char *text; /* what all others point into */
	const char *segments[URL_SEGMENTS_MAX];
	uint32_t segment_count;
	struct {
		const char *name, *value;
	} query[URL_QUERY_MAX];
	uint32_t query_count;
};

/* Errors: -EBADMSG with the part at fault. */
int must_check url_parse(const char *target, struct url *out, struct err *err);
void url_free(struct url *u);
/* NULL: not given. */
const char *url_query(const struct url *u, const char *name);
/* Whether text is UTF-8 without overlong forms and surrogates. */
bool url_is_utf8(const char *text, size_t len);

#endif
