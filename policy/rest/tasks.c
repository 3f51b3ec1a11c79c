/* SPDX-License-Identifier: MIT */
/*
 * tasks.c - /tasks: what takes longer than an answer, its progress, its log, and ending it early.
 * Thread: main.
 */
#include <errno.h>
#include <string.h>

#include "json.h"
#include "parse.h"
#include "store_link.h"
#include "tables.h"
#include "volume_rows.h"

static int list(struct request *q, struct reply *r, struct err *err)
{
	return rest_list(q, r, &table_tasks, NULL, err);
}

static json_t *the_task(struct request *q, struct err *err)
{
	uint64_t id;

	if (parse_u64("id", q->segments[0], 1, INT64_MAX, &id, err) < 0)
		return NULL;
	return store_get_id(q->store, &table_tasks, (int64_t)id, err);
}

static void add_log(struct request *q, json_t *row)
{
	json_t *log = store_task_log_get(q->store, rows_id(row), NULL);

	json_object_set_new(row, "log", log ? log : json_array());
}

static int get(struct request *q, struct reply *r, struct err *err)
{
	json_t *row = the_task(q, err);

	if (!row)
		return -err->code;
	rest_row(q, r, &table_tasks, row, add_log);
	return 0;
}

/* Whoever carries the task out sees the wish and ends it; here it is only noted. */
static int cancel(struct request *q, struct reply *r, struct err *err)
{
	cleanup_json json_t *row = the_task(q, err),
			    *wish = json_pack("{s:b}", "is_cancel_wanted", 1);
	const char *state = rows_text(row, "state");

	if (!row)
		return -err->code;
	if (strcmp(state, "queued") != 0 && strcmp(state, "running") != 0)
		return err_set(err, EBUSY, "state", "task %s has ended already: %s", q->segments[0],
			       state);
	if (!rows_is(row, "is_cancellable"))
		return err_set(
		    err, EBUSY, "is_cancellable",
		    "task %s (%s) cannot be cancelled; it ends when the running state is "
		    "what is wanted: change what is wanted instead",
		    q->segments[0], rows_text(row, "kind"));
	if (store_note(q->store, &table_tasks, rows_id(row), wish, err) < 0 ||
	    store_task_log(q->store, rows_id(row), "someone asked to cancel it", err) < 0)
		return -err->code;
	rest_row(q, r, &table_tasks, store_get_id(q->store, &table_tasks, rows_id(row), err),
		 add_log);
	return 0;
}

const struct route tasks_routes[] = {
    {"GET", "/tasks", REST_VIEWER, 0, list, "task", rest_list_query},
    {"GET", "/tasks/{id}", REST_VIEWER, 0, get, "task", NULL},
    {"POST", "/tasks/{id}/cancel", REST_OPERATOR, 0, cancel, "task", NULL},
    {.method = NULL},
};
