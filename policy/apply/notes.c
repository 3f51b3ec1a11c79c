/* SPDX-License-Identifier: MIT */
#include "notes.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "json.h"
#include "log.h"
#include "store_link.h"

#define TEXT_BYTES 800u

const char *notes_text(const json_t *row, const char *member)
{
	const char *text = json_string_value(json_object_get(row, member));

	return text ? text : "";
}

json_int_t notes_number(const json_t *row, const char *member)
{
	return json_integer_value(json_object_get(row, member));
}

bool notes_is(const json_t *row, const char *member, const char *text)
{
	return strcmp(notes_text(row, member), text) == 0;
}

int notes_settle(struct notes *n, int rc, struct err *err)
{
	if (rc == 0)
		rc = store_commit(n->store, err);
	if (rc < 0)
		store_rollback(n->store);
	n->has_changed |= rc == 0;
	return rc;
}

int notes_row(struct notes *n, const struct store_table *t, const json_t *row, json_t *fields,
	      struct err *err)
{
	cleanup_json json_t *owned = fields;
	bool is_same = true;
	const char *name;
	json_t *value;
	int rc;

	json_object_foreach(owned, name, value)
	{
		is_same &= json_equal(value, json_object_get(row, name)) != 0;
	}
	if (is_same)
		return 0;
	rc = store_begin(n->store, err);
	if (rc)
		return rc;
	return notes_settle(n, store_note(n->store, t, notes_number(row, "id"), owned, err), err);
}

void notes_event(struct notes *n, const char *severity, const char *kind, const char *type,
		 const char *name, const char *fmt, ...)
{
	struct err err = {0};
	char text[TEXT_BYTES];
	va_list ap;
	int64_t id;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (store_begin(n->store, &err) == 0) {
		id = store_event_add(n->store, severity, kind, type, name, text, NULL, &err);
		if (notes_settle(n, id < 0 ? (int)id : 0, &err) == 0)
			return;
	}
	log_warn("an event (%s) is not noted: %s", text, err.text);
}

/* ---------------------------------------------------------------- tasks */

void notes_task_end(struct notes *n, const json_t *task, const struct err *error)
{
	struct err err = {0};
	int rc = store_begin(n->store, &err);
	const char *state = !error                     ? "succeeded"
			    : error->code == ECANCELED ? "cancelled"
						       : "failed";

	if (rc == 0)
		rc = notes_settle(
		    n, store_task_end(n->store, notes_number(task, "id"), state, error, &err),
		    &err);
	if (rc < 0)
		log_warn("a task's end: %s", err.text);
}

void notes_task_go_on(struct notes *n, const json_t *task, uint32_t progress_pct, const char *text)
{
	struct err err = {0};
	json_t *fields =
	    json_pack("{s:s, s:i, s:s}", "state", "running", "progress_pct", (int)progress_pct,
		      "text", *text ? text : notes_text(task, "text"));

	if (notes_is(task, "state", "queued"))
		json_object_set_new(fields, "started_ms",
				    json_integer((json_int_t)clock_wall_ms()));
	if (notes_row(n, &table_tasks, task, fields, &err) < 0)
		log_warn("a task's progress: %s", err.text);
}
