/* SPDX-License-Identifier: MIT */
/*
 * manager_layers.c - what becomes of a volume's snapshots: revert, clone, delete, repair, and which
 * there are; and the records of groups that a former life has left.
 *
 * Thread: main, but for what says worker.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "durable.h"
#include "errand.h"
#include "json.h"
#include "log.h"
#include "ring_listener.h"
#include "sense.h"

#define RECORD_MAX_BYTES (1u << 16)

static void set_snapshot(struct errand *j, const char *snapshot)
{
	snprintf(j->name, sizeof(j->name), "%s", snapshot);
}

/* ---------------------------------------------------------------- revert */

static void run_confirm(struct errand *j) ON_WORKER
{
	volume_confirm(j->mv->volume);
	errand_ended(j, 0, NULL);
}

/* Initiators hear of it before their I/O goes on. */
static void back_reverted(struct errand *j) ON_MAIN
{
	struct manager *m = j->manager;
	char text[128];

	if (j->result) {
		manager_end_change(j);
		return;
	}
	ring_listener_notice(m->rings, j->mv, RING_NOTICE_ATTENTION,
			     sense_ua_asc(SENSE_UA_DATA_REPLACED));
	snprintf(text, sizeof(text), "the volume is again what snapshot %.40s holds", j->name);
	manager_event(m, j->mv->plan->name, "", "volume_reverted", text);
	errand_again(j, run_confirm, manager_end_change);
}

static void run_revert(struct errand *j) ON_WORKER
{
	volume_revert(j->mv->volume, j->name, errand_ended, j);
}

void manager_revert(struct manager *m, const char *name, const char *snapshot, manager_fn fn,
		    void *ctx)
{
	struct mvolume *mv = manager_begin(m, name, fn, ctx);
	struct errand *j = mv ? errand_make(mv, run_revert, back_reverted, fn, ctx) : NULL;

	if (!j)
		return;
	set_snapshot(j, snapshot);
	manager_begin_change(mv, j, true);
}

/* ---------------------------------------------------------------- clone */

static void run_clone(struct errand *j) ON_WORKER
{
	volume_clone(j->mv->volume, j->name, json_string_value(j->args), j->flag, errand_ended, j);
}

void manager_clone(struct manager *m, const char *name, const char *snapshot, const char *image,
		   bool is_linked, manager_fn fn, void *ctx)
{
	struct mvolume *mv = manager_begin(m, name, fn, ctx);
	struct errand *j;
	struct err err;

	if (!mv)
		return;
	if (manager_find(m, image)) {
		err_set(&err, EEXIST, "image", "volume %s exists already", image);
		fn(ctx, &err, NULL);
		return;
	}
	j = errand_make(mv, run_clone, manager_end_change, fn, ctx);
	if (!j)
		return;
	set_snapshot(j, snapshot);
	j->flag = is_linked;
	j->args = json_sprintf("%s/%s.img", mv->datastore->path, image);
	manager_begin_change(mv, j, false);
}

/* ---------------------------------------------------------------- delete */

static void run_delete(struct errand *j) ON_WORKER
{
	if (j->flag)
		volume_snapshot_delete_cancel(j->mv->volume, j->name, errand_ended, j);
	else
		volume_snapshot_delete(j->mv->volume, j->name, errand_ended, j);
}

void manager_delete_snapshot(struct manager *m, const char *name, const char *snapshot,
			     bool is_cancel, manager_fn fn, void *ctx)
{
	struct mvolume *mv = manager_begin(m, name, fn, ctx);
	const struct plan_volume *shown = plan_shows(&m->plan, name, snapshot);
	struct errand *j;
	struct err err;

	if (!mv)
		return;
	if (shown) {
		err_set(&err, EBUSY, "snapshot",
			"snapshot %s of volume %s is what volume %s shows; delete that volume "
			"first",
			snapshot, name, shown->name);
		fn(ctx, &err, NULL);
		return;
	}
	j = errand_make(mv, run_delete, manager_end_change, fn, ctx);
	if (!j)
		return;
	set_snapshot(j, snapshot);
	j->flag = is_cancel;
	manager_begin_change(mv, j, false);
}

/* ---------------------------------------------------------------- list, repair */

static struct mvolume *find(struct manager *m, const char *name, manager_fn fn, void *ctx) ON_MAIN
{
	struct mvolume *mv = manager_find(m, name);
	struct err err;

	if (mv)
		return mv;
	err_set(&err, ENOENT, "volume", "there is no volume %s", name);
	fn(ctx, &err, NULL);
	return NULL;
}

static void listed(void *ctx, json_t *list) ON_WORKER
{
	struct errand *j = ctx;

	j->json = list;
	errand_ended(j, 0, NULL);
}

static void run_list(struct errand *j) ON_WORKER
{
	volume_snapshot_list(j->mv->volume, listed, j);
}

void manager_list_snapshots(struct manager *m, const char *name, manager_fn fn, void *ctx)
{
	struct mvolume *mv = find(m, name, fn, ctx);
	struct errand *j = mv ? errand_make(mv, run_list, errand_answer, fn, ctx) : NULL;

	if (j)
		errand_start(j);
}

static void run_repair(struct errand *j) ON_WORKER
{
	struct err err = {0};
	json_t *steps = volume_repair(j->mv->volume, j->flag, &err);

	if (steps)
		j->json = json_pack("{s:o}", "steps", steps);
	errand_ended(j, steps ? 0 : err.code ? -err.code : -EIO, &err);
}

void manager_repair(struct manager *m, const char *name, bool is_apply, manager_fn fn, void *ctx)
{
	struct mvolume *mv = manager_begin(m, name, fn, ctx);
	struct errand *j = mv ? errand_make(mv, run_repair, manager_end_change, fn, ctx) : NULL;

	if (!j)
		return;
	j->flag = is_apply;
	manager_begin_change(mv, j, false);
}

/* ---------------------------------------------------------------- records */

/* All of its volumes are open, and so have done what it says; or are gone. */
static bool is_done(struct manager *m, const char *path) ON_MAIN
{
	cleanup_free char *text = NULL;
	cleanup_json json_t *j = NULL;
	size_t size_bytes = 0, i;
	json_t *name;

	if (durable_read(path, RECORD_MAX_BYTES, &text, &size_bytes, NULL) < 0)
		return false;
	j = json_loadb(text, size_bytes, 0, NULL);
	if (!json_is_object(j))
		return false; /* what cannot be read is a decision nevertheless */
	json_array_foreach(json_object_get(j, "volumes"), i, name)
	{
		const struct mvolume *mv =
		    json_is_string(name) ? manager_find(m, json_string_value(name)) : NULL;

		if (mv && (mv->state != VOLUME_SERVING || mv->is_changing))
			return false;
	}
	return true;
}

void manager_sweep_records(struct manager *m)
{
	DIR *d = m->has_records ? opendir(m->groups_path) : NULL;
	struct dirent *e;

	if (!d)
		return;
	m->has_records = false;
	while ((e = readdir(d))) {
		cleanup_free char *path = NULL;

		if (e->d_name[0] == '.' || asprintf(&path, "%s/%s", m->groups_path, e->d_name) < 0)
			continue;
		if (is_done(m, path))
			unlink(path);
		else
			m->has_records = true;
	}
	closedir(d);
}
