/* SPDX-License-Identifier: MIT */
/*
 * snapshotter_tasks.c - see snapshotter.h: tasks about snapshots, one after the other on each
 * volume, in the order in which they were asked for.
 *
 * A task that has been begun once may have had its effect though the answer was lost: filterd's
 * list tells, before anything is asked for again.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "json.h"
#include "snapshotter_int.h"
#include "store_link.h"
#include "store_snapshots.h"

#define RETRY_MS 2000u

static const json_t *parameters(const json_t *task)
{
	return json_object_get(task, "parameters");
}

static bool is_cancel_wanted(const json_t *task)
{
	return json_is_true(json_object_get(task, "is_cancel_wanted"));
}

json_t *snapshotter_rows_of(struct snapshotter *n, const json_t *task, struct err *err)
{
	const char *group = notes_text(parameters(task), "group");
	json_t *row;
	int64_t id;

	if (*group) {
		id = store_id_of(n->notes.store, &table_snapshot_groups,
				 notes_text(task, "object_name"), err);
		return id ? store_snapshots_of_group(n->notes.store, id, err) : json_array();
	}
	row = snapshotter_row(n, notes_text(parameters(task), "snapshot"));
	return row ? json_pack("[o]", row) : json_array();
}

/* ---------------------------------------------------------------- when */

static void key_of(const json_t *task, char key[24])
{
	snprintf(key, 24, "%lld", (long long)notes_number(task, "id"));
}

void snapshotter_try_later(struct snapshotter *n, const json_t *task, const char *text)
{
	char key[24];

	key_of(task, key);
	notes_task_go_on(&n->notes, task, (uint32_t)notes_number(task, "progress_pct"), text);
	json_object_set_new(
	    n->later, key, json_integer((json_int_t)(clock_now_ns() / CLOCK_NS_PER_MS + RETRY_MS)));
}

static bool is_for_later(struct snapshotter *n, const json_t *task)
{
	char key[24];

	key_of(task, key);
	return (json_int_t)(clock_now_ns() / CLOCK_NS_PER_MS) < notes_number(n->later, key);
}

static json_t *volumes_of(const json_t *task, const json_t *rows)
{
	json_t *names = json_array(), *volume = json_object_get(parameters(task), "volume");
	const json_t *row;
	size_t i;

	if (volume)
		json_array_append(names, volume);
	json_array_foreach(rows, i, row)
	{
		json_array_append(names, json_object_get(row, "volume"));
	}
	return names;
}

static bool is_among(const json_t *names, const json_t *wanted)
{
	const json_t *a, *b;
	size_t i, k;

	json_array_foreach(names, i, a)
	{
		json_array_foreach(wanted, k, b)
		{
			if (json_equal(a, b))
				return true;
		}
	}
	return false;
}

/* ---------------------------------------------------------------- requests */

static void ask(struct snapshotter *n, const json_t *task, const json_t *volumes,
		const char *request, json_t *arguments, const char *text)
{
	struct err err = {0};
	int rc = asks_begin(&n->asks, notes_number(task, "id"), volumes, request, arguments, &err);

	if (rc == 0)
		notes_task_go_on(&n->notes, task, 0, text);
	else if (filterd_is_gone(&err))
		snapshotter_try_later(n, task, "waiting for sluice-filterd");
	else
		snapshotter_try_later(n, task, err.text);
}

/* What an earlier try may have made. */
static bool was_made(struct snapshotter *n, const json_t *task, const json_t *rows)
{
	const json_t *first = json_array_get(rows, 0);
	struct err err;

	if (notes_is(task, "state", "queued"))
		return false;
	return snapshotter_item(snapshotter_list(n, notes_text(first, "volume"), &err),
				notes_text(first, "uuid")) != NULL;
}

