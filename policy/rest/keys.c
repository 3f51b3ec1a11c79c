/* SPDX-License-Identifier: MIT */
/*
 * keys.c - /keys: the keys that wrap volumes' keys; what is known of them, never the keys. Making,
 * rotating and destroying one is its provider's work and a task. Thread: main.
 */
#include "keys.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "app.h"
#include "json.h"
#include "key_rows.h"
#include "parse.h"
#include "store_link.h"
#include "tables.h"
#include "volume_rows.h"

#define PROVIDER_KEY_ID_MAX 128u

static int list(struct request *q, struct reply *r, struct err *err)
{
	return rest_list(q, r, &table_keys, NULL, err);
}

static json_t *the_key(struct request *q, struct err *err)
{
	return store_get(q->store, &table_keys, q->segments[0], err);
}

/* With its versions and the volumes that need it. */
static int show(struct request *q, struct reply *r, json_t *row, struct err *err)
{
	json_t *versions = store_key_versions(q->store, rows_id(row), err);
	json_t *volumes = versions ? store_key_volumes(q->store, rows_id(row), err) : NULL;

	if (!volumes) {
		json_decref(versions);
		json_decref(row);
		return -err->code;
	}
	rest_row(q, r, &table_keys, row, NULL);
	json_object_set_new(r->body, "versions", versions);
	json_object_set_new(r->body, "volumes", volumes);
	return 0;
}

static int get(struct request *q, struct reply *r, struct err *err)
{
	json_t *row = the_key(q, err);

	return row ? show(q, r, row, err) : -err->code;
}

/* ---------------------------------------------------------------- create */

/* Takes parameters. */
static int task(struct request *q, struct reply *r, const char *kind, const char *key,
		const char *provider, json_t *parameters, struct err *err)
{
	cleanup_json json_t *p = parameters ? parameters : json_object();
	int rc;

	json_object_set_new(p, "provider", json_string(provider));
	rc = key_rows_queue(q, r, kind, "key", key, p, err);
	keys_wake(q->app->keys);
	return rc;
}

/* The name of one that its provider has already. */
static int id_check(const json_t *id, struct err *err)
{
	const char *text = json_string_value(id);
	size_t len = json_string_length(id);

	if (!id)
		return 0;
	if (!text || len == 0 || len > PROVIDER_KEY_ID_MAX || strlen(text) != len)
		return err_set(err, EINVAL, "provider_key_id",
			       "provider_key_id must be the key's name at its provider, at most "
			       "%u characters",
			       PROVIDER_KEY_ID_MAX);
	for (size_t i = 0; i < len; i++)
		if (text[i] <= ' ' || text[i] > '~')
			return err_set(err, EINVAL, "provider_key_id",
				       "provider_key_id has visible ASCII only");
	return 0;
}

static int set_uuid(json_t *body, struct err *err)
{
	uint8_t uuid[16];
	char text[37];

	if (getrandom(uuid, sizeof(uuid), 0) != (ssize_t)sizeof(uuid))
		return err_set(err, EIO, "", "the kernel gives no random bytes");
	uuid[6] = (uint8_t)((uuid[6] & 0x0f) | 0x40);
	uuid[8] = (uint8_t)((uuid[8] & 0x3f) | 0x80);
	parse_uuid_format(uuid, text);
	json_object_set_new(body, "uuid", json_string(text));
	return 0;
}

static int create(struct request *q, struct reply *r, struct err *err)
{
	cleanup_json json_t *body = rows_body(q, false, err);
	cleanup_json json_t *id = body ? rows_take(body, "provider_key_id") : NULL;
	json_t *row, *parameters;
	const char *name;
	int rc;

	if (!body || id_check(id, err) < 0 ||
	    table_check(&table_keys, body, TABLE_CREATE, err) < 0 || set_uuid(body, err) < 0)
		return -err->code;
	row = store_insert(q->store, &table_keys, body, err);
	if (!row)
		return rows_named_in_body(-err->code, "provider", err);
	name = rows_text(body, "name");
	snprintf(r->location, sizeof(r->location), "/api/v1/keys/%s", name);
	rows_object(r, name);
	rc = show(q, r, row, err);
	if (rc < 0)
		return rc;
	parameters = id ? json_pack("{s:O}", "provider_key_id", id) : NULL;
	rc = task(q, r, "key.create", name, rows_text(body, "provider"), parameters, err);
	return rc < 0 ? rc
		      : rest_event(q, "info", "key.created", "key", name, err,
				   "key %s was made by %s", name, q->actor.name);
}

/* ---------------------------------------------------------------- change, rotate */

