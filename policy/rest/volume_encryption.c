/* SPDX-License-Identifier: MIT */
/*
 * volume_encryption.c - /volumes/{name}/encryption: what a volume's encryption says of itself, and
 * what may be asked of it: encrypt and decrypt in place, another key, the end of all its keys.
 *
 * The filter is whichever of the class encryption stands in the running chain. What it says is of
 * the last second; what it is asked is a task (apply/transfer_encryption.h), and all but shallow
 * ones and the erasure go through the whole volume under I/O. Thread: main.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "app.h"
#include "json.h"
#include "model.h"
#include "store_link.h"
#include "tables.h"
#include "volume_rows.h"
#include "volume_view.h"

/* The encryption's line in the running chain; borrowed from running. NULL: there is none. */
static const json_t *filter_in(const json_t *running)
{
	uint32_t number = model_class_number("encryption");
	const json_t *f;
	size_t i;

	json_array_foreach(json_object_get(running, "filters"), i, f)
	{
		if (rows_u64(f, "class") == number)
			return f;
	}
	return NULL;
}

/* What it said a second ago; NULL: nothing yet. New reference. */
static json_t *status_of(struct request *q, const char *volume, const json_t *filter)
{
	cleanup_json json_t *chain =
	    q->app->sampler && filter ? sampler_chain(q->app->sampler, volume) : NULL;

	return json_incref(json_object_get(chain, rows_text(filter, "filter")));
}

/* ---------------------------------------------------------------- GET */

/* Only what is documented, and of the right kind. */
static void copy(json_t *to, const json_t *from, const char *const *members, bool is_text)
{
	for (; *members; members++) {
		json_t *v = json_object_get(from, *members);
		bool is_right = is_text ? json_is_string(v) : json_is_integer(v);

		json_object_set(to, *members, is_right ? v : json_null());
	}
}

static json_t *walk_of(const json_t *status)
{
	static const char *const texts[] = {"kind", "state", "text", NULL};
	static const char *const numbers[] = {"done_bytes", "total_bytes", NULL};
	const json_t *from = json_object_get(status, "reencrypt");
	json_t *to;

	if (!json_is_object(from))
		return json_null();
	to = json_object();
	copy(to, from, texts, true);
	copy(to, from, numbers, false);
	return to;
}

static int get(struct request *q, struct reply *r, struct err *err)
{
	static const char *const texts[] = {"state", "state_text", "cipher", "key_id", NULL};
	static const char *const numbers[] = {"sector_bytes", "slots", NULL};
	cleanup_json json_t *row = store_get(q->store, &table_volumes, q->segments[0], err);
	cleanup_json json_t *running = NULL, *status = NULL, *known = NULL;
	const json_t *filter;

	if (!row)
		return -err->code;
	known = store_volume_key(q->store, rows_id(row), err);
	if (!known)
		return -err->code;
	running = volume_view_running(q, rows_text(row, "name"));
	filter = filter_in(running);
	status = status_of(q, rows_text(row, "name"), filter);
	r->body = json_pack("{s:O, s:s?, s:b, s:O}", "volume", json_object_get(row, "name"),
			    "filter", filter ? rows_text(filter, "filter") : NULL, "is_known",
			    status != NULL, "key", known);
	if (!r->body)
		return err_set(err, ENOMEM, "", "no memory for the answer");
	copy(r->body, status, texts, true);
	copy(r->body, status, numbers, false);
	json_object_set_new(r->body, "is_erased",
			    json_boolean(json_is_true(json_object_get(status, "is_erased"))));
	json_object_set_new(r->body, "walk", walk_of(status));
	return 0;
}

/* ---------------------------------------------------------------- what is asked of it */

/* One at a time: a second one would only be refused by the filter. */
static int nothing_is_under_way(struct request *q, const char *volume, struct err *err)
{
	cleanup_json json_t *ids = store_tasks_open(q->store, "volume", volume, err);
	const json_t *id;
	size_t i;

	if (!ids)
		return -err->code;
	json_array_foreach(ids, i, id)
	{
		cleanup_json json_t *task =
		    store_get_id(q->store, &table_tasks, json_integer_value(id), err);
		const char *kind = rows_text(task, "kind");

		if (strncmp(kind, "encryption.", 11) == 0)
			return err_set(err, EBUSY, "",
				       "task %" JSON_INTEGER_FORMAT " (%s) changes what volume %s "
				       "is encrypted with; wait for its end, or cancel it",
				       json_integer_value(id), kind, volume);
	}
	return 0;
}

/* The volume, with an encryption in its running chain. New reference. */
static json_t *volume_to_ask(struct request *q, struct reply *r, struct err *err)
{
	json_t *row = volume_view_to_change(q, err);
	cleanup_json json_t *running = NULL;
	int rc = 0;

	if (!row)
		return NULL;
	running = volume_view_running(q, rows_text(row, "name"));
	if (!running) {
		rc = err_set(err, EAGAIN, "",
			     "sluice-filterd does not say how volume %s runs; try again when it is "
			     "there",
			     rows_text(row, "name"));
	} else if (!filter_in(running)) {
		r->problem = "no_encryption";
		rc = err_set(err, EBUSY, "",
			     "volume %s has no encryption; a policy with a rule of the class "
			     "encryption gives it one, and with serve_clear=true it is served in "
			     "clear until it is encrypted",
			     rows_text(row, "name"));
	}
	if (rc == 0)
		return row;
	json_decref(row);
	return NULL;
}

