/* SPDX-License-Identifier: MIT */
/* notice.c - see notice.h. */
#include "notice.h"

#include <string.h>

static void arrived(struct loop_msg *m)
{
	struct notice *n = m->ctx;

	atomic_store_explicit(&n->is_posted, false, memory_order_release);
	n->fn(n->ctx);
}

void notice_init(struct notice *n, struct loop *loop, void (*fn)(void *ctx), void *ctx)
{
	memset(n, 0, sizeof(*n));
	n->loop = fn ? loop : NULL;
	n->fn = fn;
	n->ctx = ctx;
	n->msg.fn = arrived;
	n->msg.ctx = n;
	atomic_init(&n->is_posted, false);
}

void notice_post(struct notice *n)
{
	if (n->loop && !atomic_exchange_explicit(&n->is_posted, true, memory_order_acq_rel))
		loop_post(n->loop, &n->msg);
}

void notice_drain(struct notice *n)
{
	while (atomic_load_explicit(&n->is_posted, memory_order_acquire))
		loop_turn(n->loop, 0);
}
