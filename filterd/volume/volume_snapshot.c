/* SPDX-License-Identifier: MIT */
/*
 * volume_snapshot.c - a snapshot of a volume that serves, alone or as a member of a group.
 *
 *   prepare:  filters settle and prepare --> sidecars copied --> engine's files
 *   hold:     I/O held, drained --> the engine's new head takes the writes
 *   release:  filters commit, I/O goes on --> the engine's manifest forgets that it was pending
 *   cancel:   the engine undoes what it has done --> filters abort, I/O goes on
 *
 * What takes long happens under I/O; held is only what must be one point. Whoever asked decides
 * between hold and release, durably: a crash before undoes the snapshot, one after carries it out.
 *
 * Thread: owner worker; the copies on a helper.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "sidecar.h"
#include "volume_int.h"

#define ORIGIN "origin" /* the host's own: whose header may be here, see filter.h */

/* ---------------------------------------------------------------- what all points share */

bool volume_point_begin(struct volume *v, enum volume_request request, const char *snapshot,
			volume_done_fn fn, void *ctx)
{
	struct err err;
	int rc = 0;

	if (!volume_begin(v, request, fn, ctx))
		return false;
	if (v->state != VOLUME_SERVING)
		rc =
		    err_set(&err, ENOTCONN, "volume", "volume %s is %s, not serving; open it first",
			    v->plan->name, volume_state_word(v->state));
	else if (!v->has_layers)
		rc =
		    err_set(&err, EOPNOTSUPP, "volume",
			    "volume %s is on a datastore of type %s, which has no snapshots; those "
			    "of type dir have",
			    v->plan->name, v->type->name);
	else if (v->plan->shows.volume[0])
		rc = err_set(&err, EROFS, "volume",
			     "volume %s shows a snapshot of volume %s and has none of its own",
			     v->plan->name, v->plan->shows.volume);
	if (rc) {
		volume_end(v, rc, &err);
		return false;
	}
	memset(&v->point, 0, sizeof(v->point));
	snprintf(v->point.snapshot, sizeof(v->point.snapshot), "%s", snapshot);
	return true;
}

void volume_point_end(struct volume *v, int result, const struct err *err)
{
	free(v->point.image);
	v->point.image = NULL;
	json_decref(v->point.known);
	v->point.known = NULL;
	volume_end(v, result, err);
}

uint64_t volume_held_us(const struct volume *v)
{
	return v->point.held_us;
}

/* ---------------------------------------------------------------- the engine's part undone */

/* The chain ends the point; ended() has the result. */
static void give_up(struct volume *v)
{
	chain_point_end(v->chain, v->point.result, &v->point.err);
}

static void undone(void *ctx, int result, const struct err *err)
{
	struct volume *v = ctx;

	if (result)
		log_warn("volume %s: snapshot %s could not be undone; it is when the volume is "
			 "opened again: %s",
			 v->plan->name, v->point.snapshot, err->text);
	v->point.is_prepared = v->point.is_committed = false;
	give_up(v);
}

static void fail(struct volume *v, int result, const struct err *err)
{
	struct volume_point *p = &v->point;

	p->result = result;
	p->err = *err;
	if (p->is_committed)
		layer_snapshot_decide(v->backend, false, undone, v);
	else if (p->is_prepared)
		layer_snapshot_abort(v->backend, undone, v);
	else
		give_up(v);
}

/* ---------------------------------------------------------------- prepare */

static void files_prepared(void *ctx, int result, const struct err *err)
{
	struct volume *v = ctx;

	if (result) {
		fail(v, result, err);
		return;
	}
	v->point.is_prepared = true;
	volume_answer(v, 0, NULL);
}

static void copy(struct env_work *w)
{
	struct volume *v = w->ctx;
	struct volume_point *p = &v->point;

	sidecar_forget_others(v->image_path, p->known);
	for (uint32_t i = 0; p->result == 0 && p->suffixes[i]; i++)
		p->result = sidecar_keep(v->image_path, p->snapshot, p->suffixes[i], &p->err);
}

static void copied(struct env_work *w)
{
	struct volume *v = w->ctx;
	struct volume_point *p = &v->point;
	const struct layer_snapshot s = {.snapshot = p->snapshot,
					 .name = p->name,
					 .group = p->group,
					 .created_ms = p->created_ms};

	if (p->result)
		fail(v, p->result, &p->err);
	else
		layer_snapshot_prepare(v->backend, &s, files_prepared, v);
}

