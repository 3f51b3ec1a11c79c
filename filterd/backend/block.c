/* SPDX-License-Identifier: MIT */
/* block.c - a volume is a block device, all of it; it grows when the device does. */
#include <stddef.h>

#include "disk.h"

static int block_open(struct env *e, const struct backend_cfg *cfg, struct backend **out,
		      struct err *err)
{
	return disk_open(e, cfg, &backend_block, out, err);
}

/* The device is there already: only whether it would do is checked. All of its space is reserved.
 */
static int block_create(struct env *e, const struct backend_cfg *cfg, bool is_full, struct err *err)
{
	struct backend *b;
	int rc = block_open(e, cfg, &b, err);

	if (rc)
		return rc;
	b->ops->close(b);
	return 0;
}

const struct backend_ops backend_block = {
    .name = "block",
    .op_mask = SLUICE_OPS_ALL,
    .create = block_create,
    .open = block_open,
    .close = disk_close,
    .submit = disk_submit,
    .grow = disk_grow,
};
