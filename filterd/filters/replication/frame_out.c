/* SPDX-License-Identifier: MIT */
#include "frame_out.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

void frame_out_init(struct frame_out *q, const struct repl_host *host,
		    enum sluice_link_channel channel)
{
	*q = (struct frame_out){.host = host, .channel = channel};
	q->last = &q->first;
}

void frame_out_up(struct frame_out *q)
{
	assert(!q->first);
	q->is_up = true;
	q->offset = 0;
}

static uint64_t wire_bytes(const struct frame_out_item *it)
{
	return sizeof(it->header) + (uint64_t)it->header.stored_bytes;
}

static void end_first(struct frame_out *q, bool is_sent)
{
	struct frame_out_item *it = q->first;

	q->first = it->next;
	if (!q->first)
		q->last = &q->first;
	q->offset = 0;
	q->queued_bytes -= wire_bytes(it);
	if (is_sent) {
		q->sent_plain_bytes += it->header.raw_bytes;
		q->sent_wire_bytes += wire_bytes(it);
	}
	if (it->is_copy)
		free(it);
	else if (it->fn)
		it->fn(it, is_sent);
}

/* What fn() of an item pushes goes behind what is there; the loop here comes to it. */
static void pump(struct frame_out *q)
{
	const size_t head = sizeof(q->first->header);
	const struct repl_host_ops *ops = q->host->ops;

	if (q->is_pumping)
		return;
	q->is_pumping = true;
	while (q->is_up && q->first) {
		const struct frame_out_item *it = q->first;
		bool is_head = q->offset < head;
		const uint8_t *from = is_head ? (const uint8_t *)&it->header + q->offset
					      : (const uint8_t *)it->payload + (q->offset - head);
		size_t left = (is_head ? head : (size_t)wire_bytes(it)) - q->offset;
		size_t took = left ? ops->link_send(q->host->ctx, q->channel, from, left) : 0;

		assert(took <= left);
		if (!q->is_up)
			break; /* send() may find that the connection is gone */
		q->offset += took;
		if (took < left)
			break;
		if (q->offset == wire_bytes(it))
			end_first(q, true);
	}
	q->is_pumping = false;
}

void frame_out_down(struct frame_out *q)
{
	q->is_up = false;
	while (q->first)
		end_first(q, false);
}

void frame_out_writable(struct frame_out *q)
{
	pump(q);
}

void frame_out_push(struct frame_out *q, struct frame_out_item *it)
{
	assert(it->header.magic == REPL_MAGIC);
	if (!q->is_up) {
		if (it->is_copy)
			free(it);
		else if (it->fn)
			it->fn(it, false);
		return;
	}
	it->header.time_ms = (uint32_t)(q->host->ops->now_ns(q->host->ctx) / 1000000u);
	frame_seal(&it->header);
	it->next = NULL;
	*q->last = it;
	q->last = &it->next;
	q->queued_bytes += wire_bytes(it);
	pump(q);
}

int frame_out_copy(struct frame_out *q, struct repl_header *h, const void *payload, size_t bytes)
{
	struct frame_out_item *it;

	if (!q->is_up)
		return -ENOTCONN;
	it = malloc(sizeof(*it) + bytes);
	if (!it)
		return -ENOMEM;
	frame_set_payload(h, payload, bytes);
	*it = (struct frame_out_item){.header = *h, .payload = it + 1, .is_copy = true};
	if (bytes)
		memcpy(it + 1, payload, bytes);
	frame_out_push(q, it);
	return 0;
}
