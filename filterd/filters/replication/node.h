/* SPDX-License-Identifier: MIT */
/*
 * node.h - the state machine of one side of a replicated group: who may serve, at which term.
 *
 * Pure: no I/O, no clock, no allocation. Each event is a call; what is to be done comes back as
 * actions, to be carried out in order before the next event is given. STORE is first and durable
 * before what follows it is carried out; if it cannot be, node_store_failed() and nothing else.
 * tests/models/repl.pml has the same states, events and actions under the same names.
 *
 *                 peer lost, excluded                     promoted, handed over
 *   PRIMARY_PAIR ----------------------> PRIMARY_ALONE <----------------------- SECONDARY_INSYNC
 *        ^                                  |     ^  (async stays here)              |  ^
 *        +------------ caught up, admitted -+     | forced                  excluded |  | admitted
 *                                           v     |                                  v  |
 *   a longer lineage: OUTDATED ---bitmap sent---> SECONDARY_SYNCING <----------------+--+
 *   two lineages with writes: DIVERGED, until an operator resolves
 *
 * Async is PRIMARY_ALONE with SECONDARY_SYNCING on the other side: acknowledged without the peer,
 * so the peer is never in the in-sync set, and its promotion needs force.
 *
 * Who may serve at an instant (R1): a primary that was confirmed since its start, and, where the
 * other side could be promoted without force, holds a lease: of the witness, renewed in time, or of
 * the peer, which answers a PING with the promise not to be promoted for REPL_SILENCE_MS and the
 * margin. Leases count from when the question was sent.
 *
 * Thread: the group's worker.
 */
#ifndef REPLICATION_NODE_H
#define REPLICATION_NODE_H

#include <stdbool.h>
#include <stdint.h>

#include "sluice/link.h"
#include "wire/repl.h"

enum repl_node_state {
	REPL_STANDALONE = 0, /* not set up yet, or the replication was ended here */
	REPL_SECONDARY_SYNCING = 1,
	REPL_SECONDARY_INSYNC = 2,
	REPL_PRIMARY_PAIR = 3,
	REPL_PRIMARY_ALONE = 4, /* the peer is excluded; acknowledged without it */
	REPL_OUTDATED = 5,      /* another reign followed; the own tail is to be rolled back */
	REPL_DIVERGED = 6,      /* split brain: an operator decides */
};

#define REPL_SELF 1u /* bits of an in-sync set, seen from this node */
#define REPL_PEER 2u

/* What is durable. One record, key "node". */
struct repl_node_record {
	uint32_t version;      /* 1 */
	uint8_t state;         /* enum repl_node_state */
	uint8_t insync;        /* REPL_SELF, REPL_PEER */
	uint8_t is_consistent; /* this side's data is a point in time */
	uint8_t wrote_alone;   /* acknowledged something in the newest reign without the peer */
	uint8_t is_clean;      /* a primary that stopped in peace: no hot extents to compare */
	uint8_t keeps_own; /* an operator decided a split for this side; until the peer follows */
	uint8_t is_giving; /* the witness was asked to give the role away; it may do so any time */
	uint8_t may_discard; /* OUTDATED by an operator's word: what only this side has may go */
	uint8_t lineage_count;
	uint8_t is_given; /* the role was given away, and nobody has said yet who has it */
	uint8_t reserved2[2];
	/* The peer's newest reign as of the split, also while keeps_own; lower half of its term. 0:
	 * noted by none. */
	uint32_t split_reign;
	uint64_t term;
	struct repl_reign lineage[REPL_LINEAGE_MAX]; /* oldest first; the oldest goes when full */
};

enum repl_node_mode { REPL_MODE_SYNC, REPL_MODE_ASYNC };

struct repl_node_cfg {
	enum repl_node_mode mode;
	bool holds_when_peer_is_lost; /* else continues */
	bool has_witness;
	bool is_volatile; /* a power cut takes from the own volumes what no flush has covered */
	uint64_t lease_ns, margin_ns; /* of the witness's lease; what a promotion waits beyond it */
	uint8_t own_uuid[16], peer_uuid[16];
};

