/* SPDX-License-Identifier: MIT */
/*
 * replicator.h - pairs appliances, and keeps replications what the database says, on both sides:
 * the two policyds agree on a group, its filters come into the chains, an operator's commands are
 * carried out, and what the filters say of their roles is noted, so that the planner exports by it.
 *
 *   replicator.c          the thread, its rounds and its life
 *   replicator_peers.c    pins of filterd against rows: pairing, forgetting, who answers
 *   replicator_groups.c   each replication: its phases, what its filter says
 *   replicator_words.c    states in words, and how bad they are
 *   replicator_tasks.c    what operators have asked for, by tasks
 *   replicator_calls.c    asking a peer's policyd
 *   replicator_answers.c  being asked by one: a thread of its own
 *   replicator_replica.c  making this appliance's side of a peer's replication
 *
 * filterd has the connections, and knows peers by their keys; what comes through it is still a
 * stranger's body and is checked as one.
 *
 * Order of calls: start, stop. Thread: main's, what is declared here; the work is on two threads
 * of its own, each with a store and a connection to filterd.
 */
#ifndef POLICY_REPLICATOR_H
#define POLICY_REPLICATOR_H

#include <jansson.h>

#include "err.h"
#include "reconciler.h"

struct replicator;

/* cfg (with its reconciler) outlives it. */
int must_check replicator_start(const struct apply_cfg *cfg, struct replicator **out,
				struct err *err);
void replicator_wake(struct replicator *r); /* there may be something to do */
void replicator_stop(struct replicator *r); /* NULL is fine */

/* What the filter of the group says of itself, as of the last second; NULL: not known now. New
 * reference. */
json_t *replicator_status(struct replicator *r, const char *replication);

/* A code by which one other appliance may pair with this one, under name: {"code", "expires_in_s",
 * "fingerprint"}. Asks filterd, which answers at once. New reference, or NULL with err. */
json_t *replicator_offer(const struct apply_cfg *cfg, const char *name, struct err *err);

#endif
