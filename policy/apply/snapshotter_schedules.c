/* SPDX-License-Identifier: MIT */
/*
 * snapshotter_schedules.c - see snapshotter.h: what is due becomes rows and tasks, in one
 * transaction with the note that it ran; and what retention does not keep becomes tasks of
 * deletion.
 *
 * Retention knows a schedule's own snapshots alone, and of these it leaves what something rests on.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "json.h"
#include "log.h"
#include "schedule.h"
#include "snapshotter_int.h"
#include "store_link.h"
#include "store_snapshots.h"
#include "uuid.h"

#define LOOK_MS      1000u
#define RETENTION_MS 60000u

struct run {
	struct snapshotter *n;
	const json_t *row; /* the schedule's */
	int64_t due_ms;
	char name[81]; /* of what it makes */
	char actor[80];
	char left_out[200]; /* volumes that nothing is made of now */
	uint32_t made;
};

/* ---------------------------------------------------------------- which volumes */

/* Its last run of this schedule is not over: one more would only wait behind it. */
static bool is_waiting(const json_t *tasks, const json_t *schedule, const char *volume)
{
	const json_t *task;
	size_t i;

	json_array_foreach(tasks, i, task)
	{
		const json_t *p = json_object_get(task, "parameters");

		if (notes_is(task, "kind", "snapshot.create") &&
		    notes_is(p, "schedule", notes_text(schedule, "name")) &&
		    notes_is(p, "volume", volume))
			return true;
	}
	return false;
}

static const char *why_not(struct snapshotter *n, const json_t *schedule, const json_t *tasks,
			   const json_t *volume)
{
	struct err err = {0};
	cleanup_json json_t *row =
	    store_get_id(n->notes.store, &table_volumes, notes_number(volume, "id"), &err);
	cleanup_json json_t *datastore =
	    row ? store_get(n->notes.store, &table_datastores, notes_text(row, "datastore"), &err)
		: NULL;

	if (!notes_is(datastore, "type", "dir"))
		return "its datastore has no snapshots";
	if (!notes_is(row, "desired_state", "online"))
		return "it is offline";
	if (is_waiting(tasks, schedule, notes_text(volume, "name")))
		return "its last one is not made yet";
	return NULL;
}

static void leave_out(struct run *r, const char *volume, const char *why)
{
	size_t used = strlen(r->left_out);

	snprintf(r->left_out + used, sizeof(r->left_out) - used, "%s%.60s: %s", used ? ", " : "",
		 volume, why);
}

static json_t *volumes_of(struct run *r, struct err *err)
{
	struct store *s = r->n->notes.store;
	cleanup_json json_t *all = store_schedule_volumes(s, notes_number(r->row, "id"), err);
	cleanup_json json_t *tasks = all ? store_snapshot_tasks(s, err) : NULL;
	json_t *out, *v;
	size_t i;

	if (!tasks)
		return NULL;
	out = json_array();
	json_array_foreach(all, i, v)
	{
		const char *why = why_not(r->n, r->row, tasks, v);

		if (why)
			leave_out(r, notes_text(v, "name"), why);
		else
			json_array_append(out, v);
	}
	return out;
}

/* ---------------------------------------------------------------- making */

static int add_row(struct run *r, const char *volume, const char *group, char uuid[37],
		   struct err *err)
{
	cleanup_json json_t *row = NULL, *made = NULL;
	int rc = uuid_make(uuid, err);

	if (rc)
		return rc;
	row = json_pack("{s:s, s:s, s:s, s:O, s:I, s:s*}", "uuid", uuid, "volume", volume, "name",
			r->name, "schedule", json_object_get(r->row, "name"), "created_ms",
			(json_int_t)r->n->now_ms(), "group", group);
	made = store_insert(r->n->notes.store, &table_snapshots, row, err);
	return made ? 0 : -err->code;
}

static int add_task(struct run *r, const char *type, const char *name, json_t *parameters,
		    struct err *err)
{
	cleanup_json json_t *owned = parameters;
	int64_t id = store_task_add(r->n->notes.store, "snapshot.create", type, name, false, owned,
				    r->actor, err);

	return id < 0 ? (int)id : 0;
}

static int make_single(struct run *r, const char *volume, struct err *err)
{
	char uuid[37], object[SNAPSHOTTER_NAME_BYTES];
	int rc = add_row(r, volume, NULL, uuid, err);

	if (rc)
		return rc;
	snapshotter_name(volume, r->name, object);
	return add_task(r, "snapshot", object,
			json_pack("{s:s, s:s, s:O}", "volume", volume, "snapshot", uuid, "schedule",
				  json_object_get(r->row, "name")),
			err);
}

