/* SPDX-License-Identifier: MIT */
/* keys_feed_key.c - which key opens a volume, and what is told of it; see keys_feed.h. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "json.h"
#include "keys_feed_int.h"
#include "log.h"
#include "parse.h"

static const char *text_of(const json_t *row, const char *member)
{
	const char *text = json_string_value(json_object_get(row, member));

	return text ? text : "";
}

void keys_feed_complain(struct keys_feed *f, const struct err *err)
{
	if (log_limit_pass(&f->complaints, 1))
		log_warn("keys of volumes: %s", err->text);
}

/* ---------------------------------------------------------------- which key */

/* "name" or "name:version"; version 0: not named. */
static bool split(const char *key_id, char name[81], int64_t *version)
{
	const char *colon = strrchr(key_id, ':');
	size_t len = colon ? (size_t)(colon - key_id) : strlen(key_id);
	uint64_t number = 0;

	if (len == 0 || len > 80 ||
	    (colon && parse_u64("version", colon + 1, 1, INT64_MAX, &number, NULL) < 0))
		return false;
	snprintf(name, 81, "%.*s", (int)len, key_id);
	*version = (int64_t)number;
	return true;
}

/* The row of this version, newest first in the list; version 0: the newest. */
static const json_t *version_of(const json_t *versions, int64_t version)
{
	const json_t *v;
	size_t i;

	json_array_foreach(versions, i, v)
	{
		if (version == 0 || json_integer_value(json_object_get(v, "version")) == version)
			return v;
	}
	return NULL;
}

static int find_version(struct keys_feed *f, struct want *w, const json_t *row, char provider[81],
			char id[160], struct err *err)
{
	cleanup_json json_t *versions =
	    store_key_versions(f->store, json_integer_value(json_object_get(row, "id")), err);
	const json_t *v = version_of(versions, w->version);

	if (!versions)
		return -err->code;
	if (!v)
		return err_set(err, ENOKEY, "", "key %s has no version %" PRId64 " here", w->key,
			       w->version);
	w->version = json_integer_value(json_object_get(v, "version"));
	snprintf(provider, 81, "%s", text_of(row, "provider"));
	snprintf(id, 160, "%s", text_of(v, "provider_key_id"));
	return 0;
}

/* Before the header is made, so that nobody deletes the key in between. */
static int claim(struct keys_feed *f, const struct want *w, int64_t key_id, struct err *err)
{
	cleanup_json json_t *row = NULL;
	int rc = store_begin(f->store, err);

	if (rc < 0)
		return rc;
	row = store_get_id(f->store, &table_keys, key_id, err);
	if (!row)
		rc = -err->code;
	else if (strcmp(text_of(row, "state"), "active") != 0)
		rc = err_set(err, EBUSY, "", "key %s is %s", w->key, text_of(row, "state"));
	if (rc == 0)
		rc = store_volume_key_put(f->store, w->volume_id, key_id, w->version, false, err);
	if (rc == 0)
		rc = store_commit(f->store, err);
	if (rc < 0)
		store_rollback(f->store);
	return rc;
}

static int choose_new(struct keys_feed *f, struct want *w, const json_t *parameters,
		      char provider[81], char id[160], struct err *err)
{
	const char *wanted = text_of(parameters, "key_id");
	cleanup_json json_t *row = NULL;
	int rc;

	if (!split(wanted, w->key, &w->version))
		return err_set(err, EINVAL, "key_id",
			       "its policy names no key: give the encryption rule the parameter "
			       "key_id, the name of a key of sluice key list");
	row = store_get(f->store, &table_keys, w->key, err);
	if (!row)
		return -err->code;
	rc = find_version(f, w, row, provider, id, err);
	return rc < 0 ? rc : claim(f, w, json_integer_value(json_object_get(row, "id")), err);
}

