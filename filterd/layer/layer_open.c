/* SPDX-License-Identifier: MIT */
/* layer_open.c - opening, closing and growing a volume, plain or of layers. */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "layer_int.h"

/* ---------------------------------------------------------------- the engine's parts */

static void on_flush_failed(void *ctx, int result)
{
	ctl_fail(ctx, "a flush failed", result);
}

void layer_open_head(struct layers *v, struct layer *head, bool is_new)
{
	v->head = head;
	commit_init(&v->commit, v->env, head->data, on_flush_failed, v);
	mapflush_set_file(v, head->map, is_new);
}

static int edges_open(struct layers *v, struct err *err)
{
	void *memory;

	list_init(&v->edges_waiting);
	edge_lock_init(&v->locks, BLOCK_BYTES);
	if (posix_memalign(&memory, BLOCK_BYTES, (size_t)EDGES * BLOCK_BYTES))
		return err_set(err, ENOMEM, "", "no memory to complete blocks");
	v->edges_memory = memory;
	for (v->edge_count = 0; v->edge_count < EDGES; v->edge_count++)
		v->edges[v->edge_count] = v->edges_memory + (size_t)v->edge_count * BLOCK_BYTES;
	return 0;
}

int layer_open_engine(struct layers *v, struct err *err)
{
	/* Requests name their files; all of them are read and written in whole blocks. */
	struct env_file blocks = {.align_bytes = BLOCK_BYTES};
	int rc;

	if (v->edges_memory)
		return 0;
	rc = pages_open(v, err);
	if (rc == 0)
		rc = mapflush_open(v, err);
	if (rc == 0)
		rc = bounce_open(&v->bounce, v->env, &blocks, err);
	return rc ? rc : edges_open(v, err);
}

static void layers_free(struct layers *v)
{
	tree_close_all(v);
	pages_close(v);
	mapflush_close(v);
	merge_close(v);
	bounce_close(&v->bounce);
	if (v->plain)
		v->plain->ops->close(v->plain);
	manifest_free(v->m);
	free(v->edges_memory);
	free(v->by_id);
	free(v->image_path);
	free(v->groups_path);
	free(v);
}

/* ---------------------------------------------------------------- open */

static int is_decided(struct layers *v, bool *is_yes, struct err *err)
{
	char *path = NULL, *text = NULL;
	size_t len_bytes;
	int rc = -ENOENT;

	if (v->groups_path && asprintf(&path, "%s/%s", v->groups_path, v->m->pending_group) < 0)
		return err_set(err, ENOMEM, "", "out of memory");
	if (path)
		rc = env_text_read(v->env, path, 1u << 20, &text, &len_bytes, err);
	free(path);
	free(text);
	*is_yes = rc == 0 || LAYER_MUTATE(PENDING_IS_YES);
	if (LAYER_MUTATE(PENDING_IS_NO))
		*is_yes = false;
	return rc == -ENOENT ? 0 : rc;
}

/* Before the first write, since the copy may not know the layer that takes it. A process that was
 * killed between the two left it behind. */
static void secure(struct layers *v, const char *text, size_t len_bytes)
{
	char *path = tree_manifest_path(v->image_path, true), *copy = NULL;
	size_t copy_bytes = 0;
	bool is_same =
	    path &&
	    env_text_read(v->env, path, MANIFEST_BYTES_MAX, &copy, &copy_bytes, NULL) == 0 &&
	    copy_bytes == len_bytes && memcmp(copy, text, len_bytes) == 0;

	if (!LAYER_MUTATE(COPY_NOT_AT_OPEN))
		v->is_copy_behind =
		    !is_same && (!path || env_text_write(v->env, path, text, len_bytes, NULL));
	free(copy);
	free(path);
}

/* A snapshot was under way when the last process ended: now it is, or it never was. The copy goes
 * first: one that says "pending" would have it carried out. */