static void name_sidecars(struct volume *v)
{
	struct chain_filter_info info;
	uint32_t n = 0;

	v->point.suffixes[n++] = ORIGIN;
	for (uint32_t i = 0; i < chain_filter_count(v->chain); i++) {
		chain_filter_info(v->chain, i, &info);
		for (const char *const *s = info.ops->data_sidecars;
		     s && *s && n < VOLUME_SIDECARS_MAX; s++)
			v->point.suffixes[n++] = *s;
	}
}

static void prepared(void *ctx)
{
	struct volume *v = ctx;
	struct volume_point *p = &v->point;

	name_sidecars(v);
	p->known = layer_list(v->backend);
	p->work = (struct env_work){.run = copy, .done = copied, .ctx = v};
	env_work_submit(v->env, &p->work);
}

/* ---------------------------------------------------------------- hold */

static void committed(void *ctx, int result, const struct err *err)
{
	struct volume *v = ctx;

	if (result) {
		fail(v, result, err);
		return;
	}
	volume_hold_step(v, HOLD_ENGINE);
	v->point.is_committed = true;
	volume_answer(v, 0, NULL);
}

static void held(void *ctx)
{
	struct volume *v = ctx;

	volume_hold_step(v, HOLD_DRAIN);
	layer_snapshot_commit(v->backend, committed, v);
}

void volume_snapshot_hold(struct volume *v, volume_done_fn fn, void *ctx)
{
	v->done = fn;
	v->done_ctx = ctx;
	volume_hold_begin(v);
	chain_point_hold(v->chain);
}

/* ---------------------------------------------------------------- the end */

static void decided(void *ctx, int result, const struct err *err)
{
	struct volume *v = ctx;

	log_info("volume %s: snapshot %s (%s) made, I/O was held for %llu us", v->plan->name,
		 v->point.snapshot, v->point.name, (unsigned long long)v->point.held_us);
	volume_point_end(v, result, err);
}

/* The drain was late: what the engine has prepared is undone under I/O. */
static void aborted(void *ctx, int result, const struct err *err)
{
	struct volume *v = ctx;

	volume_point_end(v, v->point.result, &v->point.err);
}

static void ended(void *ctx, int result, const struct err *err)
{
	struct volume *v = ctx;
	struct volume_point *p = &v->point;

	if (result == 0) {
		volume_hold_end(v, chain_held_ns(v->chain) / 1000);
		layer_snapshot_decide(v->backend, true, decided, v);
		return;
	}
	log_warn("volume %s: no snapshot %s: %s", v->plan->name, p->snapshot, err->text);
	p->result = result;
	p->err = *err;
	if (p->is_prepared)
		layer_snapshot_abort(v->backend, aborted, v);
	else
		volume_point_end(v, result, &p->err);
}

void volume_snapshot_prepare(struct volume *v, const struct volume_snapshot *s, volume_done_fn fn,
			     void *ctx)
{
	static const struct chain_point_host host = {prepared, held, ended};
	struct volume_point *p = &v->point;
	struct sluice_event ev = {.kind = SLUICE_EVENT_SNAPSHOT};

	if (!volume_point_begin(v, REQUEST_SNAPSHOT, s->snapshot, fn, ctx))
		return;
	snprintf(p->name, sizeof(p->name), "%s", s->name);
	snprintf(p->group, sizeof(p->group), "%s", s->group);
	p->created_ms = s->created_ms;
	ev.name = p->name;
	ev.uuid = p->snapshot;
	chain_point_begin(v->chain, &ev, &host, v);
}

void volume_snapshot_release(struct volume *v, volume_done_fn fn, void *ctx)
{
	v->done = fn;
	v->done_ctx = ctx;
	volume_hold_step(v, HOLD_DECIDE);
	chain_point_end(v->chain, 0, NULL);
}

void volume_snapshot_cancel(struct volume *v, volume_done_fn fn, void *ctx)
{
	struct err err;

	v->done = fn;
	v->done_ctx = ctx;
	err_set(&err, ECANCELED, "", "another member of the group could not be snapshotted");
	fail(v, -ECANCELED, &err);
}
