/* SPDX-License-Identifier: MIT */
/*
 * snapshotter_sync.c - see snapshotter.h: filterd's list of a volume against the rows.
 *
 * What there is is filterd's to say, and the rows follow it; but a row is never deleted because
 * filterd does not know it: it is told as missing, and comes back when its datastore does. What has
 * an open task is the task's until that has ended.
 */
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "json.h"
#include "parse.h"
#include "snapshotter_int.h"
#include "store_link.h"
#include "store_snapshots.h"

#define SYNC_MS 5000u
#define ALL_MS                                                                                     \
	(5u * 60u * 1000u) /* volumes without a snapshot here, too: something may be adopted */

/* ---------------------------------------------------------------- what is seen of a volume */

static void remember(struct snapshotter *n, const char *volume, const json_t *list)
{
	const json_t *head = json_object_get(list, "head");
	json_t *seen = json_pack(
	    "{s:b, s:s, s:{s:s, s:I}, s:I}", "is_degraded",
	    json_is_true(json_object_get(list, "is_degraded")), "problem",
	    notes_text(list, "problem"), "head", "parent", notes_text(head, "parent"), "own_bytes",
	    notes_number(head, "own_bytes"), "seen_ms", (json_int_t)n->now_ms());
	bool was_degraded;

	pthread_mutex_lock(&n->lock);
	was_degraded =
	    json_is_true(json_object_get(json_object_get(n->volumes, volume), "is_degraded"));
	json_object_set_new(n->volumes, volume, seen);
	pthread_mutex_unlock(&n->lock);
	if (json_is_true(json_object_get(list, "is_degraded")) && !was_degraded)
		notes_event(
		    &n->notes, "error", "snapshot.degraded", "volume", volume,
		    "the layers of volume %s are not whole: %s. See what can be done: sluice "
		    "snapshot repair %s",
		    volume, notes_text(list, "problem"), volume);
}

/* ---------------------------------------------------------------- rows that filterd has */

static const char *state_of(const json_t *row, const json_t *item, bool has_task)
{
	const char *is = notes_text(item, "state");

	if (strcmp(is, "degraded") == 0)
		return "degraded";
	if (strcmp(is, "deleting") == 0)
		return "deleting";
	/* Asked for, and not begun: or made, and its task is about to notice. */
	return has_task ? notes_text(row, "state") : "ready";
}

static void tell_state(struct snapshotter *n, const json_t *row, const char *state)
{
	const char *volume = notes_text(row, "volume"), *name = notes_text(row, "name");
	char object[SNAPSHOTTER_NAME_BYTES];

	snapshotter_name(volume, name, object);
	if (notes_is(row, "state", state))
		return;
	if (strcmp(state, "degraded") == 0)
		notes_event(&n->notes, "error", "snapshot.degraded", "snapshot", object,
			    "snapshot %s of volume %s is not whole: a file of it is missing or "
			    "damaged. See what can be done: sluice snapshot repair %s",
			    name, volume, volume);
	else if (strcmp(state, "missing") == 0)
		notes_event(
		    &n->notes, "error", "snapshot.missing", "snapshot", object,
		    "volume %s does not have its snapshot %s any more; it stays listed until "
		    "somebody deletes it",
		    volume, name);
	else if (notes_is(row, "state", "missing"))
		notes_event(&n->notes, "info", "snapshot.found", "snapshot", object,
			    "volume %s has its snapshot %s again", volume, name);
}

static const char *text_for(const json_t *row, const char *state)
{
	if (strcmp(state, "degraded") == 0)
		return "a file of it is missing or damaged: sluice snapshot repair";
	if (strcmp(state, "missing") == 0)
		return "the volume does not have it any more; bring back its datastore, or delete "
		       "it here";
	return notes_is(row, "state", state) ? notes_text(row, "state_text") : "";
}

