/* SPDX-License-Identifier: MIT */
/* keys_worker.c - the thread of one provider: gives keys, does tasks, looks whether all is well. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "fd.h"
#include "json.h"
#include "keys_int.h"
#include "log.h"
#include "secret.h"

#define CHECK_OK_MS   10000u
#define CHECK_DOWN_MS 2000u
#define LOOK_KEYS_S   60u

static void complain(struct worker *w, const struct err *err)
{
	if (log_limit_pass(&w->complaints, 1))
		log_warn("key provider %s: %s", w->name, err->text);
}

/* ---------------------------------------------------------------- the provider */

static void set_provider(struct worker *w, const json_t *row, struct err *err)
{
	const struct provider_cfg cfg = {
	    .keys_dir = w->keys->cfg.keys_dir,
	    .credentials_dir = w->keys->cfg.credentials_dir,
	    .egress_socket = w->keys->cfg.egress_socket,
	    .sealer = w->keys->cfg.sealer,
	    .stop_fd = w->keys->stop_fd,
	};

	if (w->is_made)
		provider_fini(&w->provider);
	w->is_made = provider_init(&w->provider, &cfg, row, err) == 0;
}

/* What can change of a keystore's row has nothing to do with the file; and opening it anew would
 * lock it. */
json_t *worker_row(struct worker *w, struct err *err)
{
	json_t *row = store_get_id(w->store, &table_key_providers, w->provider_id, err);
	int64_t revision = json_integer_value(json_object_get(row, "revision"));

	if (!row)
		return NULL;
	if (!w->is_made || (w->provider.is_kmip && w->provider.revision != revision)) {
		w->check_ns = 0;
		set_provider(w, row, err);
	}
	if (!w->is_made) {
		json_decref(row);
		return NULL;
	}
	if (w->provider.is_kmip) {
		cleanup_json json_t *allowed = store_setting(w->store, "egress_allow");
		cleanup_json json_t *none = json_array();

		kmip_allow(w->provider.kmip, allowed ? allowed : none);
	}
	return row;
}

enum key_state worker_check(struct worker *w, struct err *err)
{
	char text[200] = "";
	struct err noted = {0};
	bool was_ok = w->state == KEY_OK;

	w->state = provider_check(&w->provider, text, sizeof(text), err);
	snprintf(w->state_text, sizeof(w->state_text), "%s", w->state == KEY_OK ? text : err->text);
	w->check_ns =
	    clock_now_ns() + (w->state == KEY_OK ? CHECK_OK_MS : CHECK_DOWN_MS) * CLOCK_NS_PER_MS;
	if (w->state == KEY_OK && !was_ok)
		w->look_ns = 0;
	if (err->code != ECANCELED && note_provider(w, w->state, w->state_text, &noted) < 0)
		complain(w, &noted);
	return w->state;
}

/* ---------------------------------------------------------------- giving keys */

/* The key in a pipe: what is in a pipe is in no process's memory. */
static int pipe_with(const uint8_t key[SECRET_KEY_BYTES], struct err *err)
{
	int ends[2];
	bool is_whole;

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return err_set(err, errno, "", "no pipe for a key: %s", strerror(errno));
	is_whole = write(ends[1], key, SECRET_KEY_BYTES) == (ssize_t)SECRET_KEY_BYTES;
	close(ends[1]);
	if (is_whole)
		return ends[0];
	close(ends[0]);
	return err_set(err, EIO, "", "a key cannot be written into a pipe");
}

static void get(struct worker *w, const char *id, struct key_answer *a)
{
	uint8_t *key = secret_alloc(SECRET_KEY_BYTES);

	a->state = KEY_FAILED;
	if (!key) {
		err_set(&a->err, ENOMEM, "", "no memory for a key");
		return;
	}
	a->state = provider_get(&w->provider, id, key, &a->err);
	if (a->state == KEY_OK && (a->fd = pipe_with(key, &a->err)) < 0) {
		a->fd = -1;
		a->state = KEY_FAILED;
	}
	secret_free(key, SECRET_KEY_BYTES);
}

/* A thousand volumes that want their keys of somebody who is down must not wait a thousand times.
 */
static bool is_known_down(const struct worker *w)
{
	return w->state != KEY_OK && w->state != KEY_PENDING && clock_now_ns() < w->check_ns;
}

static void answer(struct worker *w, struct key_request *r)
{
	struct key_answer a = {.state = KEY_UNREACHABLE, .fd = -1};
	cleanup_json json_t *row = NULL;

	if (is_known_down(w)) {
		a.state = w->state;
		err_set(&a.err, EAGAIN, "", "%s", w->state_text);
	} else if (!(row = worker_row(w, &a.err))) {
		a.state = KEY_FAILED;
	} else {
		get(w, r->id, &a);
		if (a.state == KEY_UNREACHABLE || a.state == KEY_REFUSED || a.state == KEY_LOCKED)
			w->check_ns = 0; /* see at once whether it is the provider */
		else if (a.state != KEY_OK)
			w->look_ns = 0; /* it is this key: its row says so, too */
	}
	r->fn(r->ctx, &a);
	free(r);
}

static struct key_request *next_request(struct worker *w)
{
	struct key_request *r = NULL;

	pthread_mutex_lock(&w->keys->lock);
	if (!list_is_empty(&w->requests))
		r = list_entry(list_pop_front(&w->requests), struct key_request, node);
	pthread_mutex_unlock(&w->keys->lock);
	return r;
}

