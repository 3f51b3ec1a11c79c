/* SPDX-License-Identifier: MIT */
#include "manager.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "log.h"
#include "errand.h"
#include "plugin.h"
#include "ring_listener.h"
#include "store.h"

/* ---------------------------------------------------------------- what volumes tell, brought to main */

struct news {
	struct loop_msg msg;
	struct mvolume *mv;
	/* of a change */
	enum volume_state state;
	uint64_t size_bytes;
	char reason[VOLUME_REASON_BYTES];
	/* of an event */
	char filter[SHARED_BLAME_BYTES];
	char kind[48];
};

static void event_arrived(struct loop_msg *m)
{
	struct news *n = m->ctx;

	manager_event(n->mv->manager, n->mv->plan->name, n->filter, n->kind, n->reason);
	free(n);
}

static void volume_event(void *ctx, const char *volume, const char *filter, const char *kind, const char *text)
{
	struct mvolume *mv = ctx;
	struct news *n = calloc(1, sizeof(*n));

	if (!n)
		return;
	n->mv = mv;
	snprintf(n->filter, sizeof(n->filter), "%s", filter ? filter : "");
	snprintf(n->kind, sizeof(n->kind), "%s", kind);
	snprintf(n->reason, sizeof(n->reason), "%s", text);
	n->msg = (struct loop_msg){.fn = event_arrived, .ctx = n};
	loop_post(mv->manager->loop, &n->msg);
}

static void change_arrived(struct loop_msg *m)
{
	struct news *n = m->ctx;
	struct mvolume *mv = n->mv;
	struct err err;
	bool has_grown = mv->size_bytes && n->state == VOLUME_SERVING && n->size_bytes > mv->size_bytes;

	mv->state = n->state;
	mv->size_bytes = n->size_bytes;
	snprintf(mv->reason, sizeof(mv->reason), "%s", n->reason);
	if (has_grown) {
		if (mv->plan->size_bytes)
			mv->plan->size_bytes = n->size_bytes;
		if (!mv->is_creating && manager_save(mv->manager, &err) < 0)
			log_error("volume %s: %s", mv->plan->name, err.text);
		ring_listener_notice(mv->manager->rings, mv, RING_NOTICE_CAPACITY, n->size_bytes);
	}
	free(n);
}

static void volume_changed(void *ctx, struct volume *v)
{
	struct mvolume *mv = ctx;
	struct news *n = calloc(1, sizeof(*n));

	if (!n)
		return;
	n->mv = mv;
	n->state = volume_state(v);
	n->size_bytes = volume_size_bytes(v);
	snprintf(n->reason, sizeof(n->reason), "%s", volume_reason(v));
	n->msg = (struct loop_msg){.fn = change_arrived, .ctx = n};
	loop_post(mv->manager->loop, &n->msg);
}

static void volume_drain_rings(void *ctx, struct volume *v)
{
	struct mvolume *mv = ctx;

	worker_drain_rings(mv->worker, v);
}

/* A beat before the limit becomes the short one again, or the parent would count the call. */
static void beat_blocking(struct shared_beat *b, bool begins)
{
	atomic_fetch_add_explicit(&b->beats, 1, memory_order_relaxed);
	atomic_store_explicit(&b->is_blocking, begins, memory_order_release);
}

static void volume_blocking(void *ctx, bool begins)
{
	struct mvolume *mv = ctx;

	beat_blocking(mv->worker->beat, begins);
}

static int volume_store_put(void *ctx, const uint8_t uuid[16], const char *filter, const char *key,
			    const void *data, size_t size_bytes)
{
	struct mvolume *mv = ctx;

	return store_put(mv->manager->store_root, uuid, filter, key, data, size_bytes);
}

static int volume_store_get(void *ctx, const uint8_t uuid[16], const char *filter, const char *key, void *data,
			    size_t room_bytes, size_t *size_bytes)
{
	struct mvolume *mv = ctx;

	return store_get(mv->manager->store_root, uuid, filter, key, data, room_bytes, size_bytes);
}

static const struct sluice_filter_ops *volume_find_filter(void *ctx, const char *name)
{
	return plugin_find(name);
}

/* ---------------------------------------------------------------- tables */

struct mvolume *manager_find(const struct manager *m, const char *name)
{
	struct list_node *n;

	list_for_each(n, &m->volumes)
	{
		struct mvolume *mv = list_entry(n, struct mvolume, node);

		if (strcmp(mv->plan->name, name) == 0)
			return mv;
	}
	return NULL;
}

void manager_event(struct manager *m, const char *volume, const char *filter, const char *kind, const char *text)
{
	events_add(m->events, volume, filter, kind, text);
}

int manager_save(struct manager *m, struct err *err)
{
	int rc;

	beat_blocking(&m->shared->main, true);
	rc = plan_save(m->plan_path, &m->plan, err);
	beat_blocking(&m->shared->main, false);
	if (rc) {
		err_prefix(err, "the change is in force, but a restart will not know of it");
		manager_event(m, "", "", "plan_not_saved", err->text);
	}
	return rc;
}

static struct mdatastore *find_datastore(const struct manager *m, const char *name)
{
	struct list_node *n;

