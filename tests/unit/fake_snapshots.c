/* SPDX-License-Identifier: MIT */
#include "fake_snapshots.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define MERGE_BYTES 100

static const char *text_at(const json_t *j, const char *key)
{
	const char *text = json_string_value(json_object_get(j, key));

	return text ? text : "";
}

json_t *fake_snapshots_of(json_t *all, const char *volume)
{
	json_t *v = json_object_get(all, volume);

	if (v)
		return v;
	v = json_pack("{s:[], s:b, s:s, s:[], s:s}", "items", "is_degraded", 0, "problem", "",
		      "steps", "parent", "");
	json_object_set_new(all, volume, v);
	return v;
}

static json_t *item_of(json_t *v, const char *uuid, size_t *at)
{
	json_t *item;
	size_t i;

	json_array_foreach(json_object_get(v, "items"), i, item)
	{
		*at = i;
		if (strcmp(text_at(item, "snapshot"), uuid) == 0)
			return item;
	}
	return NULL;
}

static void take(json_t *all, const json_t *member)
{
	json_t *v = fake_snapshots_of(all, text_at(member, "volume"));
	json_t *item = json_pack("{s:s, s:s, s:s, s:I, s:i, s:i, s:s, s:i, s:i, s:[]}", "snapshot",
				 text_at(member, "snapshot"), "name", text_at(member, "name"),
				 "parent", text_at(v, "parent"), "created_ms", (json_int_t)0,
				 "own_bytes", 4096, "size_bytes", 1048576, "state", "ready",
				 "done_bytes", 0, "total_bytes", 0, "clones");

	json_array_append_new(json_object_get(v, "items"), item);
	json_object_set(v, "parent", json_object_get(member, "snapshot"));
}

/* One more look at a deletion: it has come further. */
static void merge(json_t *v)
{
	json_t *items = json_object_get(v, "items"), *item;

	for (size_t i = 0; i < json_array_size(items);) {
		json_int_t done;

		item = json_array_get(items, i);
		done = json_integer_value(json_object_get(item, "done_bytes"));
		if (strcmp(text_at(item, "state"), "deleting") != 0) {
			i++;
		} else if (done >= MERGE_BYTES) {
			json_array_remove(items, i);
		} else {
			if (!json_is_true(json_object_get(v, "is_slow")))
				done += MERGE_BYTES / 2;
			json_object_set_new(item, "done_bytes", json_integer(done));
			i++;
		}
	}
}

static json_t *list(json_t *v, const char *volume)
{
	merge(v);
	return json_pack("{s:s, s:O, s:O, s:{s:O, s:i}, s:o}", "volume", volume, "is_degraded",
			 json_object_get(v, "is_degraded"), "problem",
			 json_object_get(v, "problem"), "head", "parent",
			 json_object_get(v, "parent"), "own_bytes", 8192, "items",
			 json_deep_copy(json_object_get(v, "items")));
}

static int delete_or_cancel(json_t *item, bool is_cancel)
{
	bool is_deleting = strcmp(text_at(item, "state"), "deleting") == 0;

	if (is_cancel && is_deleting) {
		json_object_set_new(item, "state", json_string("ready"));
		json_object_set_new(item, "done_bytes", json_integer(0));
	} else if (!is_cancel && !is_deleting) {
		json_object_set_new(item, "state", json_string("deleting"));
		json_object_set_new(item, "total_bytes", json_integer(MERGE_BYTES));
	}
	return 0;
}

int fake_snapshots(json_t *all, const char *request, const json_t *body, json_t **answer,
		   struct err *err)
{
	const json_t *members = json_object_get(body, "members"), *m;
	const char *verb = request + strlen("snapshot.");
	json_t *v = members ? NULL : fake_snapshots_of(all, text_at(body, "volume")), *item;
	size_t i, at;

	json_array_foreach(members, i, m)
	{
		take(all, m);
	}
	*answer = json_pack("{s:i}", "held_us", 1500);
	if (members)
		return 0;
	json_decref(*answer);
	*answer = NULL;
	if (strcmp(verb, "list") == 0) {
		*answer = list(v, text_at(body, "volume"));
		return 0;
	}
	if (strcmp(verb, "repair") == 0) {
		*answer = json_pack("{s:O}", "steps", json_object_get(v, "steps"));
		if (json_is_true(json_object_get(body, "apply")))
			json_object_set_new(v, "is_degraded", json_false());
		return 0;
	}
	item = item_of(v, text_at(body, "snapshot"), &at);
	if (!item)
		return err_set(err, ENOENT, "snapshot", "there is no such snapshot");
	if (strcmp(verb, "revert") == 0)
		json_object_set(v, "parent", json_object_get(item, "snapshot"));
	else if (strcmp(verb, "clone") == 0)
		json_array_append(json_object_get(item, "clones"), json_object_get(body, "image"));
	else
		return delete_or_cancel(item, strcmp(verb, "delete_cancel") == 0);
	return 0;
}
