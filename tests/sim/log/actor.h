/* SPDX-License-Identifier: MIT */
/*
 * actor.h - who uses the log: appends, flushes, reads, destaging, drops, each of them checked when
 * it is answered.
 *
 * actor_do() issues one action, drawn or given; several may be under way. Whatever waits for space
 * is helped as a cache does: flush if nothing is durable, then destage.
 *
 * Thread: one. Nothing is allocated.
 */
#ifndef SIM_LOG_ACTOR_H
#define SIM_LOG_ACTOR_H

#include "lab.h"

#define ACTOR_OPS 8u

enum actor_kind {
	ACTOR_WRITE,
	ACTOR_ZERO,
	ACTOR_MARK,
	ACTOR_FLUSH,
	ACTOR_DESTAGE,
	ACTOR_READ,
	ACTOR_IDLE, /* timers run */
	ACTOR_DROP, /* alone */
	ACTOR_KIND_COUNT
};

struct actor_action {
	enum actor_kind kind;
	uint8_t block, block_count;
	bool is_durable;
	uint32_t max_blocks; /* DESTAGE: of the window; 0: all */
};

struct actor;

struct actor_op {
	bool is_busy, is_in_call;
	bool is_after_failure; /* of the log: it was issued then */
	struct actor *actor;
	struct actor_action action;
	uint32_t state;          /* append: when it is whole; flush: what it makes durable */
	uint32_t last_version;   /* append: its last, or the last before it */
	uint32_t oldest, newest; /* read: states that it may see */
	struct sluice_rlog_entry entry;
	struct sluice_rlog_flush flush;
	struct sluice_rlog_read read;
	struct sluice_rlog_destage destage;
	uint8_t buf[ORACLE_BLOCKS * LAB_BLOCK_BYTES] __attribute__((aligned(16)));
};

struct actor {
	struct lab *lab;
	struct actor_op ops[ACTOR_OPS];
	uint32_t busy;
	bool is_destaging, is_space_wanted, is_nothing_durable, is_helping_flush;
	uint32_t weights[ACTOR_KIND_COUNT];
	uint32_t max_blocks; /* of a write */
	uint32_t durable_pct;
	bool is_helpless;        /* a full log stays full */
	uint32_t failed_windows; /* one after another */
	uint64_t failures;       /* answers with an error */
};

/* A process began and its log is open. */
void actor_begin(struct actor *a, struct lab *l);
void actor_listen(struct actor *a); /* to the log's want_space; by actor_begin() */
struct actor_action actor_draw(struct actor *a);
/* false: no room for it now. */
bool actor_do(struct actor *a, const struct actor_action *what);
/* Helps those that wait for space. */
void actor_help(struct actor *a);
/* Until nothing is under way, or what waits for space cannot get it any more. */
enum lab_end actor_settle(struct actor *a);
/* count actions drawn, at most depth under way, and settled. */
enum lab_end actor_serve(struct actor *a, uint32_t count, uint32_t depth);

#endif
