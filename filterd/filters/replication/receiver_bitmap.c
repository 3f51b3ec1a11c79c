/* SPDX-License-Identifier: MIT */
/*
 * receiver_bitmap.c - rejoin: an old primary tells the new one which of its own blocks may differ
 * from the point that they have in common. Frames of ranges, as fast as there is room; the last one
 * says so, even if it is empty.
 */
#include "frame_out.h"
#include "receiver_int.h"

#include <stdlib.h>

#define RANGES_MAX       2048u
#define PAUSE_NS         5000000ull
#define QUEUED_MAX_BYTES (256u << 10)

static bool gather(void *ctx, const struct repl_range *range)
{
	struct repl_receiver *r = ctx;

	r->bitmap_ranges[r->bitmap_count++] = *range;
	return r->bitmap_count < RANGES_MAX;
}

static void send_some(struct repl_timer *t)
{
	struct repl_receiver *r = t->ctx;
	const struct repl_host_ops *ops = r->host->ops;

	while (r->is_bitmap_due && receiver_is_up(r)) {
		struct repl_header h;
		size_t bytes;
		bool is_last;

		/* What is under way to the own volumes has its bits when it has ended. */
		if (group_out(r->group, SLUICE_LINK_DATA)->queued_bytes > QUEUED_MAX_BYTES ||
		    group_is_busy(r->group)) {
			ops->timer_set(r->host->ctx, t, ops->now_ns(r->host->ctx) + PAUSE_NS);
			return;
		}
		r->bitmap_count = 0;
		is_last = !group_may_differ(r->group, &r->bitmap_at, gather, r);
		bytes = r->bitmap_count * sizeof(struct repl_range);
		frame_begin(&h, REPL_BITMAP, 0, is_last);
		if (group_send(r->group, SLUICE_LINK_DATA, &h, r->bitmap_ranges, bytes))
			return; /* the connection is gone; the node asks again on the next one */
		if (is_last) {
			r->is_bitmap_due = false;
			r->is_bitmap_sent = true;
		}
	}
}

void receiver_send_bitmap(struct repl_receiver *r)
{
	const struct repl_host_ops *ops = r->host->ops;

	if (!r->bitmap_ranges)
		r->bitmap_ranges = calloc(RANGES_MAX, sizeof(*r->bitmap_ranges));
	if (!r->bitmap_ranges) {
		receiver_refuse(r, "no memory for the bitmap that the peer needs");
		return;
	}
	r->is_bitmap_due = true;
	r->bitmap_at = (struct repl_place){0};
	r->bitmap_timer.fn = send_some;
	r->bitmap_timer.ctx = r;
	/* From the loop: the node is in the middle of its actions. */
	ops->timer_set(r->host->ctx, &r->bitmap_timer, ops->now_ns(r->host->ctx));
}
