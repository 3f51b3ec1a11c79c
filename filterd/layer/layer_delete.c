/* SPDX-License-Identifier: MIT */
/* layer_delete.c - a snapshot is marked for deletion, or that is called off; the rest is
 * layer_merge.c's. */
#include <errno.h>
#include <string.h>

#include "layer_int.h"

static void on_marked(struct layers *v, int rc, const struct err *err)
{
	tree_prune(v);
	if (v->merge.is_waiting && !merge_is_wanted(v) && turn_give_up(v))
		merge_copied(v, -ECANCELED); /* it need not wait to find that out */
	ctl_end(v, rc, err);
}

static struct manifest_snapshot *wanted(struct layers *v)
{
	return v->m ? manifest_snapshot(v->m, v->ctl.uuid) : NULL;
}

static void save(struct layers *v, bool is_deleting)
{
	struct manifest *next = manifest_copy(v->m);
	struct manifest_snapshot *s = next ? manifest_snapshot(next, v->ctl.uuid) : NULL;
	struct err err;

	if (s) {
		s->is_deleting = is_deleting;
		if (is_deleting)
			tree_drop_unneeded(v, next, s->layer);
		ctl_save(v, next, on_marked);
		return;
	}
	(void)err_set(&err, ENOMEM, "snapshot", "no memory to save the manifest");
	ctl_end(v, -ENOMEM, &err);
}

static void delete_go(struct ctl_waiter *w)
{
	struct layers *v = list_entry(w, struct layers, ctl.own);
	const struct manifest_snapshot *s = wanted(v);
	const char *holder = s ? tree_holder(v->env, v->m, v->image_path, s->layer) : NULL;
	struct err err;
	int rc = 0;

	if (!s)
		rc =
		    err_set(&err, ENOENT, "snapshot", "the volume has no snapshot %s", v->ctl.uuid);
	else if (holder)
		rc = err_set(&err, EBUSY, "snapshot",
			     "the clone %s is built on snapshot %s; delete "
			     "the clone, or make it stand alone, first",
			     holder, s->name);
	if (rc || s->is_deleting)
		ctl_end(v, rc, rc ? &err : NULL);
	else
		save(v, true);
}

static void cancel_go(struct ctl_waiter *w)
{
	struct layers *v = list_entry(w, struct layers, ctl.own);
	const struct manifest_snapshot *s = wanted(v);
	struct err err;

	if (s && s->is_deleting && v->m->merge_to != s->layer) {
		save(v, false);
		return;
	}
	if (!s)
		(void)err_set(&err, ENOENT, "snapshot", "the volume has no snapshot %s",
			      v->ctl.uuid);
	else if (!s->is_deleting)
		(void)err_set(&err, EINVAL, "snapshot", "snapshot %s is not being deleted",
			      s->name);
	else
		(void)err_set(&err, EINPROGRESS, "snapshot",
			      "blocks of snapshot %s have begun to be "
			      "replaced; its deletion can only be ended",
			      s->name);
	ctl_end(v, -err.code, &err);
}

static void begin(struct backend *b, const char *snapshot, layer_fn fn, void *ctx,
		  void (*go)(struct ctl_waiter *w))
{
	struct layers *v = layers_of(b);

	if (strlen(snapshot) >= LAYER_UUID_MAX) {
		ctl_refuse(v, fn, ctx, ENOENT, "the volume has no such snapshot");
		return;
	}
	ctl_begin_with(v, snapshot, fn, ctx, go);
}

void layer_delete(struct backend *b, const char *snapshot, layer_fn fn, void *ctx)
{
	begin(b, snapshot, fn, ctx, delete_go);
}

void layer_delete_cancel(struct backend *b, const char *snapshot, layer_fn fn, void *ctx)
{
	begin(b, snapshot, fn, ctx, cancel_go);
}