static int make_group(struct run *r, const json_t *volumes, struct err *err)
{
	char uuid[37], one[37];
	cleanup_json json_t *row = NULL, *made = NULL;
	const json_t *v;
	size_t i;
	int rc = uuid_make(uuid, err);

	if (rc)
		return rc;
	row = json_pack("{s:s, s:s, s:O}", "uuid", uuid, "name", r->name, "schedule",
			json_object_get(r->row, "name"));
	made = store_insert(r->n->notes.store, &table_snapshot_groups, row, err);
	if (!made)
		return -err->code;
	json_array_foreach(volumes, i, v)
	{
		rc = rc ? rc : add_row(r, notes_text(v, "name"), r->name, one, err);
	}
	return rc ? rc
		  : add_task(r, "snapshot_group", r->name,
			     json_pack("{s:s, s:O}", "group", uuid, "schedule",
				       json_object_get(r->row, "name")),
			     err);
}

static int make_all(struct run *r, const json_t *volumes, struct err *err)
{
	bool is_group = json_is_true(json_object_get(r->row, "is_group"));
	const json_t *v;
	size_t i;
	int rc = 0;

	r->made = (uint32_t)json_array_size(volumes);
	if (r->made == 0)
		return 0;
	if (is_group)
		return make_group(r, volumes, err);
	json_array_foreach(volumes, i, v)
	{
		rc = rc ? rc : make_single(r, notes_text(v, "name"), err);
	}
	return rc;
}

static int note_run(struct run *r, const char *text, struct err *err)
{
	cleanup_json json_t *fields =
	    json_pack("{s:I, s:I, s:s}", "last_due_ms", (json_int_t)r->due_ms, "last_run_ms",
		      (json_int_t)r->n->now_ms(), "last_text", text);

	return store_note(r->n->notes.store, &table_snapshot_schedules, notes_number(r->row, "id"),
			  fields, err);
}

static int run_in_transaction(struct run *r, struct err *err)
{
	cleanup_json json_t *volumes = volumes_of(r, err);
	char text[320];
	int rc = volumes ? make_all(r, volumes, err) : -EIO;

	if (rc)
		return rc;
	snprintf(text, sizeof(text), "%u snapshot%s asked for%s%s", r->made,
		 r->made == 1 ? "" : "s", r->left_out[0] ? "; not of " : "", r->left_out);
	return note_run(r, text, err);
}

static void run_now(struct snapshotter *n, const json_t *row, int64_t due_ms)
{
	struct run r = {.n = n, .row = row, .due_ms = due_ms};
	const char *name = notes_text(row, "name");
	struct err err = {0}, why;
	int rc = store_begin(n->notes.store, &err);

	if (rc)
		return; /* the next look tries again */
	snprintf(r.actor, sizeof(r.actor), "schedule:%s", name);
	schedule_name(name, due_ms, r.name, sizeof(r.name));
	rc = notes_settle(&n->notes, run_in_transaction(&r, &err), &err);
	if (rc == 0 || err.code == EAGAIN || err.code == ENOSPC)
		return;
	/* It cannot be made, and could not in half a second either: this time is left out. */
	notes_event(&n->notes, "error", "schedule.failed", "snapshot_schedule", name,
		    "schedule %s made no snapshots: %s", name, err.text);
	if (store_begin(n->notes.store, &why) == 0)
		notes_settle(&n->notes, note_run(&r, err.text, &why), &why);
}

static void look_at(struct snapshotter *n, const json_t *row)
{
	struct schedule s;
	struct err err;
	int64_t due_ms = 0, born_ms = notes_number(row, "created_ms");
	enum schedule_state state;

	if (!json_is_true(json_object_get(row, "is_enabled")) ||
	    schedule_read(notes_text(row, "every"), notes_text(row, "at"),
			  notes_text(row, "weekday"), &s, &err) < 0)
		return;
	state = schedule_look(&s, notes_number(row, "last_due_ms"), born_ms, (int64_t)n->now_ms(),
			      &due_ms);
	if (state == SCHEDULE_IS_DUE)
		run_now(n, row, due_ms);
	else if (state == SCHEDULE_CLOCK_WAS_WRONG)
		notes_row(&n->notes, &table_snapshot_schedules, row,
			  json_pack("{s:I}", "last_due_ms", (json_int_t)due_ms), &err);
}

void snapshotter_schedules_round(struct snapshotter *n)
{
	uint64_t now_ns = clock_now_ns();
	struct err err = {0};
	cleanup_json json_t *rows = NULL;
	const json_t *row;
	size_t i;

	if (now_ns < n->schedules_ns)
		return;
	n->schedules_ns = now_ns + LOOK_MS * CLOCK_NS_PER_MS;
	rows = store_schedules(n->notes.store, &err);
	json_array_foreach(rows, i, row)
	{
		look_at(n, row);
	}
	if (now_ns < n->retention_ns)
		return;
	n->retention_ns = now_ns + RETENTION_MS * CLOCK_NS_PER_MS;
	json_array_foreach(rows, i, row)
	{
		if (json_is_true(json_object_get(row, "is_enabled")))
			snapshotter_retention(n, row);
	}
}
