/* SPDX-License-Identifier: MIT */
/*
 * manager_change.c - requests about one volume: checked here, carried out on its worker, written to
 * the plan when they came back well, answered last.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "log.h"
#include "errand.h"
#include "identity.h"
#include "keyring.h"
#include "plugin.h"
#include "ring_listener.h"
#include "sidecar.h"
#include "store.h"

static void refuse(manager_fn fn, void *ctx, int code, const char *name, const char *why)
{
	struct err err;

	err_set(&err, code, "name", "volume %s %s", name, why);
	fn(ctx, &err, NULL);
}

/* The volume, with the right to change it; NULL: fn was told why not. */
static struct mvolume *begin(struct manager *m, const char *name, manager_fn fn, void *ctx) ON_MAIN
{
	struct mvolume *mv = manager_find(m, name);

	if (m->is_stopping)
		refuse(fn, ctx, ESHUTDOWN, name, "is being closed, as sluice-filterd is stopping");
	else if (!mv)
		refuse(fn, ctx, ENOENT, name, "does not exist; 'status' lists what there is");
	else if (mv->is_changing)
		refuse(fn, ctx, EBUSY, name,
		       "has another request under way; try again when it has ended");
	else
		return mv;
	return NULL;
}

static void start(struct mvolume *mv, struct errand *j) ON_MAIN
{
	if (!j)
		return;
	mv->is_changing = true;
	errand_start(j);
}

/* The same, of a change before which filters bring dirty data down. */
static void start_settling(struct mvolume *mv, struct errand *j) ON_MAIN
{
	mv->may_settle = j != NULL;
	start(mv, j);
}

/* The end of a change: on success the plan is saved; then the answer. */
static void finish(struct errand *j, bool must_save) ON_MAIN
{
	j->mv->is_changing = false;
	j->mv->may_settle = false;
	if (j->result == 0 && must_save && !j->mv->is_creating)
		j->result = manager_save(j->manager, &j->err);
	errand_answer(j);
}

static void run_confirm(struct errand *j) ON_WORKER
{
	volume_confirm(j->mv->volume);
	errand_ended(j, j->result, NULL);
}

static void back_confirmed(struct errand *j) ON_MAIN
{
	finish(j, false);
}

/* The change is made and must not be seen before the plan knows of it: a restart would bring the
 * old size, or the old filters over the new ones' data. In force it is also when the save failed.
 */
static void save_and_confirm(struct errand *j) ON_MAIN
{
	if (j->result == 0)
		j->result = manager_save(j->manager, &j->err);
	errand_again(j, run_confirm, back_confirmed);
}

/* ---------------------------------------------------------------- open, close */

static void run_open(struct errand *j) ON_WORKER
{
	volume_open(j->mv->volume, errand_ended, j);
}

static void back_opened(struct errand *j) ON_MAIN
{
	finish(j, j->flag);
}

static void clear_quarantine(struct manager *m, const char *volume)
{
	for (uint32_t i = 0; i < SHARED_QUARANTINE_MAX; i++) {
		struct shared_quarantine *q = &m->shared->quarantine[i];

		if (atomic_load_explicit(&q->is_set, memory_order_acquire) &&
		    strcmp(q->volume, volume) == 0)
			atomic_store_explicit(&q->is_set, 0, memory_order_release);
	}
}

void manager_start_open(struct mvolume *mv, manager_fn fn, void *ctx)
{
	struct errand *j = errand_make(mv, run_open, back_opened, fn, ctx);

	start(mv, j);
}

void manager_open_volume(struct manager *m, const char *name, manager_fn fn, void *ctx)
{
	struct mvolume *mv = begin(m, name, fn, ctx);
	struct errand *j = mv ? errand_make(mv, run_open, back_opened, fn, ctx) : NULL;

	if (!j)
		return;
	clear_quarantine(m, name);
	j->flag = !mv->plan->is_open;
	mv->plan->is_open = true;
	start(mv, j);
}

static void run_close(struct errand *j) ON_WORKER
{
	volume_close(j->mv->volume, errand_ended, j);
}

static void back_closed(struct errand *j) ON_MAIN
{
	if (j->result == 0)
		j->mv->plan->is_open = false;
	finish(j, true);
}

void manager_close_volume(struct manager *m, const char *name, manager_fn fn, void *ctx)
{
	struct mvolume *mv = manager_find(m, name);

	/* An open that waits for a lock may be ended by a close, and a wait for filters. */
	if (!mv || m->is_stopping || (mv->state != VOLUME_OPENING && !mv->may_settle))
		mv = begin(m, name, fn, ctx);
	if (mv)
		start(mv, errand_make(mv, run_close, back_closed, fn, ctx));
}

/* ---------------------------------------------------------------- create */

