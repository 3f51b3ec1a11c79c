/* SPDX-License-Identifier: MIT */
/*
 * range_lock.h - who may touch which bytes of a volume, in order of arrival.
 *
 * Shared for reads, exclusive for writes; a request waits for each earlier one, held or waiting,
 * that overlaps it where one of the two is exclusive. So overlapping requests never overtake one
 * another. Allocates nothing: the lock is a node in its owner. Pure; thread: owner worker.
 *
 * One list in order of arrival holds both, held and waiting; a waiter counts the earlier entries
 * that block it, and each removal tells the later waiters. Nothing waiting means removal costs
 * nothing more; nothing exclusive means a shared request looks at nobody.
 */
#ifndef FILTERD_SCSI_RANGE_LOCK_H
#define FILTERD_SCSI_RANGE_LOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "list.h"

struct range_lock {
	struct list_node node; /* of range_locks.all */
	uint64_t start_bytes;
	uint64_t end_bytes; /* first byte behind */
	uint32_t blockers;  /* earlier entries that it waits for; 0 = held */
	bool is_exclusive;
	bool is_in; /* in the list: held or waiting */
	struct range_lock *next_granted;
};

struct range_locks {
	struct list_node all;
	uint32_t waiting;
	uint32_t exclusive; /* held or waiting */
};

void range_locks_init(struct range_locks *s);

/* True: held now. False: it waits, and some range_unlock() will return it. start_bytes < end_bytes.
 */
bool range_lock(struct range_locks *s, struct range_lock *l, uint64_t start_bytes,
		uint64_t end_bytes, bool is_exclusive);

/* Takes l out, held or waiting. Returns those that are held now because of it, linked by
 * next_granted in order of arrival. */
struct range_lock *range_unlock(struct range_locks *s, struct range_lock *l);

/* to takes the place of from, which is out afterwards. */
void range_lock_move(struct range_lock *to, struct range_lock *from);

#endif
