/* SPDX-License-Identifier: MIT */
/* keys_feed_give.c - keys from their providers to filterd, by pipes; see keys_feed.h. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fd.h"
#include "json.h"
#include "key_names.h"
#include "keys_feed_int.h"

/* ---------------------------------------------------------------- filterd */

json_t *keys_feed_command(struct keys_feed *f, const struct want *w, const char *name, json_t *args,
			  int fd, struct err *err)
{
	cleanup_json json_t *request =
	    json_pack("{s:s, s:s, s:s, s:s, s:o}", "request", "filter.command", "name", w->volume,
		      "filter", w->filter, "command", name, "args", args ? args : json_object());
	cleanup_json json_t *answer = NULL;

	if (!request) {
		err_set(err, ENOMEM, "", "no memory for a request to sluice-filterd");
		return NULL;
	}
	answer = ctl_client_ask(&f->filterd.ctl, request, fd, err);
	return answer ? json_incref(json_object_get(answer, "reply")) : NULL;
}

/* ---------------------------------------------------------------- asking */

static void key_came(void *ctx, struct key_answer *key)
{
	struct keys_feed_answer *a = ctx;
	struct keys_feed *f = a->feed;

	a->key = *key;
	pthread_mutex_lock(&f->lock);
	list_push_back(&f->answers, &a->node);
	pthread_cond_signal(&f->wake);
	pthread_mutex_unlock(&f->lock);
}

int keys_feed_ask(struct keys_feed *f, struct want *w, const char *provider, const char *id,
		  struct err *err)
{
	struct keys_feed_answer *a = calloc(1, sizeof(*a));
	int rc;

	if (!a)
		return err_set(err, ENOMEM, "", "no memory to ask for a key");
	a->feed = f;
	snprintf(a->volume, sizeof(a->volume), "%s", w->volume);
	rc = key_get(f->keys, provider, id, key_came, a, err);
	if (rc < 0)
		free(a);
	else
		w->is_asked = true;
	return rc;
}

/* ---------------------------------------------------------------- giving */

static bool is_to_be_told(const struct err *err)
{
	/* busy, late or gone: what became of it is seen at the next look */
	return !filterd_is_gone(err) && err->code != EBUSY;
}

static void give_one(struct keys_feed *f, struct want *w, int fd)
{
	struct err err = {0};
	cleanup_json json_t *reply = NULL;
	bool is_format = w->action == WANT_FORMAT;
	char key_id[128];

	snprintf(key_id, sizeof(key_id), "%s:%" PRId64, w->key, w->version);
	reply =
	    keys_feed_command(f, w, is_format ? "format" : "unlock",
			      is_format ? json_pack("{s:s}", "key_id", key_id) : NULL, fd, &err);
	if (reply) {
		keys_feed_opened(f, w);
		keys_feed_drop(w);
		return;
	}
	keys_feed_later(w);
	if (err.code == ENOTEMPTY)
		err_set(&err, ENOTEMPTY, "",
			"it holds data in clear; sluice encryption encrypt %s keeps that and "
			"encrypts it",
			w->volume);
	if (is_to_be_told(&err))
		keys_feed_closed(f, w, err.text);
}

static void give_both(struct keys_feed *f, struct want *w, int new_fd)
{
	struct err err = {0};
	cleanup_json json_t *reply = NULL;
	char key_id[128];
	int fd = key_names_join(w->old_fd, new_fd, &err);

	fd_close(&w->old_fd);
	snprintf(key_id, sizeof(key_id), "%s:%" PRId64, w->target, w->target_version);
	if (fd >= 0)
		reply = keys_feed_command(f, w, "rekey_shallow",
					  json_pack("{s:s}", "key_id", key_id), fd, &err);
	fd_close(&fd);
	if (reply) {
		keys_feed_rekeyed(f, w);
		keys_feed_drop(w);
		return;
	}
	keys_feed_later(w);
	if (is_to_be_told(&err))
		keys_feed_not_rekeyed(f, w, err.text);
}

/* The key that it has is here; now the one that it is to have. */
static void ask_for_new(struct keys_feed *f, struct want *w, int old_fd)
{
	char provider[81], id[160];
	struct err err = {0};

	w->old_fd = old_fd;
	if (keys_feed_find(f, w->target, w->target_version, provider, id, &err) == 0 &&
	    keys_feed_ask(f, w, provider, id, &err) == 0)
		return;
	fd_close(&w->old_fd);
	keys_feed_later(w);
	keys_feed_not_rekeyed(f, w, err.text);
}

void keys_feed_take(struct keys_feed *f, struct keys_feed_answer *a)
{
	struct want *w = keys_feed_want(f, a->volume);

	if (w)
		w->is_asked = false;
	if (w && a->key.state != KEY_OK) {
		keys_feed_later(w);
		fd_close(&w->old_fd);
		if (w->action == WANT_REKEY)
			keys_feed_not_rekeyed(f, w, a->key.err.text);
		else
			keys_feed_closed(f, w, a->key.err.text);
	} else if (w && w->action != WANT_REKEY) {
		give_one(f, w, a->key.fd);
	} else if (w && w->old_fd < 0) {
		ask_for_new(f, w, a->key.fd);
		a->key.fd = -1;
	} else if (w) {
		give_both(f, w, a->key.fd);
	}
	fd_close(&a->key.fd);
	free(a);
}