static void make_uuid(uint8_t uuid[16])
{
	static const uint8_t zeros[16];

	while (memcmp(uuid, zeros, 16) == 0) {
		if (getrandom(uuid, 16, 0) != 16)
			memset(uuid, 0, 16);
		uuid[6] = (uint8_t)((uuid[6] & 0x0f) | 0x40); /* version 4: random */
		uuid[8] = (uint8_t)((uuid[8] & 0x3f) | 0x80);
	}
}

static void unlink_image(struct mvolume *mv)
{
	const struct plan_datastore *d = mv->datastore->plan;
	const char *path = manager_image_in_folder(mv);
	struct err err;

	if (!path)
		return;
	if (identity_check(d->path, d->name, d->uuid, &err) < 0) {
		log_warn("volume %s: its image is left where it is: %s", mv->plan->name, err.text);
		return;
	}
	if (unlink(path) < 0 && errno != ENOENT)
		log_warn("volume %s: %s could not be removed: %s", mv->plan->name, path,
			 strerror(errno));
	sidecar_drop(path);
}

/* All that filters keep in our hands. */
static void drop_keepings(const struct mvolume *mv)
{
	const struct manager *m = mv->manager;

	store_drop_volume(m->store_root, mv->plan->uuid);
	if (m->keyring)
		keyring_forget_volume(m->keyring, mv->plan->uuid);
}

static void create_failed(struct errand *j, bool has_image) ON_MAIN
{
	struct err err;

	if (has_image)
		unlink_image(j->mv);
	drop_keepings(j->mv);
	j->mv->is_changing = true; /* until it is gone */
	errand_answer(j);
	manager_drop_volume(j->mv);
	if (has_image && manager_write_plan(j->manager, &err))
		log_warn("the plan may still name a volume that was not made: %s", err.text);
}

/* Without an error of its own, so the open's sentence stays in j->err. */
static void closed_after_failure(void *ctx, int result, const struct err *err) ON_WORKER
{
	errand_ended(ctx, result, NULL);
}

static void run_close_after_failure(struct errand *j) ON_WORKER
{
	volume_close(j->mv->volume, closed_after_failure, j);
}

static void back_closed_after_failure(struct errand *j) ON_MAIN
{
	j->result = -j->err.code;
	create_failed(j, true);
}

static void back_created_and_opened(struct errand *j) ON_MAIN
{
	struct mvolume *mv = j->mv;

	if (j->result) {
		errand_again(j, run_close_after_failure, back_closed_after_failure);
		return;
	}
	mv->is_creating = false;
	log_info("volume %s: created on datastore %s", mv->plan->name, mv->plan->datastore);
	finish(j, false); /* it was saved before it was opened */
}

static void back_image_made(struct errand *j) ON_MAIN
{
	if (j->result) {
		create_failed(j, false);
	} else if (j->manager->is_stopping) { /* its close may be over already */
		j->result = err_set(&j->err, ESHUTDOWN, "", "sluice-filterd is stopping");
		create_failed(j, true);
	} else if ((j->result = manager_write_plan(j->manager, &j->err))) {
		/* Nobody has written to it yet; what is written must outlive a restart. */
		create_failed(j, true);
	} else {
		errand_again(j, run_open, back_created_and_opened);
	}
}

static void run_make_image(struct errand *j) ON_WORKER
{
	struct err err = {0};
	int rc = volume_make_image(j->mv->volume, j->flag, &err);

	errand_ended(j, rc, &err);
}

static int check_filters(const struct plan_volume *v, struct err *err)
{
	for (uint32_t i = 0; i < v->filter_count; i++)
		if (!plugin_find(v->filters[i].name))
			return err_set(err, ENOENT, "filters",
				       "filter %s is not loaded; 'filters' lists what there is",
				       v->filters[i].name);
	return 0;
}

void manager_create_volume(struct manager *m, struct plan_volume *v, bool is_full, manager_fn fn,
			   void *ctx)
{
	struct mvolume *mv;
	struct errand *j;
	struct err err = {0};
	int rc = m->is_stopping ? err_set(&err, ESHUTDOWN, "", "sluice-filterd is stopping")
				: check_filters(v, &err);

	make_uuid(v->uuid);
	v->is_open = true;
	if (rc == 0)
		rc = plan_add_volume(&m->plan, v, &err);
	if (rc) {
		plan_volume_free(v);
		fn(ctx, &err, NULL);
		return;
	}
	mv = manager_make_volume(m, v, &err);
	if (!mv) {
		plan_remove_volume(&m->plan, v);
		fn(ctx, &err, NULL);
		return;
	}
	mv->is_creating = true;
	j = errand_make(mv, run_make_image, back_image_made, fn, ctx);
	if (!j) {
		manager_drop_volume(mv);
		return;
	}
	j->flag = is_full;
	start(mv, j);
}

/* ---------------------------------------------------------------- delete */