static int settle(struct layers *v, struct err *err)
{
	char *path = tree_manifest_path(v->image_path, false), *text = NULL;
	size_t len_bytes = 0;
	bool is_yes = false, is_pending = v->m->pending_group[0] != '\0';
	int rc = path ? 0 : err_set(err, ENOMEM, "", "out of memory");

	if (rc == 0 && is_pending)
		rc = is_decided(v, &is_yes, err);
	if (rc == 0 && is_pending && !manifest_decide(v->m, is_yes))
		rc = err_set(err, ENOMEM, "", "out of memory");
	if (rc == 0 && !v->is_readonly) {
		text = manifest_print(v->m, &len_bytes);
		rc = text ? 0 : err_set(err, ENOMEM, "", "out of memory");
	}
	if (text) {
		secure(v, text, len_bytes);
		rc = is_pending ? env_text_write(v->env, path, text, len_bytes, err) : 0;
	}
	free(text);
	free(path);
	return rc;
}

static int find_size(struct layers *v, const struct backend_cfg *cfg, uint64_t there_bytes,
		     struct err *err)
{
	uint64_t size = cfg->size_bytes ? cfg->size_bytes : there_bytes;

	if (cfg->block_bytes == 0 || size % cfg->block_bytes)
		return err_set(err, EINVAL, "size_bytes",
			       "%llu bytes are not a multiple of the block size, %u",
			       (unsigned long long)size, cfg->block_bytes);
	if (size > there_bytes)
		return err_set(err, EINVAL, "size_bytes",
			       "the layers of %s have %llu bytes, its "
			       "volume %llu: the end is missing",
			       v->image_path, (unsigned long long)there_bytes,
			       (unsigned long long)size);
	v->b.size_bytes = size;
	return 0;
}

static int open_layered(struct layers *v, const struct backend_cfg *cfg, uint32_t number,
			struct err *err)
{
	struct layer *head = NULL;
	int rc = tree_open_chain(v, v->image_path, v->m, number, false, &head, err);

	if (rc == 0)
		rc = layer_open_engine(v, err);
	if (rc == 0)
		rc = find_size(v, cfg, manifest_layer(v->m, number)->size_bytes, err);
	if (rc)
		return rc;
	v->own_blocks = manifest_layer(v->m, number)->own_blocks;
	if (v->is_readonly)
		v->head = head;
	else
		layer_open_head(v, head, false);
	v->is_layered = true;
	return 0;
}

static int read_tree(struct layers *v, struct err *err)
{
	int rc = tree_read_manifest(v->env, v->image_path, &v->m, err);

	/* A view says of it what the volume would. */
	return rc ? rc : settle(v, err);
}

static int open_view(struct layers *v, const struct backend_cfg *cfg, struct err *err)
{
	const struct manifest_snapshot *s;
	bool is_again;
	int rc;

	do {
		rc = read_tree(v, err);
		s = rc == 0 ? manifest_snapshot(v->m, cfg->snapshot) : NULL;
		if (rc == -ENOENT || (rc == 0 && (!s || s->is_deleting)))
			return err_set(err, ENOENT, "snapshot", "%s has no snapshot %s",
				       v->image_path, cfg->snapshot);
		if (rc == 0)
			rc = open_layered(v, cfg, s->layer, err);
		is_again =
		    s && rc == -EUCLEAN && tree_has_gone_on(v, v->image_path, v->m, s->layer);
		if (is_again) {
			tree_close_all(v);
			manifest_free(v->m);
			v->m = NULL;
		}
	} while (is_again);
	return rc;
}

static int open_what(struct layers *v, const struct backend_cfg *cfg, struct err *err)
{
	int rc;

	if (v->is_view)
		return open_view(v, cfg, err);
	rc = read_tree(v, err);
	if (rc && rc != -ENOENT)
		return rc;
	if (v->m && manifest_layer(v->m, v->m->head)->has_map)
		return open_layered(v, cfg, v->m->head, err);
	rc = backend_dir.open(v->env, cfg, &v->plain, err);
	if (rc == 0) {
		v->b.size_bytes = v->plain->size_bytes;
		((struct disk *)v->plain)->outer = &v->b;
	}
	return rc;
}

