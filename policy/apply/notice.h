/* SPDX-License-Identifier: MIT */
/*
 * notice.h - how a thread tells main that there is something new to look at: any number of times,
 * and main looks once.
 *
 * Thread: notice_post() any; the others main's, outside of the loop's callbacks.
 */
#ifndef POLICY_NOTICE_H
#define POLICY_NOTICE_H

#include <stdatomic.h>

#include "loop.h"

struct notice {
	struct loop *loop; /* NULL: nobody wants to know */
	void (*fn)(void *ctx);
	void *ctx;
	struct loop_msg msg;
	atomic_bool is_posted; /* msg is on its way; cleared before fn, so that nothing is missed */
};

void notice_init(struct notice *n, struct loop *loop, void (*fn)(void *ctx), void *ctx);
void notice_post(struct notice *n);
/* Nobody posts any more: lets the loop run what is on its way, so that n may go. */
void notice_drain(struct notice *n);

#endif
