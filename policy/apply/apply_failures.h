/* SPDX-License-Identifier: MIT */
/*
 * apply_failures.h - what could not be done, by object, and when it is worth another try: after
 * 100 ms for what is merely busy, doubled each time up to 4 s; else after 1 s, doubled each time up
 * to a minute; or at the next wake.
 *
 * As JSON, since tasks, running states and the health report are made of it:
 * {"volume/web-1": {"code", "field", "text", "fails", "is_final", "is_told",
 * "next_ns", "at_ms"}}
 *
 * Thread: the reconciler's. Monotonic time is the caller's.
 */
#ifndef POLICY_APPLY_FAILURES_H
#define POLICY_APPLY_FAILURES_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "err.h"

#define FAILURES_KEY_BYTES 320u

/* "volume/web-1" of a step (or anything with object_type and object_name). */
void failures_key(const json_t *object, char key[FAILURES_KEY_BYTES]);

void failures_add(json_t *failures, const char *key, const struct err *err, uint64_t now_ns);
/* Its time has not come. */
bool failures_waits(const json_t *failures, const char *key, uint64_t now_ns);
/* All are worth another try now. */
void failures_hurry(json_t *failures);
/* Those of objects that no step is left for are over. steps: the planner's. */
void failures_keep(json_t *failures, const json_t *steps);
/* The next one's time, UINT64_MAX: none. */
uint64_t failures_next_ns(const json_t *failures);
/* false: it has none. */
bool failures_get(const json_t *failures, const char *key, struct err *err, bool *is_final);
/* True once for each failure that is final: it is worth an event. */
bool failures_tell(json_t *failures, const char *key);

#endif