static int layers_open(struct env *e, const struct backend_cfg *cfg, struct backend **out,
		       struct err *err)
{
	struct layers *v = calloc(1, sizeof(*v));
	int rc;

	if (!v)
		return err_set(err, ENOMEM, "", "out of memory");
	v->env = e;
	v->b.ops = &backend_layers;
	v->b.io_ctx_bytes = sizeof(struct layer_io) > sizeof(struct disk_io)
				? sizeof(struct layer_io)
				: sizeof(struct disk_io);
	list_init(&v->open_layers);
	list_init(&v->leaving);
	list_init(&v->ctl.waiting);
	list_init(&v->ctl.gate);
	v->is_view = cfg->snapshot != NULL;
	v->is_readonly = cfg->is_readonly || v->is_view;
	v->is_durable = cfg->write_cache == WRITE_CACHE_DURABLE;
	v->is_buffered = cfg->is_buffered;
	v->block_bytes = cfg->block_bytes;
	v->image_path = strdup(cfg->path);
	v->groups_path = cfg->groups_path ? strdup(cfg->groups_path) : NULL;
	v->by_id = calloc(LAYER_MAX + 1, sizeof(*v->by_id));
	rc = v->image_path && v->by_id && (v->groups_path || !cfg->groups_path)
		 ? open_what(v, cfg, err)
		 : err_set(err, ENOMEM, "", "out of memory");
	if (rc) {
		layers_free(v);
		return rc;
	}
	*out = &v->b;
	merge_kick(v);
	return 0;
}

static void layers_close(struct backend *b)
{
	struct layers *v = layers_of(b);

	assert(!v->ctl.is_locked && v->ctl.changes == 0 && !v->merge.is_running && !v->is_sweeping);
	layers_free(v);
}

static void on_merge_stopped(void *ctx)
{
	struct layers *v = ctx;
	void (*fn)(void *to) = v->stopped;

	if (v->is_sweeping)
		return; /* tree.c says when */
	v->stopped = NULL;
	fn(v->stopped_ctx);
}

void layer_stop(struct backend *b, void (*fn)(void *ctx), void *ctx)
{
	struct layers *v = layers_of(b);

	v->stopped = fn;
	v->stopped_ctx = ctx;
	merge_stop(v, on_merge_stopped, v);
}

/* ---------------------------------------------------------------- grow */

static void grow_end(struct layers *v, int rc)
{
	void (*fn)(void *ctx, int result) = v->grow.fn;

	v->grow.fn = NULL;
	if (rc == 0) {
		v->b.size_bytes = v->grow.new_size_bytes;
		v->head->size_bytes = v->grow.new_size_bytes;
	}
	ctl_unlock(v);
	merge_kick(v);
	fn(v->grow.ctx, rc);
}

static void on_saved(struct layers *v, int rc, const struct err *err)
{
	grow_end(v, rc);
}

static void grow_save(struct layers *v)
{
	struct manifest *next = manifest_copy(v->m);

	if (!next) {
		grow_end(v, -ENOMEM);
		return;
	}
	manifest_layer(next, next->head)->size_bytes = v->grow.new_size_bytes;
	ctl_save(v, next, on_saved);
}

static void on_map_flushed(struct commit_waiter *w, int result)
{
	struct layers *v = list_entry(w, struct layers, grow.waiter);

	if (result)
		grow_end(v, -EIO);
	else
		grow_save(v);
}

static void on_data_flushed(struct commit_waiter *w, int result)
{
	struct layers *v = list_entry(w, struct layers, grow.waiter);

	if (result) {
		grow_end(v, -EIO);
		return;
	}
	v->grow.waiter.fn = on_map_flushed;
	commit_note_write(&v->mapflush.commit);
	commit_wait(&v->mapflush.commit, &v->grow.waiter);
}