enum repl_action_kind {
	REPL_DO_STORE = 1, /* make node->record durable */
	REPL_DO_SERVE,     /* initiators' I/O may begin or goes on (is_on), or is held (not) */
	REPL_DO_ACK_ALONE, /* is_on: acknowledge without the peer; what waits for it is marked dirty
			      first */
	REPL_DO_FREEZE,    /* is_on: no acknowledgement until it is off: the swap is under way */
	REPL_DO_SEND_STATE, /* REPL_STATE to the peer */
	REPL_DO_SEND_ROLE,  /* what, term */
	REPL_DO_WITNESS,    /* call */
	REPL_DO_RESYNC, /* primary: begin to bring the peer up (hot extents, bitmap, journal); all
			   of it if n->is_peer_unrelated; with a peer that is OUTDATED, its
			   BITMAP comes first and is durable here before RS_BEGIN */
	REPL_DO_COMPARE_HOT,  /* primary after an unclean end, its peer in sync: compare before
				 serving */
	REPL_DO_SEND_BITMAP,  /* rejoining: my may-differ set to the peer; RS_BEGIN says that it has
				 it:  then node_bitmap_sent() */
	REPL_DO_FORGET,       /* own journal, bitmap, hot marks: the peer has them */
	REPL_DO_APPLY_STAGED, /* promotion: complete windows go below, then node_applied() */
	REPL_DO_DRAIN,  /* is_on: hand-over: hold I/O, bring the peer equal, then node_drained();
			   not: it is called off, or done */
	REPL_DO_REPORT, /* code, text: an event for the administrator */
};

struct repl_action {
	enum repl_action_kind kind;
	bool is_on;
	struct repl_role role;
	enum sluice_witness_op witness_op;
	uint64_t witness_expected_term;
	struct sluice_witness_register witness_wanted;
	const char *code;
	char text[160];
};

#define REPL_ACTIONS_MAX 12u

struct repl_actions {
	uint32_t count;
	struct repl_action a[REPL_ACTIONS_MAX];
};

struct repl_node {
	struct repl_node_record record; /* as it is durable once STORE is done */
	struct repl_node_cfg cfg;
	bool is_peer_up; /* HELLO and STATE have come on this connection */
	bool is_serving, is_confirmed, is_frozen, acks_alone;
	bool is_lease_held;
	uint64_t lease_until_ns;
	struct repl_state peer; /* as of its last REPL_STATE */
	struct repl_reign peer_lineage[REPL_LINEAGE_MAX];
	bool is_peer_unrelated; /* no reign in common: nothing it has is of use */
	bool is_failed;         /* a record could not be stored: nothing more before a restart */
	/* node*.c's */
	bool is_changed;   /* the record, in this event */
	bool may_be_clean; /* it served when it was stopped */
	bool is_draining, is_comparing, is_applying, is_admitting, is_resyncing;
	bool is_holding, is_unclean, is_waived, is_forced, is_promoting, is_taking, is_peer_lost,
	    knows_newest, has_newest_writes, admit_is_unsure, is_admit_sent, is_pair_take,
	    is_keeping;
	uint8_t wants, pending; /* what of the witness: bits, and the call under way */
	uint64_t pending_term, take_term, register_term, head_lsn;
	struct sluice_witness_register asked; /* of the last SWAP */
	uint64_t asked_ns, retry_ns, since_ns, rest_until_ns;
	uint64_t heard_ns, peer_lease_until_ns;
};

/* record NULL: none was ever made; initial_state is then STANDALONE, PRIMARY_ALONE (the volume
 * that is to be replicated) or SECONDARY_SYNCING (the replica to be). */
void node_init(struct repl_node *n, const struct repl_node_cfg *cfg,
	       const struct repl_node_record *record, enum repl_node_state initial_state,
	       uint64_t now_ns, struct repl_actions *out);
/* The record could not be made durable: stops serving for good. */
void node_store_failed(struct repl_node *n, struct repl_actions *out);
/* STATE has come, with lineage_count reigns (checked). */
void node_peer_state(struct repl_node *n, const struct repl_state *s,
		     const struct repl_reign *lineage, uint64_t now_ns, struct repl_actions *out);
/* The connection has ended; it may come back soon. */
void node_peer_down(struct repl_node *n, uint64_t now_ns, struct repl_actions *out);
/* No connection, or no word on it, for REPL_SILENCE_MS. */
void node_peer_lost(struct repl_node *n, uint64_t head_lsn, uint64_t now_ns,
		    struct repl_actions *out);
