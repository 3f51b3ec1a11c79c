/* SPDX-License-Identifier: MIT */
/*
 * group_int.h - one group's state, for the files of the group and of its primary side.
 *
 *   gate.c     may an initiator's I/O begin, and end?           group.c        life
 *   direct.c   sync: to the peer, at once                       group_link.c   frames in and out
 *   journal.c  the log: append, overflow, emptied               group_act.c    the node's actions
 *   window.c   the log's windows to the peer                    lag.c          lag, ladder, figures
 *   mark*.c    snapshots, at their place in the stream
 *   partial.c  changes that are not whole blocks of the log     pace.c         bandwidth
 *   resync.c   what the bitmap says, to the peer                status.c       JSON
 *   resync_slot.c, resync_safe.c   a range of it; persistent on this side
 *   verify.c   what a verify leaves out
 *
 * How a change reaches the peer is the group's track:
 *
 *   DIRECT   PRIMARY_PAIR in sync mode: a frame of its own
 *   JOURNAL  appended to the log, in order
 *   BITMAP   only noted: what follows needs a resync
 */
#ifndef REPLICATION_GROUP_INT_H
#define REPLICATION_GROUP_INT_H

#include "bitmap.h"
#include "compress.h"
#include "credit.h"
#include "digest.h"
#include "group.h"
#include "hot.h"
#include "io_list.h"
#include "mark.h"
#include "pace.h"
#include "receiver.h"
#include "session.h"

#define LOG_BLOCK_BYTES    4096u
#define LOG_MEMBER_SHIFT   REPL_LOG_MEMBER_SHIFT
#define WINDOW_BYTES       (4ull << 20) /* asked of the log for one window */
#define WINDOW_RANGES      4096u
#define OUT_BULK_BYTES     (2ull << 20) /* bulk waits while more than this is queued */
#define RESYNC_SLOTS       8u
#define RESYNC_READ_BYTES  (256u << 10)
#define RESYNC_ASK_BYTES   (1u << 20)
#define RESYNC_FLUSH_BYTES (64ull << 20) /* sent between two FLUSHes, which make bits clear */
#define FLUSH_TAG          REPL_NO_LSN
#define REPAIR_TAG         (REPL_NO_LSN | 1ull << 62) /* of a WRITE's that is a resync's */
#define LAG_SAMPLES        600u

enum track { TRACK_BITMAP = 0, TRACK_JOURNAL = 1, TRACK_DIRECT = 2 };

/* Durable, key "track": what the log and the bitmap's pages mean after a start. */
struct track_record {
	uint32_t version; /* 1 */
	uint8_t track;    /* enum track */
	uint8_t has_pass; /* a resync had begun and was not done */
	uint8_t reserved[2];
	uint64_t generation; /* of the log's file */
	uint64_t lsn;        /* none above it was given out */
	uint64_t gap_since_ms;
};

struct journal {
	struct sluice_rlog *log;
	bool is_open, wants_empty, is_emptying;
	struct sluice_rlog_flush drop;
	void (*emptied)(struct repl_group *g);
	uint32_t appending;    /* entries that have not come back */
	struct repl_io *parts; /* partial changes under way, oldest first */
};

struct window_range {
	uint64_t block, count;
};

struct window {
	bool is_running;  /* a destage is under way */
	bool is_begun;    /* WIN_BEGIN went out */
	bool wants_flush; /* the log's records are not durable yet */
	bool is_flushing, has_flushed;
	bool is_resting;        /* between two windows */
	bool has_failed;        /* the last one did not come through */
	uint64_t waiting_bytes; /* in the log, about: counted when a window has ended, and since */
	uint64_t number;
	uint64_t lsn; /* of the replica after it; 0: unknown */
	uint64_t began_ns;
	struct sluice_rlog_destage destage;
	struct sluice_rlog_sink sink;
	struct sluice_rlog_flush flush;
	struct sluice_rlog_sink_io *first, *last; /* what waits for room */
	uint64_t first_done;                      /* blocks of the first that are out */
	struct sluice_rlog_sink_io *ack;          /* the FLUSH that waits for WIN_ACK */
	struct window_range *ranges;
	uint32_t range_count;
	struct repl_timer timer;
};

