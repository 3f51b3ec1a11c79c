/* SPDX-License-Identifier: MIT */
/*
 * keys_task.c - what was asked for by REST, as tasks: in the order in which they were made.
 *
 * A task about a key waits as long as its provider is down; after a crash it is begun anew, and
 * what its first life did is found again by the key's name at the provider. A task with a
 * passphrase does not wait: who gave it wants to know, and it is not kept.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cleanup.h"
#include "clock.h"
#include "json.h"
#include "keys_int.h"
#include "log.h"
#include "secret.h"

static const char *text_of(const json_t *row, const char *member)
{
	const char *text = json_string_value(json_object_get(row, member));

	return text ? text : "";
}

static int64_t number_of(const json_t *row, const char *member)
{
	return json_integer_value(json_object_get(row, member));
}

int task_event(struct worker *w, const char *severity, const char *kind, const char *type,
	       const char *object, const char *text, struct err *err)
{
	int64_t id = store_event_add(w->store, severity, kind, type, object, text, NULL, err);

	return id < 0 ? (int)id : 0;
}

/* ---------------------------------------------------------------- providers */

static enum key_state only_native(const struct doing *d, struct err *err)
{
	if (!d->w->provider.is_kmip)
		return KEY_OK;
	err_set(err, ENOTSUP, "",
		"%s keeps its keys at key servers: there is nothing to unlock, "
		"export or import here",
		d->w->name);
	return KEY_FAILED;
}

static int provider_made(struct worker *w, void *ctx, struct err *err)
{
	cleanup_json json_t *changes = json_pack("{s:b}", "is_made", 1);
	char text[160];
	int rc = store_note(w->store, &table_key_providers, w->provider_id, changes, err);

	snprintf(text, sizeof(text), "key provider %s is ready", w->name);
	return rc < 0 ? rc
		      : task_event(w, "info", "key_provider.ready", "key_provider", w->name, text,
				   err);
}

enum key_state task_ends(struct doing *d, int (*fn)(struct worker *w, void *ctx, struct err *err),
			 void *ctx, struct err *err)
{
	return note_task(d->w, d->id, NULL, fn, ctx, err) < 0 ? KEY_FAILED : KEY_OK;
}

static enum key_state provider_create_task(struct doing *d, struct err *err)
{
	enum key_state state;

	if (!d->w->provider.is_kmip && native_make(&d->w->provider.native, d->passphrase, err) < 0)
		return KEY_FAILED;
	state = worker_check(d->w, err);
	return state == KEY_OK ? task_ends(d, provider_made, NULL, err) : state;
}

static enum key_state unlock_task(struct doing *d, struct err *err)
{
	enum key_state state = only_native(d, err);

	if (state == KEY_OK && native_unlock(&d->w->provider.native, d->passphrase, err) < 0)
		state = KEY_FAILED;
	if (state == KEY_OK)
		state = worker_check(d->w, err);
	return state == KEY_OK ? task_ends(d, NULL, NULL, err) : state;
}

static enum key_state test_task(struct doing *d, struct err *err)
{
	enum key_state state = worker_check(d->w, err);

	d->w->look_ns = 0;
	return state == KEY_OK ? task_ends(d, NULL, NULL, err) : state;
}

static enum key_state passphrase_task(struct doing *d, struct err *err)
{
	enum key_state state = only_native(d, err);

	if (state == KEY_OK && native_reseal(&d->w->provider.native, d->passphrase, err) < 0)
		state = KEY_FAILED;
	return state == KEY_OK ? task_ends(d, NULL, NULL, err) : state;
}

/* out: fd-free path of a plain name that REST has checked. */
static char *bundle_path(const struct doing *d, struct err *err)
{
	char *path = NULL;

	if (asprintf(&path, "%s/%s", d->w->keys->cfg.transfer_dir,
		     text_of(d->parameters, "file")) >= 0)
		return path;
	err_set(err, ENOMEM, "", "no memory for a path");
	return NULL;
}

static enum key_state export_task(struct doing *d, struct err *err)
{
	cleanup_free char *path = bundle_path(d, err);
	enum key_state state = path ? only_native(d, err) : KEY_FAILED;
	struct keystore_secret s = {BOX_SCRYPT, d->passphrase, strlen(d->passphrase), 0};

	if (state != KEY_OK)
		return state;
	if (native_is_open(&d->w->provider.native, err) < 0)
		return KEY_LOCKED;
	if (keystore_export(d->w->provider.native.store, path, &s, err) < 0)
		return KEY_FAILED;
	return task_ends(d, NULL, NULL, err);
}

static int imported(struct worker *w, void *ctx, struct err *err)
{
	char text[200];

	snprintf(text, sizeof(text), "%d keys came into key provider %s out of a bundle",
		 *(int *)ctx, w->name);
	return task_event(w, "info", "key_provider.imported", "key_provider", w->name, text, err);
}

