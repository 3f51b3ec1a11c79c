/* SPDX-License-Identifier: MIT */
/* keys_feed_key.c - which key opens a volume, and what is told of it; see keys_feed.h. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "json.h"
#include "key_names.h"
#include "keys_feed_int.h"
#include "log.h"

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

static int find_version(struct keys_feed *f, struct want *w, char provider[81], char id[160],
			struct err *err)
{
	return key_names_find(f->store, w->key, &w->version, provider, id, err);
}

static int choose_new(struct keys_feed *f, struct want *w, const json_t *parameters,
		      char provider[81], char id[160], struct err *err)
{
	const char *wanted = text_of(parameters, "key_id");
	int rc;

	if (!key_names_split(wanted, w->key, &w->version))
		return err_set(err, EINVAL, "key_id",
			       "its policy names no key: give the encryption rule the parameter "
			       "key_id, the name of a key of sluice key list");
	rc = find_version(f, w, provider, id, err);
	return rc < 0 ? rc : key_names_claim(f->store, w->volume_id, w->key, w->version, err);
}

int keys_feed_choose(struct keys_feed *f, struct want *w, const json_t *parameters,
		     const char *header_key_id, char provider[81], char id[160], struct err *err)
{
	cleanup_json json_t *known = NULL;

	if (w->action == WANT_FORMAT)
		return choose_new(f, w, parameters, provider, id, err);
	known = store_volume_key(f->store, w->volume_id, err);
	if (!known)
		return -err->code;
	/* the header is the truth; the database may be an older one */
	if (!key_names_split(header_key_id, w->key, &w->version)) {
		if (json_is_null(known))
			return err_set(err, ENOKEY, "",
				       "its header does not say which key opens it ('%.80s'), and "
				       "nothing is known of it here",
				       header_key_id);
		snprintf(w->key, sizeof(w->key), "%s", text_of(known, "key"));
		w->version = json_integer_value(json_object_get(known, "version"));
	}
	return find_version(f, w, provider, id, err);
}

int keys_feed_find(struct keys_feed *f, const char *key, int64_t version, char provider[81],
		   char id[160], struct err *err)
{
	return key_names_find(f->store, key, &version, provider, id, err);
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
		return;
	}
	log_info("%s", text);
	if (f->cfg.reconciler) /* whose word for it has changed */
		reconciler_wake(f->cfg.reconciler);
}

/* Of a header that is there; what is claimed for one that is being made stays. */
void keys_feed_clear(struct keys_feed *f, struct want *w)
{
	struct err err = {0};
	cleanup_json json_t *known = store_volume_key(f->store, w->volume_id, &err);
	int rc = 0;

	if (!json_is_true(json_object_get(known, "is_formatted")))
		return;
	rc = store_begin(f->store, &err);
	if (rc == 0)
		rc = store_volume_key_put(f->store, w->volume_id, 0, 0, false, &err);
	if (rc == 0)
		rc = store_commit(f->store, &err);
	if (rc < 0) {
		store_rollback(f->store);
		keys_feed_complain(f, &err);
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
