/* SPDX-License-Identifier: MIT */
/* tables.c - all routes; and the one that needs nothing but a living process. */
#include "tables.h"

#include <errno.h>
#include <string.h>

static int healthz(struct request *q, struct reply *r, struct err *err)
{
	r->body = json_pack("{s:s}", "status", "ok");
	return 0;
}

/* One event of the stream is read by sse.c; here is only who may listen to what. */
static int stream(struct request *q, struct reply *r, struct err *err)
{
	const char *topics = request_query(q, "topics");

	r->is_sse = true;
	r->text = strdup(topics ? topics : "");
	return r->text ? 0 : err_set(err, ENOMEM, "", "no memory for a stream");
}

static const char *const stream_query[] = {"topics", NULL};

static const struct route here_routes[] = {
    {"GET", "/healthz", REST_PUBLIC, ROUTE_TOP, healthz, "system", NULL},
    {"GET", "/stream", REST_VIEWER, 0, stream, "system", stream_query},
    {.method = NULL},
};

const struct route *const rest_tables[] = {
    here_routes,
    datastores_routes,
    datastore_filters_routes,
    volumes_routes,
    volume_ops_routes,
    volume_cache_routes,
    volume_encryption_routes,
    volume_policy_routes,
    access_routes,
    hosts_routes,
    host_groups_routes,
    portals_routes,
    targets_routes,
    transfers_routes,
    snapshots_routes,
    snapshot_ops_routes,
    snapshot_volumes_routes,
    snapshot_groups_routes,
    snapshot_schedules_routes,
    policies_routes,
    compliance_routes,
    filters_routes,
    peers_routes,
    replications_routes,
    replication_ops_routes,
    keys_routes,
    key_providers_routes,
    key_provider_ops_routes,
    tasks_routes,
    events_routes,
    alerts_routes,
    stats_routes,
    webhooks_routes,
    settings_routes,
    config_routes,
    backups_routes,
    system_routes,
    unmanaged_routes,
    setup_routes,
    login_routes,
    users_routes,
    tokens_routes,
    web_sessions_routes,
    audit_routes,
    NULL,
};