static bool is_over(struct worker *w)
{
	bool is_stopping;

	pthread_mutex_lock(&w->keys->lock);
	is_stopping = w->is_stopping;
	pthread_mutex_unlock(&w->keys->lock);
	return is_stopping;
}

/* ---------------------------------------------------------------- looking */

static enum key_state look_at_versions(struct worker *w, const json_t *row, struct err *err)
{
	cleanup_json json_t *versions =
	    store_key_versions(w->store, json_integer_value(json_object_get(row, "id")), err);
	enum key_state state = KEY_OK;
	const json_t *v;
	size_t i;

	json_array_foreach(versions, i, v)
	{
		const char *id = json_string_value(json_object_get(v, "provider_key_id"));

		if (state == KEY_OK && id && !is_over(w))
			state = provider_look(&w->provider, id, err);
	}
	return versions ? state : KEY_FAILED;
}

/* Every key now and then: what was revoked at its server is to be known before the next start of a
 * volume. */
static void look_at_keys(struct worker *w)
{
	const char *filters[] = {"provider", w->name, NULL};
	const struct store_query q = {.filters = filters, .limit = STORE_PAGE_MAX};
	struct err err = {0};
	cleanup_json json_t *page = store_list(w->store, &table_keys, &q, &err);
	const json_t *row;
	size_t i;

	json_array_foreach(json_object_get(page, "items"), i, row)
	{
		struct err why = {0};
		enum key_state state;

		if (is_over(w) || json_integer_value(json_object_get(row, "version")) == 0)
			continue;
		state = look_at_versions(w, row, &why);
		if (state == KEY_UNREACHABLE || state == KEY_REFUSED || state == KEY_LOCKED) {
			w->check_ns = 0;
			return;
		}
		if (note_key(w, row, state, why.text, &err) < 0)
			complain(w, &err);
	}
	w->look_ns = clock_now_ns() + LOOK_KEYS_S * CLOCK_NS_PER_S;
}

static void look(struct worker *w)
{
	struct err err = {0};
	cleanup_json json_t *row = worker_row(w, &err);

	if (!row) {
		struct err noted = {0};

		if (err.code != ENOENT) /* else it was deleted, and this thread is about to end */
			complain(w, &err);
		w->state = KEY_FAILED;
		w->check_ns = clock_now_ns() + CHECK_DOWN_MS * CLOCK_NS_PER_MS;
		if (err.code != ENOENT && note_provider(w, KEY_FAILED, err.text, &noted) < 0)
			complain(w, &noted);
		return;
	}
	if (clock_now_ns() >= w->check_ns)
		(void)worker_check(w, &err);
	if (w->state == KEY_OK && clock_now_ns() >= w->look_ns)
		look_at_keys(w);
}

/* ---------------------------------------------------------------- the thread */

static void *run(void *arg)
{
	struct worker *w = arg;
	struct key_request *r;

	while (!is_over(w)) {
		while (!is_over(w) && (r = next_request(w)))
			answer(w, r);
		task_run_all(w);
		look(w);
		pthread_mutex_lock(&w->keys->lock);
		if (list_is_empty(&w->requests) && !w->is_stopping)
			keys_wait(w->keys, &w->wake, keys_next_look_ns(w->keys));
		pthread_mutex_unlock(&w->keys->lock);
	}
	return NULL;
}

struct worker *worker_start(struct keys *k, const json_t *row, struct err *err)
{
	struct worker *w = calloc(1, sizeof(*w));
	pthread_condattr_t attr;
	int rc;

	if (!w) {
		err_set(err, ENOMEM, "", "no memory for a key provider");
		return NULL;
	}
	w->keys = k;
	w->state = KEY_PENDING;
	w->provider_id = json_integer_value(json_object_get(row, "id"));
	snprintf(w->name, sizeof(w->name), "%s", json_string_value(json_object_get(row, "name")));
	list_init(&w->requests);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&w->wake, &attr);
	pthread_condattr_destroy(&attr);
	rc = store_open(k->cfg.db_path, k->cfg.backup_dir, false, &w->store, err);
	if (rc == 0 && (rc = pthread_create(&w->thread, NULL, run, w)) != 0)
		err_set(err, rc, "", "no thread for a key provider: %s", strerror(rc));
	if (rc == 0)
		return w;
	store_close(w->store);
	pthread_cond_destroy(&w->wake);
	free(w);
	return NULL;
}

void worker_tell(struct worker *w, bool is_gone)
{
	pthread_mutex_lock(&w->keys->lock);
	w->is_stopping = true;
	w->is_gone |= is_gone;
	pthread_cond_signal(&w->wake);
	pthread_mutex_unlock(&w->keys->lock);
}

void worker_join(struct worker *w)
{
	struct key_request *r;

	pthread_join(w->thread, NULL);
	while ((r = next_request(w))) {
		struct key_answer a = {.state = KEY_UNREACHABLE, .fd = -1};

		err_set(&a.err, ECANCELED, "", "key provider %s is ending", w->name);
		r->fn(r->ctx, &a);
		free(r);
	}
	if (w->is_made && w->is_gone && !w->provider.is_kmip)
		native_put_aside(&w->provider.native);
	if (w->is_made)
		provider_fini(&w->provider);
	store_close(w->store);
	pthread_cond_destroy(&w->wake);
	free(w);
}
