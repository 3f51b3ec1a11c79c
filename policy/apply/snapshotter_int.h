/* SPDX-License-Identifier: MIT */
/* snapshotter_int.h - what the snapshotter's files share; see snapshotter.h. */
#ifndef POLICY_SNAPSHOTTER_INT_H
#define POLICY_SNAPSHOTTER_INT_H

#include <pthread.h>
#include <stdbool.h>

#include "asks.h"
#include "filterd_client.h"
#include "notes.h"
#include "notice.h"
#include "snapshotter.h"
#include "store.h"

struct snapshotter {
	struct apply_cfg cfg;
	uint64_t (*now_ms)(void);
	struct notice notice;
	pthread_t thread;
	bool has_thread;
	pthread_mutex_t lock;
	pthread_cond_t cond;
	bool is_stopping, is_woken; /* lock */
	json_t *volumes;            /* lock: {volume: snapshotter_volume()} */
	/* the thread's */
	struct notes notes;
	struct filterd_client filterd;
	struct asks asks;
	json_t *waiting;  /* [names] of volumes that an earlier task waits for, in this round */
	json_t *deleting; /* [names] of volumes that have a deletion under way, in this round */
	json_t *lists;    /* {volume: filterd's answer}, asked in this round */
	json_t *later;    /* {task's id: when to try again, ms on the steady clock} */
	uint64_t sync_ns, all_ns, schedules_ns, retention_ns; /* next look */
};

/* ---------------------------------------------------------------- snapshotter.c */

/* filterd's snapshot.list of the volume, once in a round; NULL: it has none, or err says why.
 * Borrowed.
 */
const json_t *snapshotter_list(struct snapshotter *n, const char *volume, struct err *err);
/* Its item of this UUID, or NULL. */
const json_t *snapshotter_item(const json_t *list, const char *uuid);
/* The row is taken out, and its group with the last one. */
int must_check snapshotter_drop(struct snapshotter *n, const json_t *row, struct err *err);
json_t *snapshotter_row(struct snapshotter *n, const char *uuid); /* NULL: it is gone */

/* ---------------------------------------------------------------- the others */

void snapshotter_tasks_round(struct snapshotter *n);
/* The rows that the task makes or deletes: one, or a group's. */
json_t *snapshotter_rows_of(struct snapshotter *n, const json_t *task, struct err *err);
void snapshotter_try_later(struct snapshotter *n, const json_t *task, const char *text);
/* For asks_reap(). */
void snapshotter_ended(void *snapshotter, int64_t task_id, const json_t *answer,
		       const struct err *err);
void snapshotter_created(struct snapshotter *n, const json_t *task);
void snapshotter_sync_round(struct snapshotter *n);
/* One volume. */
void snapshotter_sync(struct snapshotter *n, const char *volume);
void snapshotter_schedules_round(struct snapshotter *n);
void snapshotter_retention(struct snapshotter *n, const json_t *schedule);

#endif
