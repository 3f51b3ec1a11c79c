/* SPDX-License-Identifier: MIT */
/*
 * receiver_int.h - what the receiver's files share.
 *
 *   receiver         frames in: who may send what when; credit, slots, answers
 *   receiver_direct  changes that go below as they come, in turn
 *   receiver_stage   changes that go to a stage; marks; complete stages' turn below
 *   receiver_resync  RS_BEGIN and RS_END: which of the two it is to be
 *   receiver_digest  DIGEST_ASK
 *   receiver_life    start, stop, promotion
 *   receiver_bitmap  BITMAP to the peer (rejoin)
 *   receiver_mark    MARK: a snapshot at this place of the stream
 *
 * A frame that cannot be worked on now is not taken, and comes again when something has ended: so
 * nothing is kept in queues but what is on its way, and order takes care of itself.
 */
#ifndef REPLICATION_RECEIVER_INT_H
#define REPLICATION_RECEIVER_INT_H

#include "credit.h"
#include "digest.h"
#include "frame.h"
#include "group.h"
#include "receiver.h"
#include "session.h"
#include "stage.h"
#include "turns.h"

#define RECEIVER_CREDIT_BYTES (8u << 20)
#define RECEIVER_SLOTS        1024u
#define RECEIVER_RUNNING      64u
#define RECEIVER_STAGES       2u
#define NO_STAGE              0xffu

/* One frame that is on its way. */
struct recv_slot {
	struct repl_receiver *r;
	struct recv_slot *next_free;
	struct repl_header h;
	uint64_t connection; /* its answer and its credit are for this one only */
	void *buf;           /* the payload, or a digest's sums; the host's */
	uint64_t buf_bytes;
	struct turn turn;
	union {
		struct repl_own own;
		struct sluice_rlog_entry entry;
		struct digest_job digest;
	};
	struct stage *stage;
	/* receiver_direct.c: a barrier */
	uint8_t status;
	uint16_t next_member;
	void (*fn)(struct recv_slot *s);
	/* receiver_digest.c: what lies over the volume */
	struct sluice_rlog_read read;
	uint64_t cover_offset_bytes, cover_left_bytes;
	uint8_t *cover_at;
};

/* What is durable about the stages, key "stages". */
enum stages_kept {
	KEPT_NOTHING = 0,
	KEPT_RESYNC = 1,  /* an open resync is in stage: not to be dropped */
	KEPT_GIVE_UP = 2, /* its blocks go to the own bitmap, then it is empty; stays until that
			     counts: this side is primary, or OUTDATED */
};

struct stages_record {
	uint32_t version; /* 1 */
	uint8_t kept;     /* enum stages_kept */
	uint8_t stage;
	uint8_t reserved[2];
};

enum receiver_life { LIFE_CREATED, LIFE_STARTING, LIFE_RUNNING, LIFE_PROMOTING, LIFE_STOPPING };

struct repl_receiver {
	struct repl_group *group;
	const struct repl_host *host;
	uint64_t stage_bytes;
	enum receiver_life life;
	struct credit_in credit;
	uint64_t connection; /* counts ups and downs; odd: one is up */
	struct turns turns;
	struct recv_slot *slots, *free_slots;
	uint32_t slots_made; /* of slots; those behind were never used */
	uint32_t slots_used, digests;
	bool is_stalled;           /* a frame was not taken */
	struct repl_timer poke;    /* asks for it again where nothing else would */
	uint64_t waiting_since_ns; /* for the node to come to a frame's term; 0: not */

	struct stage stages[RECEIVER_STAGES];
	struct stages_record kept;
	uint64_t order;    /* of the newest mark */
	uint8_t filling;   /* stage of the open window, or NO_STAGE */
	bool has_failed;   /* a change of a window or a resync, on this connection */
	uint64_t touched;  /* members with direct changes that were not flushed */
	uint64_t pair_lsn; /* the newest change of a pair that is persistent here */

	bool is_window_open;
	uint64_t window, window_bytes;
	bool is_resync_open; /* RS_BEGIN came on this connection */
	uint64_t resync;
	/* A step that all frames wait for, on behalf of one; see receiver_stage.c. */
	bool is_busy;
	struct repl_header busy_h;
	uint64_t busy_connection;

	struct receiver_mark { /* receiver_mark.c: the MARK that all frames wait for */
		struct repl_mark wire;
		struct repl_header h;
		uint64_t connection, until_ns, again_ns;
		struct repl_snapshot call;
		struct repl_timer again;
	} mark;

	void (*started)(void *ctx, int result, const struct sluice_error *err);
	void *started_ctx;
	uint32_t opening;
	int open_result;
	struct sluice_error open_err;
	bool is_start_cancelled;
	void (*stopped)(void *ctx);
	void *stopped_ctx;
	uint32_t closing;
	bool is_flushed; /* the volumes, for a promotion */
	uint16_t flush_member;
	struct repl_own flush_own;
	bool is_settling;  /* receiver_settle() is at it */
	uint64_t retry_ns; /* a failed step is tried again then */