static void create(struct snapshotter *n, const json_t *task, const json_t *rows,
		   const json_t *volumes)
{
	const char *group = notes_text(parameters(task), "group");
	json_t *members = json_array();
	const json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		json_array_append_new(members, json_pack("{s:O, s:O, s:O}", "volume",
							 json_object_get(row, "volume"), "snapshot",
							 json_object_get(row, "uuid"), "name",
							 json_object_get(row, "name")));
	}
	if (was_made(n, task, rows)) {
		json_decref(members);
		snapshotter_created(n, task);
		return;
	}
	ask(n, task, volumes, "snapshot.create",
	    json_pack("{s:o, s:s*}", "members", members, "group", *group ? group : NULL),
	    "the filters come to a point in time");
}

static void revert(struct snapshotter *n, const json_t *task, const json_t *rows,
		   const json_t *volumes)
{
	const json_t *row = json_array_get(rows, 0);

	ask(n, task, volumes, "snapshot.revert",
	    json_pack("{s:O, s:O}", "volume", json_object_get(row, "volume"), "snapshot",
		      json_object_get(row, "uuid")),
	    "the volume goes back");
}

static void repair(struct snapshotter *n, const json_t *task, const json_t *rows,
		   const json_t *volumes)
{
	(void)rows;
	ask(n, task, volumes, "snapshot.repair",
	    json_pack("{s:O, s:b}", "volume", json_object_get(parameters(task), "volume"), "apply",
		      1),
	    "the volume's layers are put in order");
}

/* ---------------------------------------------------------------- deleting */

static json_t *pair_of(const json_t *row)
{
	return json_pack("{s:O, s:O}", "volume", json_object_get(row, "volume"), "snapshot",
			 json_object_get(row, "uuid"));
}

static void back_to_ready(struct snapshotter *n, const json_t *row)
{
	struct err err;
	json_t *fields = json_pack("{s:s, s:s, s:i, s:i}", "state", "ready", "state_text", "",
				   "done_bytes", 0, "total_bytes", 0);

	notes_row(&n->notes, &table_snapshots, row, fields, &err);
}

static void gone(struct snapshotter *n, const json_t *task, const json_t *row)
{
	char name[SNAPSHOTTER_NAME_BYTES];
	struct err err = {0};

	snapshotter_name(notes_text(row, "volume"), notes_text(row, "name"), name);
	if (snapshotter_drop(n, row, &err) < 0) {
		notes_task_end(&n->notes, task, &err);
		return;
	}
	notes_event(&n->notes, "info", "snapshot.deleted", "snapshot", name,
		    "snapshot %s of volume %s is deleted", notes_text(row, "name"),
		    notes_text(row, "volume"));
	notes_task_end(&n->notes, task, NULL);
}

static void begin_delete(struct snapshotter *n, const json_t *task, const json_t *row)
{
	cleanup_json json_t *q = pair_of(row), *answer = NULL;
	struct err err = {0};

	answer = filterd_ask(&n->filterd, "snapshot.delete", q, &err);
	json_object_del(n->lists, notes_text(row, "volume"));
	if (answer) {
		notes_task_go_on(&n->notes, task, 0, "its blocks are merged in the background");
	} else if (filterd_is_gone(&err)) {
		notes_task_go_on(&n->notes, task, 0, "waiting for sluice-filterd");
	} else if (err.code == ENOENT) {
		gone(n, task, row);
	} else if (err.code == EAGAIN) {
		snapshotter_try_later(n, task, err.text);
	} else {
		back_to_ready(n, row);
		notes_task_end(&n->notes, task, &err);
	}
}

static void progress(struct snapshotter *n, const json_t *task, const json_t *row,
		     const json_t *item)
{
	json_int_t done = notes_number(item, "done_bytes"),
		   total = notes_number(item, "total_bytes");
	struct err err;
	json_t *fields = json_pack("{s:I, s:I}", "done_bytes", done, "total_bytes", total);

	notes_row(&n->notes, &table_snapshots, row, fields, &err);
	if (total > 0 && done <= total)
		notes_task_go_on(&n->notes, task, (uint32_t)(done * 99 / total), "");
}

static void cancel_delete(struct snapshotter *n, const json_t *row)
{
	cleanup_json json_t *q = pair_of(row);
	struct err err;

	json_decref(filterd_ask(&n->filterd, "snapshot.delete_cancel", q, &err));
	json_object_del(n->lists, notes_text(row, "volume"));
}

