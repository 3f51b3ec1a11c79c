/* SPDX-License-Identifier: MIT */
/*
 * layer_snapshot.c - a snapshot in its steps, under the lock from prepare to decide or abort.
 *
 *   prepare: files ─▶ manifest "pending" ─▶ flush under I/O    commit: flush ─▶ the new head in
 * memory decide: manifest                                           abort: manifest, the files go
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "layer_int.h"

/* ---------------------------------------------------------------- prepare */

static void prepare_end(struct layers *v, int rc, const struct err *err)
{
	layer_fn fn = v->ctl.fn;

	if (rc) {
		if (v->ctl.next_head)
			tree_leave(v, v->ctl.next_head, true);
		v->ctl.next_head = NULL;
		ctl_end(v, rc, err);
		return;
	}
	/* The lock stays. */
	v->ctl.is_prepared = true;
	v->ctl.fn = NULL;
	fn(v->ctl.ctx, 0, NULL);
}

static void on_flushed(struct commit_waiter *w, int result)
{
	struct layers *v = list_entry(w, struct layers, ctl.gate_flush);
	struct err err;

	if (result)
		(void)err_set(&err, EIO, "snapshot", "a flush failed; the volume is stopped");
	prepare_end(v, result ? -EIO : 0, &err);
}

static struct commit *data_commit(struct layers *v)
{
	return v->is_layered ? &v->commit : &((struct disk *)v->plain)->commit;
}

/* Most of what is not flushed is flushed now, so that commit has little to do. */
static void on_pending_saved(struct layers *v, int rc, const struct err *err)
{
	if (rc) {
		prepare_end(v, rc, err);
		return;
	}
	v->ctl.gate_flush.fn = on_flushed;
	commit_wait(data_commit(v), &v->ctl.gate_flush);
}

static struct manifest *pending_manifest(struct layers *v, uint32_t number)
{
	struct manifest *next = v->m ? manifest_copy(v->m) : manifest_new();
	struct manifest_layer first = {.number = 1, .size_bytes = v->b.size_bytes};

	if (!next)
		return NULL;
	if (next->layer_count == 0 && !manifest_add_layer(next, &first)) {
		manifest_free(next);
		return NULL;
	}
	if (!v->is_layered) {
		next->head = 1;
		next->layers[0].size_bytes = v->b.size_bytes;
	}
	next->next_number = number + 1;
	next->pending = v->ctl.wanted;
	next->pending.layer = next->head;
	next->pending_head = number;
	memcpy(next->pending_group, v->ctl.group, sizeof(next->pending_group));
	return next;
}

static uint32_t next_number(const struct layers *v)
{
	return v->m ? v->m->next_number : 2;
}

static void on_made(struct layers *v, int rc, const struct err *err)
{
	struct manifest_layer l = {
	    .number = next_number(v), .size_bytes = v->b.size_bytes, .has_map = true};
	struct manifest *next;
	struct err no_memory;

	if (rc) {
		prepare_end(v, rc, err);
		return;
	}
	v->ctl.next_head = tree_add(v, &l, v->ctl.call.data, v->ctl.call.map);
	next = v->ctl.next_head ? pending_manifest(v, l.number) : NULL;
	if (next) {
		ctl_save(v, next, on_pending_saved);
		return;
	}
	if (!v->ctl.next_head) {
		env_file_close(v->env, v->ctl.call.data);
		env_file_close(v->env, v->ctl.call.map);
	}
	(void)err_set(&no_memory, ENOMEM, "snapshot", "no memory for one more layer");
	prepare_end(v, -ENOMEM, &no_memory);
}

