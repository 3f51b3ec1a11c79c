/* SPDX-License-Identifier: MIT */
/*
 * frame_out.h - the frames that wait to go out on one channel, in order, over a link that takes as
 * much as it has room for.
 *
 *   frame_out_init() -> frame_out_up() -> frame_out_push()... , frame_out_writable() ->
 * frame_out_down() -> up ...
 *
 * Thread: the group's worker.
 */
#ifndef REPLICATION_FRAME_OUT_H
#define REPLICATION_FRAME_OUT_H

#include <stdbool.h>

#include "frame.h"
#include "host.h"

/* One frame. Its owner keeps it, and the payload, until fn. */
struct frame_out_item {
	struct repl_header header; /* all but time_ms and the header's checksum */
	const void *payload;       /* header.stored_bytes of it */
	/* It is in the link's hands (is_sent), or the connection went first; maybe before push()
	 * returns. May be NULL. */
	void (*fn)(struct frame_out_item *it, bool is_sent);
	void *ctx;
	struct frame_out_item *next; /* queue's */
	bool is_copy;                /* queue's */
};

struct frame_out {
	const struct repl_host *host;
	enum sluice_link_channel channel;
	struct frame_out_item *first, **last;
	uint64_t queued_bytes;                      /* waiting here, headers included */
	uint64_t sent_plain_bytes, sent_wire_bytes; /* payloads; frames as they were sent */
	size_t offset;                              /* of first: bytes the link has taken */
	bool is_up, is_pumping;
};

void frame_out_init(struct frame_out *q, const struct repl_host *host,
		    enum sluice_link_channel channel);
void frame_out_up(struct frame_out *q);
/* Everything that waits ends with is_sent false; so does what is pushed until up. */
void frame_out_down(struct frame_out *q);
/* The link has room again. */
void frame_out_writable(struct frame_out *q);
void frame_out_push(struct frame_out *q, struct frame_out_item *it);
/*
 * For frames that are rare or short: header and payload are copied, h needs no payload set.
 * Errors: -ENOTCONN; -ENOMEM: nothing was sent.
 */
int frame_out_copy(struct frame_out *q, struct repl_header *h, const void *payload, size_t bytes);

#endif