enum resync_what { RESYNC_NONE, RESYNC_CATCH_UP, RESYNC_HOT, RESYNC_VERIFY };
enum verify_state { VERIFY_IDLE, VERIFY_RUNNING, VERIFY_DONE, VERIFY_CANCELLED };
enum slot_step { SLOT_FREE, SLOT_READ, SLOT_ASK, SLOT_SEND };

struct resync_slot {
	struct repl_group *g;
	uint8_t step; /* enum slot_step */
	bool is_suspect, is_zero, is_asked, has_theirs, has_ours, has_failed;
	bool is_reading;   /* counts in resync.reading */
	bool is_disturbed; /* an initiator has written to it meanwhile */
	bool is_repairing; /* its differences count as repaired */
	uint8_t tries;
	uint64_t on_way[RESYNC_ASK_BYTES / REPL_UNIT_BYTES / 64]; /* verify: blocks that windows or
								     WRITEs bring to the peer */
	uint16_t member;
	uint64_t offset_bytes, len_bytes, tag;
	uint64_t at_bytes, part_bytes; /* how far it is; what is read or sent now */
	void *buf;
	uint64_t buf_bytes;
	struct repl_own own;
	struct digest_sum *ours, *theirs;
	struct digest_job job;
	uint64_t pass; /* that it works for */
	uint64_t lsn;  /* changes up to here land before anything is read */
	struct repl_timer retry;
};

struct resync {
	enum resync_what what;
	bool is_waiting; /* for the log to be empty */
	bool is_begun;   /* RS_BEGIN went out */
	bool is_ended;   /* RS_END went out */
	bool is_scanned; /* nothing is left to pick */
	bool has_end, is_pumping;
	bool is_sieving; /* suspect ranges are compared before RS_BEGIN: it says how much may follow
			  */
	bool repairs;
	uint64_t id, tag, flush_tag, pass;
	uint64_t first_tag;   /* tags up to here are of passes before */
	uint64_t repairs_out; /* WRITEs that are not acknowledged */
	uint64_t end_seq;     /* of the log: windows up to here go before RS_END */
	struct repl_place at;
	struct resync_slot slots[RESYNC_SLOTS];
	uint32_t reading; /* slots whose read is not in the stream yet */
	uint64_t since_flush_bytes;
	bool is_flush_out;
	/* What was read here since the last pick is persistent here; and what is equal, or was
	 * repaired, at the peer (HOT). */
	bool is_own_flushed, is_peer_flushed, is_own_flushing;
	uint64_t own_pass;
	struct repl_own own;
	uint64_t done_bytes, total_bytes, sent_bytes, different_blocks, repaired_blocks;
	uint64_t verify_done_bytes, verify_total_bytes;
	uint64_t verify_failed_bytes; /* could not be compared or repaired */
	enum verify_state verify_state;
	bool is_peer_whole; /* a pass came through since the node said to bring this peer up */
};

struct lag {
	struct repl_timer timer;
	uint32_t samples_ms[LAG_SAMPLES];
	uint32_t next, count;
	uint64_t now_ms, last_ack_ns, gap_since_ms, full_since_ns;
	char gap_why[200];      /* as reported */
	uint64_t pass_since_ms; /* a staged pass is not through: the replica is as it was then; 0:
				   none */
	uint8_t level;          /* 0, 1 warning, 2 error: as reported */
	uint32_t delay_ms;      /* what a change waits at the gate now */
	bool is_filling;        /* the journal is over a half */
};

struct repl_group {
	struct repl_host host;
	struct repl_group_cfg cfg;
	struct repl_node node_state, *node; /* session.c drives it */
	struct repl_session *session;
	struct repl_receiver *receiver;
	struct track_record record;

