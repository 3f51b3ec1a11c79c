/* SPDX-License-Identifier: MIT */
/* disk_open.c - opening and closing a volume on a file or device. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "disk.h"

static int file_open(struct env *e, const struct backend_cfg *cfg, bool is_direct,
		     struct env_file **out, struct err *err)
{
	struct env_open how = {.path = cfg->path, .flags = ENV_OPEN_LOCK};

	if (is_direct)
		how.flags |= ENV_OPEN_DIRECT;
	if (cfg->is_readonly)
		how.flags |= ENV_OPEN_READONLY;
	return env_file_open(e, &how, out, err);
}

static int check_kind(const struct backend_cfg *cfg, const struct backend_ops *ops,
		      const struct env_file *f, struct err *err)
{
	bool wants_device = ops == &backend_block;

	if (f->is_block_device == wants_device)
		return 0;
	return err_set(
	    err, EINVAL, "path",
	    wants_device ? "%s is a file, not a block device; put it in a datastore of type dir"
			 : "%s is a block device, not an image file; use a datastore of type block",
	    cfg->path);
}

/* The volume's size, or -errno. */
static int find_size(const struct backend_cfg *cfg, const struct env_file *f, uint64_t *out,
		     struct err *err)
{
	uint64_t size =
	    cfg->size_bytes ? cfg->size_bytes : f->size_bytes / cfg->block_bytes * cfg->block_bytes;

	if (size == 0)
		return err_set(err, EINVAL, "size_bytes", "%s is empty: %llu bytes, a block has %u",
			       cfg->path, (unsigned long long)f->size_bytes, cfg->block_bytes);
	if (size % cfg->block_bytes)
		return err_set(err, EINVAL, "size_bytes",
			       "%llu bytes are not a multiple of the block size, %u",
			       (unsigned long long)size, cfg->block_bytes);
	if (size > f->size_bytes)
		return err_set(
		    err, EINVAL, "size_bytes",
		    "%s has %llu bytes, its volume %llu: the end is missing; restore the "
		    "image, or enlarge it if nothing was ever written there",
		    cfg->path, (unsigned long long)f->size_bytes, (unsigned long long)size);
	*out = size;
	return 0;
}

/* Whole aligned blocks up to the volume's end are there to be read, changed and written. */
static bool has_aligned_end(const struct env_file *f, uint64_t size_bytes)
{
	uint64_t mask = (uint64_t)f->align_bytes - 1;

	return ((size_bytes + mask) & ~mask) <= f->size_bytes;
}

static int prepare(struct disk *d, const struct backend_cfg *cfg, struct err *err)
{
	uint64_t size = 0;
	int rc = check_kind(cfg, d->b.ops, d->file, err);

	if (rc == 0)
		rc = find_size(cfg, d->file, &size, err);
	if (rc == 0 && !has_aligned_end(d->file, size)) {
		/* An odd image that came from elsewhere: the page cache takes it as it is. */
		env_file_close(d->env, d->file);
		d->file = NULL;
		rc = file_open(d->env, cfg, false, &d->file, err);
	}
	if (rc == 0 && d->file->align_bytes > 1)
		rc = bounce_open(&d->bounce, d->env, d->file, err);
	if (rc)
		return rc;
	d->b.size_bytes = size;
	d->block_bytes = cfg->block_bytes;
	d->has_edges = d->file->align_bytes > cfg->block_bytes;
	d->is_durable = cfg->write_cache == WRITE_CACHE_DURABLE;
	edge_lock_init(&d->edges, d->file->align_bytes);
	commit_init(&d->commit, d->env, d->file, disk_on_sync_failed, d);
	return 0;
}

int disk_open(struct env *e, const struct backend_cfg *cfg, const struct backend_ops *ops,
	      struct backend **out, struct err *err)
{
	struct disk *d;
	int rc;

	if (cfg->block_bytes == 0)
		return err_set(err, EINVAL, "block_bytes", "a volume's block cannot have 0 bytes");
	d = calloc(1, sizeof(*d));
	if (!d)
		return err_set(err, ENOMEM, "", "out of memory");
	d->env = e;
	d->b.ops = ops;
	d->b.io_ctx_bytes = sizeof(struct disk_io);
	rc = file_open(e, cfg, !cfg->is_buffered, &d->file, err);
	if (rc == 0)
		rc = prepare(d, cfg, err);
	if (rc) {
		bounce_close(&d->bounce);
		if (d->file)
			env_file_close(e, d->file);
		free(d);
		return rc;
	}
	*out = &d->b;
	return 0;
}

void disk_close(struct backend *b)
{
	struct disk *d = (struct disk *)b;

	assert(commit_is_idle(&d->commit) && !d->grow.fn);
	assert(list_is_empty(&d->edges.held) && list_is_empty(&d->edges.waiting));
	bounce_close(&d->bounce);
	env_file_close(d->env, d->file);
	free(d);
}
