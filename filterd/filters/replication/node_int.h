/* SPDX-License-Identifier: MIT */
/*
 * node_int.h - what the files of the node's state machine share.
 *
 *   node.c           life, serving, actions       node_peer.c      what the peer is and says
 *   node_change.c    exclusion, admission,        node_witness.c   calls to the witness
 *                    taking over, handing over    node_operator.c  an operator's acts
 *
 * Every public function is node_begin(), changes, node_end(). node_end() sees to what always
 * follows: STORE and STATE first when the record has changed, SERVE when that differs now, the next
 * call to the witness when one is wanted.
 *
 * Thread: the group's worker.
 */
#ifndef REPLICATION_NODE_INT_H
#define REPLICATION_NODE_INT_H

#include "lineage.h"
#include "node.h"
#include "repl_mutate.h"

/* What is wanted of the witness, in order of urgency. */
enum node_want {
	WANT_GIVE = 1,    /* hand-over: the role to the peer */
	WANT_EXCLUDE = 2, /* the peer leaves the in-sync set */
	WANT_ADMIT = 4,   /* ... joins it */
	WANT_PROMOTE = 8, /* this side is primary */
	WANT_REIGN = 16,  /* a new term for the same */
	WANT_CLAIM = 32,  /* the first word ever in the register */
	WANT_READ = 64,
	WANT_RENEW = 128,
};

#define NODE_DRAIN_MAX_NS  (10000ull * 1000000)
#define NODE_FREEZE_MAX_NS (5000ull * 1000000)
#define NODE_ADMIT_MAX_NS  (10000ull * 1000000)
#define NODE_RETRY_NS      (500ull * 1000000)
#define NODE_SILENCE_NS    (REPL_SILENCE_MS * 1000000ull)

/* ---------------------------------------------------------------- node.c */

void node_begin(struct repl_node *n, struct repl_actions *out);
void node_end(struct repl_node *n, uint64_t now_ns, struct repl_actions *out);
struct repl_action *node_do(struct repl_actions *out, enum repl_action_kind kind, bool is_on);
void node_do_role(struct repl_actions *out, enum repl_role_what what, uint64_t term);
/* To a peer whose newest reign was this one when an operator gave up what it wrote. */
void node_do_discard(const struct repl_node *n, struct repl_actions *out);
uint32_t node_newest_reign(const struct repl_reign *lineage, uint32_t count);
void node_report(struct repl_actions *out, const char *code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void node_set_state(struct repl_node *n, enum repl_node_state state, uint8_t insync);
void node_set_term(struct repl_node *n, uint64_t term); /* never lower */
uint64_t node_next_term(const struct repl_node *n);     /* beyond everything known */
bool node_is_secondary(const struct repl_node *n);
bool node_is_peer_primary(const struct repl_node *n);
bool node_is_peer_secondary(const struct repl_node *n);
void node_ack_alone(struct repl_node *n, bool is_on, struct repl_actions *out);
void node_freeze(struct repl_node *n, bool is_on, uint64_t now_ns, struct repl_actions *out);

/* ---------------------------------------------------------------- node_peer.c */

/* A primary whose peer is here: compare, resync, or nothing to be done. */
void node_peer_ready(struct repl_node *n, uint64_t now_ns, struct repl_actions *out);
/* Somebody says that this side is primary still. */
void node_set_confirmed(struct repl_node *n, uint64_t now_ns, struct repl_actions *out);
/* Another reign followed this side's. */
void node_yield(struct repl_node *n, struct repl_actions *out, const char *why);
/* The same by an operator's choice: what only this side has is given up. */
void node_discard(struct repl_node *n, struct repl_actions *out);

/* ---------------------------------------------------------------- node_change.c */

void node_exclude(struct repl_node *n, uint64_t now_ns, struct repl_actions *out);
void node_excluded(struct repl_node *n, uint64_t term, uint64_t now_ns, struct repl_actions *out);
void node_admitted(struct repl_node *n, uint64_t term, uint64_t now_ns, struct repl_actions *out);
void node_new_reign(struct repl_node *n, uint64_t now_ns, struct repl_actions *out);
void node_reigns(struct repl_node *n, uint64_t term);
/* This side becomes primary: first what is staged is applied. is_pair: handed over in sync. */
void node_take(struct repl_node *n, uint64_t term, bool is_pair, uint64_t now_ns,
	       struct repl_actions *out);
void node_keep(struct repl_node *n, uint64_t now_ns, struct repl_actions *out);
void node_given(struct repl_node *n, uint64_t term, uint64_t now_ns, struct repl_actions *out);
void node_drain_off(struct repl_node *n, struct repl_actions *out);

/* ---------------------------------------------------------------- node_witness.c */

/* From the term that this side's record knows. */
void node_want_promotion(struct repl_node *n);
void node_ask_witness(struct repl_node *n, uint64_t now_ns, struct repl_actions *out);

/* ---------------------------------------------------------------- node_operator.c */

/* Whether the promises that this side gave are over. */
uint64_t node_promise_left_ns(const struct repl_node *n, uint64_t now_ns);

#endif
