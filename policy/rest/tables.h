/* SPDX-License-Identifier: MIT */
/* tables.h - the routes of every resource, one table a file. tables.c lists them for the router. */
#ifndef REST_TABLES_H
#define REST_TABLES_H

#include "rest.h"

extern const struct route datastores_routes[], datastore_filters_routes[], volumes_routes[],
    volume_ops_routes[], volume_cache_routes[], volume_encryption_routes[], volume_policy_routes[],
    access_routes[], hosts_routes[], host_groups_routes[], portals_routes[], targets_routes[],
    transfers_routes[], policies_routes[], compliance_routes[], filters_routes[], peers_routes[],
    replications_routes[], replication_ops_routes[], keys_routes[], key_providers_routes[],
    key_provider_ops_routes[], tasks_routes[], events_routes[], alerts_routes[], stats_routes[],
    webhooks_routes[], settings_routes[], config_routes[], backups_routes[], system_routes[],
    unmanaged_routes[], snapshots_routes[], snapshot_ops_routes[], snapshot_volumes_routes[],
    snapshot_groups_routes[], snapshot_schedules_routes[];
extern const struct route setup_routes[], login_routes[], users_routes[], tokens_routes[],
    web_sessions_routes[], audit_routes[];

#endif
