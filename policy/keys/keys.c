/* SPDX-License-Identifier: MIT */
#include "keys.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "durable.h"
#include "fd.h"
#include "json.h"
#include "keys_int.h"
#include "log.h"
#include "secret.h"

#define LOOK_MS       1000u
#define HURRY_LOOK_MS 30u
#define HURRY_MS      3000u
#define HANDED_S      300u
#define HANDED_BYTES  (HANDED_MAX * sizeof(struct handed))

/* ---------------------------------------------------------------- waiting */

void keys_wait(struct keys *k, pthread_cond_t *cond, uint64_t until_ns)
{
	struct timespec until = {.tv_sec = (time_t)(until_ns / CLOCK_NS_PER_S),
				 .tv_nsec = (long)(until_ns % CLOCK_NS_PER_S)};

	pthread_cond_timedwait(cond, &k->lock, &until);
}

uint64_t keys_next_look_ns(const struct keys *k)
{
	uint64_t now_ns = clock_now_ns();

	return now_ns + (now_ns < k->hurry_ns ? HURRY_LOOK_MS : LOOK_MS) * CLOCK_NS_PER_MS;
}

/* What wakes us comes before the commit; so for a while we look often. */
void keys_wake(struct keys *k)
{
	if (!k)
		return;
	pthread_mutex_lock(&k->lock);
	k->hurry_ns = clock_now_ns() + HURRY_MS * CLOCK_NS_PER_MS;
	pthread_cond_signal(&k->wake);
	for (uint32_t i = 0; i < KEYS_PROVIDERS_MAX; i++)
		if (k->workers[i])
			pthread_cond_signal(&k->workers[i]->wake);
	pthread_mutex_unlock(&k->lock);
}

void keys_changed(struct keys *k)
{
	if (k->cfg.changed_fn)
		k->cfg.changed_fn(k->cfg.ctx);
}

/* ---------------------------------------------------------------- passphrases */

static void forget_old(struct keys *k, uint64_t now_ns)
{
	for (uint32_t i = 0; i < HANDED_MAX; i++)
		if (k->handed[i].task_id && k->handed[i].until_ns < now_ns)
			secret_wipe(&k->handed[i], sizeof(k->handed[i]));
}

int keys_hand_over(struct keys *k, int64_t task_id, const char *passphrase, struct err *err)
{
	uint64_t now_ns = clock_now_ns();
	size_t len = strlen(passphrase);
	struct handed *h = NULL;

	if (len > KEYS_PASSPHRASE_MAX)
		return err_set(err, ENAMETOOLONG, "passphrase", "a passphrase has at most %u bytes",
			       KEYS_PASSPHRASE_MAX);
	pthread_mutex_lock(&k->lock);
	forget_old(k, now_ns);
	for (uint32_t i = 0; i < HANDED_MAX && !h; i++)
		if (!k->handed[i].task_id)
			h = &k->handed[i];
	if (h) {
		h->task_id = task_id;
		h->until_ns = now_ns + HANDED_S * CLOCK_NS_PER_S;
		memcpy(h->text, passphrase, len + 1);
	}
	pthread_mutex_unlock(&k->lock);
	if (!h)
		return err_set(err, EDQUOT, "",
			       "%u passphrases wait to be used; try again in a moment", HANDED_MAX);
	return 0;
}

bool keys_take(struct keys *k, int64_t task_id, char text[KEYS_PASSPHRASE_MAX + 1])
{
	bool is_there = false;

	pthread_mutex_lock(&k->lock);
	forget_old(k, clock_now_ns());
	for (uint32_t i = 0; i < HANDED_MAX && !is_there; i++) {
		struct handed *h = &k->handed[i];

		if (h->task_id != task_id)
			continue;
		memcpy(text, h->text, sizeof(h->text));
		secret_wipe(h, sizeof(*h));
		is_there = true;
	}
	pthread_mutex_unlock(&k->lock);
	return is_there;
}

/* ---------------------------------------------------------------- getting a key */

static struct worker *find(struct keys *k, const char *provider)
{
	for (uint32_t i = 0; i < KEYS_PROVIDERS_MAX; i++)
		if (k->workers[i] && strcasecmp(k->workers[i]->name, provider) == 0)
			return k->workers[i];
	return NULL;
}

int key_get(struct keys *k, const char *provider, const char *provider_key_id, key_get_fn fn,
	    void *ctx, struct err *err)
{
	struct key_request *r = calloc(1, sizeof(*r));
	struct worker *w = NULL;

	if (!r || strlen(provider_key_id) >= sizeof(r->id)) {
		free(r);
		return err_set(err, ENOMEM, "", "no memory to ask for a key");
	}
	memcpy(r->id, provider_key_id, strlen(provider_key_id) + 1);
	r->fn = fn;
	r->ctx = ctx;
	pthread_mutex_lock(&k->lock);
	w = find(k, provider);
	if (w && !w->is_stopping) {
		list_push_back(&w->requests, &r->node);
		pthread_cond_signal(&w->wake);
	} else {
		w = NULL;
	}
	pthread_mutex_unlock(&k->lock);
	if (w)
		return 0;
	free(r);
	return err_set(err, ENOENT, "", "there is no key provider %.80s", provider);
}

