/* SPDX-License-Identifier: MIT */
/* snapshotter_ended.c - see snapshotter.h: what became of a request that took long. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "json.h"
#include "snapshotter_int.h"
#include "store_link.h"
#include "store_snapshots.h"

/* A volume that is being opened, after a boot for instance, is waited for so long. */
#define OPENING_MS (5 * 60 * 1000ll)

/* ---------------------------------------------------------------- made */

static int note_made(struct snapshotter *n, const json_t *row, struct err *err)
{
	cleanup_json json_t *fields = json_pack("{s:s, s:s}", "state", "ready", "state_text", "");
	struct store *s = n->notes.store;
	int64_t volume_id = store_id_of(s, &table_volumes, notes_text(row, "volume"), err);
	int rc = volume_id ? 0 : -ENOENT;

	if (rc == 0)
		rc = store_note(s, &table_snapshots, notes_number(row, "id"), fields, err);
	if (rc == 0)
		rc = store_snapshot_key_note(s, notes_number(row, "id"), volume_id, err);
	return rc;
}

static int note_all_made(struct snapshotter *n, const json_t *rows, struct err *err)
{
	const json_t *row;
	size_t i;
	int rc = store_begin(n->notes.store, err);

	if (rc)
		return rc;
	json_array_foreach(rows, i, row)
	{
		if (rc == 0)
			rc = note_made(n, row, err);
	}
	return notes_settle(&n->notes, rc, err);
}

/* held_us: for how long I/O was held; 0: that was not told. */
static void tell_made(struct snapshotter *n, const json_t *task, const json_t *rows,
		      json_int_t held_us)
{
	const json_t *first = json_array_get(rows, 0);
	char name[SNAPSHOTTER_NAME_BYTES], held[60] = "";

	if (held_us > 0)
		snprintf(held, sizeof(held), ", I/O was held for %.1f ms",
			 (double)held_us / 1000.0);
	if (json_array_size(rows) > 1) {
		notes_event(&n->notes, "info", "snapshot.created", "snapshot_group",
			    notes_text(task, "object_name"),
			    "snapshots %s of %zu volumes were taken at one point in time%s",
			    notes_text(first, "name"), json_array_size(rows), held);
		return;
	}
	snapshotter_name(notes_text(first, "volume"), notes_text(first, "name"), name);
	notes_event(&n->notes, "info", "snapshot.created", "snapshot", name,
		    "snapshot %s of volume %s was taken%s", notes_text(first, "name"),
		    notes_text(first, "volume"), held);
}

static void made(struct snapshotter *n, const json_t *task, json_int_t held_us)
{
	struct err err = {0};
	cleanup_json json_t *rows = snapshotter_rows_of(n, task, &err);
	const json_t *row;
	size_t i;

	if (!rows || note_all_made(n, rows, &err) < 0) {
		snapshotter_try_later(n, task, err.text);
		return;
	}
	json_array_foreach(rows, i, row)
	{
		json_object_del(n->lists, notes_text(row, "volume"));
		snapshotter_sync(n, notes_text(row, "volume"));
	}
	if (*notes_text(json_object_get(task, "parameters"), "schedule"))
		n->retention_ns = 0; /* it may be one too many now */
	if (json_array_size(rows) > 0)
		tell_made(n, task, rows, held_us);
	notes_task_end(&n->notes, task, NULL);
}

void snapshotter_created(struct snapshotter *n, const json_t *task)
{
	made(n, task, 0);
}

static void not_made(struct snapshotter *n, const json_t *task, const struct err *why)
{
	struct err err = {0};
	cleanup_json json_t *rows = snapshotter_rows_of(n, task, &err);
	const json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		if (snapshotter_drop(n, row, &err) < 0)
			return; /* the task stays open, and is tried again */
	}
	notes_event(&n->notes, "warning", "snapshot.failed", notes_text(task, "object_type"),
		    notes_text(task, "object_name"), "snapshot %s was not taken: %s",
		    notes_text(task, "object_name"), why->text);
	notes_task_end(&n->notes, task, why);
}

