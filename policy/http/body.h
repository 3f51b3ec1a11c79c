/* SPDX-License-Identifier: MIT */
/*
 * body.h - a request's body into JSON, checked before the parser sees it. Pure.
 *
 * jansson descends one stack frame per level, so the depth is counted first, without descending.
 */
#ifndef POLICY_BODY_H
#define POLICY_BODY_H

#include <jansson.h>
#include <stddef.h>

#include "err.h"

#define BODY_BYTES_MAX     (1u << 20)
#define BODY_BIG_BYTES_MAX (16u << 20)
#define BODY_DEPTH_MAX     32u
#define BODY_VALUES_MAX    500000u /* ten thousand volumes have about 150,000 */

/* An object. NULL with err: EBADMSG what is not JSON, EFBIG too many values, ERANGE a number that
 * fits in no 64 bits. */
json_t *body_parse(const char *text, size_t len, struct err *err);

#endif
