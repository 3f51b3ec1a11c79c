/* SPDX-License-Identifier: MIT */
/*
 * snapshotter.h - makes, deletes and reverts snapshots as tasks ask for it, runs schedules and
 * their retention, and compares what the database knows of snapshots with what filterd has.
 *
 *   snapshotter.c            the thread, its rounds and its life
 *   snapshotter_tasks.c      tasks: snapshot.create, .delete, .revert, .repair
 *   snapshotter_ended.c      what became of a request that took long
 *   snapshotter_sync.c       a volume's list from filterd against the rows
 *   snapshotter_schedules.c  what is due
 *   snapshotter_retention.c  what a schedule does not keep
 *
 * A snapshot is no desired state that a boot restores: it is made once. What filterd has and no row
 * knows is adopted, what a row knows and filterd does not have is told as missing; neither is
 * deleted.
 *
 * Order of calls: start, stop. Thread: main's, what is declared here; the work is on a thread of
 * its own, with a store and a connection to filterd.
 */
#ifndef POLICY_SNAPSHOTTER_H
#define POLICY_SNAPSHOTTER_H

#include <jansson.h>
#include <stdint.h>

#include "err.h"
#include "reconciler.h"

struct snapshotter;

/* cfg (with its reconciler) outlives it. now_ms: the wall clock; NULL: clock_wall_ms(). */
int must_check snapshotter_start(const struct apply_cfg *cfg, uint64_t (*now_ms)(void),
				 struct snapshotter **out, struct err *err);
void snapshotter_wake(struct snapshotter *n); /* there may be something to do; NULL is fine */
void snapshotter_stop(struct snapshotter *n); /* NULL is fine */

/* As of the last look: {"is_degraded", "problem", "head": {"parent": UUID or "", "own_bytes"},
 * "seen_ms"}; NULL: not known. New reference. */
json_t *snapshotter_volume(struct snapshotter *n, const char *volume);

/* Names of tasks' objects: a snapshot is "web-1@before". */
#define SNAPSHOTTER_NAME_BYTES 170u
void snapshotter_name(const char *volume, const char *snapshot, char out[SNAPSHOTTER_NAME_BYTES]);

#endif
