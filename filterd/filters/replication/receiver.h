/* SPDX-License-Identifier: MIT */
/*
 * receiver.h - the secondary's side of a group: takes the primary's frames and brings them to the
 * local volumes.
 *
 *   WRITE, ZERO          below at once, in turn, persistent; ACK
 *   WIN_*                into a stage; WIN_END: durable there, WIN_ACK; then below
 *   RS_* that fits       into a stage that stays open until RS_END, windows in between as well
 *   RS_* that does not   the node says INCONSISTENT first; then below as it comes, windows too
 *   FLUSH                everything before it is persistent, ACK
 *   DIGEST_ASK           digests of the content as of that place in the stream
 *
 * An open stage of a resync outlives connections and processes: windows in it were acknowledged.
 * When its content is given up by a promotion, its blocks go to this side's own bitmap first.
 *
 *   receiver_create() -> receiver_start() -> link_up, frames, link_down ... -> receiver_stop() ->
 * receiver_destroy()
 *
 * receiver_start() comes after the node has its record and the bitmap is there. The node's STORE of
 * INCONSISTENT is durable when session_resync_began() has returned.
 *
 * Thread: the group's worker.
 */
#ifndef REPLICATION_RECEIVER_H
#define REPLICATION_RECEIVER_H

#include <stdbool.h>
#include <stdint.h>

#include "host.h"
#include "wire/repl.h"

struct repl_group;
struct repl_receiver;

struct receiver_figures {
	uint64_t received_bytes; /* payloads, plain */
	uint64_t frames;
	uint64_t last_point_ms; /* the host's clock when the replica was last a point in time; 0:
				   never here */
	uint64_t point_lsn;     /* of that point: what a promotion would keep; 0: none here yet */
	uint64_t staged_bytes;  /* of changes, not below yet; at most */
	uint64_t applied_windows;
	bool is_resyncing, is_staged;
};

/* stage_bytes: of each of the two. NULL: no memory. */
struct repl_receiver *receiver_create(struct repl_group *g, uint64_t stage_bytes);
/* Stopped, or never started. */
void receiver_destroy(struct repl_receiver *r);
/* A process that was killed, for simulators: frees memory, calls and ends nothing. */
void receiver_abandon(struct repl_receiver *r);

/* Opens the stages; what is complete goes below. result: 0 or -errno with err filled. */
void receiver_start(struct repl_receiver *r,
		    void (*fn)(void *ctx, int result, const struct sluice_error *err), void *ctx);
/* Ends a start, with -ECANCELED, that would try again what fails below until it succeeds: for who
 * stops then. Before it, at it or after it. */
void receiver_cancel_start(struct repl_receiver *r);
/* No frames any more; ends what is under way, closes the stages. */
void receiver_stop(struct repl_receiver *r, void (*fn)(void *ctx), void *ctx);

/* For HELLO: what the peer may send at first. */
uint64_t receiver_credit_bytes(const struct repl_receiver *r);
void receiver_link_up(struct repl_receiver *r);
void receiver_link_down(struct repl_receiver *r);
/*
 * A frame of the data channel from primary to secondary, its payload plain and its checksum right.
 * False: not now. The caller leaves it unread at the link; the receiver says link_read_on() when it
 * comes in question again.
 */
bool receiver_frame(struct repl_receiver *r, const struct repl_header *h, const void *plain);

/* Promotion: what is complete goes below, what is not is given up; then session_applied(). */
void receiver_apply_staged(struct repl_receiver *r);
/* This side is primary, durably: what was given up is its own bitmap's. */
void receiver_leads(struct repl_receiver *r);
/* Rejoin: what may differ here to the peer; session_bitmap_sent() when its RS_BEGIN has come. */
void receiver_send_bitmap(struct repl_receiver *r);

void receiver_figures(const struct repl_receiver *r, struct receiver_figures *out);

#endif
