/* SPDX-License-Identifier: MIT */
/* keys_task_key.c - tasks of keys: a new one, a new version, the end; see keys_task.c. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "json.h"
#include "keys_int.h"

static const char *text_of(const json_t *row, const char *member)
{
	const char *text = json_string_value(json_object_get(row, member));

	return text ? text : "";
}

static int64_t number_of(const json_t *row, const char *member)
{
	return json_integer_value(json_object_get(row, member));
}

/* A new version that its provider has. */
struct version {
	const json_t *row;
	int64_t number;
	char id[PROVIDER_ID_MAX + 1];
	const char *word; /* for people */
};

static int version_made(struct worker *w, void *ctx, struct err *err)
{
	const struct version *v = ctx;
	const char *name = text_of(v->row, "name");
	cleanup_json json_t *now = NULL, *changes = json_pack("{s:I, s:s, s:s}", "version",
							      (json_int_t)v->number, "state",
							      "active", "state_text", "");
	char text[240];
	int rc = store_key_version_add(w->store, number_of(v->row, "id"), v->number, v->id, err);

	if (rc < 0)
		return rc;
	if (v->number > 1)
		json_object_set_new(changes, "rotated_ms",
				    json_integer((json_int_t)clock_wall_ms()));
	now = store_update(w->store, &table_keys, number_of(v->row, "id"), changes, 0, err);
	if (!now)
		return -err->code;
	snprintf(text, sizeof(text), "version %" PRId64 " of key %s was %s at %s", v->number, name,
		 v->word, w->name);
	return task_event(w, "info", v->number > 1 ? "key.rotated" : "key.ready", "key", name, text,
			  err);
}

static json_t *key_row(const struct doing *d, struct err *err)
{
	return store_get(d->w->store, &table_keys, d->object, err);
}

static enum key_state make_version(struct doing *d, struct version *v, struct err *err)
{
	char name[96];

	snprintf(name, sizeof(name), "sluice/%s/%" PRId64, text_of(v->row, "uuid"), v->number);
	v->word = "made";
	return provider_create(&d->w->provider, name, v->id, err);
}

enum key_state task_key_create(struct doing *d, struct err *err)
{
	cleanup_json json_t *row = key_row(d, err);
	const char *there = text_of(d->parameters, "provider_key_id");
	struct version v = {.row = row, .number = 1};
	enum key_state state;

	if (!row)
		return KEY_FAILED;
	if (there[0]) {
		snprintf(v.id, sizeof(v.id), "%s", there);
		v.word = "taken over";
		state = provider_look(&d->w->provider, v.id, err);
	} else {
		state = make_version(d, &v, err);
	}
	return state == KEY_OK ? task_ends(d, version_made, &v, err) : state;
}

/* The number that is wanted stands in the task: done twice it is one version. The old one is
 * retired last: a crash before leaves it active, which harms nobody. */
enum key_state task_key_rotate(struct doing *d, struct err *err)
{
	cleanup_json json_t *row = key_row(d, err), *versions = NULL;
	struct version v = {.row = row, .number = number_of(d->parameters, "version")};
	enum key_state state;
	const json_t *old;
	size_t i;

	if (!row)
		return KEY_FAILED;
	if (number_of(row, "version") >= v.number)
		return task_ends(d, NULL, NULL, err);
	state = make_version(d, &v, err);
	versions =
	    state == KEY_OK ? store_key_versions(d->w->store, number_of(row, "id"), err) : NULL;
	json_array_foreach(versions, i, old)
	{
		if (state == KEY_OK)
			state =
			    provider_retire(&d->w->provider, text_of(old, "provider_key_id"), err);
	}
	return state == KEY_OK ? task_ends(d, version_made, &v, err) : state;
}

static int key_gone(struct worker *w, void *ctx, struct err *err)
{
	const json_t *row = ctx;
	const char *name = text_of(row, "name");
	char text[240];
	int rc = store_delete(w->store, &table_keys, number_of(row, "id"), 0, err);

	snprintf(text, sizeof(text), "key %s was destroyed at %s", name, w->name);
	return rc < 0 ? rc : task_event(w, "warning", "key.destroyed", "key", name, text, err);
}

/* REST has set the row to "destroying" in a transaction in which no volume used it, and nobody
 * begins to use such a key. */
enum key_state task_key_destroy(struct doing *d, struct err *err)
{
	cleanup_json json_t *row = key_row(d, err);
	cleanup_json json_t *volumes =
	    row ? store_key_volumes(d->w->store, number_of(row, "id"), err) : NULL;
	cleanup_json json_t *versions =
	    volumes ? store_key_versions(d->w->store, number_of(row, "id"), err) : NULL;
	enum key_state state = KEY_OK;
	const json_t *v;
	size_t i;

	if (!versions)
		return KEY_FAILED;
	if (json_array_size(volumes) > 0) {
		err_set(err, EBUSY, "", "key %s is used by %zu volumes", d->object,
			json_array_size(volumes));
		return KEY_FAILED;
	}
	json_array_foreach(versions, i, v)
	{
		if (state == KEY_OK)
			state =
			    provider_destroy(&d->w->provider, text_of(v, "provider_key_id"), err);
	}
	return state == KEY_OK ? task_ends(d, key_gone, row, err) : state;
}
