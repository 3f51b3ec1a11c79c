/* SPDX-License-Identifier: MIT */
/*
 * stats.h - the history of one volume or of all, as /stats/history and /volumes/{name}/history
 * answer it.
 *
 * Thread: main.
 */
#ifndef REST_STATS_H
#define REST_STATS_H

#include "rest.h"

extern const char *const stats_history_query[]; /* from_ms, to_ms, points */

/* volume_id 0: the sum of all. {"from_ms", "to_ms", "step_s", "points": [...]} */
int must_check stats_history_of(struct request *q, struct reply *r, int64_t volume_id,
				struct err *err);

#endif