static void follow(struct snapshotter *n, const json_t *row, const json_t *item, bool has_task)
{
	const char *state = state_of(row, item, has_task);
	json_int_t made_ms = notes_number(item, "created_ms");
	json_t *fields = json_pack(
	    "{s:s, s:s, s:s, s:I, s:I, s:I, s:I}", "state", state, "state_text",
	    text_for(row, state), "parent", notes_text(item, "parent"), "own_bytes",
	    notes_number(item, "own_bytes"), "size_bytes", notes_number(item, "size_bytes"),
	    "done_bytes", notes_number(item, "done_bytes"), "total_bytes",
	    notes_number(item, "total_bytes"));
	struct err err;

	if (made_ms > 0)
		json_object_set_new(fields, "created_ms", json_integer(made_ms));
	tell_state(n, row, state);
	notes_row(&n->notes, &table_snapshots, row, fields, &err);
}

/* ---------------------------------------------------------------- rows that it does not have */

/* One that a primary made here, and has deleted again. */
static bool was_its_primarys(struct snapshotter *n, const json_t *row)
{
	struct err err = {0};

	return json_is_true(json_object_get(row, "is_adopted")) &&
	       store_volume_is_replicated(n->notes.store, notes_text(row, "volume"), &err);
}

/* False: something rests on it, so its row stays. */
static bool follow_primary(struct snapshotter *n, const json_t *row)
{
	const char *volume = notes_text(row, "volume"), *name = notes_text(row, "name");
	char object[SNAPSHOTTER_NAME_BYTES];
	struct err err = {0};

	if (snapshotter_drop(n, row, &err) < 0)
		return false;
	snapshotter_name(volume, name, object);
	notes_event(&n->notes, "info", "snapshot.gone", "snapshot", object,
		    "volume %s, which is replicated, does not have snapshot %s any more", volume,
		    name);
	return true;
}

static void not_there(struct snapshotter *n, const json_t *row, bool has_task)
{
	struct err err;

	if (has_task)
		return;
	if (notes_is(row, "state", "creating") || notes_is(row, "state", "deleting")) {
		(void)!snapshotter_drop(n, row, &err); /* its task has ended: that was to be */
		return;
	}
	if (was_its_primarys(n, row) && follow_primary(n, row))
		return;
	tell_state(n, row, "missing");
	notes_row(
	    &n->notes, &table_snapshots, row,
	    json_pack("{s:s, s:s}", "state", "missing", "state_text", text_for(row, "missing")),
	    &err);
}

/* ---------------------------------------------------------------- what no row knows */

static void adopt(struct snapshotter *n, const char *volume, const json_t *item)
{
	const char *name = notes_text(item, "name"), *uuid = notes_text(item, "snapshot");
	char object[SNAPSHOTTER_NAME_BYTES], own[32];
	struct store *s = n->notes.store;
	struct err err = {0};
	cleanup_json json_t *other = NULL, *row = NULL, *made = NULL;
	int rc;

	other = store_snapshot_get(s, volume, name, &err);
	if (other || parse_name("name", name, &err) < 0) {
		snprintf(own, sizeof(own), "adopted-%.8s", uuid);
		name = own;
	}
	row = json_pack("{s:s, s:s, s:s, s:s, s:b, s:s, s:I, s:I}", "uuid", uuid, "volume", volume,
			"name", name, "state", "ready", "is_adopted", 1, "parent",
			notes_text(item, "parent"), "own_bytes", notes_number(item, "own_bytes"),
			"size_bytes", notes_number(item, "size_bytes"));
	if (notes_number(item, "created_ms") > 0)
		json_object_set(row, "created_ms", json_object_get(item, "created_ms"));
	rc = store_begin(s, &err);
	if (rc)
		return;
	made = store_insert(s, &table_snapshots, row, &err);
	if (notes_settle(&n->notes, made ? 0 : -1, &err) < 0)
		return;
	snapshotter_name(volume, name, object);
	notes_event(&n->notes, "info", "snapshot.adopted", "snapshot", object,
		    "volume %s has a snapshot that was not known here; it is listed as %s", volume,
		    name);
}

/* ---------------------------------------------------------------- full clones */