	/* link */
	struct frame_out out[SLUICE_LINK_CHANNELS];
	struct frame_limits limits;
	struct compress *compress;
	void *plain, *packed; /* REPL_PAYLOAD_MAX each: in, out */
	struct credit_out credit;
	bool is_link_up[SLUICE_LINK_CHANNELS], is_peer_ready;
	uint64_t data_heard_ns; /* the last frame of the data channel, or nothing was waited for */
	uint64_t received_bytes;
	bool has_protocol_error, is_pacing, is_marking;
	enum {
		BITMAP_NOT_COME,
		BITMAP_IS_COMPLETE,
		BITMAP_IS_DURABLE
	} bitmap; /* of an OUTDATED peer */

	/* the gate */
	struct repl_io_list held, running, late; /* late: back-pressure */
	bool is_started, is_serving, is_frozen, is_draining, is_stopping, is_paused;
	bool wants_equal, wants_drained; /* what session.c waits for */
	uint8_t refuse;                  /* enum sluice_status; OK: hold */
	uint64_t head_lsn, persisted_lsn;
	uint32_t busy;   /* of running: legs are left */
	uint32_t unsent; /* of running: DIRECT, and not on the wire */
	struct repl_timer late_timer;

	enum track track;
	bool may_send; /* the node said: bring the peer up */
	struct bitmap bits[REPL_MEMBERS_MAX];
	struct hot *hot;
	struct journal journal;
	struct window window;
	struct resync resync;
	struct lag lag;
	struct marks marks;
	struct pace pace;
	struct repl_timer pace_timer;

	/* life */
	void (*resync_fn)(struct repl_group *g);
	void (*journal_fn)(struct repl_group *g, int result, const struct sluice_error *err);
	void (*started)(void *ctx, int result, const struct sluice_error *err);
	void *started_ctx;
	void (*stopped)(void *ctx);
	void *stopped_ctx;
	bool is_receiver_stopping, is_refreshing, is_forgetting;
	struct hot_flush refresh, forget;
	struct hot_flush load_flush, stop_flush;
	struct repl_group_command *command;
};

/* A peer that was primary first says what may differ, and that is durable here before it forgets.
 */
static inline bool group_may_send(const struct repl_group *g)
{
	return g->may_send &&
	       (g->node->peer.state != REPL_OUTDATED || g->bitmap == BITMAP_IS_DURABLE);
}

static inline uint64_t log_block_of(uint16_t member, uint64_t offset_bytes)
{
	return ((uint64_t)member << LOG_MEMBER_SHIFT) + offset_bytes / LOG_BLOCK_BYTES;
}

/* gate.c */
void gate_ready(void *ctx, struct repl_io *io); /* hot.h's */
void gate_leg_done(struct repl_io *io, uint8_t leg, enum sluice_status status);
void gate_pump(struct repl_group *g);   /* held I/O may go on, or is refused */
void gate_settle(struct repl_group *g); /* acks that were kept back may go */
void gate_check(struct repl_group *g);  /* equal, or drained? */
uint64_t gate_complete_lsn(const struct repl_group *g);
/* Is one of the changes up to that lsn still on its way to this place of the own volume? */
bool gate_is_landing(const struct repl_group *g, uint64_t lsn, const struct repl_range *r);
void gate_own_io(struct repl_io *io, uint16_t flags, void (*fn)(struct repl_own *o));

/* direct.c */
void direct_begin(struct repl_io *io);
void direct_pump(struct repl_group *g);
void direct_restart(struct repl_group *g); /* a new connection: all of it once more */
/* Nobody waits for the peer any more: what did goes into the log, or becomes dirty. */
void direct_exclude(struct repl_group *g, bool may_journal);
void direct_ack(struct repl_group *g, const struct repl_header *h);

/* journal.c */
void journal_open(struct repl_group *g,
		  void (*fn)(struct repl_group *g, int result, const struct sluice_error *err));
