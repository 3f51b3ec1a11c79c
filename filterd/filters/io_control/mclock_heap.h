/* SPDX-License-Identifier: MIT */
/*
 * mclock_heap.h - a binary heap of clients by a 64-bit key, smallest on top. Each client knows its
 * place in each heap, so that it can be moved and taken out from anywhere in O(log n). The key
 * stands beside the pointer: comparing touches no client.
 */
#ifndef IO_CONTROL_MCLOCK_HEAP_H
#define IO_CONTROL_MCLOCK_HEAP_H

#include <stdbool.h>
#include <stdint.h>

struct mclock_client;

enum mclock_heap_kind {
	MCLOCK_R, /* by reservation tag: those that a limit lets go */
	MCLOCK_L, /* by limit tag: those that wait for it */
	MCLOCK_P, /* by share tag: those that a limit lets go; one heap for each class */
	MCLOCK_KINDS,
};

#define MCLOCK_NOWHERE UINT32_MAX

struct mclock_entry {
	uint64_t key;
	struct mclock_client *client;
};

struct mclock_heap {
	struct mclock_entry *entries; /* room for all clients */
	uint32_t count;
	enum mclock_heap_kind kind;
};

/* In, or to its new place. */
void mclock_heap_set(struct mclock_heap *h, struct mclock_client *c, uint64_t key);
/* Nothing happens when it is not in. */
void mclock_heap_remove(struct mclock_heap *h, struct mclock_client *c);

#endif
