/* SPDX-License-Identifier: MIT */
/*
 * volume_layers.c - what snapshots a volume has, and away with one. Works on a volume that is not
 * open, too: its layers are opened for the request, and closed again.
 *
 * Thread: owner worker.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "log.h"
#include "sidecar.h"
#include "volume_int.h"

/* ---------------------------------------------------------------- borrowing */

static bool is_not_open(const struct volume *v)
{
	return v->state == VOLUME_CLOSED || v->state == VOLUME_FAILED ||
	       v->state == VOLUME_QUARANTINED;
}

static int borrow(struct volume *v, struct backend **out, struct err *err)
{
	struct backend_cfg cfg = volume_backend_cfg(v);
	int rc;

	*out = v->backend;
	v->borrowed = NULL;
	if (v->backend)
		return 0;
	if (!is_not_open(v))
		return err_set(err, EBUSY, "volume", "volume %s is %s; try again in a moment",
			       v->plan->name, volume_state_word(v->state));
	v->host->blocking(v->host->ctx, true);
	rc = volume_check_place(v, err);
	if (rc == 0)
		rc = v->type->open(v->env, &cfg, out, err);
	v->host->blocking(v->host->ctx, false);
	if (rc == 0)
		v->borrowed = *out;
	return rc;
}

static void lent_stopped(void *ctx)
{
	struct volume *v = ctx;
	struct backend *b = v->borrowed;

	v->borrowed = NULL;
	v->host->blocking(v->host->ctx, true);
	b->ops->close(b);
	v->host->blocking(v->host->ctx, false);
	v->given_back(v);
}

/* then(v) when it is closed, or at once if it was not opened for this. */
static void give_back(struct volume *v, void (*then)(struct volume *v))
{
	v->given_back = then;
	if (v->borrowed)
		layer_stop(v->borrowed, lent_stopped, v);
	else
		then(v);
}

static int check_layers(const struct volume *v, struct err *err)
{
	if (v->has_layers && !v->plan->shows.volume[0])
		return 0;
	return err_set(err, EOPNOTSUPP, "volume",
		       v->has_layers
			   ? "volume %s shows a snapshot of another volume and has none of its own"
			   : "volume %s is on a datastore that has no snapshots; those of type dir "
			     "have",
		       v->plan->name);
}

/* ---------------------------------------------------------------- delete */

static void change_ended(struct volume *v)
{
	volume_end(v, v->point.result, v->point.result ? &v->point.err : NULL);
}

static void changed(void *ctx, int result, const struct err *err)
{
	struct volume *v = ctx;

	v->point.result = result;
	if (result)
		v->point.err = *err; /* it may be the backend's */
	give_back(v, change_ended);
}

static void change(struct volume *v, const char *snapshot,
		   void (*fn_layer)(struct backend *b, const char *snapshot, layer_fn fn,
				    void *ctx),
		   layer_fn then, volume_done_fn fn, void *ctx)
{
	struct backend *b = NULL;
	struct err err = {0};
	int rc;

	if (!volume_begin(v, REQUEST_LAYERS, fn, ctx))
		return;
	rc = check_layers(v, &err);
	if (rc == 0)
		rc = borrow(v, &b, &err);
	if (rc) {
		volume_end(v, rc, &err);
		return;
	}
	snprintf(v->point.snapshot, sizeof(v->point.snapshot), "%s", snapshot);
	fn_layer(b, snapshot, then, v);
}

static void deletion_told(void *ctx, int result, const struct err *err)
{
	struct volume *v = ctx;

	if (result)
		log_warn("volume %s: a filter was not told that snapshot %s is deleted: %s",
			 v->plan->name, v->point.snapshot, err->text);
	give_back(v, change_ended);
}

/* It is so, whatever filters say; one that replicates has it done on the other side, too. */
static void deleted(void *ctx, int result, const struct err *err)
{
	struct volume *v = ctx;
	struct sluice_event ev = {.kind = SLUICE_EVENT_SNAPSHOT_DELETED, .uuid = v->point.snapshot};

	if (result || !v->chain) {
		changed(v, result, err);
		return;
	}
	v->point.result = 0;
	chain_event(v->chain, &ev, deletion_told, v);
}

void volume_snapshot_delete(struct volume *v, const char *snapshot, volume_done_fn fn, void *ctx)
{
	change(v, snapshot, layer_delete, deleted, fn, ctx);
}

void volume_snapshot_delete_cancel(struct volume *v, const char *snapshot, volume_done_fn fn,
				   void *ctx)
{
	change(v, snapshot, layer_delete_cancel, changed, fn, ctx);
}

