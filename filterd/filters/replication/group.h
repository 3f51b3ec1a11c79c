/* SPDX-License-Identifier: MIT */
/*
 * group.h - one replicated group on this appliance: where its parts meet.
 *
 *                        glue.c (filter)   or   tests/sim/repl (simulator)
 *                              |  group_submit(), link and host events
 *                           group.c
 *        gate.c (may it start?)  |  dispatch of frames
 *     +--------+---------+---------+-----------+------------------+
 *   hot.c   bitmap.c  direct.c  window.c    resync.c           session.c --> node.c
 *     primary side: what may differ, how it gets there       receiver.c, stage.c: secondary side
 *
 * session.c drives the node's state machine and carries its actions out: those about frames,
 * records and the witness itself, the others by the group_do_*() below. The parts tell session.c
 * what happened (session.h): caught up, equal, drained, hot compared, applied, bitmap sent, peer
 * failed.
 *
 * Order: group_create(), group_start(); I/O and link events;
 * group_stop(), group_destroy().
 * Thread: the group's worker. No callback before the call that causes it has returned, but
 * repl_io's end(), which may.
 */
#ifndef REPLICATION_GROUP_H
#define REPLICATION_GROUP_H

#include "frame_out.h"
#include "host.h"
#include "node.h"
#include "wire/repl.h"

struct repl_group;

/* ---------------------------------------------------------------- settings */

struct repl_group_cfg {
	struct repl_node_cfg node;
	enum repl_node_state initial_state; /* when there is no record of the node yet */
	uint64_t journal_bytes, stage_bytes;
	uint64_t bandwidth_bytes_per_s; /* 0: no limit */
	uint64_t
	    bandwidth_day_bytes_per_s; /* from day_from_h to day_to_h, local time; 0: as above */
	uint32_t day_from_h, day_to_h;
	uint32_t rpo_target_ms, rpo_warning_ms, rpo_error_ms;
	uint32_t backpressure_max_ms;
	uint32_t mark_ms;
	uint8_t comp; /* REPL_COMP_* */
};

/* ---------------------------------------------------------------- an initiator's I/O */

enum repl_io_step { REPL_IO_GATE, REPL_IO_HOT, REPL_IO_RUN, REPL_IO_ACK };

struct repl_io {
	uint8_t op;     /* enum sluice_op */
	uint8_t status; /* result */
	uint16_t flags; /* SLUICE_IO_* */
	uint16_t member;
	uint64_t offset_bytes, len_bytes;
	void *buf;
	uint64_t extent_bytes;   /* result of EXTENT */
	uint32_t extent_is_hole; /* result of EXTENT */
	/* Exactly once, possibly before group_submit() returns. The io is the caller's again. */
	void (*end)(struct repl_io *io);
	void *ctx;

	/* the group's */
	struct repl_group *group;
	struct repl_io *next, *prev; /* in the one queue that it is in */
	uint64_t lsn;
	uint64_t start_ns;
	uint8_t step;    /* enum repl_io_step */
	uint8_t legs;    /* bits of what it waits for: REPL_LEG_* */
	bool is_hot;     /* it counts in its extents (hot.h) */
	bool is_queued;  /* item is in the out-queue */
	bool is_partial; /* not whole blocks of the journal: they are read back and appended */
	uint32_t pieces, pieces_sent, acks_left; /* frames of one WRITE, on this connection */
	struct frame_out_item item;
	void *part_buf; /* what was read back */
	uint64_t part_bytes;
	struct repl_io *next_part;
	struct repl_own own;
	struct sluice_rlog_entry entry;
};

#define REPL_LEG_BELOW   1u /* the local volume */
#define REPL_LEG_PEER    2u /* the peer's ACK */
#define REPL_LEG_JOURNAL 4u

struct repl_io_list {
	struct repl_io *first, *last;
	uint32_t count;
};

/* Takes any op of an initiator's. What may not go on yet is held; end() comes in any case once the
 * group serves, or is told to refuse (group_refuse()). */
void group_submit(struct repl_group *g, struct repl_io *io);
/* A read may go past the group now; ask again at its end: false then means that it has to fail. */
bool group_may_read(const struct repl_group *g);
/* The initiator gave up: what is held ends with ABORTED, what is on its way ends by itself. */
void group_abort(struct repl_group *g, struct repl_io *io);
/* on: new and held I/O ends with that status at once (the volume stops); OK: it is held again. */
void group_refuse(struct repl_group *g, enum sluice_status status);

/* By its record. It serves only once that is confirmed. */
bool group_is_primary(const struct repl_group *g);

/* What a member's initiators wait for and has not begun ends so: its volume drains, or has waited
 * for too long. */
void group_release_held(struct repl_group *g, uint16_t member, enum sluice_status status);

/* ---------------------------------------------------------------- life */

/* What the group's file (host.h) must hold, for members of these sizes; it only grows with them. */
uint64_t group_file_bytes(const uint64_t *member_size_bytes, uint32_t member_count);
/* h is copied. NULL: no memory. */
struct repl_group *group_create(const struct repl_host *h, const struct repl_group_cfg *cfg);
void group_reconfigure(struct repl_group *g, const struct repl_group_cfg *cfg);
/* Reads the records, opens the logs; fn when that has ended. Until then nothing is served.
 * result: 0 or -errno with err filled. */
void group_start(struct repl_group *g,
		 void (*fn)(void *ctx, int result, const struct sluice_error *err), void *ctx);
/* Who is to stop need not wait for a start that cannot succeed: it ends soon, and fails. */
void group_cancel_start(struct repl_group *g);
/* In peace: BYE, bits written, logs closed; fn then. I/O of initiators has ended before. */
void group_stop(struct repl_group *g, void (*fn)(void *ctx), void *ctx);
void group_destroy(struct repl_group *g);
/* The member has grown; the new part reads as zeros on both sides. */
void group_grown(struct repl_group *g, uint16_t member, uint64_t new_size_bytes);