	bool is_bitmap_due;
	bool is_bitmap_sent; /* on this connection; RS_BEGIN says that the peer has it, durably */
	struct repl_place bitmap_at;
	struct repl_range *bitmap_ranges;
	uint32_t bitmap_count;
	struct repl_timer bitmap_timer;

	bool is_promotion_due; /* asked for before the start was over */

	struct receiver_figures figures;
};

static inline bool receiver_is_up(const struct repl_receiver *r)
{
	return r->connection & 1;
}

/* ---------------------------------------------------------------- receiver.c */

/* The peer broke the rules, both connections end. Always true: the frame is taken. */
bool receiver_refuse(struct repl_receiver *r, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* A slot with a buffer of at least room_bytes; NULL: not now. */
struct recv_slot *receiver_slot(struct repl_receiver *r, const struct repl_header *h,
				uint64_t room_bytes);
/* With the payload copied, zeros behind it up to a whole unit. */
struct recv_slot *receiver_slot_with(struct repl_receiver *r, const struct repl_header *h,
				     const void *plain);
/* It is done with: buffer, credit, slot; a frame that was not taken may come. */
void receiver_slot_put(struct recv_slot *s);
/* A change of a window or a resync could not be done: this connection ends, no answer says OK. */
void receiver_failed(struct repl_receiver *r, const char *what);
/* Answers h, if the connection it came on is still there. */
void receiver_answer(struct repl_receiver *r, uint64_t connection, const struct repl_header *h,
		     enum repl_type type, uint8_t status, const void *payload, size_t bytes);
/* A frame that needed no slot is done with. */
bool receiver_taken(struct repl_receiver *r, const struct repl_header *h);
/* Something has ended. */
void receiver_go_on(struct repl_receiver *r);
/* This side is a point in time, up to lsn (0: unknown). */
void receiver_point(struct repl_receiver *r, uint64_t lsn);
void receiver_report(struct repl_receiver *r, const char *code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
bool receiver_is_secondary(const struct repl_receiver *r);
bool receiver_is_consistent(const struct repl_receiver *r);
/* It is durable that this side is none: blocks of another one may go below. */
bool receiver_has_noted_mix(const struct repl_receiver *r);

/* ---------------------------------------------------------------- the kinds of frames
 * True: taken. */

bool receiver_direct_change(struct repl_receiver *r, const struct repl_header *h,
			    const void *plain);
/* Persistent at fn, with s->status. */
bool receiver_direct_barrier(struct repl_receiver *r, const struct repl_header *h,
			     void (*fn)(struct recv_slot *s));
bool receiver_window_begin(struct repl_receiver *r, const struct repl_header *h);
bool receiver_window_end(struct repl_receiver *r, const struct repl_header *h);
/* Of a window or a resync, staged or not. */
bool receiver_change(struct repl_receiver *r, const struct repl_header *h, const void *plain);
bool receiver_flush(struct repl_receiver *r, const struct repl_header *h);
bool receiver_resync_begin(struct repl_receiver *r, const struct repl_header *h, const void *plain);
bool receiver_resync_end(struct repl_receiver *r, const struct repl_header *h);
bool receiver_digest(struct repl_receiver *r, const struct repl_header *h, const void *plain);
bool receiver_mark(struct repl_receiver *r, const struct repl_header *h, const void *plain);

/* ---------------------------------------------------------------- receiver_stage.c */

/* The stage that changes go to now; NULL: below. */
struct stage *receiver_open_stage(struct repl_receiver *r);
bool receiver_stages_are_free(const struct repl_receiver *r); /* but for an open resync's */
/* None of the stages' slow operations is under way, no append, no digest. */
bool receiver_stages_are_calm(const struct repl_receiver *r);
/* A complete stage that is next goes below, unless one is on its way. */
void receiver_apply_next(struct repl_receiver *r);
/* A barrier that begins a step which all frames wait for, on behalf of this one. */
bool receiver_busy_barrier(struct repl_receiver *r, const struct repl_header *h,
			   void (*fn)(struct recv_slot *s));
int receiver_keep(struct repl_receiver *r, enum stages_kept kept, uint8_t stage);
/* The node has said INCONSISTENT: what an open resync has staged goes below, the rest directly. */
void receiver_unstage(struct repl_receiver *r);

/* ---------------------------------------------------------------- receiver_life.c */

/* Start, promotion or stop: as far as it can go now. */
void receiver_settle(struct repl_receiver *r);
/* False: what a promotion gave up is not in order yet. */
bool receiver_has_said(struct repl_receiver *r);

#endif
