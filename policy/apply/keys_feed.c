/* SPDX-License-Identifier: MIT */
/* keys_feed.c - see keys_feed.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "fd.h"
#include "json.h"
#include "keys_feed_int.h"
#include "log.h"

#define LOOK_MS    500u
#define RETRY_MS   2000u
#define FILTERD_MS 4000u /* what takes longer goes on there, and is looked at again */

static const char *text_of(const json_t *row, const char *member)
{
	const char *text = json_string_value(json_object_get(row, member));

	return text ? text : "";
}

void keys_feed_later(struct want *w)
{
	w->next_ns = clock_now_ns() + RETRY_MS * CLOCK_NS_PER_MS;
}

/* ---------------------------------------------------------------- wants */

struct want *keys_feed_want(struct keys_feed *f, const char *volume)
{
	for (struct list_node *n = f->wants.next; n != &f->wants; n = n->next) {
		struct want *w = list_entry(n, struct want, node);

		if (strcmp(w->volume, volume) == 0)
			return w;
	}
	return NULL;
}

static struct want *want_of(struct keys_feed *f, const json_t *row)
{
	struct want *w = keys_feed_want(f, text_of(row, "name"));

	if (w || !(w = calloc(1, sizeof(*w))))
		return w;
	snprintf(w->volume, sizeof(w->volume), "%s", text_of(row, "name"));
	snprintf(w->filter, sizeof(w->filter), "%s", text_of(row, "filter"));
	w->volume_id = json_integer_value(json_object_get(row, "id"));
	w->old_fd = -1;
	list_push_back(&f->wants, &w->node);
	return w;
}

void keys_feed_drop(struct want *w)
{
	list_del(&w->node);
	fd_close(&w->old_fd);
	free(w);
}

/* ---------------------------------------------------------------- locked and new ones */

/* What its filter says decides, not what we remember. */
static void look_at(struct keys_feed *f, struct want *w, const json_t *row)
{
	char provider[81], id[160];
	struct err err = {0};
	cleanup_json json_t *status = keys_feed_command(f, w, "status", NULL, -1, &err);
	const char *state = text_of(status, "state");

	keys_feed_later(w);
	if (!status) {
		/* that a volume is not open is the reconciler's to tell; anything else once */
		if (!filterd_is_gone(&err) && err.code != EBUSY && err.code != ENOENT &&
		    strncmp(w->said, err.text, sizeof(w->said) - 1) != 0) {
			snprintf(w->said, sizeof(w->said), "%s", err.text);
			keys_feed_complain(f, &err);
		}
		return;
	}
	if (strcmp(state, "unlocked") == 0) {
		if (w->said[0] || w->action != WANT_NOTHING)
			keys_feed_opened(f, w);
		keys_feed_drop(w);
		return;
	}
	if (strcmp(state, "clear") == 0) {
		keys_feed_clear(f, w);
		keys_feed_drop(w);
		return;
	}
	if (json_is_true(json_object_get(status, "is_erased"))) {
		keys_feed_closed(f, w, "it was erased, and nothing opens it any more; delete it");
		return;
	}
	if (strcmp(state, "unformatted") == 0)
		w->action = WANT_FORMAT;
	else if (strcmp(state, "locked") == 0)
		w->action = WANT_UNLOCK;
	else {
		keys_feed_closed(f, w, text_of(status, "state_text"));
		return;
	}
	if (keys_feed_choose(f, w, json_object_get(row, "parameters"), text_of(status, "key_id"),
			     provider, id, &err) < 0 ||
	    keys_feed_ask(f, w, provider, id, &err) < 0)
		keys_feed_closed(f, w, err.text);
}

/* ---------------------------------------------------------------- answers */

static struct keys_feed_answer *next_answer(struct keys_feed *f)
{
	struct keys_feed_answer *a = NULL;

	pthread_mutex_lock(&f->lock);
	if (!list_is_empty(&f->answers))
		a = list_entry(list_pop_front(&f->answers), struct keys_feed_answer, node);
	pthread_mutex_unlock(&f->lock);
	return a;
}

/* ---------------------------------------------------------------- rounds */

static const json_t *figures_of(const json_t *figures, const char *volume)
{
	const json_t *v;
	size_t i;

	json_array_foreach(json_object_get(figures, "volumes"), i, v)
	{
		if (strcmp(text_of(v, "name"), volume) == 0)
			return v;
	}
	return NULL;
}

/* Its filters have put a word into its figures: locked, or something that may hide that. */
static bool is_in_trouble(const json_t *figures, const char *volume)
{
	return json_is_string(json_object_get(figures_of(figures, volume), "state"));
}

static bool is_open(const json_t *figures, const char *volume)
{
	return figures_of(figures, volume) && !is_in_trouble(figures, volume);
}

/* The key that its header was made with, first: both go in one pipe, in this order. */
static void begin_rekey(struct keys_feed *f, struct want *w, const json_t *row)
{
	char provider[81], id[160];
	struct err err = {0};

	keys_feed_later(w);
	w->action = WANT_REKEY;
	w->version = json_integer_value(json_object_get(row, "version"));
	w->target_version = json_integer_value(json_object_get(row, "target_version"));
	snprintf(w->key, sizeof(w->key), "%s", text_of(row, "key"));
	snprintf(w->target, sizeof(w->target), "%s", text_of(row, "target"));
	if (keys_feed_find(f, w->key, w->version, provider, id, &err) < 0 ||
	    keys_feed_ask(f, w, provider, id, &err) < 0)
		keys_feed_not_rekeyed(f, w, err.text);
}