	list_for_each(n, &m->datastores)
	{
		struct mdatastore *d = list_entry(n, struct mdatastore, node);

		if (strcmp(d->plan->name, name) == 0)
			return d;
	}
	return NULL;
}

static int make_datastore(struct manager *m, struct plan_datastore *plan, struct err *err)
{
	struct mdatastore *d = calloc(1, sizeof(*d));

	if (!d)
		return err_set(err, ENOMEM, "", "no memory for datastore %s", plan->name);
	d->plan = plan;
	if (plan->worker >= (int32_t)m->worker_count)
		log_warn("datastore %s names worker %d; there are %u, so another one takes it", plan->name,
			 (int)plan->worker, m->worker_count);
	d->worker = m->workers[(plan->worker >= 0 ? (uint32_t)plan->worker : m->next_worker++) % m->worker_count];
	list_push_back(&m->datastores, &d->node);
	return 0;
}

int manager_add_datastore(struct manager *m, struct plan_datastore *d, struct err *err)
{
	bool is_dir = strcmp(d->type, "dir") == 0;
	struct stat st;
	int rc = 0;

	if (is_dir && (stat(d->path, &st) < 0 || !S_ISDIR(st.st_mode)))
		rc = err_set(err, ENOENT, "path", "%s is not a folder; make it first", d->path);
	else if (strcmp(d->type, "block") == 0 && stat(d->path, &st) < 0)
		rc = err_set(err, ENOENT, "path", "there is no device %s", d->path);
	else if (d->worker >= (int32_t)m->worker_count)
		rc = err_set(err, ERANGE, "worker", "worker %d: there are %u, numbered from 0", (int)d->worker,
			     m->worker_count);
	if (rc == 0)
		rc = plan_add_datastore(&m->plan, d, err);
	if (rc) {
		plan_datastore_free(d);
		return rc;
	}
	rc = make_datastore(m, d, err);
	if (rc) {
		plan_remove_datastore(&m->plan, d);
		return rc;
	}
	return manager_save(m, err);
}

int manager_remove_datastore(struct manager *m, const char *name, struct err *err)
{
	struct mdatastore *d = find_datastore(m, name);
	const struct plan_volume *v = d ? plan_volume_on(&m->plan, name) : NULL;

	if (!d)
		return err_set(err, ENOENT, "name", "there is no datastore %s", name);
	if (v)
		return err_set(err, EBUSY, "name", "datastore %s still has volume %s; delete its volumes first", name,
			       v->name);
	list_del(&d->node);
	plan_remove_datastore(&m->plan, d->plan);
	free(d);
	return manager_save(m, err);
}

/* ---------------------------------------------------------------- volumes */

static struct shared_blame *take_blame(struct manager *m, const struct worker *w, const char *volume)
{
	for (uint32_t i = 0; i < SHARED_BLAMES_MAX; i++) {
		struct shared_blame *b = &m->shared->blames[i];

		if (atomic_load_explicit(&b->worker, memory_order_relaxed))
			continue;
		b->filter[0] = '\0';
		snprintf(b->volume, sizeof(b->volume), "%s", volume);
		atomic_store_explicit(&b->worker, w->index + 1, memory_order_release);
		return b;
	}
	return NULL; /* served without: a crash is then nobody's */
}

static void mvolume_free(struct mvolume *mv)
{
	if (mv->blame)
		atomic_store_explicit(&mv->blame->worker, 0, memory_order_release);
	list_del(&mv->node);
	plan_remove_volume(&mv->manager->plan, mv->plan);
	free(mv);
}

struct mvolume *manager_make_volume(struct manager *m, struct plan_volume *v, struct err *err)
{
	struct mdatastore *d = find_datastore(m, v->datastore);
	struct mvolume *mv = calloc(1, sizeof(*mv));
	cleanup_free char *image = d ? plan_image_path(d->plan, v) : NULL;
	struct volume_cfg cfg;

	if (!mv || !image) {
		free(mv);
		err_set(err, ENOMEM, "", "no memory for volume %s", v->name);
		return NULL;
	}
	mv->manager = m;
	mv->plan = v;
	mv->datastore = d;
	mv->worker = d->worker;
	mv->size_bytes = v->size_bytes;
	mv->host = (struct volume_host){
	    .event = volume_event,
	    .changed = volume_changed,
	    .drain_rings = volume_drain_rings,
	    .blocking = volume_blocking,
	    .store_put = volume_store_put,
	    .store_get = volume_store_get,
	    .find_filter = volume_find_filter,
	    .peers = &m->peers,
	    .ctx = mv,
	};
	mv->blame = take_blame(m, d->worker, v->name);
	cfg = (struct volume_cfg){
	    .env = d->worker->env,
	    .plan = v,
	    .type = d->plan->type,
	    .image_path = image,
	    .is_buffered = d->plan->is_buffered,
	    .host = &mv->host,
	    .blame = mv->blame ? mv->blame->filter : NULL,
	    .incarnation = atomic_load_explicit(&m->shared->incarnation, memory_order_relaxed),
	};
	list_push_back(&m->volumes, &mv->node);
	if (volume_create(&cfg, &mv->volume, err) < 0) {
		if (mv->blame)
			atomic_store_explicit(&mv->blame->worker, 0, memory_order_release);
		list_del(&mv->node);
		free(mv);
		return NULL;
	}
	return mv;
}

