/* SPDX-License-Identifier: MIT */
/* web_sessions.c - /sessions: who is signed in, and ending that. */
#include <errno.h>
#include <stdint.h>

#include "json.h"
#include "parse.h"
#include "tables.h"

static void show(struct request *q, json_t *row)
{
	int64_t id = json_integer_value(json_object_get(row, "id"));

	json_object_set_new(row, "is_current", json_boolean(id == q->actor.session_id));
}

static int list(struct request *q, struct reply *r, struct err *err)
{
	return rest_list(q, r, &table_sessions, show, err);
}

static int erase(struct request *q, struct reply *r, struct err *err)
{
	uint64_t id;

	if (parse_u64("id", q->segments[0], 1, INT64_MAX, &id, NULL) < 0)
		return err_set(err, ENOENT, "id", "there is no session %.40s", q->segments[0]);
	return store_delete(q->store, &table_sessions, (int64_t)id, 0, err);
}

const struct route web_sessions_routes[] = {
    {"GET", "/sessions", REST_ADMIN, 0, list, "session", rest_list_query},
    {"DELETE", "/sessions/{id}", REST_ADMIN, ROUTE_NO_RECONCILE, erase, "session", NULL},
    {.method = NULL},
};
