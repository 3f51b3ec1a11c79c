/* SPDX-License-Identifier: MIT */
/*
 * store_snapshots.h - snapshots of a volume, what is made of them, and schedules' volumes.
 *
 * Thread, errors: as store.h. JSON is returned as a new reference.
 */
#ifndef DB_STORE_SNAPSHOTS_H
#define DB_STORE_SNAPSHOTS_H

#include "store.h"

/* The snapshot of this name (or UUID) of this volume. NULL with -ENOENT in err. */
json_t *store_snapshot_get(struct store *s, const char *volume, const char *snapshot,
			   struct err *err);
/* The rows of one volume, oldest first; of one group; of one schedule, newest first. */
json_t *store_snapshots_of_volume(struct store *s, int64_t volume_id, struct err *err);
json_t *store_snapshots_of_group(struct store *s, int64_t group_id, struct err *err);
json_t *store_snapshots_of_schedule(struct store *s, int64_t schedule_id, struct err *err);
/* [{"name", "kind"}]: volumes that need the snapshot. */
json_t *store_snapshot_users(struct store *s, int64_t snapshot_id, struct err *err);
/* [{"name", "kind", "snapshot"}]: other volumes that need any snapshot of this one. */
json_t *store_volume_snapshot_users(struct store *s, int64_t volume_id, struct err *err);
/* [names] of volumes that have any snapshot, or may get one at any time: replicas do. */
json_t *store_volumes_with_snapshots(struct store *s, struct err *err);
bool store_volume_is_replicated(struct store *s, const char *volume, struct err *err);
/* [names] of volumes that sluice-filterd has had and that may have snapshots. */
json_t *store_volumes_created(struct store *s, struct err *err);
/* [{"id", "name", "uuid", "snapshot"}]: volumes that are there and being copied of this one's
 * snapshots, to stand alone afterwards. */
json_t *store_full_clones(struct store *s, const char *volume, struct err *err);
/* {"count", "own_bytes"} of a volume. */
json_t *store_snapshots_sum(struct store *s, int64_t volume_id, struct err *err);
/* [{"volume", "count", "own_bytes", "degraded"}] of all volumes that have any. */
json_t *store_snapshots_sums(struct store *s, struct err *err);

/* {"kind": "exposure" | "linked" | "full", "volume", "snapshot": UUID, "snapshot_name"}, or null.
 */
json_t *store_volume_origin(struct store *s, int64_t volume_id, struct err *err);
/* kind NULL: it does not need the snapshot any more. */
int must_check store_volume_origin_put(struct store *s, int64_t volume_id, int64_t snapshot_id,
				       const char *kind, struct err *err);

/* Rows of tasks that are queued or running and about snapshots, oldest first. */
json_t *store_snapshot_tasks(struct store *s, struct err *err);

/* What opens the volume now opens the snapshot. */
int must_check store_snapshot_key_note(struct store *s, int64_t snapshot_id, int64_t volume_id,
				       struct err *err);
/* The volume is opened by what opens the snapshot: a clone, an exposure, or itself after a revert.
 */
int must_check store_volume_key_of_snapshot(struct store *s, int64_t volume_id, int64_t snapshot_id,
					    struct err *err);

/* All rows. */
json_t *store_schedules(struct store *s, struct err *err);
/* [names] that were listed for the schedule; all that it is for, policy included: [{"id", "name"}].
 */
json_t *store_schedule_listed(struct store *s, int64_t schedule_id, struct err *err);
json_t *store_schedule_volumes(struct store *s, int64_t schedule_id, struct err *err);
/* names: JSON array; replaces what was listed. -ENOENT names the one that is missing. */
int must_check store_schedule_set(struct store *s, int64_t schedule_id, const json_t *names,
				  struct err *err);

/* store_desired()'s part: what a volume came from as "snapshot_of", of an exposure, whose rules are
 * only what its data is unreadable without; or as "clone_from". */
int must_check store_snapshots_desired(struct store *s, json_t *all, struct err *err);

#endif