static void run_destroy(struct errand *j)
{
	volume_destroy(j->mv->volume);
	errand_ended(j, 0, NULL);
}

static void back_destroyed(struct errand *j)
{
	mvolume_free(j->mv);
}

void manager_drop_volume(struct mvolume *mv)
{
	struct errand *j = errand_make(mv, run_destroy, back_destroyed, NULL, NULL);

	/* Its name is free from now on. */
	list_del(&mv->node);
	list_del(&mv->plan->node);
	if (j)
		errand_start(j);
}

/* ---------------------------------------------------------------- start and end */

static const struct shared_quarantine *find_quarantine(const struct manager *m, const char *volume)
{
	for (uint32_t i = 0; i < SHARED_QUARANTINE_MAX; i++) {
		const struct shared_quarantine *q = &m->shared->quarantine[i];

		if (atomic_load_explicit(&q->is_set, memory_order_acquire) && strcmp(q->volume, volume) == 0)
			return q;
	}
	return NULL;
}

static void run_quarantine(struct errand *j)
{
	const struct shared_quarantine *q = find_quarantine(j->manager, j->mv->plan->name);

	if (q)
		volume_quarantine(j->mv->volume, q->filter, q->text);
	errand_ended(j, 0, NULL);
}

static void start_volume(struct mvolume *mv)
{
	struct errand *j;

	if (!find_quarantine(mv->manager, mv->plan->name)) {
		if (mv->plan->is_open) {
			mv->state = VOLUME_OPENING;
			manager_start_open(mv, NULL, NULL);
		}
		return;
	}
	j = errand_make(mv, run_quarantine, errand_answer, NULL, NULL);
	if (j)
		errand_start(j);
}

int manager_start(struct manager *m, uint32_t worker_count, struct plan *plan, struct err *err)
{
	struct list_node *n;
	int rc;

	list_init(&m->datastores);
	list_init(&m->volumes);
	peers_init(&m->peers);
	plan_init(&m->plan);
	list_splice_back(&m->plan.datastores, &plan->datastores);
	list_splice_back(&m->plan.volumes, &plan->volumes);
	for (uint32_t i = 0; i < worker_count; i++) {
		rc = worker_create(i, m->shared, m->loop, &m->workers[i], err);
		if (rc)
			return rc;
		m->worker_count++;
		rc = worker_start(m->workers[i], err);
		if (rc)
			return rc;
	}
	atomic_store_explicit(&m->shared->worker_count, worker_count, memory_order_release);
	list_for_each(n, &m->plan.datastores)
	{
		rc = make_datastore(m, list_entry(n, struct plan_datastore, node), err);
		if (rc)
			return rc;
	}
	list_for_each(n, &m->plan.volumes)
	{
		struct mvolume *mv = manager_make_volume(m, list_entry(n, struct plan_volume, node), err);

		if (!mv)
			return -err->code;
		start_volume(mv);
	}
	return 0;
}

struct stop {
	struct manager *manager;
	void (*fn)(void *ctx);
	void *ctx;
};

static void stop_check(struct stop *s)
{
	if (s->manager->closing > 0)
		return;
	s->fn(s->ctx);
	free(s);
}

static void run_close(struct errand *j)
{
	volume_close(j->mv->volume, errand_ended, j);
}

static void back_stopped(struct errand *j)
{
	if (j->result == -EBUSY) { /* its request ends soon, then it can close */
		errand_again(j, run_close, back_stopped);
		return;
	}
	j->manager->closing--;
	stop_check(j->ctx);
}

void manager_stop(struct manager *m, void (*fn)(void *ctx), void *ctx)
{
	struct stop *s = calloc(1, sizeof(*s));
	struct list_node *n;

	m->is_stopping = true;
	if (!s) {
		fn(ctx);
		return;
	}
	*s = (struct stop){.manager = m, .fn = fn, .ctx = ctx};
	m->closing = 1; /* ourselves, while the list is walked */
	list_for_each(n, &m->volumes)
	{
		struct errand *j = errand_make(list_entry(n, struct mvolume, node), run_close, back_stopped, NULL, s);

		if (!j)
			continue;
		m->closing++;
		errand_start(j);
	}
	m->closing--;
	stop_check(s);
}

void manager_free(struct manager *m)
{
	for (uint32_t i = 0; i < m->worker_count; i++)
		worker_stop(m->workers[i]);
	while (!list_is_empty(&m->volumes)) {
		struct mvolume *mv = list_entry(m->volumes.next, struct mvolume, node);

		volume_destroy(mv->volume);
		mvolume_free(mv);
	}
	while (!list_is_empty(&m->datastores))
		free(list_entry(list_pop_front(&m->datastores), struct mdatastore, node));
	for (uint32_t i = 0; i < m->worker_count; i++)
		worker_free(m->workers[i]);
	plan_fini(&m->plan);
	peers_fini(&m->peers);
}
