/* SPDX-License-Identifier: MIT */
/*
 * load.h - verify_load's parts: options, commands in flight, sessions, figures.
 *
 *   verify_load.c    options, the loop, the final pass, the verdict
 *   load_session.c   sessions: send, notice the end of a connection, connect again
 *   load_ops.c       choose a command, make its data, judge its end
 *   load_map.c       the oracle
 *
 * One thread.
 */
#ifndef TOOLS_LOAD_H
#define TOOLS_LOAD_H

#include <signal.h>

#include "initiator.h"
#include "load_map.h"

enum { LOAD_SESSIONS_MAX = 16, LOAD_IO_MAX_BYTES = 256 << 10 };

enum op_kind { OP_READ, OP_WRITE, OP_CAW, OP_CAW_MISS, OP_UNMAP, OP_SAME, OP_SYNC, OP_KINDS };
extern const char *const op_words[OP_KINDS];

struct load_options {
	const char *urls[LOAD_SESSIONS_MAX];
	int url_count, sessions, depth;
	uint64_t first_lba, volume_id, seed, max_ops;
	uint32_t blocks;
	int seconds, limit_ms;
	unsigned weight[OP_KINDS];
	bool survives_reconnect, forbids_busy, forbids_attention, starts_zero;
	int max_stall_ms; /* 0: only reported */
	const char *progress;
};

struct load_figures {
	uint64_t ops, by_kind[OP_KINDS], bytes;
	uint64_t errors, busy, attentions, reconnects, unknown;
	uint64_t torn, stale, lost, misdirected, false_match;
	uint64_t max_stall_ns, max_latency_ns;
};

enum op_state { OP_IDLE, OP_SENT, OP_UNKNOWN };

struct load_op {
	enum op_state state;
	enum op_kind kind;
	struct session *session;
	uint32_t at, n, gen;
	uint64_t start; /* the map's time */
	uint64_t sent_ns, not_before_ns;
	struct scsi_task *task;
	uint8_t *buf;
	uint8_t list[UNMAP_LIST_BYTES];
};

struct session {
	struct load *load;
	struct initiator in;
	const char *url;
	struct load_op *ops;
	uint64_t retry_ns;
	uint64_t down_since_ns; /* 0: connected */
};

struct load {
	struct load_options opt;
	struct load_figures fig;
	struct load_map map;
	struct session sessions[LOAD_SESSIONS_MAX];
	uint64_t now; /* the map's time */
	uint64_t random;
	uint32_t next_gen;
	uint32_t in_flight;
	uint64_t last_end_ns;
	bool is_stopping;
	int complaints;
};

/* load_ops.c */
uint64_t load_random(struct load *l);
void load_complain(struct load *l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Chooses a command for an idle op and fills cdb; false: nothing fits just now. */
bool load_op_choose(struct load *l, struct load_op *op, struct cdb *cdb);
/* The target answered. */
void load_op_answered(struct load *l, struct load_op *op, const struct outcome *out);
/* It will not be answered any more, and it cannot be applied any more. */
void load_op_forget(struct load *l, struct load_op *op);
void load_count_finding(struct load *l, enum finding f, const char *why);

/* load_session.c */
int load_session_open(struct load *l, struct session *s, const char *url);
void load_session_fill(struct load *l, struct session *s); /* sends while there is room */
void load_session_care(struct load *l, struct session *s); /* lost connections, hung commands */
void load_session_close(struct session *s);

#endif