void journal_append(struct repl_io *io);
/* Too full, or damaged: its blocks become dirty, and it is emptied. */
void journal_overflow(struct repl_group *g, const char *why);
/* Emptied, and from then on it takes every change; fn at once afterwards. False: not now. */
bool journal_begin(struct repl_group *g, void (*fn)(struct repl_group *g));
void journal_empty(struct repl_group *g); /* now, or when a window has ended */
/* What is appended now stays: it is open, and is not about to be emptied. */
bool journal_may_begin(const struct repl_group *g);
void journal_pump(struct repl_group *g); /* a window has ended */
bool journal_is_empty(const struct repl_group *g);
int track_set(struct repl_group *g, enum track track, bool has_pass);

/* partial.c */
void partial_begin(struct repl_io *io);
void partial_written(struct repl_io *io); /* the local volume has it */

/* window.c */
int window_init(struct repl_group *g);
void window_kick(struct repl_group *g);
void window_appended(struct repl_group *g, uint64_t bytes);
void window_pump(struct repl_group *g);
bool window_is_due(const struct repl_group *g); /* it waits for the resync's reads */
void window_ack(struct repl_group *g, const struct repl_header *h);
void window_link_down(struct repl_group *g);

/* resync.c, resync_slot.c */
void resync_begin(struct repl_group *g, enum resync_what what);
void resync_cancel(struct repl_group *g);
void resync_pump(struct repl_group *g);
void resync_link_down(struct repl_group *g);
void resync_frame(struct repl_group *g, const struct repl_header *h, const void *plain);
int resync_init(struct repl_group *g);
void resync_disturb(struct repl_group *g, uint16_t member, uint64_t offset_bytes,
		    uint64_t len_bytes);
void resync_slot_cut(struct resync_slot *s);
void resync_slot_begin(struct resync_slot *s);
void resync_slot_go(struct resync_slot *s);
void resync_slot_digest(struct repl_group *g, const struct repl_header *h, const void *plain);
void resync_slot_ended(struct resync_slot *s, bool is_ok);
bool group_has_bits(const struct repl_group *g, uint32_t kinds);
/* resync_safe.c: false: not yet, resync_pump() follows. */
bool resync_is_safe_here(struct repl_group *g);

/* verify.c; i: of the slot's blocks */
void verify_find_on_way(struct resync_slot *s); /* with the question to the peer */
void verify_disturb(struct resync_slot *s, uint64_t offset_bytes, uint64_t len_bytes);
bool verify_is_on_way(const struct resync_slot *s, uint64_t i);
bool verify_is_overtaken(const struct resync_slot *s); /* what was read, by an initiator */

/* group_link.c */
bool bulk_may_send(struct repl_group *g, uint64_t payload_bytes);
int bulk_send(struct repl_group *g, struct repl_header *h, const void *payload, size_t bytes);
void group_drop_link(struct repl_group *g, const char *why);
void group_watch(struct repl_group *g); /* each tick */

/* group_act.c */
void group_advance(struct repl_group *g);
/* A resync has to begin, or to begin again. */
bool group_needs_pass(const struct repl_group *g);
/* False: it acknowledges with its peer, and changes would go another way than to it. */
bool group_is_track_right(const struct repl_group *g);
void group_bitmap_complete(struct repl_group *g);
void group_refresh(struct repl_group *g); /* pages on disk lose bits that are gone */

/* group.c */
void group_stop_step(struct repl_group *g);

/* lag.c */
void lag_begin(struct repl_group *g);
void lag_end(struct repl_group *g);
void lag_acked(struct repl_group *g);
uint64_t lag_percentile_ms(const struct repl_group *g, uint32_t pct); /* of the last minute */
void lag_gap(struct repl_group *g, bool is_on);
void lag_pass_over(
    struct repl_group *g); /* the peer is a point in time with all that it was sent */

#endif