static void on_map_resized(struct env_io *io)
{
	struct layers *v = io->ctx;

	if (io->result) {
		grow_end(v, io->result);
		return;
	}
	if (LAYER_MUTATE(GROW_NOT_FLUSHED)) {
		grow_save(v);
		return;
	}
	v->grow.waiter.fn = on_data_flushed;
	commit_note_write(&v->commit);
	commit_wait(&v->commit, &v->grow.waiter);
}

static void resize(struct layers *v, struct env_file *f, uint64_t size_bytes,
		   void (*done)(struct env_io *io))
{
	v->grow.io = (struct env_io){
	    .op = ENV_IO_RESIZE, .file = f, .offset_bytes = size_bytes, .done = done, .ctx = v};
	if (size_bytes <= f->size_bytes)
		done(&v->grow.io); /* an earlier attempt did it */
	else
		env_io_submit(v->env, &v->grow.io);
}

static void on_data_resized(struct env_io *io)
{
	struct layers *v = io->ctx;

	if (io->result)
		grow_end(v, io->result);
	else
		resize(v, v->head->map, tree_map_bytes(v->grow.new_size_bytes), on_map_resized);
}

static void grow_go(struct ctl_waiter *w)
{
	struct layers *v = list_entry(w, struct layers, ctl.own);

	/* While it waited for a merge: the manifest's head may be another one than ours then. */
	if (v->b.is_failed) {
		grow_end(v, -EIO);
		return;
	}
	resize(v, v->head->data, tree_file_bytes(v->grow.new_size_bytes), on_data_resized);
}

static void on_plain_grown(void *ctx, int result)
{
	struct layers *v = ctx;
	void (*fn)(void *to, int rc) = v->grow.fn;

	v->grow.fn = NULL;
	v->b.size_bytes = v->plain->size_bytes;
	fn(v->grow.ctx, result);
}

static int grow_check(const struct layers *v, uint64_t new_size_bytes)
{
	if (v->grow.fn || (v->ctl.is_locked && v->ctl.is_control))
		return -EBUSY;
	if (new_size_bytes < v->b.size_bytes || new_size_bytes % v->block_bytes)
		return -EINVAL;
	if (new_size_bytes > INT64_MAX - (1u << 30))
		return -EFBIG;
	if (v->is_readonly)
		return -EROFS;
	return v->b.is_failed ? -EIO : 0;
}

static void layers_grow(struct backend *b, uint64_t new_size_bytes,
			void (*fn)(void *ctx, int result), void *ctx)
{
	struct layers *v = layers_of(b);
	int rc = grow_check(v, new_size_bytes);

	if (rc || (v->is_layered && new_size_bytes == b->size_bytes)) {
		fn(ctx, rc);
		return;
	}
	v->grow.new_size_bytes = new_size_bytes;
	v->grow.fn = fn;
	v->grow.ctx = ctx;
	if (!v->is_layered) {
		v->plain->ops->grow(v->plain, new_size_bytes, on_plain_grown, v);
		return;
	}
	v->ctl.own = (struct ctl_waiter){.fn = grow_go, .is_control = true};
	rc = ctl_lock(v, &v->ctl.own);
	if (rc) {
		v->grow.fn = NULL;
		fn(ctx, rc);
	}
}

static int layers_create(struct env *e, const struct backend_cfg *cfg, bool is_full,
			 struct err *err)
{
	return backend_dir.create(e, cfg, is_full, err);
}

const struct backend_ops backend_layers = {
    .name = "layers",
    .op_mask = SLUICE_OPS_ALL,
    .create = layers_create,
    .open = layers_open,
    .close = layers_close,
    .submit = layer_io_submit,
    .grow = layers_grow,
};