static void not_deleted(struct snapshotter *n, const json_t *task, const json_t *row)
{
	struct err why;

	back_to_ready(n, row);
	err_set(&why, ECANCELED, "", "it was cancelled; the snapshot is as it was");
	notes_task_end(&n->notes, task, &why);
}

static void delete_one(struct snapshotter *n, const json_t *task, const json_t *row)
{
	const char *volume = notes_text(row, "volume");
	const json_t *list, *item;
	struct err err;

	if (notes_is(task, "state", "queued")) {
		if (is_cancel_wanted(task))
			not_deleted(n, task, row);
		else
			begin_delete(n, task, row);
		return;
	}
	if (is_cancel_wanted(task))
		cancel_delete(n, row);
	list = snapshotter_list(n, volume, &err);
	if (!list) {
		notes_task_go_on(&n->notes, task, (uint32_t)notes_number(task, "progress_pct"),
				 err.code && !filterd_is_gone(&err) ? err.text
								    : "waiting for sluice-filterd");
		return;
	}
	item = snapshotter_item(list, notes_text(row, "uuid"));
	if (!item)
		gone(n, task, row);
	else if (notes_is(item, "state", "deleting"))
		progress(n, task, row, item);
	else if (is_cancel_wanted(task))
		not_deleted(n, task, row);
	else
		begin_delete(n, task,
			     row); /* it was never begun: its answer was lost, or a restart */
}

/* ---------------------------------------------------------------- the table */

static const struct {
	const char *kind;
	void (*fn)(struct snapshotter *n, const json_t *task, const json_t *rows,
		   const json_t *volumes);
	bool needs_rows;
} kinds[] = {
    {"snapshot.create", create, true},
    {"snapshot.revert", revert, true},
    {"snapshot.repair", repair, false},
};

/* On one volume one deletion after the other; snapshots may be made meanwhile. */
static void step_delete(struct snapshotter *n, const json_t *task, const json_t *rows,
			const json_t *volumes)
{
	if (json_array_size(rows) == 0) {
		notes_task_end(&n->notes, task, NULL);
		return;
	}
	if (notes_is(task, "state", "queued") &&
	    (is_among(n->deleting, volumes) || is_among(n->waiting, volumes)))
		return;
	json_array_extend(n->deleting, (json_t *)(uintptr_t)volumes);
	if (!is_for_later(n, task))
		delete_one(n, task, json_array_get(rows, 0));
}

static void step_other(struct snapshotter *n, const json_t *task, const json_t *rows,
		       const json_t *volumes)
{
	bool is_its_turn = !asks_has(&n->asks, notes_number(task, "id")) &&
			   !asks_is_busy(&n->asks, volumes) && !is_among(n->waiting, volumes) &&
			   !is_for_later(n, task);
	struct err err = {0};

	json_array_extend(n->waiting, (json_t *)(uintptr_t)volumes);
	for (size_t i = 0; is_its_turn && i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (!notes_is(task, "kind", kinds[i].kind))
			continue;
		if (kinds[i].needs_rows && json_array_size(rows) == 0) {
			err_set(&err, ENOENT, "", "the snapshot is gone");
			notes_task_end(&n->notes, task, &err);
			return;
		}
		kinds[i].fn(n, task, rows, volumes);
	}
}

void snapshotter_tasks_round(struct snapshotter *n)
{
	struct err err = {0};
	cleanup_json json_t *tasks = store_snapshot_tasks(n->notes.store, &err);
	const json_t *task;
	size_t i;

	json_array_foreach(tasks, i, task)
	{
		cleanup_json json_t *rows = snapshotter_rows_of(n, task, &err);
		cleanup_json json_t *volumes = volumes_of(task, rows);

		if (!rows)
			continue;
		if (notes_is(task, "kind", "snapshot.delete"))
			step_delete(n, task, rows, volumes);
		else
			step_other(n, task, rows, volumes);
	}
}
