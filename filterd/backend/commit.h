/* SPDX-License-Identifier: MIT */
/*
 * commit.h - group commit: writes that finished share one flush of their file.
 *
 * At most one SYNC is under way, and who comes meanwhile gathers for the next one. A SYNC is begun
 * by a post to oneself, so that all that ends in one turn of the worker shares it.
 *
 *   commit_wait ──▶ gathering ──(no SYNC runs; post)──▶ syncing ──(SYNC's end)──▶ fn
 *
 * Safe because a SYNC is submitted only after everything that waits for it has been written
 * (RING-2), and because a failed SYNC is for ever: the kernel forgets which pages it lost, a second
 * SYNC would succeed. State machine over env only; the simulator runs it as it is. Thread: owner
 * worker.
 */
#ifndef BACKEND_COMMIT_H
#define BACKEND_COMMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "env.h"
#include "list.h"

struct commit_waiter {
	struct list_node node;
	void (*fn)(struct commit_waiter *w, int result); /* 0; -errno: the SYNC failed, for ever */
};

struct commit {
	struct env *env;
	struct env_file *file;
	void (*failed)(void *ctx, int result); /* once, before the waiters are told */
	void *ctx;
	struct list_node gathering;
	struct list_node syncing;
	struct env_io sync;
	struct env_msg post;
	bool is_syncing;
	bool is_posted;
	bool is_dirty; /* something was written since the last SYNC began */
	int failure;   /* 0, or the -errno of the SYNC that failed */
	uint64_t sync_count;
	uint64_t waiter_count;
};

/* Dirty at first: an earlier process may have written and not flushed. */
void commit_init(struct commit *c, struct env *env, struct env_file *file,
		 void (*failed)(void *ctx, int result), void *ctx);
/* A write, or anything that changes the file, has ended. */
void commit_note_write(struct commit *c);
/*
 * Everything noted before the call is persistent when fn comes. Nothing is done for a clean file.
 * Calls: w->fn exactly once, possibly before return.
 */
void commit_wait(struct commit *c, struct commit_waiter *w);
/* No waiter, no SYNC and no post is under way. */
bool commit_is_idle(const struct commit *c);

#endif
