// SPDX-License-Identifier: MIT
#include <string.h>

#include "node_int.h"

enum relation { SAME, I_LEAD, PEER_LEADS, SPLIT };

/* ---------------------------------------------------------------- promises */

uint64_t node_promise_left_ns(const struct repl_node *n, uint64_t now_ns)
{
	uint64_t until = n->heard_ns + NODE_SILENCE_NS + n->cfg.margin_ns;

	if (REPL_MUTATE(PROMOTE_UNDER_LEASE))
		return 0;
	return now_ns < until ? until - now_ns : 0;
}

bool node_pinged(struct repl_node *n, uint64_t now_ns)
{
	if (n->is_failed || !node_is_secondary(n) || n->is_taking ||
	    ((n->wants | n->pending) & WANT_PROMOTE))
		return false;
	if (node_is_peer_primary(n))
		n->heard_ns = now_ns;
	return node_is_peer_primary(n);
}

void node_promised(struct repl_node *n, uint64_t ping_sent_ns, uint64_t now_ns,
		   struct repl_actions *out)
{
	node_begin(n, out);
	if (n->is_failed || !node_is_primary(n))
		return;
	if (ping_sent_ns + NODE_SILENCE_NS > n->peer_lease_until_ns)
		n->peer_lease_until_ns = ping_sent_ns + NODE_SILENCE_NS;
	node_end(n, now_ns, out);
}

/* ---------------------------------------------------------------- who leads */

/* What the operator gave up is what the peer had written then, and nothing later. */
static bool is_word_about(uint32_t about_reign, const struct repl_reign *lineage, uint32_t count)
{
	return about_reign == 0 || about_reign == node_newest_reign(lineage, count);
}

/* Both have reigns of their own, and neither or both have written. */
static enum relation break_tie(const struct repl_node *n, bool has_written)
{
	const struct repl_reign *own = &n->record.lineage[n->record.lineage_count - 1];
	const struct repl_reign *peer = &n->peer_lineage[n->peer.lineage_count - 1];

	if (has_written && n->record.keeps_own && n->peer.state == REPL_DIVERGED &&
	    is_word_about(n->record.split_reign, n->peer_lineage, n->peer.lineage_count))
		return I_LEAD;
	if (has_written && !REPL_MUTATE(MERGE_SPLIT))
		return SPLIT;
	if (own->term != peer->term)
		return own->term > peer->term ? I_LEAD : PEER_LEADS;
	return memcmp(n->cfg.own_uuid, n->cfg.peer_uuid, 16) > 0 ? I_LEAD : PEER_LEADS;
}

/* Once per connection. */
static void send_bitmap(struct repl_node *n, struct repl_actions *out)
{
	if (n->is_resyncing || !node_is_peer_primary(n) || n->record.state != REPL_OUTDATED)
		return;
	n->is_resyncing = true;
	node_set_term(n, n->peer.term);
	/* One that was demoted is not to be promoted any more: the peer has followed it. */
	node_set_state(n, REPL_OUTDATED, REPL_PEER);
	node_do(out, REPL_DO_SEND_BITMAP, true);
}

/* A resolution may be said on either side: the one that gave up tells the one that was chosen. */
static void tell_chosen(const struct repl_node *n, struct repl_actions *out)
{
	uint64_t term = n->peer.term > n->record.term ? n->peer.term : n->record.term;

	if (n->is_peer_up && n->peer.state == REPL_DIVERGED && n->record.may_discard)
		node_do_role(out, REPL_ROLE_KEEP, term);
}

static enum relation find_relation(struct repl_node *n)
{
	struct lineage own = {n->record.lineage, n->record.lineage_count, n->record.wrote_alone};
	struct lineage peer = {n->peer_lineage, n->peer.lineage_count, n->peer.wrote_alone};
	struct lineage_relation r;

	lineage_compare(&own, &peer, &r);
	n->is_peer_unrelated = !r.is_related;
	n->knows_newest = r.own_beyond == 0;
	n->has_newest_writes = r.own_wrote && r.peer_beyond == 0;
	/* Who was demoted, and had written nothing, follows: else both would wait for the other one
	 * to lead. */
	if (r.own_beyond == 0 && r.peer_beyond && !r.peer_wrote && node_is_primary(n) &&
	    n->peer.state == REPL_OUTDATED && !REPL_MUTATE(YIELD_TO_OUTDATED))
		return I_LEAD;
	if (r.own_beyond == 0)
		return r.peer_beyond == 0 ? SAME : PEER_LEADS;
	if (r.peer_beyond == 0)
		return I_LEAD;
	/* It stopped for the witness's word, which knows nothing of what a force let it write. */
	if (n->record.state == REPL_OUTDATED && r.own_wrote && r.peer_wrote &&
	    !n->record.may_discard && !REPL_MUTATE(MERGE_SPLIT))
		return SPLIT;
	if (n->record.state == REPL_OUTDATED && n->peer.state != REPL_OUTDATED)
		return PEER_LEADS;
	if (n->peer.state == REPL_OUTDATED && n->record.state != REPL_OUTDATED)
		return I_LEAD;
	if (r.own_wrote != r.peer_wrote)
		return r.own_wrote ? I_LEAD : PEER_LEADS;
	return break_tie(n, r.own_wrote);
}