/* What the link tells (link.h). */
void group_link_up(struct repl_group *g, enum sluice_link_channel ch);
size_t group_link_received(struct repl_group *g, enum sluice_link_channel ch, const uint8_t *data,
			   size_t len);
void group_link_writable(struct repl_group *g, enum sluice_link_channel ch);
void group_link_down(struct repl_group *g, enum sluice_link_channel ch, const char *why);

/* ---------------------------------------------------------------- for the parts: frames
 *
 * Frames of types below 16 go to session_frame(), whichever channel they came on; of the data
 * channel's, those of a secondary's (ACK, WIN_ACK, RS_ACK, DIGEST, BITMAP, CREDIT) to the primary
 * side's files, the others to receiver_frame().
 */

/*
 * Queues one frame that frame_begin() began; term 0 becomes the node's. Payload and header are
 * copied. For bulk without a copy: group_out() and frame_out_push().
 * Errors: -ENOTCONN there is no connection, -ENOMEM: nothing was queued.
 */
int group_send(struct repl_group *g, enum sluice_link_channel ch, struct repl_header *h,
	       const void *payload, size_t payload_bytes);
struct frame_out *group_out(struct repl_group *g, enum sluice_link_channel ch);
/* The peer broke the protocol: both connections end. */
void group_protocol_error(struct repl_group *g, const char *why);

/* session.c: HELLO has come on both channels, STATE has come; data may flow. credit: the peer's. */
void group_peer_ready(struct repl_group *g, uint64_t credit_bytes);
/* session.c: the peer counts as lost (silence, or a connection's end). */
void group_peer_gone(struct repl_group *g);

/* ---------------------------------------------------------------- for session.c: the actions */

void group_do_serve(struct repl_group *g, bool is_on);
void group_do_ack_alone(struct repl_group *g, bool is_on);
void group_do_freeze(struct repl_group *g, bool is_on);
void group_do_resync(struct repl_group *g);
void group_do_compare_hot(struct repl_group *g);
void group_do_send_bitmap(struct repl_group *g);
void group_do_forget(struct repl_group *g);
void group_do_apply_staged(struct repl_group *g);
void group_do_drain(struct repl_group *g, bool is_on);

/* ---------------------------------------------------------------- for everybody */

const struct repl_host *group_host(const struct repl_group *g);
const struct repl_group_cfg *group_cfg(const struct repl_group *g);
struct repl_node *group_node(struct repl_group *g);
struct repl_session *group_session(struct repl_group *g);   /* session.h */
struct repl_receiver *group_receiver(struct repl_group *g); /* receiver.h */
uint64_t group_now_ns(const struct repl_group *g);
bool group_is_peer_ready(const struct repl_group *g);
/* Changes of initiators' are under way to the own volumes, or to the log. */
bool group_is_busy(const struct repl_group *g);

/* lsn: of the newest change this side has begun (primary) or has in full (secondary); and what is
 * known to be persistent at the peer (primary) or here (secondary). They only grow. */
uint64_t group_head_lsn(const struct repl_group *g);
uint64_t group_persisted_lsn(const struct repl_group *g);
/* receiver.c: it has everything up to this one. */
void group_saw_lsn(struct repl_group *g, uint64_t lsn);

/* receiver.c, when this side is asked what of its own may differ (rejoin): calls fn for runs in
 * ascending order until fn says false or the end; returns where to go on (member, offset). */
struct repl_place {
	uint16_t member;
	uint64_t offset_bytes;
};
bool group_may_differ(struct repl_group *g, struct repl_place *at,
		      bool (*fn)(void *ctx, const struct repl_range *r), void *ctx);
/* A secondary's BITMAP frame, or what a promotion gives up. */
void group_mark_suspect(struct repl_group *g, const struct repl_range *r);
/* All group_mark_suspect() before it are durable when fn comes. */
void group_marks_flush(struct repl_group *g, void (*fn)(void *ctx), void *ctx);
/* All that was marked before is durable at fn, which may come before return. */
void group_marks_flush(struct repl_group *g, void (*fn)(void *ctx), void *ctx);

/* ---------------------------------------------------------------- operators */

struct repl_group_command {
	const char *name;
	bool is_forced;  /* promote */
	bool keeps_own;  /* resolve */
	bool repairs;    /* verify */
	char reply[256]; /* an object */
	/* When 1 (pending) was returned by group_command(). */
	void (*fn)(struct repl_group_command *c, int result, const struct sluice_error *err);
	void *ctx;
};
/* 0, -errno with err filled, or 1: fn follows. */
int group_command(struct repl_group *g, struct repl_group_command *c, struct sluice_error *err);

struct repl_group_figures {
	uint64_t dirty_bytes, suspect_bytes, journal_bytes, journal_used_bytes;
	uint64_t lag_ms, lag_p50_ms, lag_p99_ms;
	uint64_t resync_done_bytes, resync_total_bytes, resync_sent_bytes;
	uint64_t verify_done_bytes, verify_total_bytes, verify_failed_bytes, different_blocks,
	    repaired_blocks;
	uint64_t sent_bytes, sent_wire_bytes, received_bytes, last_mark_ms, gap_since_ms;
	/* Up to here a promotion of the secondary keeps everything. */
	uint64_t point_lsn;
	const char *resync_state, *verify_state; /* "idle", "running", "paused", "done" */
	bool is_paused, is_throttling;
};
void group_figures(struct repl_group *g, struct repl_group_figures *out);
size_t group_status_json(struct repl_group *g, char *json, size_t size_bytes);

#endif