int keys_feed_choose(struct keys_feed *f, struct want *w, const json_t *parameters,
		     const char *header_key_id, char provider[81], char id[160], struct err *err)
{
	cleanup_json json_t *known = NULL, *row = NULL;

	if (w->action == WANT_FORMAT)
		return choose_new(f, w, parameters, provider, id, err);
	known = store_volume_key(f->store, w->volume_id, err);
	if (!known)
		return -err->code;
	/* the header is the truth; the database may be an older one */
	if (!split(header_key_id, w->key, &w->version)) {
		if (json_is_null(known))
			return err_set(err, ENOKEY, "",
				       "its header does not say which key opens it ('%.80s'), and "
				       "nothing is known of it here",
				       header_key_id);
		snprintf(w->key, sizeof(w->key), "%s", text_of(known, "key"));
		w->version = json_integer_value(json_object_get(known, "version"));
	}
	row = store_get(f->store, &table_keys, w->key, err);
	return row ? find_version(f, w, row, provider, id, err) : -err->code;
}

int keys_feed_find(struct keys_feed *f, const char *key, int64_t version, char provider[81],
		   char id[160], struct err *err)
{
	cleanup_json json_t *row = store_get(f->store, &table_keys, key, err);
	struct want w = {.version = version};

	snprintf(w.key, sizeof(w.key), "%s", key);
	return row ? find_version(f, &w, row, provider, id, err) : -err->code;
}

/* ---------------------------------------------------------------- what is told */

static void tell(struct keys_feed *f, struct want *w, const char *severity, const char *kind,
		 const char *text, int64_t key_id)
{
	struct err err = {0};
	int rc = store_begin(f->store, &err);

	if (rc == 0 &&
	    store_event_add(f->store, severity, kind, "volume", w->volume, text, NULL, &err) < 0)
		rc = -err.code;
	if (rc == 0 && key_id)
		rc = store_volume_key_put(f->store, w->volume_id, key_id, w->version, true, &err);
	if (rc == 0)
		rc = store_commit(f->store, &err);
	if (rc < 0) {
		store_rollback(f->store);
		keys_feed_complain(f, &err);
	} else if (f->cfg.changed_fn) {
		log_info("%s", text);
	}
}

void keys_feed_opened(struct keys_feed *f, struct want *w)
{
	int64_t key_id = w->key[0] ? store_id_of(f->store, &table_keys, w->key, NULL) : 0;
	char text[300];

	if (key_id)
		snprintf(text, sizeof(text), "volume %s was %s with version %" PRId64 " of key %s",
			 w->volume, w->action == WANT_FORMAT ? "encrypted" : "unlocked", w->version,
			 w->key);
	else
		snprintf(text, sizeof(text), "volume %s is open", w->volume);
	tell(f, w, "info", w->action == WANT_FORMAT ? "volume.encrypted" : "volume.unlocked", text,
	     key_id);
}

void keys_feed_closed(struct keys_feed *f, struct want *w, const char *text)
{
	char sentence[500];

	if (strncmp(w->said, text, sizeof(w->said) - 1) == 0)
		return;
	snprintf(w->said, sizeof(w->said), "%s", text);
	snprintf(sentence, sizeof(sentence), "volume %s stays locked: %s", w->volume, text);
	tell(f, w, "error", "volume.locked", sentence, 0);
}

void keys_feed_rekeyed(struct keys_feed *f, struct want *w)
{
	char text[400];

	snprintf(text, sizeof(text),
		 "volume %s is opened by version %" PRId64 " of key %s now, not by version %" PRId64
		 " of key %s any more",
		 w->volume, w->target_version, w->target, w->version, w->key);
	w->version = w->target_version;
	tell(f, w, "info", "volume.rekeyed", text,
	     store_id_of(f->store, &table_keys, w->target, NULL));
}

void keys_feed_not_rekeyed(struct keys_feed *f, struct want *w, const char *text)
{
	char sentence[600];

	if (strncmp(w->said, text, sizeof(w->said) - 1) == 0)
		return;
	snprintf(w->said, sizeof(w->said), "%s", text);
	snprintf(sentence, sizeof(sentence), "volume %s keeps its key %s:%" PRId64 ": %s",
		 w->volume, w->key, w->version, text);
	tell(f, w, "warning", "volume.rekey_failed", sentence, 0);
}