/* ---------------------------------------------------------------- the set of workers */

static json_t *providers(struct keys *k, struct err *err)
{
	const struct store_query q = {.limit = STORE_PAGE_MAX};
	cleanup_json json_t *page = store_list(k->store, &table_key_providers, &q, err);

	return page ? json_incref(json_object_get(page, "items")) : NULL;
}

static const json_t *row_of(const json_t *rows, int64_t id)
{
	const json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		if (json_integer_value(json_object_get(row, "id")) == id)
			return row;
	}
	return NULL;
}

/* Takes the slot's worker out, ends it and waits for it. */
static void end_worker(struct keys *k, uint32_t slot, bool is_gone)
{
	struct worker *w = k->workers[slot];

	worker_tell(w, is_gone);
	pthread_mutex_lock(&k->lock);
	k->workers[slot] = NULL;
	pthread_mutex_unlock(&k->lock);
	worker_join(w);
}

static void begin_worker(struct keys *k, const json_t *row)
{
	struct worker *w = NULL;
	struct err err = {0};
	uint32_t slot = 0;

	while (slot < KEYS_PROVIDERS_MAX && k->workers[slot])
		slot++;
	if (slot < KEYS_PROVIDERS_MAX)
		w = worker_start(k, row, &err);
	if (w) {
		pthread_mutex_lock(&k->lock);
		k->workers[slot] = w;
		pthread_mutex_unlock(&k->lock);
	} else if (log_limit_pass(&k->complaints, 1)) {
		log_error("keys: a key provider cannot be served: %s",
			  err.text[0] ? err.text : "there are too many");
	}
}

static bool is_served(const struct keys *k, int64_t id)
{
	for (uint32_t i = 0; i < KEYS_PROVIDERS_MAX; i++)
		if (k->workers[i] && k->workers[i]->provider_id == id)
			return true;
	return false;
}

static void look(struct keys *k)
{
	struct err err = {0};
	cleanup_json json_t *rows = providers(k, &err);
	const json_t *row;
	size_t i;

	if (!rows) {
		if (log_limit_pass(&k->complaints, 1))
			log_warn("keys: %s", err.text);
		return;
	}
	for (uint32_t n = 0; n < KEYS_PROVIDERS_MAX; n++)
		if (k->workers[n] && !row_of(rows, k->workers[n]->provider_id))
			end_worker(k, n, true);
	json_array_foreach(rows, i, row)
	{
		if (!is_served(k, json_integer_value(json_object_get(row, "id"))))
			begin_worker(k, row);
	}
}

static void *run(void *arg)
{
	struct keys *k = arg;
	bool is_stopping = false;

	while (!is_stopping) {
		look(k);
		pthread_mutex_lock(&k->lock);
		forget_old(k, clock_now_ns());
		if (!k->is_stopping)
			keys_wait(k, &k->wake, keys_next_look_ns(k));
		is_stopping = k->is_stopping;
		pthread_mutex_unlock(&k->lock);
	}
	/* all at once, so that they end side by side */
	for (uint32_t i = 0; i < KEYS_PROVIDERS_MAX; i++)
		if (k->workers[i])
			worker_tell(k->workers[i], false);
	for (uint32_t i = 0; i < KEYS_PROVIDERS_MAX; i++)
		if (k->workers[i])
			end_worker(k, i, false);
	return NULL;
}

/* ---------------------------------------------------------------- life */

static void release(struct keys *k)
{
	store_close(k->store);
	secret_free(k->handed, HANDED_BYTES);
	fd_close(&k->stop_fd);
	pthread_cond_destroy(&k->wake);
	pthread_mutex_destroy(&k->lock);
	free(k);
}

static struct keys *make(const struct keys_cfg *cfg)
{
	struct keys *k = calloc(1, sizeof(*k));
	pthread_condattr_t attr;

	if (!k)
		return NULL;
	k->cfg = *cfg;
	pthread_mutex_init(&k->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&k->wake, &attr);
	pthread_condattr_destroy(&attr);
	k->handed = secret_alloc(HANDED_BYTES);
	k->stop_fd = fd_event_create();
	if (k->handed && k->stop_fd >= 0)
		return k;
	release(k);
	return NULL;
}

int keys_start(const struct keys_cfg *cfg, struct keys **out, struct err *err)
{
	struct keys *k = make(cfg);
	int rc;

	if (!k)
		return err_set(err, ENOMEM, "", "no memory for key providers");
	rc = durable_mkdir(cfg->keys_dir, err);
	if (rc == 0)
		rc = store_open(cfg->db_path, cfg->backup_dir, false, &k->store, err);
	if (rc == 0 && (rc = -pthread_create(&k->thread, NULL, run, k)))
		err_set(err, -rc, "", "no thread for key providers: %s", strerror(-rc));
	if (rc < 0) {
		release(k);
		return rc;
	}
	*out = k;
	return 0;
}

void keys_stop(struct keys *k)
{
	if (!k)
		return;
	pthread_mutex_lock(&k->lock);
	k->is_stopping = true;
	pthread_cond_signal(&k->wake);
	pthread_mutex_unlock(&k->lock);
	fd_event_signal(k->stop_fd);
	pthread_join(k->thread, NULL);
	release(k);
}
