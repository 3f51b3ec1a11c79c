/* SPDX-License-Identifier: MIT */
/*
 * snapshotter_retention.c - see snapshotter.h: what a schedule made and does not keep is deleted.
 *
 * Only its own snapshots, and of these only what is whole and what nothing rests on: that one is
 * kept, and told once. The numbers hold for each volume by itself.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "schedule.h"
#include "snapshotter_int.h"
#include "store_link.h"
#include "store_snapshots.h"

/* {volume: [rows]}: only those that are ready. */
static json_t *by_volume(const json_t *rows)
{
	json_t *out = json_object(), *row;
	size_t i;

	json_array_foreach((json_t *)(uintptr_t)rows, i, row)
	{
		const char *volume = notes_text(row, "volume");
		json_t *list = json_object_get(out, volume);

		if (!notes_is(row, "state", "ready"))
			continue;
		if (!list)
			json_object_set_new(out, volume, list = json_array());
		json_array_append(list, row);
	}
	return out;
}

/* What rests on it, in words; "": nothing. */
static void users_text(struct snapshotter *n, const json_t *row, char text[160])
{
	struct err err;
	cleanup_json json_t *users =
	    store_snapshot_users(n->notes.store, notes_number(row, "id"), &err);

	text[0] = '\0';
	if (json_array_size(users) > 0)
		snprintf(text, 160, "kept beyond its schedule: volume %s rests on it",
			 notes_text(json_array_get(users, 0), "name"));
}

static void keep(struct snapshotter *n, const json_t *row, const char *text)
{
	char object[SNAPSHOTTER_NAME_BYTES];
	struct err err;

	if (notes_is(row, "state_text", text))
		return;
	snapshotter_name(notes_text(row, "volume"), notes_text(row, "name"), object);
	notes_event(&n->notes, "warning", "snapshot.kept", "snapshot", object,
		    "snapshot %s of volume %s is %s", notes_text(row, "name"),
		    notes_text(row, "volume"), text);
	notes_row(&n->notes, &table_snapshots, row, json_pack("{s:s}", "state_text", text), &err);
}

static int delete_in_transaction(struct snapshotter *n, const json_t *schedule, const json_t *row,
				 struct err *err)
{
	cleanup_json json_t *fields =
	    json_pack("{s:s, s:s}", "state", "deleting", "state_text", "its time is over");
	cleanup_json json_t *parameters =
	    json_pack("{s:O, s:O, s:O}", "volume", json_object_get(row, "volume"), "snapshot",
		      json_object_get(row, "uuid"), "schedule", json_object_get(schedule, "name"));
	char object[SNAPSHOTTER_NAME_BYTES], actor[80];
	int rc = store_note(n->notes.store, &table_snapshots, notes_number(row, "id"), fields, err);
	int64_t id;

	if (rc)
		return rc;
	snapshotter_name(notes_text(row, "volume"), notes_text(row, "name"), object);
	snprintf(actor, sizeof(actor), "schedule:%s", notes_text(schedule, "name"));
	id = store_task_add(n->notes.store, "snapshot.delete", "snapshot", object, true, parameters,
			    actor, err);
	return id < 0 ? (int)id : 0;
}

static void let_go(struct snapshotter *n, const json_t *schedule, const json_t *row)
{
	struct err err = {0};
	char text[160];

	users_text(n, row, text);
	if (text[0]) {
		keep(n, row, text);
		return;
	}
	if (store_begin(n->notes.store, &err) == 0)
		notes_settle(&n->notes, delete_in_transaction(n, schedule, row, &err), &err);
}

static void one_volume(struct snapshotter *n, const json_t *schedule, const json_t *rows)
{
	const struct schedule_keep k = {
	    .hourly = (uint32_t)notes_number(schedule, "keep_hourly"),
	    .daily = (uint32_t)notes_number(schedule, "keep_daily"),
	    .weekly = (uint32_t)notes_number(schedule, "keep_weekly"),
	};
	size_t count = json_array_size(rows);
	int64_t *times_ms = calloc(count, sizeof(*times_ms));
	bool *keeps = calloc(count, sizeof(*keeps));

	for (size_t i = 0; times_ms && i < count; i++)
		times_ms[i] = notes_number(json_array_get(rows, i), "created_ms");
	if (times_ms && keeps) {
		schedule_choose(&k, times_ms, count, keeps);
		for (size_t i = 0; i < count; i++)
			if (!keeps[i])
				let_go(n, schedule, json_array_get(rows, i));
	}
	free(times_ms);
	free(keeps);
}

void snapshotter_retention(struct snapshotter *n, const json_t *schedule)
{
	struct err err;
	cleanup_json json_t *rows =
	    store_snapshots_of_schedule(n->notes.store, notes_number(schedule, "id"), &err);
	cleanup_json json_t *lists = rows ? by_volume(rows) : NULL;
	const char *volume;
	json_t *list;

	json_object_foreach(lists, volume, list)
	{
		one_volume(n, schedule, list);
	}
}