/* ---------------------------------------------------------------- what follows from it */

void node_yield(struct repl_node *n, struct repl_actions *out, const char *why)
{
	node_drain_off(n, out);
	n->is_admitting = false;
	n->admit_is_unsure = false;
	n->is_taking = n->is_keeping = false;
	n->is_resyncing = false;
	n->is_forced = false;
	n->wants = 0;
	n->is_waived = false;
	n->lease_until_ns = n->peer_lease_until_ns = 0;
	node_freeze(n, false, 0, out);
	node_set_state(n, REPL_OUTDATED, REPL_PEER);
	node_report(out, "replication.outdated",
		    "%s; this side stops serving and rolls back what the peer does not have", why);
}

void node_discard(struct repl_node *n, struct repl_actions *out)
{
	node_yield(n, out, "the other side of the split was chosen");
	n->record.may_discard = true;
	tell_chosen(n, out);
}

/* An operator decides about what is known now. */
static void note_split(struct repl_node *n)
{
	uint32_t reign = node_newest_reign(n->peer_lineage, n->peer.lineage_count);

	if (n->is_keeping || n->record.split_reign == reign)
		return;
	n->record.split_reign = reign;
	n->is_changed = true;
}

static void diverge(struct repl_node *n, struct repl_actions *out)
{
	if (n->record.state == REPL_STANDALONE)
		return;
	note_split(n);
	if (n->record.state == REPL_DIVERGED)
		return;
	node_drain_off(n, out);
	n->wants = 0;
	n->is_waived = false;
	n->record.keeps_own = false;
	node_set_state(n, REPL_DIVERGED, REPL_SELF);
	node_report(out, "replication.split_brain",
		    "both sides have written since their common point; neither serves until one is "
		    "chosen");
}

static void adopt_lineage(struct repl_node *n)
{
	n->record.lineage_count = n->peer.lineage_count;
	memcpy(n->record.lineage, n->peer_lineage, sizeof(n->record.lineage));
	n->record.wrote_alone = false;
	n->record.keeps_own = false;
	n->is_changed = true;
}

/* A secondary whose peer is primary. The lineage of a stranger is taken over when the resync that
 * covers everything begins, never before. */
static void follow(struct repl_node *n, enum relation rel)
{
	bool stays = n->record.state == REPL_SECONDARY_INSYNC && rel == SAME &&
		     n->peer.state == REPL_PRIMARY_PAIR;

	/* The role was given to this side, or taken by it, and has gone on to the peer since. */
	if (n->peer.term > n->take_term && !REPL_MUTATE(TAKEN_TOO_LATE))
		n->is_taking = n->is_keeping = false;
	n->is_changed |= n->record.is_given;
	n->record.is_given = false;
	node_set_term(n, n->peer.term);
	n->wants &= (uint8_t)~WANT_PROMOTE;
	n->is_forced = false;
	if (!stays)
		node_set_state(n, REPL_SECONDARY_SYNCING, REPL_PEER);
	if (rel == PEER_LEADS && !n->is_peer_unrelated)
		adopt_lineage(n);
}

/* The peer gave the role away, and its word was lost on the way. */
static bool is_given_to_me(const struct repl_node *n)
{
	const struct repl_reign *r;

	if (n->peer.lineage_count == 0 || !node_is_secondary(n) || !node_is_peer_secondary(n))
		return false;
	r = &n->peer_lineage[n->peer.lineage_count - 1];
	return memcmp(r->writer_uuid, n->cfg.own_uuid, 16) == 0 &&
	       !lineage_has(n->record.lineage, n->record.lineage_count, r->term, n->cfg.own_uuid);
}

static void take_given(struct repl_node *n, uint64_t now_ns, struct repl_actions *out)
{
	if (!n->is_taking && n->record.is_consistent)
		node_take(n, n->peer_lineage[n->peer.lineage_count - 1].term,
			  n->peer.state == REPL_SECONDARY_INSYNC, now_ns, out);
}

