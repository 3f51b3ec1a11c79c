/* SPDX-License-Identifier: MIT */
/*
 * manager_volume.c - main's half of one volume: made, told of news by its worker, ended.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "clock.h"
#include "errand.h"
#include "identity.h"
#include "keyring.h"
#include "log.h"
#include "plugin.h"
#include "ring_listener.h"
#include "sidecar.h"
#include "store.h"

#define RINGS_RETURN_MS 5000u

/* ---------------------------------------------------------------- what volumes tell, brought to
 * main */

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

static void event_arrived(struct loop_msg *m) ON_MAIN
{
	struct news *n = m->ctx;

	manager_event(n->mv->manager, n->mv->plan->name, n->filter, n->kind, n->reason);
	free(n);
}

static void volume_event(void *ctx, const char *volume, const char *filter, const char *kind,
			 const char *text)
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

static void change_arrived(struct loop_msg *m) ON_MAIN
{
	struct news *n = m->ctx;
	struct mvolume *mv = n->mv;
	bool has_grown =
	    mv->size_bytes && n->state == VOLUME_SERVING && n->size_bytes > mv->size_bytes;

	mv->state = n->state;
	mv->size_bytes = n->size_bytes;
	snprintf(mv->reason, sizeof(mv->reason), "%s", n->reason);
	if (has_grown)
		ring_listener_notice(mv->manager->rings, mv, RING_NOTICE_CAPACITY, n->size_bytes);
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

static void volume_drain_rings(void *ctx, struct volume *v) ON_WORKER
{
	struct mvolume *mv = ctx;

	worker_drain_rings(mv->worker, v);
}

static void volume_blocking(void *ctx, bool begins)
{
	struct mvolume *mv = ctx;

	manager_beat_blocking(mv->worker->beat, begins);
}

static int volume_store_put(void *ctx, const uint8_t uuid[16], const char *filter, const char *key,
			    const void *data, size_t size_bytes)
{
	struct mvolume *mv = ctx;
	int rc;

	/* A disk that takes seconds for a flush is slow, and no reason to kill its worker. */
	manager_beat_blocking(mv->worker->beat, true);
	rc = store_put(mv->manager->store_root, uuid, filter, key, data, size_bytes);
	manager_beat_blocking(mv->worker->beat, false);
	return rc;
}

static int volume_store_get(void *ctx, const uint8_t uuid[16], const char *filter, const char *key,
			    void *data, size_t room_bytes, size_t *size_bytes)
{
	struct mvolume *mv = ctx;

	return store_get(mv->manager->store_root, uuid, filter, key, data, room_bytes, size_bytes);
}

/* Thread: any; a datastore's type and path never change. */
const char *manager_image_in_folder(const struct mvolume *mv)
{
	return strcmp(mv->datastore->type, "dir") == 0 ? mv->own_path : NULL;
}

static int volume_sidecar_path(void *ctx, const uint8_t uuid[16], const char *suffix, char *path,
			       size_t size_bytes)
{
	const struct mvolume *mv = ctx;

	return sidecar_path(manager_image_in_folder(mv), mv->manager->store_root, uuid, suffix,
			    path, size_bytes);
}

static void key_name(char out[KEYRING_NAME_BYTES], const char *filter, const char *name)
{
	snprintf(out, KEYRING_NAME_BYTES, "%s.%s", filter, name);
}

static int volume_key_put(void *ctx, const uint8_t uuid[16], const char *filter, const char *name,
			  const void *key, size_t size_bytes)
{
	const struct mvolume *mv = ctx;
	char full[KEYRING_NAME_BYTES];

	key_name(full, filter, name);
	return keyring_put(mv->manager->keyring, uuid, full, key, size_bytes);
}

static int volume_key_get(void *ctx, const uint8_t uuid[16], const char *filter, const char *name,
			  void *key, size_t room_bytes, size_t *size_bytes)
{
	const struct mvolume *mv = ctx;
	char full[KEYRING_NAME_BYTES];

	key_name(full, filter, name);
	return keyring_get(mv->manager->keyring, uuid, full, key, room_bytes, size_bytes);
}

static void volume_key_forget(void *ctx, const uint8_t uuid[16], const char *filter,
			      const char *name)
{
	const struct mvolume *mv = ctx;
	char full[KEYRING_NAME_BYTES];

	key_name(full, filter, name);
	keyring_forget(mv->manager->keyring, uuid, full);
}

static void volume_provisioning(void *ctx, uint64_t *used_bytes, uint64_t *available_bytes)
{
	const struct mvolume *mv = ctx;

	space_get(&mv->datastore->space, used_bytes, available_bytes);
}

static const struct sluice_filter_ops *volume_find_filter(void *ctx, const char *name)
{
	return plugin_find(name);
}

static int volume_check_place(void *ctx, struct err *err) ON_WORKER
{
	const struct mvolume *mv = ctx;
	const struct plan_datastore *d = mv->datastore->plan;

	return identity_check(d->path, d->name, d->uuid, err);
}

/* ---------------------------------------------------------------- made and ended */

static struct shared_blame *take_blame(struct manager *m, const struct worker *w,
				       const char *volume)
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

/* The note of a shared volume's rings, made when there is none; NULL: the table is full. */
static struct shared_rings *rings_note(struct manager *m, const char *volume)
{
	struct shared_rings *unused = NULL;

	for (uint32_t i = 0; i < SHARED_RINGS_MAX; i++) {
		struct shared_rings *r = &m->shared->rings[i];

		if (strcmp(r->volume, volume) == 0)
			return r;
		if (!unused && !r->volume[0])
			unused = r;
	}
	if (unused)
		snprintf(unused->volume, sizeof(unused->volume), "%s", volume);
	return unused;
}

/* While others are still on their way back, the note keeps saying how many there were. */
void manager_rings_changed(struct mvolume *mv, uint32_t live)
{
	bool is_young =
	    clock_now_ns() - mv->manager->started_ns < RINGS_RETURN_MS * CLOCK_NS_PER_MS;
	struct shared_rings *r =
	    mv->plan->is_shared ? rings_note(mv->manager, mv->plan->name) : NULL;

	if (r)
		atomic_store_explicit(
		    &r->live, is_young && live < mv->rings_expected ? mv->rings_expected : live,
		    memory_order_release);
}

static void free_paths(struct mvolume *mv)
{
	if (!mv)
		return;
	free(mv->image_path);
	free(mv->own_path);
}

void manager_free_volume(struct mvolume *mv)
{
	if (mv->blame)
		atomic_store_explicit(&mv->blame->worker, 0, memory_order_release);
	list_del(&mv->node);
	plan_remove_volume(&mv->manager->plan, mv->plan);
	free_paths(mv);
	free(mv);
}

static void set_host(struct mvolume *mv)
{
	struct manager *m = mv->manager;

	mv->host = (struct volume_host){
	    .event = volume_event,
	    .changed = volume_changed,
	    .drain_rings = volume_drain_rings,
	    .blocking = volume_blocking,
	    .store_put = volume_store_put,
	    .store_get = volume_store_get,
	    .sidecar_path = volume_sidecar_path,
	    .net = m->net,
	    .key_put = m->keyring ? volume_key_put : NULL,
	    .key_get = m->keyring ? volume_key_get : NULL,
	    .key_forget = m->keyring ? volume_key_forget : NULL,
	    .find_filter = volume_find_filter,
	    .check_place = volume_check_place,
	    .notes_changes = true,
	    .provisioning = volume_provisioning,
	    .snapshot = manager_ask,
	    .peers = &m->peers,
	    .ctx = mv,
	};
}

/* False: no memory. A volume whose snapshot is shown, but which is not there, leaves the place of
 * an image that nobody has: the open says so. */
static bool set_paths(const struct manager *m, const struct mdatastore *d,
		      const struct plan_volume *v, struct mvolume *mv)
{
	const struct plan_volume *of =
	    v->shows.volume[0] ? plan_find_volume(&m->plan, v->shows.volume) : NULL;

	mv->own_path = plan_image_path(d->plan, v);
	mv->image_path = plan_image_path(d->plan, of ? of : v);
	if (of)
		memcpy(mv->shown_uuid, of->uuid, sizeof(mv->shown_uuid));
	return mv->own_path && mv->image_path;
}

struct mvolume *manager_make_volume(struct manager *m, struct plan_volume *v, struct err *err)
{
	struct mdatastore *d = manager_find_datastore(m, v->datastore);
	struct mvolume *mv = calloc(1, sizeof(*mv));
	struct volume_cfg cfg;

	if (!mv || !d || !set_paths(m, d, v, mv)) {
		free_paths(mv);
		free(mv);
		err_set(err, ENOMEM, "", "no memory for volume %s", v->name);
		return NULL;
	}
	mv->manager = m;
	mv->plan = v;
	mv->datastore = d;
	mv->worker = d->worker;
	mv->size_bytes = v->size_bytes;
	set_host(mv);
	if (v->is_shared) {
		const struct shared_rings *r = rings_note(m, v->name);

		mv->rings_expected = r ? atomic_load_explicit(&r->live, memory_order_acquire) : 0;
	}
	mv->blame = take_blame(m, d->worker, v->name);
	cfg = (struct volume_cfg){
	    .env = d->worker->env,
	    .plan = v,
	    .type = d->plan->type,
	    .has_layers = strcmp(d->plan->type, "dir") == 0,
	    .groups_path = m->groups_path,
	    .image_path = mv->image_path,
	    .is_buffered = d->plan->is_buffered,
	    .host = &mv->host,
	    .groups = d->groups,
	    .blame = mv->blame ? mv->blame->filter : NULL,
	    .incarnation = atomic_load_explicit(&m->shared->incarnation, memory_order_relaxed),
	    .rings_expected = mv->rings_expected,
	};
	list_push_back(&m->volumes, &mv->node);
	if (volume_create(&cfg, &mv->volume, err) < 0) {
		if (mv->blame)
			atomic_store_explicit(&mv->blame->worker, 0, memory_order_release);
		list_del(&mv->node);
		free_paths(mv);
		free(mv);
		return NULL;
	}
	return mv;
}

static void run_destroy(struct errand *j) ON_WORKER
{
	volume_destroy(j->mv->volume);
	errand_ended(j, 0, NULL);
}

static void back_destroyed(struct errand *j)
{
	manager_free_volume(j->mv);
}

void manager_drop_volume(struct mvolume *mv)
{
	struct errand *j = errand_make(mv, run_destroy, back_destroyed, NULL, NULL);

	/* Its name is free from now on. */
	list_del(&mv->node);
	plan_forget_volume(&mv->manager->plan, mv->plan);
	if (j)
		errand_start(j);
}