/* Open ones alone: a locked one is opened first. */
static void look_for_stale(struct keys_feed *f, const json_t *figures)
{
	struct err err = {0};
	cleanup_json json_t *rows = NULL;
	const json_t *row;
	size_t i;

	if (clock_now_ns() < f->stale_ns)
		return;
	f->stale_ns = clock_now_ns() + RETRY_MS * CLOCK_NS_PER_MS;
	rows = store_stale_volume_keys(f->store, &err);
	if (!rows)
		keys_feed_complain(f, &err);
	json_array_foreach(rows, i, row)
	{
		struct want *w = NULL;

		if (!is_open(figures, text_of(row, "name")))
			continue;
		w = want_of(f, row);
		if (w && !w->is_asked && clock_now_ns() >= w->next_ns)
			begin_rekey(f, w, row);
	}
}

/* What nobody needs any more: the volume is gone, or its policy has changed. */
static void forget_unseen(struct keys_feed *f, const json_t *rows)
{
	struct list_node *next;

	for (struct list_node *n = f->wants.next; n != &f->wants; n = next) {
		struct want *w = list_entry(n, struct want, node);
		bool is_there = false;
		const json_t *row;
		size_t i;

		next = n->next;
		json_array_foreach(rows, i, row)
		{
			is_there |= strcmp(text_of(row, "name"), w->volume) == 0;
		}
		if (!is_there && !w->is_asked)
			keys_feed_drop(w);
	}
}

static void look(struct keys_feed *f)
{
	struct err err = {0};
	cleanup_json json_t *rows = store_encrypted_volumes(f->store, &err);
	cleanup_json json_t *figures = NULL;
	uint64_t now_ns = clock_now_ns();
	const json_t *row;
	size_t i;

	if (!rows)
		keys_feed_complain(f, &err);
	else
		forget_unseen(f, rows);
	if (json_array_size(rows) == 0)
		return;
	figures = sampler_figures(f->sampler);
	json_array_foreach(rows, i, row)
	{
		const char *name = text_of(row, "name");
		struct want *w = keys_feed_want(f, name);

		if (w && w->action == WANT_REKEY && !w->is_asked && is_in_trouble(figures, name))
			w->action = WANT_NOTHING; /* it was locked meanwhile */
		if (!w && is_in_trouble(figures, name))
			w = want_of(f, row);
		if (w && w->action != WANT_REKEY && !w->is_asked && now_ns >= w->next_ns)
			look_at(f, w, row);
	}
	look_for_stale(f, figures);
}

static bool wait_a_moment(struct keys_feed *f)
{
	uint64_t until_ns = clock_now_ns() + LOOK_MS * CLOCK_NS_PER_MS;
	struct timespec until = {.tv_sec = (time_t)(until_ns / CLOCK_NS_PER_S),
				 .tv_nsec = (long)(until_ns % CLOCK_NS_PER_S)};
	bool is_stopping;

	pthread_mutex_lock(&f->lock);
	if (!f->is_stopping && list_is_empty(&f->answers))
		pthread_cond_timedwait(&f->wake, &f->lock, &until);
	is_stopping = f->is_stopping;
	pthread_mutex_unlock(&f->lock);
	return !is_stopping;
}

static void *run(void *arg)
{
	struct keys_feed *f = arg;
	struct keys_feed_answer *a;

	do {
		while ((a = next_answer(f)))
			keys_feed_take(f, a);
		look(f);
	} while (wait_a_moment(f));
	return NULL;
}

/* ---------------------------------------------------------------- life */

int keys_feed_start(const struct apply_cfg *cfg, struct keys *keys, struct sampler *sampler,
		    struct keys_feed **out, struct err *err)
{
	struct keys_feed *f = calloc(1, sizeof(*f));
	pthread_condattr_t attr;
	int rc;

	if (!f)
		return err_set(err, ENOMEM, "", "no memory for volumes' keys");
	f->cfg = *cfg;
	f->keys = keys;
	f->sampler = sampler;
	list_init(&f->answers);
	list_init(&f->wants);
	pthread_mutex_init(&f->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&f->wake, &attr);
	pthread_condattr_destroy(&attr);
	rc = filterd_client_init(&f->filterd, cfg->filterd_socket, FILTERD_MS, err);
	if (rc == 0)
		rc = store_open(cfg->db_path, cfg->backup_dir, false, &f->store, err);
	if (rc == 0 && (rc = -pthread_create(&f->thread, NULL, run, f)))
		err_set(err, -rc, "", "no thread for volumes' keys: %s", strerror(-rc));
	if (rc == 0)
		*out = f;
	else
		keys_feed_free(f);
	return rc;
}

void keys_feed_stop(struct keys_feed *f)
{
	if (!f)
		return;
	pthread_mutex_lock(&f->lock);
	f->is_stopping = true;
	pthread_cond_signal(&f->wake);
	pthread_mutex_unlock(&f->lock);
	pthread_join(f->thread, NULL);
}

void keys_feed_free(struct keys_feed *f)
{
	struct keys_feed_answer *a;

	if (!f)
		return;
	while ((a = next_answer(f))) {
		fd_close(&a->key.fd);
		free(a);
	}
	while (!list_is_empty(&f->wants))
		keys_feed_drop(list_entry(f->wants.next, struct want, node));
	if (f->filterd.ctl.path)
		filterd_client_fini(&f->filterd);
	store_close(f->store);
	pthread_cond_destroy(&f->wake);
	pthread_mutex_destroy(&f->lock);
	free(f);
}