static void peer_leads(struct repl_node *n, uint64_t now_ns, struct repl_actions *out)
{
	if (node_is_primary(n)) {
		node_set_term(n, n->peer.term);
		node_yield(n, out, "the peer was promoted meanwhile");
	}
	if (n->record.state == REPL_OUTDATED) {
		tell_chosen(n, out);
		send_bitmap(n, out);
	} else if (node_is_secondary(n) && is_given_to_me(n)) {
		take_given(n, now_ns, out);
	} else if (node_is_secondary(n) && node_is_peer_primary(n)) {
		follow(n, PEER_LEADS);
	} else if (n->record.state == REPL_SECONDARY_INSYNC) {
		/* It was excluded by one that was demoted since: what that one wrote is not here.
		 */
		node_set_state(n, REPL_SECONDARY_SYNCING, REPL_PEER);
	}
}

static void peer_follows(struct repl_node *n, enum relation rel, uint64_t now_ns,
			 struct repl_actions *out)
{
	if (node_is_primary(n) && node_is_peer_primary(n)) {
		if (rel == SAME)
			diverge(n, out);
		return; /* else it yields when it hears of us */
	}
	if (n->record.state == REPL_OUTDATED) {
		tell_chosen(n, out);
		/* What was acknowledged here alone does not go because an older primary is back. It
		 * yields, and an operator promotes one of the two. */
		if (!n->has_newest_writes)
			send_bitmap(n, out);
	} else if (node_is_secondary(n) && node_is_peer_primary(n)) {
		follow(n, rel);
	} else if (node_is_primary(n)) {
		if (n->record.keeps_own && n->peer.state == REPL_DIVERGED)
			node_do_discard(n, out);
		node_set_confirmed(n, now_ns, out);
		if (n->peer.term > n->record.term && n->cfg.has_witness)
			n->wants |= WANT_REIGN;
		else
			node_set_term(n, n->peer.term);
		node_peer_ready(n, now_ns, out);
	}
}

void node_peer_state(struct repl_node *n, const struct repl_state *s,
		     const struct repl_reign *lineage, uint64_t now_ns, struct repl_actions *out)
{
	enum relation rel;

	node_begin(n, out);
	n->peer = *s;
	if (n->peer.lineage_count > REPL_LINEAGE_MAX)
		n->peer.lineage_count = REPL_LINEAGE_MAX;
	memcpy(n->peer_lineage, lineage, n->peer.lineage_count * sizeof(*lineage));
	n->is_peer_up = true;
	n->is_peer_lost = false;
	if (n->is_failed || n->record.state == REPL_STANDALONE || s->state == REPL_STANDALONE)
		return;
	rel = find_relation(n);
	if (rel == SPLIT)
		diverge(n, out);
	else if (rel == PEER_LEADS)
		peer_leads(n, now_ns, out);
	else
		peer_follows(n, rel, now_ns, out);
	node_end(n, now_ns, out);
}

/* ---------------------------------------------------------------- a primary's view of its peer */

void node_set_confirmed(struct repl_node *n, uint64_t now_ns, struct repl_actions *out)
{
	if (n->is_confirmed || !node_is_primary(n))
		return;
	n->is_confirmed = true;
	n->wants &= (uint8_t)~WANT_READ;
	if (n->is_peer_lost && n->record.state == REPL_PRIMARY_PAIR &&
	    !n->cfg.holds_when_peer_is_lost)
		node_exclude(n, now_ns, out);
}

static void resync(struct repl_node *n, struct repl_actions *out)
{
	if (n->is_resyncing)
		return;
	n->is_resyncing = true;
	node_do(out, REPL_DO_RESYNC, true);
}

/* The record says that the peer is in sync; what does the peer say? */
static void pair_ready(struct repl_node *n, uint64_t now_ns, struct repl_actions *out)
{
	if (n->peer.state == REPL_SECONDARY_INSYNC && n->peer.term == n->record.term) {
		n->is_admitting = false;
		node_freeze(n, false, now_ns, out);
		if (n->is_comparing && n->is_unclean) {
			n->is_unclean = false;
			node_do(out, REPL_DO_COMPARE_HOT, true);
		}
		return;
	}
	/* What it said may be older than our ADMIT, as long as the connection is that one. */
	if (n->is_admitting && n->is_admit_sent)
		return;
	if (n->is_admitting && n->is_frozen && n->peer.state == REPL_SECONDARY_SYNCING &&
	    n->peer.is_consistent) {
		n->is_admit_sent = true;
		n->since_ns = now_ns;
		node_do_role(out, REPL_ROLE_ADMIT, n->record.term);
		return;
	}
	node_exclude(n, now_ns, out);
}

void node_peer_ready(struct repl_node *n, uint64_t now_ns, struct repl_actions *out)
{
	if (!n->is_peer_up || !n->is_confirmed || n->peer.term > n->record.term)
		return;
	if (n->record.state == REPL_PRIMARY_PAIR) {
		if (node_is_peer_secondary(n) || n->peer.state == REPL_OUTDATED)
			pair_ready(n, now_ns, out);
	} else if (n->record.state == REPL_PRIMARY_ALONE) {
		/* One that believes to be in sync hears of us and follows first. */
		if (n->peer.state == REPL_SECONDARY_SYNCING || n->peer.state == REPL_OUTDATED)
			resync(n, out);
	}
}

