/* SPDX-License-Identifier: MIT */
/* problem.h - an error as problem+json (RFC 9457): the one table of statuses and codes. */
#ifndef POLICY_PROBLEM_H
#define POLICY_PROBLEM_H

#include <jansson.h>

#include "err.h"

/* Of an errno (positive). */
int problem_status(int code);
/* {"type", "title", "status", "code", "detail", "field"}; status and code may be given (0, NULL:
 * err's). New reference. */
json_t *problem_json(int status, const char *code, const struct err *err);
/* Seconds for Retry-After; 0: none belongs to this status. */
unsigned problem_retry_s(int status);

#endif
