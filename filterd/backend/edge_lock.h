/* SPDX-License-Identifier: MIT */
/*
 * edge_lock.h - keeps a read-modify-write of an aligned block apart from every other change of that
 * block.
 *
 * On a disk whose direct I/O wants 4096 bytes, a write of 512 is a read and a write of 4096: two of
 * them in one block, or one and an aligned write, would undo one another. A change claims the
 * aligned blocks that it touches; claims conflict where they overlap and at least one has a partly
 * covered block. First come, first served among those that conflict. Used only where the alignment
 * is larger than a volume's block. Pure. Thread: owner worker.
 */
#ifndef BACKEND_EDGE_LOCK_H
#define BACKEND_EDGE_LOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "list.h"

struct edge_claim {
	struct list_node node;
	uint64_t start_bytes, end_bytes; /* aligned outwards */
	bool is_partial;                 /* does not cover all of its first or its last block */
	bool is_granting;                /* held, and not yet told */
	void (*granted)(struct edge_claim *c);
};

struct edge_lock {
	uint32_t align_bytes;
	struct list_node held;
	struct list_node waiting;
};

void edge_lock_init(struct edge_lock *l, uint32_t align_bytes);
/* True: held. False: granted() comes later. c->granted is set by the caller before. */
bool edge_lock_take(struct edge_lock *l, struct edge_claim *c, uint64_t offset_bytes,
		    uint64_t len_bytes);
/* Grants what can go on now, from inside the call. */
void edge_lock_drop(struct edge_lock *l, struct edge_claim *c);

#endif