static int change(struct request *q, struct reply *r, struct err *err)
{
	cleanup_json json_t *old = the_key(q, err);
	cleanup_json json_t *body = old ? rows_body(q, false, err) : NULL;
	json_t *row;

	if (!body || rest_match(q, old, err) < 0 ||
	    table_check(&table_keys, body, TABLE_CHANGE, err) < 0)
		return -err->code;
	row = store_update(q->store, &table_keys, rows_id(old), body, q->if_match, err);
	return row ? show(q, r, row, err) : -err->code;
}

static int rotate(struct request *q, struct reply *r, struct err *err)
{
	cleanup_json json_t *row = the_key(q, err);
	json_int_t version = (json_int_t)rows_u64(row, "version") + 1;

	if (!row)
		return -err->code;
	if (strcmp(rows_text(row, "state"), "active") != 0)
		return err_set(err, EBUSY, "", "key %s is %s; only an active key is rotated",
			       q->segments[0], rows_text(row, "state"));
	r->body = json_pack("{s:O, s:I}", "key", json_object_get(row, "name"), "version", version);
	return task(q, r, "key.rotate", rows_text(row, "name"), rows_text(row, "provider"),
		    json_pack("{s:I}", "version", version), err);
}

/* ---------------------------------------------------------------- delete */

static int is_meant(const struct request *q, const char *name, struct err *err)
{
	const char *confirm = request_query(q, "confirm");

	if (confirm && strcmp(confirm, name) == 0)
		return 0;
	return err_set(err, EINVAL, "confirm",
		       "destroying key %s makes whatever it has encrypted unreadable for good, "
		       "backups included: say confirm=%s",
		       name, name);
}

static int destroy(struct request *q, struct reply *r, json_t *row, struct err *err)
{
	cleanup_json json_t *old = row;
	cleanup_json json_t *volumes = store_key_volumes(q->store, rows_id(row), err);
	cleanup_json json_t *changes = json_pack("{s:s}", "state", "destroying");
	const char *name = rows_text(row, "name");
	char text[ROWS_NAMES_TEXT];
	json_t *now;
	int rc;

	if (!volumes || is_meant(q, name, err) < 0)
		return -err->code;
	rows_names_text(volumes, "volume", text);
	if (json_array_size(volumes))
		return err_set(err, EBUSY, "", "key %s is in use by volumes %s", name, text);
	if (key_rows_end_tasks(q, "key", name, err) < 0)
		return -err->code;
	now = store_update(q->store, &table_keys, rows_id(row), changes, q->if_match, err);
	if (!now || show(q, r, now, err) < 0)
		return -err->code;
	rc = rest_event(q, "warning", "key.destroying", "key", name, err,
			"key %s is being destroyed; %s asked for it", name, q->actor.name);
	return rc < 0 ? rc : task(q, r, "key.destroy", name, rows_text(row, "provider"), NULL, err);
}

/* Without destroy the key stays at its provider, and can be taken over again. */
static int delete (struct request *q, struct reply *r, struct err *err)
{
	const char *wanted = request_query(q, "destroy");
	json_t *old = the_key(q, err);
	bool is_destroyed = false;
	int rc;

	if (!old)
		return -err->code;
	rc = rest_match(q, old, err);
	if (rc == 0 && wanted)
		rc = parse_bool("destroy", wanted, &is_destroyed, err);
	if (rc == 0 && is_destroyed)
		return destroy(q, r, old, err);
	if (rc == 0)
		rc = key_rows_end_tasks(q, "key", q->segments[0], err);
	if (rc == 0)
		rc = store_delete(q->store, &table_keys, rows_id(old), q->if_match, err);
	json_decref(old);
	if (rc < 0)
		return rc;
	r->status = 204;
	return rest_event(q, "warning", "key.deleted", "key", q->segments[0], err,
			  "key %s was forgotten by %s; it is still at its provider", q->segments[0],
			  q->actor.name);
}

static const char *const delete_query[] = {"destroy", "confirm", NULL};

#define IDLE ROUTE_NO_RECONCILE
const struct route keys_routes[] = {
    {"GET", "/keys", REST_VIEWER, 0, list, "key", rest_list_query},
    {"POST", "/keys", REST_ADMIN, IDLE, create, "key", NULL},
    {"GET", "/keys/{name}", REST_VIEWER, 0, get, "key", NULL},
    {"PATCH", "/keys/{name}", REST_ADMIN, IDLE, change, "key", NULL},
    {"DELETE", "/keys/{name}", REST_ADMIN, IDLE, delete, "key", delete_query},
    {"POST", "/keys/{name}/rotate", REST_ADMIN, IDLE, rotate, "key", NULL},
    {.method = NULL},
};
