/* SPDX-License-Identifier: MIT */
/*
 * snapshot.h - a filter asks its host for a snapshot of its own volume, as an operator would.
 *
 * Replication makes a primary's snapshots on the replica, too, under the same UUID: only it knows
 * when the replica's content is that of the snapshot. The volume's filters hear of it as of any
 * other (SLUICE_EVENT_SNAPSHOT): the one that has asked as well.
 *
 * Until fn the caller changes nothing of the volume by own I/O, or the snapshot would hold what it
 * does not want in it. Own I/O that is submitted while the host drains waits.
 *
 * Thread: owner worker.
 */
#ifndef SLUICE_SNAPSHOT_H
#define SLUICE_SNAPSHOT_H

#include "sluice/filter.h"

enum sluice_snapshot_what {
	SLUICE_SNAPSHOT_MAKE,   /* one with this UUID that is there already: 0 */
	SLUICE_SNAPSHOT_DELETE, /* marked so; its blocks are merged later. None there: 0 */
	SLUICE_SNAPSHOT_FIND,   /* 0: the volume has it; -ENOENT: it has not */
};

struct sluice_snapshot_call {
	enum sluice_snapshot_what what;
	const char *snapshot; /* UUID as text; copied */
	const char *name;     /* of MAKE; copied */
	/* MAKE: filters above may bring dirty data down for so long; then it fails. */
	uint32_t settle_ms;
	void (*fn)(struct sluice_snapshot_call *c, int result, const struct sluice_error *err);
	void *ctx;
	void *host; /* host's */
};

/*
 * The caller owns c, which must stay until fn.
 * Calls:  fn exactly once, never before return; -ECANCELED when f is detached first, with or
 *         without the snapshot being made
 * Errors: -EBUSY another request of the volume is under way: try again; -EOPNOTSUPP the volume can
 *         have none; a filter's or the datastore's refusal
 */
void sluice_snapshot_submit(struct sluice_filter *f, struct sluice_snapshot_call *c);

#endif
