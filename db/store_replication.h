/* SPDX-License-Identifier: MIT */
/*
 * store_replication.h - a replication and its volumes.
 *
 * Thread, errors: as store.h. JSON is returned as a new reference.
 */
#ifndef DB_STORE_REPLICATION_H
#define DB_STORE_REPLICATION_H

#include "store.h"

#define STORE_REPLICATION_MEMBERS_MAX 64u

/* [{"member", "volume", "uuid", "volume_id", "size_bytes"}] in the group's order. */
json_t *store_replication_members(struct store *s, int64_t replication_id, struct err *err);
int must_check store_replication_member_add(struct store *s, int64_t replication_id,
					    int64_t volume_id, int64_t member, struct err *err);
/* {"id", "name", "phase", "role", "initial_role", "group_uuid", "member", "peer"} of the one that
 * the volume belongs to, or null. */
json_t *store_volume_replication(struct store *s, int64_t volume_id, struct err *err);
/* The row with this group, or null. */
json_t *store_replication_of_group(struct store *s, const char *group_uuid, struct err *err);
/* The row and its members; the volumes stay. */
int must_check store_replication_drop(struct store *s, int64_t replication_id, struct err *err);

/* store_desired()'s part: "replication" {"name", "phase", "role", "initial_role", "peer"} of each
 * member, and its rule while it is attaching or active; "wants_replication" where a policy has a
 * rule of that class; all rows as "replications". */
int must_check store_replication_desired(struct store *s, json_t *all, struct err *err);

#endif
