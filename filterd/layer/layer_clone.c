/* SPDX-License-Identifier: MIT */
/*
 * layer_clone.c - a new volume that stands on a snapshot of this one.
 *
 *   a hold in this manifest ─▶ the clone's map, its manifest, its image at last: without an image
 * it is no volume yet, and all of it may be made again; nor with one that has no bytes yet
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "layer_int.h"

static void on_made(struct env_work *w)
{
	struct layers *v = w->ctx;
	struct work_call *c = &v->ctl.clone;
	int rc = c->rc;
	struct err err = c->err;

	free(c->text);
	free(c->data_path);
	free(c->map_path);
	free(c->clone_path);
	free(c->copy_path);
	c->text = c->data_path = c->map_path = c->clone_path = c->copy_path = NULL;
	ctl_end(v, rc, rc ? &err : NULL);
}

static int make_file(struct layers *v, const char *path, uint64_t size_bytes, struct err *err)
{
	struct env_open how = {.path = path, .flags = ENV_OPEN_CREATE, .size_bytes = size_bytes};
	struct env_file *f;
	int rc = env_file_open(v->env, &how, &f, err);

	if (rc == 0)
		env_file_close(v->env, f);
	return rc;
}

/* A kill came between the image's name and its size: nobody has opened it, as it has no bytes, and
 * the manifest beside it is of a clone of this volume. */
static bool is_half_made(struct layers *v, const char *path, const struct env_file *f)
{
	struct manifest *m = NULL;
	bool is_ours = f->size_bytes == 0 && tree_read_manifest(v->env, path, &m, NULL) == 0 &&
		       strcmp(m->origin_path, v->image_path) == 0;

	manifest_free(m);
	return is_ours;
}

/* 0: there is no image, or none any more. One that cannot be opened just now is somebody's. */
static int make_room(struct layers *v, const char *path, struct err *err)
{
	struct env_open how = {.path = path, .flags = ENV_OPEN_READONLY};
	struct env_file *f;
	bool is_rest;
	int rc = env_file_open(v->env, &how, &f, err);

	if (rc)
		return rc == -ENOENT ? 0 : rc;
	is_rest = is_half_made(v, path, f) && !LAYER_MUTATE(CLONE_HALF_MADE);
	env_file_close(v->env, f);
	if (is_rest)
		return env_file_remove(v->env, path, err);
	return err_set(err, EEXIST, "image", "%s exists already; choose another name", path);
}

static void make_run(struct env_work *w)
{
	struct layers *v = w->ctx;
	struct work_call *c = &v->ctl.clone;

	c->rc = make_room(v, c->clone_path, &c->err);
	if (c->rc)
		return;
	(void)env_file_remove(v->env, c->map_path, NULL);
	c->rc = make_file(v, c->map_path, tree_map_bytes(c->size_bytes), &c->err);
	if (c->rc == 0)
		c->rc = env_text_write(v->env, c->data_path, c->text, c->text_bytes, &c->err);
	if (c->rc == 0 && !LAYER_MUTATE(CLONE_WITHOUT_COPY))
		c->rc = env_text_write(v->env, c->copy_path, c->text, c->text_bytes, &c->err);
	if (c->rc == 0)
		c->rc = make_file(v, c->clone_path, tree_file_bytes(c->size_bytes), &c->err);
	if (c->rc == 0)
		return;
	(void)env_file_remove(v->env, c->data_path, NULL);
	(void)env_file_remove(v->env, c->copy_path, NULL);
	(void)env_file_remove(v->env, c->map_path, NULL);
}

static void fail(struct layers *v)
{
	struct err err;

	(void)err_set(&err, ENOMEM, "image", "no memory to make a clone");
	ctl_end(v, -ENOMEM, &err);
}