/* ---------------------------------------------------------------- list */

static json_t *degraded(const char *problem)
{
	return json_pack("{s:b, s:s, s:{}, s:[]}", "is_degraded", 1, "problem", problem, "head",
			 "items");
}

static void say(struct volume *v, json_t *list, volume_list_fn fn, void *ctx)
{
	if (list)
		json_object_set_new(list, "volume", json_string(v->plan->name));
	fn(ctx, list);
}

static void list_ended(struct volume *v)
{
	volume_list_fn fn = v->list_fn;
	json_t *list = v->list;

	v->list = NULL;
	volume_end(v, 0, NULL);
	say(v, list, fn, v->list_ctx);
}

static void nobody_asked(void *ctx, int result, const struct err *err)
{
	/* The request is there to keep others away; the list is the answer. */
}

static void list_closed(struct volume *v, volume_list_fn fn, void *ctx)
{
	struct backend *b = NULL;
	struct err err = {0};

	if (v->request != REQUEST_NONE) {
		say(v, degraded("the volume is being opened or closed; ask again in a moment"), fn,
		    ctx);
		return;
	}
	if (!volume_begin(v, REQUEST_LAYERS, nobody_asked, v))
		return;
	v->list_fn = fn;
	v->list_ctx = ctx;
	v->list = borrow(v, &b, &err) < 0 ? degraded(err.text) : layer_list(b);
	give_back(v, list_ended);
}

void volume_snapshot_list(struct volume *v, volume_list_fn fn, void *ctx)
{
	struct err err;

	if (check_layers(v, &err) < 0)
		say(v,
		    json_pack("{s:b, s:s, s:{}, s:[]}", "is_degraded", 0, "problem", "", "head",
			      "items"),
		    fn, ctx);
	else if (v->backend)
		say(v, layer_list(v->backend), fn, ctx);
	else
		list_closed(v, fn, ctx);
}

/* ---------------------------------------------------------------- repair, remove */

json_t *volume_repair(struct volume *v, bool is_apply, struct err *err)
{
	json_t *steps = NULL;

	if (check_layers(v, err) < 0)
		return NULL;
	if (!is_not_open(v) || v->request != REQUEST_NONE) {
		if (v->state == VOLUME_SERVING && !is_apply)
			return json_array(); /* it would not serve otherwise */
		err_set(err, EBUSY, "volume", "volume %s is %s; close it first", v->plan->name,
			volume_state_word(v->state));
		return NULL;
	}
	v->host->blocking(v->host->ctx, true);
	if (volume_check_place(v, err) == 0 &&
	    layer_repair(v->env, v->image_path, is_apply, &steps, err) < 0)
		steps = NULL;
	v->host->blocking(v->host->ctx, false);
	return steps;
}

int volume_give_sidecars(struct volume *v, const uint8_t shown_uuid[16], const char *own_path,
			 struct err *err)
{
	int rc;

	v->host->blocking(v->host->ctx, true);
	rc = volume_check_place(v, err);
	if (rc == 0)
		rc =
		    sidecar_give(v->image_path, v->plan->shows.snapshot, shown_uuid, own_path, err);
	v->host->blocking(v->host->ctx, false);
	return rc;
}

/* What cannot be read rests on nothing that could be told. */
int volume_check_unshared(const struct volume *v, const json_t *list, struct err *err)
{
	json_t *item;
	size_t i;

	json_array_foreach(json_object_get(list, "items"), i, item)
	{
		const json_t *clones = json_object_get(item, "clones");
		const char *clone = json_string_value(json_array_get(clones, 0));
		const char *name = json_string_value(json_object_get(item, "name"));

		if (clone)
			return err_set(
			    err, EBUSY, "name",
			    "volume %s cannot go: volume %s is a clone that rests on its snapshot "
			    "%s; delete that volume first, or make it a full clone",
			    v->plan->name, clone, name ? name : "?");
	}
	return 0;
}

int volume_remove_layers(struct volume *v, struct err *err)
{
	int rc = 0;

	if (!v->has_layers || v->plan->shows.volume[0])
		return 0;
	v->host->blocking(v->host->ctx, true);
	/* Where its datastore is not mounted nothing is removed, nor is anything in the way. */
	if (volume_check_place(v, err) == 0 && layer_is_layered(v->env, v->image_path))
		rc = layer_remove(v->env, v->image_path, err);
	v->host->blocking(v->host->ctx, false);
	return rc;
}