/* Takes parameters. */
static int queue(struct request *q, struct reply *r, const json_t *row, const char *verb,
		 bool is_cancellable, json_t *parameters, struct err *err)
{
	cleanup_json json_t *owned = parameters;
	char kind[40];

	snprintf(kind, sizeof(kind), "encryption.%s", verb);
	r->body = json_object();
	return rest_task(q, r, kind, "volume", rows_text(row, "name"), is_cancellable, owned, err);
}

static int no_members(const struct request *q, struct err *err)
{
	static const char *const none[] = {NULL};

	return q->body ? json_only(q->body, none, err) : 0;
}

static int encrypt(struct request *q, struct reply *r, struct err *err)
{
	cleanup_json json_t *row = NULL;
	int rc = no_members(q, err);

	if (rc < 0)
		return rc;
	row = volume_to_ask(q, r, err);
	rc = row ? nothing_is_under_way(q, rows_text(row, "name"), err) : -err->code;
	return rc < 0 ? rc : queue(q, r, row, "encrypt", true, json_object(), err);
}

static int rekey(struct request *q, struct reply *r, struct err *err)
{
	static const char *const members[] = {"is_deep", NULL};
	const json_t *deep = json_object_get(q->body, "is_deep");
	cleanup_json json_t *row = NULL;
	int rc = q->body ? json_only(q->body, members, err) : 0;

	if (rc == 0 && deep && !json_is_boolean(deep))
		rc = err_set(err, EINVAL, "is_deep", "is_deep must be true or false");
	if (rc < 0)
		return rc;
	row = volume_to_ask(q, r, err);
	rc = row ? nothing_is_under_way(q, rows_text(row, "name"), err) : -err->code;
	return rc < 0 ? rc
		      : queue(q, r, row, "rekey", json_is_true(deep),
			      json_pack("{s:b}", "is_deep", json_is_true(deep)), err);
}

/* ---------------------------------------------------------------- what is typed twice */

static int is_confirmed(const struct request *q, const char *volume, const char *what,
			struct err *err)
{
	const char *confirm = request_query(q, "confirm");

	if (confirm && strcmp(confirm, volume) == 0)
		return 0;
	return err_set(err, EINVAL, "confirm", "%s: say confirm=%s; nothing was done", what,
		       volume);
}

static int confirmed(struct request *q, struct reply *r, const char *what, json_t **out,
		     struct err *err)
{
	int rc = no_members(q, err);

	*out = rc == 0 ? volume_to_ask(q, r, err) : NULL;
	if (!*out)
		return -err->code;
	rc = is_confirmed(q, rows_text(*out, "name"), what, err);
	return rc < 0 ? rc : nothing_is_under_way(q, rows_text(*out, "name"), err);
}

static int decrypt(struct request *q, struct reply *r, struct err *err)
{
	cleanup_json json_t *row = NULL;
	int rc = confirmed(q, r,
			   "decrypting leaves the volume's data in clear on its datastore, where "
			   "traces of that stay",
			   &row, err);

	if (rc == 0)
		rc =
		    rest_event(q, "warning", "encryption.decrypt", "volume", rows_text(row, "name"),
			       err, "%s decrypts volume %s", q->actor.name, rows_text(row, "name"));
	return rc < 0 ? rc : queue(q, r, row, "decrypt", true, json_object(), err);
}

static int erase(struct request *q, struct reply *r, struct err *err)
{
	cleanup_json json_t *row = NULL;
	int rc = confirmed(q, r,
			   "erasing destroys the volume's key: its data is unreadable for good, "
			   "but for exports and copies of its LUKS header made before",
			   &row, err);

	if (rc == 0)
		rc = volume_view_nobody(q, rows_text(row, "name"), "their disk is lost", err);
	if (rc == 0)
		rc = rest_event(q, "warning", "encryption.erase", "volume", rows_text(row, "name"),
				err, "%s erases volume %s", q->actor.name, rows_text(row, "name"));
	return rc < 0 ? rc : queue(q, r, row, "erase", false, json_object(), err);
}

/* ---------------------------------------------------------------- pause, resume */

static int word(struct request *q, struct reply *r, const char *verb, struct err *err)
{
	cleanup_json json_t *row = NULL;
	int rc = no_members(q, err);

	if (rc < 0)
		return rc;
	row = volume_to_ask(q, r, err);
	return row ? queue(q, r, row, verb, false, json_object(), err) : -err->code;
}

static int pause_walk(struct request *q, struct reply *r, struct err *err)
{
	return word(q, r, "pause", err);
}

static int resume_walk(struct request *q, struct reply *r, struct err *err)
{
	return word(q, r, "resume", err);
}

static const char *const confirm_query[] = {"confirm", NULL};
static const char *const erase_query[] = {"confirm", "force", NULL};
#define ON(verb) "/volumes/{name}/encryption" verb

const struct route volume_encryption_routes[] = {
    {"GET", ON(""), REST_VIEWER, 0, get, "volume", NULL},
    {"POST", ON("/encrypt"), REST_OPERATOR, 0, encrypt, "volume", NULL},
    {"POST", ON("/decrypt"), REST_ADMIN, 0, decrypt, "volume", confirm_query},
    {"POST", ON("/rekey"), REST_OPERATOR, 0, rekey, "volume", NULL},
    {"POST", ON("/erase"), REST_ADMIN, 0, erase, "volume", erase_query},
    {"POST", ON("/pause"), REST_OPERATOR, 0, pause_walk, "volume", NULL},
    {"POST", ON("/resume"), REST_OPERATOR, 0, resume_walk, "volume", NULL},
    {0},
};