/* A PING has come. True: the PONG may promise (REPL_PROMISE) that this side is not promoted for
 * REPL_SILENCE_MS and the margin. */
bool node_pinged(struct repl_node *n, uint64_t now_ns);
/* A PONG with the promise has come, to a PING sent then. */
void node_promised(struct repl_node *n, uint64_t ping_sent_ns, uint64_t now_ns,
		   struct repl_actions *out);
void node_peer_failed(struct repl_node *n, uint64_t head_lsn, uint64_t now_ns,
		      struct repl_actions *out); /* it could not write or flush */
void node_role(struct repl_node *n, const struct repl_role *r, uint64_t now_ns,
	       struct repl_actions *out);
/* The resync's last block is persistent at the peer; acks are frozen by FREEZE, then node_equal().
 */
void node_caught_up(struct repl_node *n, uint64_t head_lsn, uint64_t now_ns,
		    struct repl_actions *out);
void node_equal(struct repl_node *n, uint64_t head_lsn, uint64_t now_ns, struct repl_actions *out);
/* In PRIMARY_PAIR a change was given up: answered with an error while only one side may have it. No
 * serving before the two are compared, or the peer is excluded. */
void node_in_doubt(struct repl_node *n, uint64_t now_ns, struct repl_actions *out);
void node_hot_compared(struct repl_node *n, uint64_t now_ns, struct repl_actions *out);
void node_resync_began(struct repl_node *n, bool is_inconsistent, uint64_t now_ns,
		       struct repl_actions *out); /* secondary */
void node_resync_ended(struct repl_node *n, uint64_t now_ns,
		       struct repl_actions *out); /* secondary */
/* Of a resync what had come was given up for a promotion that was not to be: the own bitmap has it,
 * and goes to the peer as that of one that was primary. */
void node_gave_up(struct repl_node *n, uint64_t now_ns, struct repl_actions *out);
void node_bitmap_sent(struct repl_node *n, uint64_t now_ns, struct repl_actions *out);
void node_applied(struct repl_node *n, uint64_t head_lsn, uint64_t now_ns,
		  struct repl_actions *out);
void node_drained(struct repl_node *n, uint64_t head_lsn, uint64_t now_ns,
		  struct repl_actions *out);
void node_witness(struct repl_node *n, const struct sluice_witness_call *c, uint64_t now_ns,
		  struct repl_actions *out);
void node_tick(struct repl_node *n, uint64_t now_ns, struct repl_actions *out); /* each 100 ms */
/* A write was acknowledged without the peer; durable before the first one of a reign. */
void node_wrote_alone(struct repl_node *n, struct repl_actions *out);

/* An operator's acts. -errno with err filled: refused, with the reason and what would be lost. */
int node_promote(struct repl_node *n, bool is_forced, uint64_t now_ns, struct repl_actions *out,
		 struct sluice_error *err);
int node_demote(struct repl_node *n, uint64_t now_ns, struct repl_actions *out,
		struct sluice_error *err);
int node_handover(struct repl_node *n, uint64_t now_ns, struct repl_actions *out,
		  struct sluice_error *err);
int node_confirm(struct repl_node *n, uint64_t now_ns, struct repl_actions *out,
		 struct sluice_error *err);
/* Split brain: this side's writes since the ancestor are to be kept, or given up. */
int node_resolve(struct repl_node *n, bool keeps_own, uint64_t now_ns, struct repl_actions *out,
		 struct sluice_error *err);
void node_stop(struct repl_node *n, struct repl_actions *out); /* in peace */
/* All that was under way has ended, and the marks are gone; is_equal: nothing is left that may
 * differ from a peer in sync. Then it is clean, durably. */
void node_stopped(struct repl_node *n, bool is_equal, struct repl_actions *out);

bool node_state_is_primary(uint8_t state);
bool node_is_primary(const struct repl_node *n);
/* The peer has not answered ADMIT for too long, and acknowledgements wait for that: it may have
 * refused. What it is it says on a new connection. */
bool node_is_admit_overdue(const struct repl_node *n, uint64_t now_ns);
/* Until when the leases that it has allow serving; UINT64_MAX: it needs none. Look at it when an
 * I/O is answered, too: a worker may have been standing still. */
uint64_t node_serve_until_ns(const struct repl_node *n);
const char *node_state_name(enum repl_node_state s); /* "primary_pair" */

#endif
