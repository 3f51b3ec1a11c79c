/* SPDX-License-Identifier: MIT */
/*
 * cache.c - the filter's table: a cache in memory and on flash above a datastore.
 *
 * volume.h has the map of the other files.
 */
#include "command.h"
#include "group.h"
#include "request.h"
#include "settings.h"
#include "settle.h"
#include "sluice/filter.h"
#include "status.h"
#include "volume.h"

/* No reconfigure: other parameters mean another filter in this one's place, after a settle. */
static struct sluice_filter_ops cache_ops = {
    .abi = SLUICE_SDK_ABI,
    .struct_bytes = sizeof(cache_ops),
    .name = "cache",
    .version = "1",
    .help = "Reads from memory and flash; writes kept on flash before the datastore has them.",
    .cls = SLUICE_CLASS_CACHE,
    .op_mask = SLUICE_OPS_ALL,
    .io_ctx_bytes = sizeof(struct request),
    .params = settings_volume_params,
    .attach = volume_attach,
    .detach = volume_detach,
    .event = volume_event,
    .drain = volume_drain,
    .submit = request_submit,
    .done = request_done,
    .abort = request_abort,
    .settle = settle_settle,
    .command = command_run,
    .status = status_volume,
    .figures = status_figures,
    .group_params = settings_group_params,
    .group_create = group_create,
    .group_destroy = group_destroy,
    .group_reconfigure = group_reconfigure,
    .group_status = group_status,
};

const struct sluice_filter_ops *sluice_filter_entry(void)
{
	cache_ops.param_count = settings_volume_count;
	cache_ops.group_param_count = settings_group_count;
	return &cache_ops;
}
