/* SPDX-License-Identifier: MIT */
/* dir.c - a volume is a sparse file in a directory. */
#include <errno.h>
#include <stddef.h>

#include "disk.h"

static int dir_create(struct env *e, const struct backend_cfg *cfg, bool is_full, struct err *err)
{
	struct env_open how = {
	    .path = cfg->path,
	    .flags = ENV_OPEN_CREATE | ENV_OPEN_LOCK | (is_full ? ENV_OPEN_FULL : 0),
	};
	struct env_file *f;
	int rc;

	if (cfg->size_bytes == 0 || cfg->block_bytes == 0 || cfg->size_bytes % cfg->block_bytes)
		return err_set(err, EINVAL, "size_bytes",
			       "%llu bytes are not a positive multiple of the block size, %u",
			       (unsigned long long)cfg->size_bytes, cfg->block_bytes);
	if (cfg->size_bytes > INT64_MAX - DISK_IMAGE_UNIT_BYTES)
		return err_set(err, EFBIG, "size_bytes", "%llu bytes are more than a file may have",
			       (unsigned long long)cfg->size_bytes);
	how.size_bytes = (cfg->size_bytes + DISK_IMAGE_UNIT_BYTES - 1) / DISK_IMAGE_UNIT_BYTES *
			 DISK_IMAGE_UNIT_BYTES;
	rc = env_file_open(e, &how, &f, err);
	if (rc)
		return rc;
	env_file_close(e, f);
	return 0;
}

static int dir_open(struct env *e, const struct backend_cfg *cfg, struct backend **out,
		    struct err *err)
{
	return disk_open(e, cfg, &backend_dir, out, err);
}

const struct backend_ops backend_dir = {
    .name = "dir",
    .op_mask = SLUICE_OPS_ALL,
    .create = dir_create,
    .open = dir_open,
    .close = disk_close,
    .submit = disk_submit,
    .grow = disk_grow,
};
