/* SPDX-License-Identifier: MIT */
/*
 * metrics.h - /metrics: OpenMetrics 1.0 text, for Prometheus and the like.
 *
 * Thread: main.
 */
#ifndef REST_METRICS_H
#define REST_METRICS_H

#include <jansson.h>

struct app;

#define METRICS_CONTENT_TYPE "application/openmetrics-text; version=1.0.0; charset=utf-8"

/* The whole text, "# EOF" at its end; the caller frees. NULL: no memory. */
char *metrics_text(struct app *app);

/*
 * The same from facts; pure. All members may be absent: {"figures": sampler_figures(),
 * "datastore_filters": sampler_datastores(), "chains": sampler_chains(), "datastores": [rows],
 * "volumes": [rows], "snapshots": store_snapshots_sums(), "sessions": [...], "alerts": [open ones],
 * "health": reconciler_health(), "tasks": {state: count}, "compliance": {status: count},
 * "uptime_s"}
 */
char *metrics_write(const json_t *facts);

#endif