static int check(struct layers *v, struct err *err)
{
	if (v->m && manifest_snapshot(v->m, v->ctl.wanted.uuid))
		return err_set(err, EEXIST, "snapshot", "there is a snapshot %s already",
			       v->ctl.wanted.uuid);
	if (v->m && v->m->layer_count + 1 >= LAYER_MAX)
		return err_set(err, ENOSPC, "snapshot",
			       "the volume has %u layers; at most %u may be: "
			       "delete snapshots first",
			       v->m->layer_count, LAYER_MAX);
	if (!v->is_layered && ((struct disk *)v->plain)->file->size_bytes % BLOCK_BYTES)
		return err_set(err, EINVAL, "volume",
			       "the image %s is not a whole number of 4096 "
			       "bytes; enlarge the file to that before the first snapshot",
			       v->image_path);
	return layer_open_engine(v, err);
}

static void make_files(struct layers *v)
{
	ctl_make_files(v, next_number(v), v->b.size_bytes, on_made);
}

static void on_image_flushed(struct commit_waiter *w, int result)
{
	if (result)
		on_flushed(w, result);
	else
		make_files(list_entry(w, struct layers, ctl.gate_flush));
}

/* The manifest is to name a plain image too: a process that was killed as it grew may have left a
 * size that a power cut takes back. */
static void prepare_go(struct ctl_waiter *w)
{
	struct layers *v = list_entry(w, struct layers, ctl.own);
	struct err err;
	int rc = check(v, &err);

	if (rc) {
		prepare_end(v, rc, &err);
	} else if (v->is_layered || LAYER_MUTATE(IMAGE_NOT_FLUSHED)) {
		make_files(v);
	} else {
		v->ctl.gate_flush.fn = on_image_flushed;
		commit_wait(data_commit(v), &v->ctl.gate_flush);
	}
}

void layer_snapshot_prepare(struct backend *b, const struct layer_snapshot *s, layer_fn fn,
			    void *ctx)
{
	struct layers *v = layers_of(b);
	struct manifest_snapshot wanted = {.created_ms = s->created_ms};

	if (strlen(s->snapshot) >= LAYER_UUID_MAX || strlen(s->group) >= LAYER_UUID_MAX ||
	    strlen(s->name) >= LAYER_NAME_MAX || !s->group[0] || !s->snapshot[0] ||
	    strchr(s->group, '/')) {
		ctl_refuse(v, fn, ctx, EINVAL,
			   "the snapshot's uuid, group or name is empty or too long");
		return;
	}
	memcpy(wanted.uuid, s->snapshot, strlen(s->snapshot) + 1);
	memcpy(wanted.name, s->name, strlen(s->name) + 1);
	/* Before it begins, since it may do so at once; not into that of another one. */
	if (!v->ctl.fn && !v->ctl.is_prepared) {
		v->ctl.wanted = wanted;
		memset(v->ctl.group, 0, sizeof(v->ctl.group));
		memcpy(v->ctl.group, s->group, strlen(s->group) + 1);
	}
	(void)ctl_begin(v, fn, ctx, prepare_go);
}

/* ---------------------------------------------------------------- commit */

static bool is_step_wrong(struct layers *v, bool is_right, layer_fn fn, void *ctx)
{
	if (is_right)
		return false;
	ctl_refuse(v, fn, ctx, EINVAL, "no snapshot of the volume is at that step");
	return true;
}

static void commit_end(struct layers *v, int rc)
{
	layer_fn fn = v->ctl.fn;
	struct err err;

	v->ctl.fn = NULL;
	if (rc)
		(void)err_set(&err, -rc, "snapshot", "the volume could not be flushed: %s",
			      strerror(-rc));
	ctl_open_gate(v);
	fn(v->ctl.ctx, rc, rc ? &err : NULL);
}

static void switch_head(struct layers *v)
{
	struct layer *next = v->ctl.next_head;

	v->ctl.former = v->head;
	v->ctl.next_head = NULL;
	next->below = v->head;
	layer_open_head(v, next, true);
	pages_new_head(v);
	v->ctl.is_committed = true;
}

static void on_gate(struct layers *v, int rc)
{
	if (rc == 0)
		switch_head(v);
	commit_end(v, rc);
}