static enum key_state import_task(struct doing *d, struct err *err)
{
	cleanup_free char *path = bundle_path(d, err);
	enum key_state state = path ? only_native(d, err) : KEY_FAILED;
	struct keystore_secret s = {BOX_SCRYPT, d->passphrase, strlen(d->passphrase), 0};
	int count;

	if (state != KEY_OK)
		return state;
	if (native_is_open(&d->w->provider.native, err) < 0)
		return KEY_LOCKED;
	count = keystore_import(d->w->provider.native.store, path, &s, err);
	if (count < 0)
		return KEY_FAILED;
	d->w->check_ns = d->w->look_ns = 0;
	return task_ends(d, imported, &count, err);
}

/* ---------------------------------------------------------------- the runner */

static const struct kind {
	const char *name;
	enum key_state (*fn)(struct doing *d, struct err *err);
	bool has_passphrase; /* it cannot be done without */
	bool may_wait;
} kinds[] = {
    {"key_provider.create", provider_create_task, false, false},
    {"key_provider.unlock", unlock_task, true, false},
    {"key_provider.test", test_task, false, false},
    {"key_provider.passphrase", passphrase_task, true, false},
    {"key_provider.export", export_task, true, false},
    {"key_provider.import", import_task, true, false},
    {"key.create", task_key_create, false, true},
    {"key.rotate", task_key_rotate, false, true},
    {"key.destroy", task_key_destroy, false, true},
};

static const struct kind *kind_of(const json_t *task)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kinds[i].name, text_of(task, "kind")) == 0)
			return &kinds[i];
	return NULL;
}

/* A key that was not made, or not destroyed, says so in its row. */
static int key_failed(struct worker *w, void *ctx, struct err *err)
{
	const struct doing *d = ctx;
	cleanup_json json_t *row = store_get(w->store, &table_keys, d->object, err);
	cleanup_json json_t *changes = NULL;
	bool is_there = number_of(row, "version") > 0;

	if (!row)
		return 0;
	changes = json_pack("{s:s}", "state", is_there ? "active" : "failed");
	return store_note(w->store, &table_keys, number_of(row, "id"), changes, err);
}

static void fail(struct doing *d, const struct err *why)
{
	bool is_key = strcmp(text_of(d->task, "object_type"), "key") == 0;
	struct err err = {0};

	if (note_task(d->w, d->id, why, is_key ? key_failed : NULL, d, &err) < 0 &&
	    log_limit_pass(&d->w->complaints, 1))
		log_warn("key provider %s: %s", d->w->name, err.text);
}

static void run_with(struct doing *d, const struct kind *kind, const json_t *row)
{
	struct err err = {0};
	enum key_state state;
	char text[500];

	if (kind->has_passphrase && !d->passphrase) {
		err_set(&err, EAGAIN, "passphrase",
			"the passphrase was lost when sluice-policyd was restarted; nothing was "
			"done: give it again");
		fail(d, &err);
		return;
	}
	if (!row) {
		err_set(&err, EIO, "", "key provider %s cannot be served", d->w->name);
		fail(d, &err);
		return;
	}
	state = kind->fn(d, &err);
	if (state == KEY_OK)
		return;
	if (kind->may_wait && (state == KEY_UNREACHABLE || state == KEY_LOCKED)) {
		snprintf(text, sizeof(text), "waiting for key provider %s: %s", d->w->name,
			 err.text);
		note_waiting(d->w, d->task, text);
		d->w->check_ns = 0;
		return;
	}
	fail(d, &err);
}

static void run_one(struct worker *w, const json_t *task)
{
	const struct kind *kind = kind_of(task);
	struct err err = {0};
	cleanup_json json_t *row = kind ? worker_row(w, &err) : NULL;
	struct doing d = {
	    .w = w,
	    .task = task,
	    .id = number_of(task, "id"),
	    .object = text_of(task, "object_name"),
	    .parameters = json_object_get(task, "parameters"),
	};
	char *passphrase;

	/* whoever is down is asked again when the next look is due, not each second */
	if (!kind || (kind->may_wait && text_of(task, "text")[0] && w->state != KEY_OK))
		return;
	passphrase = secret_alloc(KEYS_PASSPHRASE_MAX + 1);
	if (passphrase && keys_take(w->keys, d.id, passphrase))
		d.passphrase = passphrase;
	run_with(&d, kind, row);
	secret_free(passphrase, KEYS_PASSPHRASE_MAX + 1);
}

/* Of one kind of object, those of this provider. */
static void run_some(struct worker *w, const char *type, const char *name)
{
	struct err err = {0};
	cleanup_json json_t *ids = store_tasks_open(w->store, type, name, &err);
	const json_t *id;
	size_t i;

	json_array_foreach(ids, i, id)
	{
		cleanup_json json_t *task =
		    store_get_id(w->store, &table_tasks, json_integer_value(id), &err);
		const json_t *parameters = json_object_get(task, "parameters");

		if (task && strcasecmp(text_of(parameters, "provider"), w->name) == 0)
			run_one(w, task);
	}
}

void task_run_all(struct worker *w)
{
	run_some(w, "key_provider", w->name);
	run_some(w, "key", NULL);
}
