// SPDX-License-Identifier: MIT
#include <string.h>

#include "node_int.h"

/* ---------------------------------------------------------------- a reign of one's own */

void node_reigns(struct repl_node *n, uint64_t term)
{
	node_set_term(n, term);
	lineage_add(n->record.lineage, &n->record.lineage_count, term, n->head_lsn,
		    n->cfg.own_uuid);
	n->record.wrote_alone = false;
	n->knows_newest = false;
	n->is_changed = true;
}

/* The peer knows the newest reign and could be promoted from there on: what follows is another. */
void node_new_reign(struct repl_node *n, uint64_t now_ns, struct repl_actions *out)
{
	(void)now_ns;
	(void)out;
	if (n->cfg.has_witness && !n->is_waived)
		n->wants |= WANT_REIGN;
	else
		node_reigns(n, node_next_term(n));
}

/* ---------------------------------------------------------------- the peer goes */

void node_exclude(struct repl_node *n, uint64_t now_ns, struct repl_actions *out)
{
	node_drain_off(n, out);
	n->wants &= (uint8_t) ~(WANT_ADMIT | WANT_GIVE);
	if (!n->cfg.has_witness || n->is_waived) {
		node_excluded(n, node_next_term(n), now_ns, out);
		return;
	}
	n->wants |= WANT_EXCLUDE;
	if (REPL_MUTATE(ALONE_BEFORE_EXCLUDED))
		node_ack_alone(n, true, out);
}

void node_excluded(struct repl_node *n, uint64_t term, uint64_t now_ns, struct repl_actions *out)
{
	bool was_in_sync = n->record.state == REPL_PRIMARY_PAIR;

	n->wants &= (uint8_t) ~(WANT_EXCLUDE | WANT_ADMIT | WANT_REIGN);
	n->is_admitting = false;
	n->admit_is_unsure = false;
	n->is_comparing = false; /* what was hot is suspect, and the peer is brought up to it */
	n->is_unclean = false;
	node_set_state(n, REPL_PRIMARY_ALONE, REPL_SELF);
	node_reigns(n, term);
	node_ack_alone(n, true, out);
	node_freeze(n, false, now_ns, out);
	if (was_in_sync)
		node_report(out, "replication.alone",
			    "the peer is excluded; what is written is on this side only");
	if (n->is_peer_up)
		node_do_role(out, REPL_ROLE_EXCLUDED, n->record.term);
	node_peer_ready(n, now_ns, out);
}

/* ---------------------------------------------------------------- the peer comes */

void node_caught_up(struct repl_node *n, uint64_t head_lsn, uint64_t now_ns,
		    struct repl_actions *out)
{
	node_begin(n, out);
	n->head_lsn = head_lsn;
	if (n->is_failed || n->record.state != REPL_PRIMARY_ALONE || !n->is_confirmed ||
	    n->cfg.mode != REPL_MODE_SYNC || n->is_draining || !n->is_peer_up ||
	    n->peer.state != REPL_SECONDARY_SYNCING)
		return;
	node_freeze(n, true, now_ns, out);
	if (REPL_MUTATE(ADMIT_UNEQUAL)) {
		if (n->cfg.has_witness && !n->is_waived)
			n->wants |= WANT_ADMIT;
		else
			node_admitted(n, node_next_term(n), now_ns, out);
	}
	node_end(n, now_ns, out);
}

void node_equal(struct repl_node *n, uint64_t head_lsn, uint64_t now_ns, struct repl_actions *out)
{
	node_begin(n, out);
	n->head_lsn = head_lsn;
	if (n->is_failed || !n->is_frozen || n->is_admitting || !n->is_peer_up ||
	    n->record.state != REPL_PRIMARY_ALONE)
		return;
	if (n->cfg.has_witness && !n->is_waived)
		n->wants |= WANT_ADMIT;
	else
		node_admitted(n, node_next_term(n), now_ns, out);
	node_end(n, now_ns, out);
}

/* This side's record says so first: from then on it waits for the peer, or excludes it. */
void node_admitted(struct repl_node *n, uint64_t term, uint64_t now_ns, struct repl_actions *out)
{
	n->wants &= (uint8_t) ~(WANT_ADMIT | WANT_REIGN);
	n->admit_is_unsure = false;
	n->is_admitting = true;
	n->since_ns = now_ns;
	node_set_state(n, REPL_PRIMARY_PAIR, REPL_SELF | REPL_PEER);
	node_set_term(n, term);
	n->record.wrote_alone = false;
	n->record.keeps_own = false;
	n->is_changed = true;
	node_ack_alone(n, false, out);
	if (n->is_peer_up) {
		n->is_admit_sent = true;
		node_do_role(out, REPL_ROLE_ADMIT, n->record.term);
	} else if (n->is_peer_lost && !n->cfg.holds_when_peer_is_lost) {
		node_exclude(n, now_ns, out);
	}
}

