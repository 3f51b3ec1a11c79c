/* SPDX-License-Identifier: MIT */
/*
 * manager_create.c - a volume comes to be, with its image, and goes, with all that was kept for it.
 *
 *   create:  image made (or there) --> plan saved --> opened --> answer
 *   delete:  nobody rests on it? --> closed, filters told --> image, layers, sidecars, records
 *
 * Thread: main, but for what says worker.
 */
#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "errand.h"
#include "identity.h"
#include "keyring.h"
#include "log.h"
#include "plugin.h"
#include "ring_listener.h"
#include "sidecar.h"
#include "store.h"

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
	if (!mv->plan->shows.volume[0] && unlink(path) < 0 && errno != ENOENT)
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

/* An image that was there before stays. */
static void create_failed(struct errand *j, bool has_image) ON_MAIN
{
	struct err err;

	if (has_image && j->number != MANAGER_IMAGE_THERE)
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
	manager_end_change(j); /* it was saved before it was opened */
}

/* Its close may be over already. */
static bool is_too_late(struct errand *j) ON_MAIN
{
	if (!j->manager->is_stopping)
		return false;
	j->result = err_set(&j->err, ESHUTDOWN, "", "sluice-filterd is stopping");
	create_failed(j, true);
	return true;
}

/* Nobody has written to it yet; what is written must outlive a restart. */
static void back_noted(struct errand *j) ON_MAIN
{
	if (j->result)
		create_failed(j, true);
	else if (!is_too_late(j))
		errand_again(j, manager_run_open, back_created_and_opened);
}

static void back_image_made(struct errand *j) ON_MAIN
{
	if (j->result)
		create_failed(j, false);
	else if (!is_too_late(j))
		manager_write_plan_then(j, back_noted);
}

static void run_make_image(struct errand *j) ON_WORKER
{
	struct mvolume *mv = j->mv;
	struct err err = {0};
	int rc = 0;

	if (mv->plan->shows.volume[0]) /* what is kept with the snapshot, for the filters */
		rc = volume_give_sidecars(mv->volume, mv->shown_uuid, mv->own_path, &err);
	else if (j->number != MANAGER_IMAGE_THERE)
		rc = volume_make_image(mv->volume, j->number == MANAGER_IMAGE_FULL, &err);
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

void manager_create_volume(struct manager *m, struct plan_volume *v, enum manager_image image,
			   manager_fn fn, void *ctx)
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
	j->number = image;
	manager_begin_change(mv, j, false);
}

/* ---------------------------------------------------------------- delete */

static void run_remove_layers(struct errand *j) ON_WORKER
{
	struct err err = {0};
	int rc = volume_remove_layers(j->mv->volume, &err);

	errand_ended(j, rc, &err);
}

static void run_delete(struct errand *j) ON_WORKER
{
	volume_delete(j->mv->volume, errand_ended, j);
}

static void back_layers_removed(struct errand *j) ON_MAIN;

static void back_closed_for_delete(struct errand *j) ON_MAIN
{
	struct mvolume *mv = j->mv;

	if (j->result) { /* what a filter refused, it refused when it was closed already */
		plan_set_open(mv->plan, mv->plan->is_open && mv->state != VOLUME_CLOSED);
		manager_end_change(j);
		return;
	}
	errand_again(j, run_remove_layers, back_layers_removed);
}

static void back_layers_removed(struct errand *j) ON_MAIN
{
	struct mvolume *mv = j->mv;

	if (j->result) {
		plan_set_open(mv->plan, false); /* closed it is */
		manager_end_change(j);
		return;
	}
	/* Image first: if we die in between, the plan still knows the volume, and a second delete
	 * ends it. */
	unlink_image(mv);
	drop_keepings(mv);
	log_info("volume %s: deleted", mv->plan->name);
	plan_forget_volume(&j->manager->plan, mv->plan);
	j->result = manager_save(j->manager, &j->err);
	errand_answer(j);
	manager_drop_volume(mv);
}

/* Before its filters are told: whose image rests on one of its snapshots? */
static void looked(void *ctx, json_t *list) ON_WORKER
{
	struct errand *j = ctx;
	struct err err = {0};
	int rc = volume_check_unshared(j->mv->volume, list, &err);

	json_decref(list);
	errand_ended(j, rc, &err);
}

static void run_look(struct errand *j) ON_WORKER
{
	volume_snapshot_list(j->mv->volume, looked, j);
}

static void back_looked(struct errand *j) ON_MAIN
{
	if (j->result)
		manager_end_change(j);
	else
		errand_again(j, run_delete, back_closed_for_delete);
}

void manager_delete_volume(struct manager *m, const char *name, manager_fn fn, void *ctx)
{
	struct mvolume *mv = manager_begin(m, name, fn, ctx);

	if (!mv)
		return;
	if (ring_listener_count(m->rings, mv) > 0) {
		manager_refuse(fn, ctx, EBUSY, name,
			       "is in use by tgtd; remove its LUN there first");
		return;
	}
	if (plan_shows(&m->plan, name, NULL)) {
		manager_refuse(
		    fn, ctx, EBUSY, name,
		    "has a snapshot that another volume shows; delete that volume first");
		return;
	}
	manager_begin_change(mv, errand_make(mv, run_look, back_looked, fn, ctx), false);
}
