/* SPDX-License-Identifier: MIT */
/*
 * receiver_rig.h - a secondary's receiver with real stages on the record log's disk (rlog_rig.h),
 * volumes in memory that lose and tear what was not flushed, and everything around it invented:
 * group, node, session, link.
 *
 *     rr_init(&r, seed); rr_start(&r); rr_up(&r);
 *     rr_send(&r, &h, data) ... rr_run(&r) ... rr_answer(&r, REPL_WIN_ACK)
 *     rr_crash(&r, true); rr_start(&r); ...
 *     rr_fini(&r);
 *
 * A volume's content is a version per unit of 4 KiB: all its words are that number.
 *
 * Thread: the test's.
 */
#ifndef RECEIVER_RIG_H
#define RECEIVER_RIG_H

#include "receiver_int.h"
#include "rlog_rig.h"

#define RR_UNIT        4096u
#define RR_MEMBERS     2u
#define RR_UNITS       64u /* of member 0; member 1 has two, and a short one of 512 bytes */
#define RR_STAGE_BYTES (4u << 20)
#define RR_ANSWERS     512u

struct rr_answer {
	struct repl_header h;
	uint8_t payload[2048];
};

struct repl_group {
	struct rig disk; /* first */
	struct repl_host host;
	struct repl_node node;
	struct repl_receiver *receiver;
	struct sluice_rlog *logs[REPL_LOGS];
	struct repl_timer *timers[8];
	uint64_t timer_at_ns[8];

	struct {
		uint8_t data[256];
		size_t size_bytes;
		char key[16];
	} records[4];
	int record_error;

	uint8_t now[RR_MEMBERS][RR_UNITS * RR_UNIT], stable[RR_MEMBERS][RR_UNITS * RR_UNIT];
	struct repl_own *owns[256];
	uint32_t own_count;
	bool is_own_held; /* nothing below ends */
	/* What is wanted of the host's snapshots: made with the results in snapshot_results, from
	 * the first on; all that is wanted behind them ends well. */
	struct repl_snapshot *snapshot;
	bool is_snapshot_held; /* it does not end */
	int snapshot_results[4];
	uint32_t snapshots_asked;
	uint64_t snapshot_version; /* of unit 0 of its member, when it ended */
	bool is_own_busy;          /* changes of a former reign are under way */
	uint64_t owns_ended, own_fail_at;
	uint64_t writes_below, fua_below, reads_below;
	uint64_t steps, steps_max; /* rr_run() stops there; 0: never */
	bool has_extents;

	struct rr_answer answers[RR_ANSWERS];
	uint32_t answer_count;
	bool is_up, may_read;
	uint64_t credit_bytes; /* what the peer may send */
	char refused[256];     /* the protocol error; empty: none */
	int began_staged, began_below, resync_ended, gave_up, applied, bitmap_sent, reports;
	uint64_t seen_lsn;
	uint64_t suspect; /* units of member 0 */
	bool marks_flushed;
	struct repl_range differ[3];
	uint32_t differ_count;
	int start_result;
	bool is_started, is_stopped;
	struct frame_out out;
	uint32_t bufs;
	bool has_no_bufs;
};

void rr_init(struct repl_group *g, uint64_t seed);
void rr_fini(struct repl_group *g);
/* Until the receiver is started; its result. */
int rr_start(struct repl_group *g);
void rr_stop(struct repl_group *g);
void rr_crash(struct repl_group *g, bool is_power_cut);
void rr_up(struct repl_group *g);
void rr_down(struct repl_group *g);
/* All that can happen without a frame and without time. */
void rr_run(struct repl_group *g);
void rr_advance(struct repl_group *g, uint64_t ms);

/* Offers the frame until it is taken; false: it never is (as far as events without time go). */
bool rr_send(struct repl_group *g, struct repl_header *h, const void *plain);
/* Once. */
bool rr_offer(struct repl_group *g, struct repl_header *h, const void *plain);
/* The frames themselves; type may be any that has such a form. term: the node's. */
bool rr_data(struct repl_group *g, enum repl_type type, uint64_t value, uint16_t member,
	     uint64_t unit, uint64_t count, uint64_t version);
bool rr_zero(struct repl_group *g, enum repl_type type, uint64_t value, uint16_t member,
	     uint64_t unit, uint64_t count);
bool rr_plain(struct repl_group *g, enum repl_type type, uint64_t value);
bool rr_resync(struct repl_group *g, uint64_t id, uint64_t bytes_max, bool is_whole);
/* The oldest answer of that type, taken out; NULL: none. */
const struct rr_answer *rr_answer(struct repl_group *g, enum repl_type type);
uint32_t rr_answers(const struct repl_group *g, enum repl_type type);

/* A unit's version; UINT64_MAX: it is a mixture. */
uint64_t rr_version(const struct repl_group *g, uint16_t member, uint64_t unit);
/* As if it had always been there. */
void rr_set(struct repl_group *g, uint16_t member, uint64_t unit, uint64_t version);

/* receiver_rig_host.c */
extern const struct repl_host_ops rr_host_ops;
bool rr_own_step(struct repl_group *g);

#endif
