/* SPDX-License-Identifier: MIT */
/*
 * snapshots.h - what the resources about snapshots share, and what others ask about them.
 *
 *   snapshots.c          rows: list, make, change, delete; the tree
 *   snapshot_ops.c       revert, repair
 *   snapshot_volumes.c   clones and exposures
 *   snapshot_groups.c    several volumes at one point in time
 *   snapshot_schedules.c what makes them by itself
 *
 * Thread: main. JSON is returned as a new reference.
 */
#ifndef REST_SNAPSHOTS_H
#define REST_SNAPSHOTS_H

#include "rest.h"

/* Adds "clones" and "exposures", [names]. */
void snapshots_view(struct request *q, json_t *row);
/* The one that the path names, {name} and {snapshot}, after If-Match. */
json_t *snapshots_wanted(struct request *q, struct err *err);
/* The same, ready to be used: -EBUSY while it is being made or deleted, degraded or missing. */
json_t *snapshots_ready(struct request *q, struct err *err);
/* A volume of which a snapshot may be taken now: on a folder, not being deleted or copied, no
 * exposure. field: where a body names it; "" the path does. */
int must_check snapshots_may_take(struct request *q, const json_t *volume, const char *field,
				  struct err *err);
/* A row in state creating. schedule is not set. NULL with err. */
json_t *snapshots_insert(struct request *q, const char *volume, const char *name,
			 const char *description, const char *group, struct err *err);
/* -EBUSY, with their names, when volumes rest on it. */
int must_check snapshots_unused(struct request *q, const json_t *row, struct err *err);
/* State deleting, an event, a task of deletion. */
int must_check snapshots_delete(struct request *q, struct reply *r, const json_t *row,
				struct err *err);
/* "s-20260131T013000Z", in UTC: what a snapshot is called that nobody named. */
void snapshots_name_now(char out[32]);

/* Before a volume is deleted: -EBUSY when others rest on its snapshots, -EINVAL when it has any and
 * ?confirm_snapshots does not say how many. */
int must_check snapshots_may_go(struct request *q, const json_t *volume, struct err *err);
/* -EBUSY when the volume is a snapshot seen from outside, which nothing can be done to. */
int must_check snapshots_no_exposure(struct request *q, const json_t *volume, const char *what,
				     struct err *err);
/* store_volume_origin() for a volume's view. */
json_t *snapshots_origin(struct request *q, int64_t volume_id);

#endif
