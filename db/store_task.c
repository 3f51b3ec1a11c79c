/* SPDX-License-Identifier: MIT */
/* store_task.c - tasks with their logs, and events. */
#include <errno.h>
#include <string.h>

#include "clock.h"
#include "json.h"
#include "sql.h"
#include "store_link.h"

#define EVENTS_KEPT 100000

/* ---------------------------------------------------------------- tasks */

int64_t store_task_add(struct store *s, const char *kind, const char *object_type,
		       const char *object_name, bool is_cancellable, const json_t *parameters,
		       const char *actor, struct err *err)
{
	cleanup_json json_t *none = json_object();
	int rc =
	    sql_run(s, err,
		    "INSERT INTO tasks (kind, object_type, object_name, is_cancellable,"
		    " parameters, actor, created_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
		    "tttijti", kind, object_type ? object_type : "", object_name ? object_name : "",
		    (int64_t)is_cancellable, parameters ? parameters : none, actor ? actor : "",
		    (int64_t)clock_wall_ms());

	return rc < 0 ? rc : sqlite3_last_insert_rowid(s->db);
}

int store_task_log(struct store *s, int64_t task_id, const char *text, struct err *err)
{
	return sql_run(s, err, "INSERT INTO task_log (task_id, at_ms, text) VALUES (?1, ?2, ?3)",
		       "iit", task_id, (int64_t)clock_wall_ms(), text);
}

json_t *store_task_log_get(struct store *s, int64_t task_id, struct err *err)
{
	return sql_array(s, err, "SELECT at_ms, text FROM task_log WHERE task_id = ?1 ORDER BY id",
			 "i", task_id);
}

int store_task_end(struct store *s, int64_t task_id, const char *state, const struct err *error,
		   struct err *err)
{
	const char *code = error && error->code ? strerrorname_np(error->code) : NULL;

	return sql_run(s, err,
		       "UPDATE tasks SET state = ?2, error_code = ?3, error_text = ?4,"
		       " ended_ms = ?5, progress_pct = iif(?2 = 'succeeded', 100, progress_pct)"
		       " WHERE id = ?1 AND state IN ('queued', 'running')",
		       "ittti", task_id, state, error ? (code ? code : "EIO") : "",
		       error ? error->text : "", (int64_t)clock_wall_ms());
}

json_t *store_tasks_open(struct store *s, const char *object_type, const char *object_name,
			 struct err *err)
{
	return sql_array(s, err,
			 "SELECT id AS item FROM tasks WHERE object_type = ?1"
			 " AND (?2 IS NULL OR object_name = ?2)"
			 " AND state IN ('queued', 'running') ORDER BY id",
			 "tt", object_type, object_name);
}

/* ---------------------------------------------------------------- events */

int64_t store_event_add(struct store *s, const char *severity, const char *kind,
			const char *object_type, const char *object_name, const char *text,
			const json_t *details, struct err *err)
{
	cleanup_json json_t *none = json_object();
	int64_t id;
	int rc = sql_run(s, err,
			 "INSERT INTO events (at_ms, severity, kind, object_type, object_name,"
			 " text, details) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
			 "itttttj", (int64_t)clock_wall_ms(), severity, kind,
			 object_type ? object_type : "", object_name ? object_name : "", text,
			 details ? details : none);

	if (rc < 0)
		return rc;
	id = sqlite3_last_insert_rowid(s->db);
	if (id <= EVENTS_KEPT)
		return id;
	rc = sql_run(s, err, "DELETE FROM events WHERE id <= ?1", "i", id - EVENTS_KEPT);
	return rc < 0 ? rc : id;
}