/* ---------------------------------------------------------------- hot extents */

void node_in_doubt(struct repl_node *n, uint64_t now_ns, struct repl_actions *out)
{
	node_begin(n, out);
	if (n->is_failed || n->record.state != REPL_PRIMARY_PAIR)
		return;
	n->is_comparing = n->is_unclean = true;
	node_peer_ready(n, now_ns, out);
	node_end(n, now_ns, out);
}

void node_hot_compared(struct repl_node *n, uint64_t now_ns, struct repl_actions *out)
{
	node_begin(n, out);
	if (n->is_failed || !n->is_comparing)
		return;
	n->is_comparing = false;
	node_end(n, now_ns, out);
}

/* ---------------------------------------------------------------- this side takes over */

void node_take(struct repl_node *n, uint64_t term, bool is_pair, uint64_t now_ns,
	       struct repl_actions *out)
{
	(void)now_ns;
	n->is_taking = true;
	n->is_pair_take = is_pair && n->cfg.mode == REPL_MODE_SYNC;
	n->take_term = term;
	n->is_applying = true;
	node_do(out, REPL_DO_APPLY_STAGED, true);
}

/* Of a split, what this side wrote stays: the other one follows when it hears of it. */
void node_keep(struct repl_node *n, uint64_t now_ns, struct repl_actions *out)
{
	n->is_keeping = true;
	if (n->cfg.has_witness) {
		n->is_forced = true;
		n->wants |= WANT_PROMOTE;
	} else {
		node_take(n, node_next_term(n), false, now_ns, out);
	}
}

void node_applied(struct repl_node *n, uint64_t head_lsn, uint64_t now_ns, struct repl_actions *out)
{
	bool is_given;

	node_begin(n, out);
	n->head_lsn = head_lsn;
	if (n->is_failed || !n->is_applying)
		return;
	n->is_applying = false;
	if (!n->is_taking) {
		node_end(n, now_ns, out);
		return;
	}
	n->is_taking = false;
	is_given =
	    lineage_has(n->peer_lineage, n->peer.lineage_count, n->take_term, n->cfg.own_uuid);
	if (is_given) {
		n->record.lineage_count = n->peer.lineage_count;
		memcpy(n->record.lineage, n->peer_lineage, sizeof(n->record.lineage));
		n->record.wrote_alone = false;
		n->is_changed = true;
		node_set_term(n, n->take_term);
	} else {
		node_reigns(n, n->take_term);
	}
	n->record.is_giving = false; /* the term has moved since */
	n->record.is_given = false;
	n->record.may_discard = false;
	n->record.keeps_own = n->is_keeping;
	n->record.wrote_alone = n->is_keeping;
	n->is_keeping = false;
	n->is_confirmed = true;
	n->is_resyncing = false;
	if (!n->is_waived)
		n->register_term = n->take_term;
	n->is_comparing = false;
	n->is_unclean = false;
	n->knows_newest = is_given;
	if (n->is_pair_take) {
		/* They are equal: what a former reign has left in the bitmap is of no account. */
		node_do(out, REPL_DO_FORGET, true);
		node_set_state(n, REPL_PRIMARY_PAIR, REPL_SELF | REPL_PEER);
		if (n->is_peer_lost && !n->cfg.holds_when_peer_is_lost)
			node_exclude(n, now_ns, out);
	} else {
		node_set_state(n, REPL_PRIMARY_ALONE, REPL_SELF);
		node_ack_alone(n, true, out);
	}
	if (n->is_peer_up && n->record.keeps_own)
		node_do_discard(n, out);
	else if (n->is_peer_up)
		node_do_role(out, REPL_ROLE_TAKEN, n->record.term);
	node_report(out, "replication.promoted", "this side is primary from term %llu on",
		    (unsigned long long)n->record.term);
	node_peer_ready(n, now_ns, out);
	node_end(n, now_ns, out);
}

/* ---------------------------------------------------------------- this side hands over */

