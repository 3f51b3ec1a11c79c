/* SPDX-License-Identifier: MIT */
/*
 * layer_revert.c - the volume becomes what a snapshot holds: a new, empty head over its layer, by
 * one replacement of the manifest. What nobody needs any more goes with it.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "layer_int.h"

bool tree_is_needed(struct layers *v, const struct manifest *m, uint32_t number)
{
	uint32_t child;

	return number == 1 || number == m->head || manifest_has_snapshot(m, number) ||
	       manifest_children(m, number, &child) > 0 ||
	       tree_holder(v->env, m, v->image_path, number);
}

void tree_drop_unneeded(struct layers *v, struct manifest *m, uint32_t number)
{
	while (number && !tree_is_needed(v, m, number)) {
		uint32_t parent = manifest_layer(m, number)->parent;

		for (uint32_t i = m->snapshot_count; i-- > 0;) /* those being deleted */
			if (m->snapshots[i].layer == number)
				manifest_drop_snapshot(m, m->snapshots[i].uuid);
		/* Not open: its files are removed as those of one that is. */
		if (!tree_find(v, number))
			(void)tree_add(v, manifest_layer(m, number), NULL, NULL);
		manifest_drop_layer(m, number);
		number = parent;
	}
}

static void revert_end(struct layers *v, int rc, const struct err *err)
{
	ctl_open_gate(v);
	ctl_end(v, rc, err);
}

static void give_up_files(struct layers *v, bool is_gone)
{
	tree_leave(v, v->ctl.next_head, is_gone);
	v->ctl.next_head = NULL;
	tree_prune(v);
}

static void on_saved(struct layers *v, int rc, const struct err *err)
{
	struct layer *next = v->ctl.next_head;

	if (rc) {
		/* Stopped: perhaps the manifest names them. */
		give_up_files(v, !v->b.is_failed);
		revert_end(v, rc, err);
		return;
	}
	v->ctl.next_head = NULL;
	layer_open_head(v, next, true);
	v->own_blocks = 0;
	if (!LAYER_MUTATE(REVERT_KEEPS_MAP))
		pages_forget(v);
	else
		pages_new_head(v);
	tree_prune(v);
	revert_end(v, 0, NULL);
}

static void on_gate(struct layers *v, int rc)
{
	const struct manifest_snapshot *s = manifest_snapshot(v->m, v->ctl.uuid);
	struct manifest *next = manifest_copy(v->m);
	struct manifest_layer l = {.number = v->m->next_number,
				   .parent = s->layer,
				   .size_bytes = v->b.size_bytes,
				   .has_map = true};
	uint32_t former = v->m->head;

	if (!next || !manifest_add_layer(next, &l)) {
		struct err err;

		manifest_free(next);
		give_up_files(v, true);
		(void)err_set(&err, ENOMEM, "snapshot", "no memory to save the manifest");
		revert_end(v, -ENOMEM, &err);
		return;
	}
	/* What the former head could not flush is given up with it. */
	next->head = l.number;
	next->next_number = l.number + 1;
	tree_drop_unneeded(v, next, former);
	ctl_save(v, next, on_saved);
}

static void on_made(struct layers *v, int rc, const struct err *err)
{
	const struct manifest_snapshot *s = manifest_snapshot(v->m, v->ctl.uuid);
	struct manifest_layer l = {
	    .number = v->m->next_number, .size_bytes = v->b.size_bytes, .has_map = true};
	struct layer *below = NULL;
	struct err e;

	if (rc) {
		ctl_end(v, rc, err);
		return;
	}
	v->ctl.next_head = tree_add(v, &l, v->ctl.call.data, v->ctl.call.map);
	if (!v->ctl.next_head) {
		env_file_close(v->env, v->ctl.call.data);
		env_file_close(v->env, v->ctl.call.map);
		(void)err_set(&e, ENOMEM, "snapshot", "no memory for one more layer");
		ctl_end(v, -ENOMEM, &e);
		return;
	}
	rc = tree_open_chain(v, v->image_path, v->m, s->layer, false, &below, &e);
	if (rc) {
		give_up_files(v, true);
		ctl_end(v, rc, &e);
		return;
	}
	v->ctl.next_head->below = below;
	ctl_close_gate(v, on_gate);
}

static void revert_go(struct ctl_waiter *w)
{
	struct layers *v = list_entry(w, struct layers, ctl.own);
	const struct manifest_snapshot *s = v->m ? manifest_snapshot(v->m, v->ctl.uuid) : NULL;
	struct err err;

	if (s && !s->is_deleting && v->m->layer_count + 1 < LAYER_MAX) {
		v->ctl.is_copy_later = LAYER_MUTATE(REVERT_COPY_LATER);
		ctl_make_files(v, v->m->next_number, v->b.size_bytes, on_made);
		return;
	}
	(void)err_set(&err, s && !s->is_deleting ? ENOSPC : ENOENT, "snapshot",
		      s && !s->is_deleting
			  ? "the volume has too many layers; delete snapshots first"
		      : s ? "the snapshot is being deleted"
			  : "the volume has no such snapshot");
	ctl_end(v, -err.code, &err);
}

void layer_revert(struct backend *b, const char *snapshot, layer_fn fn, void *ctx)
{
	struct layers *v = layers_of(b);

	if (strlen(snapshot) >= LAYER_UUID_MAX) {
		ctl_refuse(v, fn, ctx, ENOENT, "the volume has no such snapshot");
		return;
	}
	ctl_begin_with(v, snapshot, fn, ctx, revert_go);
}
