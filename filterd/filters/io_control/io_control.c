/* SPDX-License-Identifier: MIT */
/*
 * io_control.c - the filter's table: limits, reservations and shares of a datastore's volumes.
 *
 *   settings.c   parameters                    volume.c   one volume: hold, let go, count
 *   group.c      one datastore: pump, timers   status.c   figures
 *   mclock.h     who is next                   control.h  how many at once
 */
#include "settings.h"
#include "sluice/filter.h"
#include "status.h"
#include "volume.h"

static struct sluice_filter_ops io_control_ops = {
    .abi = SLUICE_SDK_ABI,
    .struct_bytes = sizeof(io_control_ops),
    .name = "io_control",
    .version = "1",
    .help = "Limits, reservations, and shares of a congested datastore.",
    .cls = SLUICE_CLASS_IO_CONTROL,
    .op_mask = SLUICE_OPS_ALL,
    .flags = SLUICE_FILTER_TRANSPARENT,
    .io_ctx_bytes = sizeof(struct request),
    .params = settings_volume_params,
    .attach = volume_attach,
    .detach = volume_detach,
    .reconfigure = volume_reconfigure,
    .drain = volume_drain,
    .submit = volume_submit,
    .done = volume_done,
    .abort = volume_abort,
    .status = status_volume,
    .figures = status_figures,
    .group_params = settings_group_params,
    .group_create = group_create,
    .group_destroy = group_destroy,
    .group_reconfigure = group_reconfigure,
    .group_status = status_group,
};

const struct sluice_filter_ops *sluice_filter_entry(void)
{
	io_control_ops.param_count = settings_volume_count;
	io_control_ops.group_param_count = settings_group_count;
	return &io_control_ops;
}