static void on_plain_flushed(struct commit_waiter *w, int result)
{
	struct layers *v = list_entry(w, struct layers, ctl.gate_flush);
	struct manifest_layer first = {.number = 1, .size_bytes = v->b.size_bytes};
	struct layer *base = tree_find(v, 1);

	if (!result && !base)
		base = tree_add(v, &first, ((struct disk *)v->plain)->file, NULL);
	if (result || !base) {
		commit_end(v, result ? -EIO : -ENOMEM);
		return;
	}
	base->is_borrowed = true;
	base->size_bytes = v->b.size_bytes;
	v->head = base;
	switch_head(v);
	v->is_layered = true;
	commit_end(v, 0);
}

void layer_snapshot_commit(struct backend *b, layer_fn fn, void *ctx)
{
	struct layers *v = layers_of(b);

	if (is_step_wrong(v, v->ctl.is_prepared && !v->ctl.is_committed, fn, ctx))
		return;
	v->ctl.fn = fn;
	v->ctl.ctx = ctx;
	if (v->is_layered) {
		ctl_close_gate(v, on_gate);
		return;
	}
	v->ctl.gate_flush.fn = on_plain_flushed;
	commit_wait(data_commit(v), &v->ctl.gate_flush);
}

/* ---------------------------------------------------------------- decide */

static void decided(struct layers *v, int rc, const struct err *err)
{
	v->ctl.is_committed = v->ctl.is_prepared = false;
	v->ctl.former = NULL;
	ctl_end(v, rc, err);
}

static void on_yes(struct layers *v, int rc, const struct err *err)
{
	v->own_blocks = 0;
	decided(v, rc, err);
}

static void on_no(struct layers *v, int rc, const struct err *err)
{
	struct layer *next = v->ctl.next_head;

	v->ctl.next_head = NULL;
	/* If the manifest could not be written, it still says "pending" and names them. */
	if (next)
		tree_leave(v, next, rc == 0);
	decided(v, rc, err);
}

static void undo_switch(struct layers *v)
{
	v->ctl.next_head = v->head;
	v->head = v->ctl.former;
	if (v->head->has_map)
		layer_open_head(v, v->head, false);
	else
		v->is_layered = false;
	pages_forget(v);
}

static void decide(struct layers *v, bool is_yes)
{
	struct manifest *next = manifest_copy(v->m);
	struct err err;

	v->ctl.is_deciding = true;
	/* The copy says "pending": whoever has to take it carries the snapshot out
	 * (layer_repair.c), which is right for yes alone. */
	v->ctl.is_copy_later = is_yes;
	if (!is_yes && v->ctl.is_committed)
		undo_switch(v);
	if (next && is_yes)
		manifest_layer(next, next->head)->own_blocks =
		    v->ctl.former->has_map ? v->own_blocks : 0;
	if (next && manifest_decide(next, is_yes)) {
		ctl_save(v, next, is_yes ? on_yes : on_no);
		return;
	}
	manifest_free(next);
	(void)err_set(&err, ENOMEM, "snapshot", "no memory to save the manifest");
	if (is_yes)
		ctl_fail(v, "no memory for the manifest after a snapshot", -ENOMEM);
	(is_yes ? on_yes : on_no)(v, -ENOMEM, &err);
}

void layer_snapshot_decide(struct backend *b, bool is_yes, layer_fn fn, void *ctx)
{
	struct layers *v = layers_of(b);

	if (is_step_wrong(v, v->ctl.is_committed && !v->ctl.fn, fn, ctx))
		return;
	v->ctl.fn = fn;
	v->ctl.ctx = ctx;
	decide(v, is_yes);
}

void layer_snapshot_abort(struct backend *b, layer_fn fn, void *ctx)
{
	struct layers *v = layers_of(b);

	if (is_step_wrong(v, v->ctl.is_prepared && !v->ctl.fn, fn, ctx))
		return;
	v->ctl.fn = fn;
	v->ctl.ctx = ctx;
	decide(v, false);
}