void node_drain_off(struct repl_node *n, struct repl_actions *out)
{
	if (!n->is_draining)
		return;
	n->is_draining = false;
	n->wants &= (uint8_t)~WANT_GIVE;
	node_do(out, REPL_DO_DRAIN, false);
}

void node_drained(struct repl_node *n, uint64_t head_lsn, uint64_t now_ns, struct repl_actions *out)
{
	node_begin(n, out);
	n->head_lsn = head_lsn;
	if (n->is_failed || !n->is_draining || !n->is_peer_up || !node_is_primary(n))
		return;
	if (n->cfg.has_witness && !n->is_waived)
		n->wants |= WANT_GIVE;
	else
		node_given(n, node_next_term(n), now_ns, out);
	node_end(n, now_ns, out);
}

void node_given(struct repl_node *n, uint64_t term, uint64_t now_ns, struct repl_actions *out)
{
	bool is_sync = n->cfg.mode == REPL_MODE_SYNC;

	node_drain_off(n, out);
	n->lease_until_ns = n->peer_lease_until_ns = 0;
	n->wants = 0;
	node_set_term(n, term);
	lineage_add(n->record.lineage, &n->record.lineage_count, term, n->head_lsn,
		    n->cfg.peer_uuid);
	n->record.wrote_alone = false;
	n->record.keeps_own = false;
	n->record.is_consistent = true;
	n->record.is_given = true;
	n->is_changed = true;
	n->is_confirmed = false;
	n->is_resyncing = false;
	n->heard_ns = now_ns;
	node_set_state(n, is_sync ? REPL_SECONDARY_INSYNC : REPL_SECONDARY_SYNCING,
		       is_sync ? REPL_SELF | REPL_PEER : REPL_PEER);
	node_ack_alone(n, false, out);
	node_do(out, REPL_DO_FORGET, true);
	if (n->is_peer_up)
		node_do_role(out, REPL_ROLE_HANDOVER, n->record.term);
}

/* ---------------------------------------------------------------- a secondary's resync */

void node_resync_began(struct repl_node *n, bool is_inconsistent, uint64_t now_ns,
		       struct repl_actions *out)
{
	node_begin(n, out);
	if (n->is_failed || !node_is_secondary(n))
		return;
	if (n->is_peer_unrelated && n->is_peer_up) {
		n->record.lineage_count = n->peer.lineage_count;
		memcpy(n->record.lineage, n->peer_lineage, sizeof(n->record.lineage));
		n->is_peer_unrelated = false;
		n->is_changed = true;
	}
	if (is_inconsistent && n->record.is_consistent) {
		n->record.is_consistent = false;
		n->is_changed = true;
	}
	if (n->record.state == REPL_SECONDARY_INSYNC)
		node_set_state(n, REPL_SECONDARY_SYNCING, REPL_PEER);
	node_end(n, now_ns, out);
}

void node_resync_ended(struct repl_node *n, uint64_t now_ns, struct repl_actions *out)
{
	node_begin(n, out);
	if (n->is_failed || !node_is_secondary(n) || n->record.is_consistent)
		return;
	n->record.is_consistent = true;
	n->is_changed = true;
	node_end(n, now_ns, out);
}

void node_gave_up(struct repl_node *n, uint64_t now_ns, struct repl_actions *out)
{
	node_begin(n, out);
	if (n->is_failed || !node_is_secondary(n))
		return;
	node_set_state(n, REPL_OUTDATED, REPL_PEER);
	node_end(n, now_ns, out);
}

/* The peer has my tail in its own records, durably; it will write over it. */
void node_bitmap_sent(struct repl_node *n, uint64_t now_ns, struct repl_actions *out)
{
	node_begin(n, out);
	if (n->is_failed || n->record.state != REPL_OUTDATED || !node_is_peer_primary(n))
		return;
	n->record.lineage_count = n->peer.lineage_count;
	memcpy(n->record.lineage, n->peer_lineage, sizeof(n->record.lineage));
	n->record.wrote_alone = false;
	n->record.keeps_own = n->record.may_discard = false;
	n->record.is_consistent = false; /* a tail of its own is still in it */
	n->is_peer_unrelated = false;
	n->is_resyncing = false;
	n->is_changed = true;
	node_set_term(n, n->peer.term);
	node_set_state(n, REPL_SECONDARY_SYNCING, REPL_PEER);
	node_ack_alone(n, false, out);
	node_do(out, REPL_DO_FORGET, true);
	node_end(n, now_ns, out);
}