static bool has_text(const json_t *array, const char *text)
{
	const json_t *t;
	size_t i;

	json_array_foreach(array, i, t)
	{
		if (json_is_string(t) && strcmp(json_string_value(t), text) == 0)
			return true;
	}
	return false;
}

/* What was created before the list was asked for and does not rest on its snapshot any more. */
static void free_clones(struct snapshotter *n, const json_t *clones, const json_t *list)
{
	const json_t *c;
	size_t i;

	json_array_foreach(clones, i, c)
	{
		const json_t *item = snapshotter_item(list, notes_text(c, "snapshot"));
		struct err err = {0};
		int rc;

		if (!item || has_text(json_object_get(item, "clones"), notes_text(c, "name")))
			continue;
		rc = store_begin(n->notes.store, &err);
		if (rc)
			return;
		rc = store_volume_origin_put(n->notes.store, notes_number(c, "id"), 0, NULL, &err);
		if (notes_settle(&n->notes, rc, &err) == 0)
			notes_event(&n->notes, "info", "volume.stands_alone", "volume",
				    notes_text(c, "name"),
				    "clone %s is complete and does not need its snapshot any more",
				    notes_text(c, "name"));
	}
}

/* ---------------------------------------------------------------- a volume */

static bool has_task_of(const json_t *tasks, const json_t *row)
{
	const json_t *task;
	size_t i;

	json_array_foreach(tasks, i, task)
	{
		const json_t *p = json_object_get(task, "parameters");

		if (notes_is(p, "snapshot", notes_text(row, "uuid")) ||
		    (*notes_text(row, "group") && notes_is(task, "object_type", "snapshot_group") &&
		     notes_is(task, "object_name", notes_text(row, "group"))))
			return true;
	}
	return false;
}

static void compare(struct snapshotter *n, const char *volume, const json_t *list,
		    const json_t *rows, const json_t *tasks)
{
	cleanup_json json_t *known = json_object();
	const json_t *row, *item;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		item = snapshotter_item(list, notes_text(row, "uuid"));
		json_object_set_new(known, notes_text(row, "uuid"), json_true());
		if (item)
			follow(n, row, item, has_task_of(tasks, row));
		else
			not_there(n, row, has_task_of(tasks, row));
	}
	json_array_foreach(json_object_get(list, "items"), i, item)
	{
		if (!json_object_get(known, notes_text(item, "snapshot")))
			adopt(n, volume, item);
	}
}

void snapshotter_sync(struct snapshotter *n, const char *volume)
{
	struct store *s = n->notes.store;
	struct err err = {0};
	cleanup_json json_t *clones = store_full_clones(s, volume, &err);
	const json_t *list = snapshotter_list(n, volume, &err);
	cleanup_json json_t *rows = NULL, *tasks = NULL;
	int64_t id;

	if (!list)
		return;
	id = store_id_of(s, &table_volumes, volume, &err);
	rows = id ? store_snapshots_of_volume(s, id, &err) : NULL;
	tasks = store_snapshot_tasks(s, &err);
	if (!rows || !tasks)
		return;
	remember(n, volume, list);
	compare(n, volume, list, rows, tasks);
	free_clones(n, clones, list);
}

void snapshotter_sync_round(struct snapshotter *n)
{
	uint64_t now_ns = clock_now_ns();
	bool is_all = filterd_look(&n->filterd, &(struct err){0}) == 0 || now_ns >= n->all_ns;
	struct err err = {0};
	cleanup_json json_t *names = NULL;
	const json_t *name;
	size_t i;

	if (!is_all && now_ns < n->sync_ns)
		return;
	names = is_all ? store_volumes_created(n->notes.store, &err)
		       : store_volumes_with_snapshots(n->notes.store, &err);
	json_array_foreach(names, i, name)
	{
		snapshotter_sync(n, json_string_value(name));
	}
	n->sync_ns = clock_now_ns() + SYNC_MS * CLOCK_NS_PER_MS;
	if (is_all)
		n->all_ns = clock_now_ns() + ALL_MS * CLOCK_NS_PER_MS;
}