static char *clone_text(struct layers *v, const struct manifest_snapshot *s, size_t *len_bytes)
{
	struct manifest *m = manifest_new();
	struct manifest_layer l = {
	    .number = 1, .size_bytes = manifest_layer(v->m, s->layer)->size_bytes, .has_map = true};
	char *text = NULL;

	if (m && manifest_add_layer(m, &l)) {
		m->head = 1;
		m->next_number = 2;
		m->origin_layer = s->layer;
		m->is_full = !v->ctl.is_linked;
		memcpy(m->origin_path, v->image_path, strlen(v->image_path) + 1);
		text = manifest_print(m, len_bytes);
	}
	manifest_free(m);
	return text;
}

static void on_held(struct layers *v, int rc, const struct err *err)
{
	const struct manifest_snapshot *s = manifest_snapshot(v->m, v->ctl.uuid);
	struct work_call *c = &v->ctl.clone;

	if (rc) {
		ctl_end(v, rc, err);
		return;
	}
	memset(c, 0, sizeof(*c));
	c->size_bytes = manifest_layer(v->m, s->layer)->size_bytes;
	c->clone_path = strdup(v->ctl.clone_path);
	c->map_path = tree_path(v->ctl.clone_path, 1, true);
	c->data_path = tree_manifest_path(v->ctl.clone_path, false);
	c->text = clone_text(v, s, &c->text_bytes);
	c->copy_path = tree_manifest_path(v->ctl.clone_path, true);
	if (!c->clone_path || !c->map_path || !c->data_path || !c->copy_path || !c->text) {
		c->rc = err_set(&c->err, ENOMEM, "image", "no memory to make a clone");
		c->work.ctx = v;
		on_made(&c->work);
		return;
	}
	c->work = (struct env_work){.run = make_run, .done = on_made, .ctx = v};
	env_work_submit(v->env, &c->work);
}

static void clone_go(struct ctl_waiter *w)
{
	struct layers *v = list_entry(w, struct layers, ctl.own);
	const struct manifest_snapshot *s = v->m ? manifest_snapshot(v->m, v->ctl.uuid) : NULL;
	struct manifest *next;
	struct err err;
	int rc = 0;

	if (!s || s->is_deleting)
		rc = err_set(&err, ENOENT, "snapshot", "the volume has no such snapshot");
	else if (v->m->merge_from == s->layer)
		rc = err_set(&err, EBUSY, "snapshot",
			     "snapshot %s is being moved into the layer below, "
			     "because the one before it was deleted; try again later",
			     s->name);
	else if (v->m->hold_count >= MANIFEST_HOLDS_MAX)
		rc = err_set(&err, ENOSPC, "snapshot",
			     "the volume has had %u clones; no more can be "
			     "kept track of",
			     v->m->hold_count);
	if (rc) {
		ctl_end(v, rc, &err);
		return;
	}
	next = manifest_copy(v->m);
	/* Those that let go are forgotten. */
	for (uint32_t i = next ? next->hold_count : 0; i-- > 0;)
		if (!tree_is_held_by(v->env, next->holds[i].path, v->image_path,
				     next->holds[i].layer))
			next->holds[i] = next->holds[--next->hold_count];
	if (next && manifest_add_hold(next, s->layer, v->ctl.clone_path)) {
		ctl_save(v, next, on_held);
		return;
	}
	manifest_free(next);
	fail(v);
}

void layer_clone(struct backend *b, const char *snapshot, const char *image_path, bool is_linked,
		 layer_fn fn, void *ctx)
{
	struct layers *v = layers_of(b);

	if (strlen(snapshot) >= LAYER_UUID_MAX || strlen(image_path) >= MANIFEST_PATH_MAX ||
	    strlen(v->image_path) >= MANIFEST_PATH_MAX) {
		ctl_refuse(v, fn, ctx, EINVAL, "the path of the clone's image is too long");
		return;
	}
	if (!v->ctl.fn && !v->ctl.is_prepared) {
		memcpy(v->ctl.clone_path, image_path, strlen(image_path) + 1);
		v->ctl.is_linked = is_linked;
	}
	ctl_begin_with(v, snapshot, fn, ctx, clone_go);
}