void node_peer_down(struct repl_node *n, uint64_t now_ns, struct repl_actions *out)
{
	node_begin(n, out);
	n->is_peer_up = false;
	n->is_resyncing = false;
	n->is_admit_sent = false;
	if (n->is_failed)
		return;
	if (n->is_comparing && node_is_primary(n))
		n->is_unclean = true; /* what was compared so far does not count */
	if (n->is_draining && !((n->wants | n->pending) & WANT_GIVE))
		node_drain_off(n, out);
	if (!n->is_admitting && !n->admit_is_unsure && !(n->pending & WANT_ADMIT)) {
		n->wants &= (uint8_t)~WANT_ADMIT;
		node_freeze(n, false, now_ns, out);
	}
	node_end(n, now_ns, out);
}

void node_peer_lost(struct repl_node *n, uint64_t head_lsn, uint64_t now_ns,
		    struct repl_actions *out)
{
	node_begin(n, out);
	n->is_peer_up = false;
	n->is_resyncing = false;
	n->is_admit_sent = false;
	n->is_peer_lost = true;
	n->head_lsn = head_lsn;
	if (n->is_failed)
		return;
	if (n->is_confirmed && n->record.state == REPL_PRIMARY_PAIR &&
	    !n->cfg.holds_when_peer_is_lost)
		node_exclude(n, now_ns, out);
	else if (n->is_confirmed && n->record.state == REPL_PRIMARY_ALONE && n->knows_newest)
		node_new_reign(n, now_ns, out);
	node_end(n, now_ns, out);
}

void node_peer_failed(struct repl_node *n, uint64_t head_lsn, uint64_t now_ns,
		      struct repl_actions *out)
{
	node_begin(n, out);
	n->head_lsn = head_lsn;
	if (n->is_failed || !n->is_confirmed || n->record.state != REPL_PRIMARY_PAIR)
		return;
	node_report(out, "replication.peer_failed", "the peer could not write");
	if (!n->cfg.holds_when_peer_is_lost)
		node_exclude(n, now_ns, out);
	node_end(n, now_ns, out);
}

/* ---------------------------------------------------------------- what the peer says */

static void be_admitted(struct repl_node *n, uint64_t term, struct repl_actions *out)
{
	if (!node_is_secondary(n) || !n->record.is_consistent || n->is_taking ||
	    n->peer.state != REPL_PRIMARY_PAIR) {
		node_do(out, REPL_DO_SEND_STATE, true);
		return;
	}
	node_set_term(n, term);
	adopt_lineage(n);
	node_set_state(n, REPL_SECONDARY_INSYNC, REPL_SELF | REPL_PEER);
	node_do_role(out, REPL_ROLE_ADMITTED, term);
}

void node_role(struct repl_node *n, const struct repl_role *r, uint64_t now_ns,
	       struct repl_actions *out)
{
	node_begin(n, out);
	if (n->is_failed || n->record.state == REPL_STANDALONE || !n->is_peer_up ||
	    (r->term < n->record.term && !REPL_MUTATE(OLD_TERM_TAKEN)))
		return;
	switch (r->what) {
	case REPL_ROLE_ADMIT:
		be_admitted(n, r->term, out);
		break;
	case REPL_ROLE_ADMITTED:
		if (n->is_admitting && r->term == n->record.term) {
			n->is_admitting = false;
			node_freeze(n, false, now_ns, out);
			node_report(out, "replication.in_sync", "both sides are equal again");
		}
		break;
	case REPL_ROLE_EXCLUDED:
		if (n->record.state == REPL_SECONDARY_INSYNC)
			node_set_state(n, REPL_SECONDARY_SYNCING, REPL_PEER);
		node_set_term(n, r->term);
		break;
	case REPL_ROLE_HANDOVER:
		if (is_given_to_me(n))
			take_given(n, now_ns, out);
		break;
	case REPL_ROLE_TAKEN:
		node_report(out, "replication.handed_over", "the peer serves now");
		break;
	case REPL_ROLE_DISCARD:
		if (n->record.state == REPL_DIVERGED &&
		    is_word_about(r->about_reign, n->record.lineage, n->record.lineage_count)) {
			node_discard(n, out);
			send_bitmap(n, out);
		}
		break;
	case REPL_ROLE_KEEP:
		if (n->record.state == REPL_DIVERGED && !n->is_taking)
			node_keep(n, now_ns, out);
		break;
	default:
		break;
	}
	node_end(n, now_ns, out);
}
