/* SPDX-License-Identifier: MIT */
/*
 * loop.h - the event loop of control threads: descriptors, timers, messages from other threads.
 *
 * Not for the data path: workers have env. One descriptor is served per wait, so that a callback
 * may remove any watch, its own included, without a stale event following.
 *
 * Thread: the loop's own, except loop_post().
 */
#ifndef COMMON_LOOP_H
#define COMMON_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "err.h"
#include "list.h"

struct loop;

struct loop_fd {
	int fd;
	void (*fn)(struct loop_fd *w, uint32_t events); /* EPOLL* */
	void *ctx;
	bool is_added; /* loop's */
};

struct loop_timer {
	void (*fn)(struct loop_timer *t); /* not set any more; may be set again */
	void *ctx;
	uint64_t deadline_ns; /* loop's */
	struct list_node node;
	bool is_set; /* loop's */
};

struct loop_msg {
	void (*fn)(struct loop_msg *m); /* on the loop's thread, in the order of posting */
	void *ctx;
	struct loop_msg *next; /* loop's */
};

int must_check loop_create(struct loop **out, struct err *err);
void loop_free(struct loop *l);

int must_check loop_add(struct loop *l, struct loop_fd *w, uint32_t events);
void loop_change(struct loop *l, struct loop_fd *w, uint32_t events);
void loop_remove(struct loop *l, struct loop_fd *w); /* fine when not added; does not close */

void loop_timer_set(struct loop *l, struct loop_timer *t,
		    uint64_t deadline_ns);                    /* moves it when set */
void loop_timer_cancel(struct loop *l, struct loop_timer *t); /* fine when not set */

void loop_post(struct loop *l, struct loop_msg *m); /* Thread: any. m stays until its fn */

/* One wait of at most max_wait_ms, and what it brought. */
void loop_turn(struct loop *l, uint32_t max_wait_ms);

#endif
