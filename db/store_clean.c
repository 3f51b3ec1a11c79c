/* SPDX-License-Identifier: MIT */
/* store_clean.c - answers kept for repeated requests, and what is thrown away after its time. */
#include <errno.h>

#include "clock.h"
#include "sql.h"
#include "store_link.h"

#define DAY_MS              (24 * 3600 * (int64_t)1000)
#define TASKS_KEPT_MS       (30 * DAY_MS)
#define ALERTS_KEPT_MS      (90 * DAY_MS)
#define IDEMPOTENCY_KEPT_MS DAY_MS

json_t *store_idempotent_get(struct store *s, const char *key, const char *actor)
{
	json_t *found =
	    sql_first(s, NULL,
		      "SELECT request_hash, status, body, location FROM idempotency"
		      " WHERE key = ?1 AND actor = ?2 AND created_ms > ?3",
		      "tti", key, actor, (int64_t)clock_wall_ms() - IDEMPOTENCY_KEPT_MS);

	return json_is_null(found) ? NULL : found;
}

int store_idempotent_put(struct store *s, const char *key, const char *actor,
			 const char *request_hash, int status, const char *body,
			 const char *location, struct err *err)
{
	return sql_run(s, err,
		       "INSERT OR REPLACE INTO idempotency (key, actor, request_hash, status, body,"
		       " location, created_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
		       "tttitti", key, actor, request_hash, (int64_t)status, body ? body : "",
		       location ? location : "", (int64_t)clock_wall_ms());
}

int store_clean(struct store *s, struct err *err)
{
	static const struct {
		const char *text;
		int64_t kept_ms;
	} old[] = {
	    {"DELETE FROM idempotency WHERE created_ms <= ?1", IDEMPOTENCY_KEPT_MS},
	    {"DELETE FROM sessions WHERE expires_ms <= ?1", 0},
	    {"DELETE FROM tasks WHERE state NOT IN ('queued', 'running') AND ended_ms <= ?1",
	     TASKS_KEPT_MS},
	    {"DELETE FROM alerts WHERE state = 'cleared' AND cleared_ms <= ?1", ALERTS_KEPT_MS},
	};
	int64_t now_ms = (int64_t)clock_wall_ms();
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < sizeof(old) / sizeof(old[0]); i++)
		rc = sql_run(s, err, old[i].text, "i", now_ms - old[i].kept_ms);
	return rc;
}
