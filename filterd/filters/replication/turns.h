/* SPDX-License-Identifier: MIT */
/*
 * turns.h - what touches the same blocks is done in the order in which it came. Pure.
 *
 * First come, first served: who has to wait for a range makes all that came later wait, so that a
 * barrier is no more than a range that is everything.
 *
 * Thread: the group's worker.
 */
#ifndef REPLICATION_TURNS_H
#define REPLICATION_TURNS_H

#include <stdbool.h>
#include <stdint.h>

struct turn {
	uint16_t member;
	bool is_barrier; /* all before it have ended, none after it has started */
	uint64_t offset_bytes, len_bytes;
	/* It is its turn; maybe before turns_push() returns. */
	void (*start)(struct turn *t);
	void *ctx;
	struct turn *next, *prev; /* turns.c's */
};

struct turns {
	struct turn *waiting, **waiting_last;
	struct turn *running;
	uint32_t waiting_count, running_count;
	uint32_t max_running;
	bool is_starting;
};

void turns_init(struct turns *q, uint32_t max_running);
void turns_push(struct turns *q, struct turn *t);
/* It has ended; others may start before this returns. */
void turns_end(struct turns *q, struct turn *t);
bool turns_is_idle(const struct turns *q);

#endif