static void run_delete(struct errand *j) ON_WORKER
{
	volume_delete(j->mv->volume, errand_ended, j);
}

static void back_closed_for_delete(struct errand *j) ON_MAIN
{
	struct mvolume *mv = j->mv;

	if (j->result) { /* what a filter refused, it refused when it was closed already */
		mv->plan->is_open = mv->plan->is_open && mv->state != VOLUME_CLOSED;
		finish(j, false);
		return;
	}
	/* Image first: if we die in between, the plan still knows the volume, and a second delete
	 * ends it. */
	unlink_image(mv);
	drop_keepings(mv);
	log_info("volume %s: deleted", mv->plan->name);
	list_del(&mv->plan->node);
	j->result = manager_save(j->manager, &j->err);
	errand_answer(j);
	manager_drop_volume(mv);
}

void manager_delete_volume(struct manager *m, const char *name, manager_fn fn, void *ctx)
{
	struct mvolume *mv = begin(m, name, fn, ctx);

	if (!mv)
		return;
	if (ring_listener_count(m->rings, mv) > 0) {
		refuse(fn, ctx, EBUSY, name, "is in use by tgtd; remove its LUN there first");
		return;
	}
	start(mv, errand_make(mv, run_delete, back_closed_for_delete, fn, ctx));
}

/* ---------------------------------------------------------------- grow, flush */

static void back_flushed(struct errand *j) ON_MAIN
{
	finish(j, false);
}

static void back_grown(struct errand *j) ON_MAIN
{
	if (j->result) {
		finish(j, false);
		return;
	}
	if (j->mv->plan->size_bytes)
		j->mv->plan->size_bytes = j->number;
	save_and_confirm(j);
}

static void run_grow(struct errand *j) ON_WORKER
{
	volume_grow(j->mv->volume, j->number, errand_ended, j);
}

void manager_grow_volume(struct manager *m, const char *name, uint64_t size_bytes, manager_fn fn,
			 void *ctx)
{
	struct mvolume *mv = begin(m, name, fn, ctx);
	struct errand *j = mv ? errand_make(mv, run_grow, back_grown, fn, ctx) : NULL;

	if (!j)
		return;
	j->number = size_bytes;
	start_settling(mv, j);
}

static void run_flush(struct errand *j) ON_WORKER
{
	volume_flush(j->mv->volume, errand_ended, j);
}

void manager_flush_volume(struct manager *m, const char *name, manager_fn fn, void *ctx)
{
	struct mvolume *mv = begin(m, name, fn, ctx);

	if (mv)
		start_settling(mv, errand_make(mv, run_flush, back_flushed, fn, ctx));
}

/* ---------------------------------------------------------------- filters */

static void back_filter_put(struct errand *j) ON_MAIN
{
	if (j->result) {
		finish(j, false);
		return;
	}
	j->result = plan_put_filter(j->mv->plan, &j->filter, &j->err);
	save_and_confirm(j);
}

static void back_filter_gone(struct errand *j) ON_MAIN
{
	if (j->result) {
		finish(j, false);
		return;
	}
	plan_drop_filter(j->mv->plan, j->name);
	save_and_confirm(j);
}

static void run_attach(struct errand *j) ON_WORKER
{
	volume_attach(j->mv->volume, &j->filter, errand_ended, j);
}

static void run_set(struct errand *j) ON_WORKER
{
	volume_set(j->mv->volume, &j->filter, errand_ended, j);
}

static void run_detach(struct errand *j) ON_WORKER
{
	volume_detach(j->mv->volume, j->name, errand_ended, j);
}

static void put_filter(struct manager *m, const char *name, struct plan_filter *f,
		       void (*run)(struct errand *j), manager_fn fn, void *ctx) ON_MAIN
{
	struct mvolume *mv = begin(m, name, fn, ctx);
	struct errand *j = mv ? errand_make(mv, run, back_filter_put, fn, ctx) : NULL;

	if (!j) {
		plan_filter_fini(f);
		return;
	}
	j->filter = *f;
	start_settling(mv, j);
}

void manager_attach_filter(struct manager *m, const char *name, struct plan_filter *f,
			   manager_fn fn, void *ctx)
{
	put_filter(m, name, f, run_attach, fn, ctx);
}

void manager_set_filter(struct manager *m, const char *name, struct plan_filter *f, manager_fn fn,
			void *ctx)
{
	put_filter(m, name, f, run_set, fn, ctx);
}

void manager_detach_filter(struct manager *m, const char *name, const char *filter, manager_fn fn,
			   void *ctx)
{
	struct mvolume *mv = begin(m, name, fn, ctx);
	struct errand *j = mv ? errand_make(mv, run_detach, back_filter_gone, fn, ctx) : NULL;

	if (!j)
		return;
	snprintf(j->name, sizeof(j->name), "%s", filter);
	start_settling(mv, j);
}
