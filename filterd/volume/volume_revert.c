/* SPDX-License-Identifier: MIT */
/*
 * volume_revert.c - a serving volume becomes again what a snapshot holds; and a clone of a snapshot
 * is made.
 *
 *   revert:  filters settle and prepare --> I/O held --> the engine's new head --> answer, held
 *            --> volume_confirm() --> filters commit (and forget what they knew), I/O goes on
 *   clone:   filters prepare --> the engine makes the image --> sidecars beside it --> commit
 *
 * Thread: owner worker; the copies on a helper.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "log.h"
#include "sidecar.h"
#include "volume_int.h"

/* ---------------------------------------------------------------- revert */

static void revert_prepared(void *ctx)
{
	struct volume *v = ctx;

	volume_hold_begin(v);
	chain_point_hold(v->chain);
}

static void reverted(void *ctx, int result, const struct err *err) ON_WORKER
{
	struct volume *v = ctx;

	if (result) {
		chain_point_end(v->chain, result, err);
		return;
	}
	volume_hold_step(v, HOLD_ENGINE);
	v->is_unconfirmed = true;
	if (v->host->notes_changes)
		volume_answer(v, 0, NULL);
	else
		volume_confirm(v);
}

static void revert_held(void *ctx)
{
	struct volume *v = ctx;

	volume_hold_step(v, HOLD_DRAIN);
	layer_revert(v->backend, v->point.snapshot, reverted, v);
}

static void revert_ended(void *ctx, int result, const struct err *err)
{
	struct volume *v = ctx;

	if (result == 0) {
		volume_hold_end(v, chain_held_ns(v->chain) / 1000);
		log_info("volume %s: reverted to snapshot %s, I/O was held for %llu us",
			 v->plan->name, v->point.snapshot, (unsigned long long)v->point.held_us);
	}
	volume_point_end(v, result, err);
}

void volume_revert_confirm(struct volume *v)
{
	volume_hold_step(v, HOLD_DECIDE);
	chain_point_end(v->chain, 0, NULL);
}

void volume_revert(struct volume *v, const char *snapshot, volume_done_fn fn, void *ctx)
{
	static const struct chain_point_host host = {revert_prepared, revert_held, revert_ended};
	struct sluice_event ev = {.kind = SLUICE_EVENT_REVERT};

	if (!volume_point_begin(v, REQUEST_REVERT, snapshot, fn, ctx))
		return;
	ev.uuid = v->point.snapshot;
	chain_point_begin(v->chain, &ev, &host, v);
}

/* ---------------------------------------------------------------- clone */

/* Nothing of an image that has no sidecars may be opened: they go before the image is used. */
static void give(struct env_work *w)
{
	struct volume *v = w->ctx;
	struct volume_point *p = &v->point;

	p->result = sidecar_give(v->image_path, p->snapshot, v->plan->uuid, p->image, &p->err);
}

static void given(struct env_work *w)
{
	struct volume *v = w->ctx;

	chain_point_end(v->chain, v->point.result, &v->point.err);
}

/* Whoever asks again has lost the first answer. A full clone that has come to stand alone is known
 * to nobody any more, and its name is taken. */
static bool is_this_clone(struct volume *v)
{
	const char *slash = strrchr(v->point.image, '/'),
		   *name = slash ? slash + 1 : v->point.image;
	size_t chars = strlen(name) - strlen(".img"), i, k;
	json_t *list = layer_list(v->backend), *s, *clone;
	bool is = false;

	json_array_foreach(json_object_get(list, "items"), i, s)
	{
		const char *uuid = json_string_value(json_object_get(s, "snapshot"));

		if (!uuid || strcasecmp(uuid, v->point.snapshot) != 0)
			continue;
		json_array_foreach(json_object_get(s, "clones"), k, clone)
		{
			const char *text = json_string_value(clone);

			is = is || (strlen(text) == chars && strncmp(text, name, chars) == 0);
		}
	}
	json_decref(list);
	return is;
}

static void cloned(void *ctx, int result, const struct err *err)
{
	struct volume *v = ctx;
	struct volume_point *p = &v->point;

	if (result && (result != -EEXIST || !is_this_clone(v))) {
		chain_point_end(v->chain, result, err);
		return;
	}
	p->work = (struct env_work){.run = give, .done = given, .ctx = v};
	env_work_submit(v->env, &p->work);
}

static void clone_prepared(void *ctx)
{
	struct volume *v = ctx;

	layer_clone(v->backend, v->point.snapshot, v->point.image, v->point.is_linked, cloned, v);
}

static void clone_held(void *ctx)
{
	/* A snapshot does not change: no I/O is held for its clone. */
}

static void clone_ended(void *ctx, int result, const struct err *err)
{
	struct volume *v = ctx;

	if (result == 0)
		log_info("volume %s: snapshot %s cloned to %s", v->plan->name, v->point.snapshot,
			 v->point.image);
	volume_point_end(v, result, err);
}

void volume_clone(struct volume *v, const char *snapshot, const char *image_path, bool is_linked,
		  volume_done_fn fn, void *ctx)
{
	static const struct chain_point_host host = {clone_prepared, clone_held, clone_ended};
	struct sluice_event ev = {.kind = SLUICE_EVENT_CLONE};
	struct err err;

	if (!volume_point_begin(v, REQUEST_CLONE, snapshot, fn, ctx))
		return;
	v->point.image = strdup(image_path);
	v->point.is_linked = is_linked;
	if (!v->point.image) {
		err_set(&err, ENOMEM, "", "no memory for a clone");
		volume_point_end(v, -ENOMEM, &err);
		return;
	}
	ev.uuid = v->point.snapshot;
	chain_point_begin(v->chain, &ev, &host, v);
}