/* ---------------------------------------------------------------- reverted, repaired */

static void reverted(struct snapshotter *n, const json_t *task)
{
	struct err err = {0};
	cleanup_json json_t *rows = snapshotter_rows_of(n, task, &err);
	const json_t *row = json_array_get(rows, 0);
	struct store *s = n->notes.store;
	int64_t volume_id;
	int rc = row ? store_begin(s, &err) : 0;

	if (row && rc == 0) {
		volume_id = store_id_of(s, &table_volumes, notes_text(row, "volume"), &err);
		rc = volume_id
			 ? store_volume_key_of_snapshot(s, volume_id, notes_number(row, "id"), &err)
			 : -ENOENT;
		rc = notes_settle(&n->notes, rc, &err);
	}
	if (rc < 0) {
		snapshotter_try_later(n, task, err.text);
		return;
	}
	notes_event(&n->notes, "warning", "volume.reverted", "volume",
		    notes_text(task, "object_name"),
		    "volume %s is again what it was at its snapshot %s; what was written since is "
		    "gone",
		    notes_text(task, "object_name"), row ? notes_text(row, "name") : "");
	notes_task_end(&n->notes, task, NULL);
}

static void log_steps(struct snapshotter *n, const json_t *task, const json_t *steps)
{
	struct err err = {0};
	const json_t *text;
	size_t i;
	int rc = store_begin(n->notes.store, &err);

	if (rc)
		return;
	json_array_foreach(steps, i, text)
	{
		if (rc == 0 && json_is_string(text))
			rc = store_task_log(n->notes.store, notes_number(task, "id"),
					    json_string_value(text), &err);
	}
	notes_settle(&n->notes, rc, &err);
}

static void repaired(struct snapshotter *n, const json_t *task, const json_t *answer)
{
	const json_t *steps = json_object_get(answer, "steps");
	const char *volume = notes_text(task, "object_name");

	log_steps(n, task, steps);
	notes_event(&n->notes, "info", "volume.repaired", "volume", volume,
		    "the layers of volume %s were put in order in %zu steps", volume,
		    json_array_size(steps));
	notes_task_end(&n->notes, task, NULL);
	snapshotter_sync(n, volume);
}

/* ---------------------------------------------------------------- by kind */

/* It is about to be opened: worth another try for a while. */
static bool is_opening(struct snapshotter *n, const json_t *task, const struct err *why)
{
	return why->code == ENOTCONN &&
	       (json_int_t)n->now_ms() - notes_number(task, "created_ms") < OPENING_MS;
}

static void refused(struct snapshotter *n, const json_t *task, const struct err *why)
{
	if (filterd_is_gone(why)) {
		snapshotter_try_later(n, task, "waiting for sluice-filterd");
		return;
	}
	if (why->code == EAGAIN || is_opening(n, task, why)) {
		snapshotter_try_later(n, task, why->text);
		return;
	}
	if (notes_is(task, "kind", "snapshot.create")) {
		not_made(n, task, why);
		return;
	}
	notes_event(&n->notes, "warning", "snapshot.failed", notes_text(task, "object_type"),
		    notes_text(task, "object_name"), "%s of volume %s failed: %s",
		    notes_is(task, "kind", "snapshot.revert") ? "the revert" : "the repair",
		    notes_text(task, "object_name"), why->text);
	notes_task_end(&n->notes, task, why);
}

void snapshotter_ended(void *snapshotter, int64_t task_id, const json_t *answer,
		       const struct err *why)
{
	struct snapshotter *n = snapshotter;
	struct err err = {0};
	cleanup_json json_t *task = store_get_id(n->notes.store, &table_tasks, task_id, &err);

	if (!task || json_integer_value(json_object_get(task, "ended_ms")) > 0)
		return;
	if (why)
		refused(n, task, why);
	else if (notes_is(task, "kind", "snapshot.create"))
		made(n, task, notes_number(answer, "held_us"));
	else if (notes_is(task, "kind", "snapshot.revert"))
		reverted(n, task);
	else
		repaired(n, task, answer);
}
