// SPDX-License-Identifier: MIT
#include <errno.h>
#include <string.h>

#include "node_int.h"

#define INSYNC_PRIMARY 1u /* of the register, seen from its primary */
#define INSYNC_BOTH    3u

static bool is_me(const struct repl_node *n, const struct sluice_witness_register *r)
{
	return memcmp(r->primary_uuid, n->cfg.own_uuid, 16) == 0;
}

/* ---------------------------------------------------------------- asking */

static void want_register(struct repl_node *n, enum node_want want, struct repl_action *a)
{
	struct sluice_witness_register *w = &a->witness_wanted;
	bool is_both = want == WANT_ADMIT || (want == WANT_GIVE && n->cfg.mode == REPL_MODE_SYNC) ||
		       (want == WANT_REIGN && n->record.state == REPL_PRIMARY_PAIR) ||
		       (want == WANT_CLAIM && (n->record.insync & REPL_PEER));

	a->witness_op = SLUICE_WITNESS_SWAP;
	a->witness_expected_term = want == WANT_CLAIM ? 0 : n->register_term;
	w->term = want == WANT_CLAIM ? n->record.term : node_next_term(n);
	w->insync = is_both ? INSYNC_BOTH : INSYNC_PRIMARY;
	memcpy(w->primary_uuid, want == WANT_GIVE ? n->cfg.peer_uuid : n->cfg.own_uuid, 16);
	n->asked = *w;
}

void node_want_promotion(struct repl_node *n)
{
	if ((n->wants | n->pending) & WANT_PROMOTE)
		return;
	n->wants |= WANT_PROMOTE;
	if (node_is_secondary(n) && !n->is_forced)
		n->register_term = n->record.term; /* of any other it knows nothing */
}

void node_ask_witness(struct repl_node *n, uint64_t now_ns, struct repl_actions *out)
{
	struct repl_action *a;
	enum node_want want;

	if (!n->cfg.has_witness || n->pending || now_ns < n->retry_ns || !n->wants)
		return;
	want = (enum node_want)(n->wants & -n->wants);
	a = node_do(out, REPL_DO_WITNESS, true);
	n->pending = (uint8_t)want;
	n->asked_ns = now_ns;
	if (want == WANT_READ) {
		a->witness_op = SLUICE_WITNESS_READ;
	} else if (want == WANT_RENEW) {
		a->witness_op = SLUICE_WITNESS_RENEW;
		a->witness_expected_term = n->record.term;
		memcpy(a->witness_wanted.primary_uuid, n->cfg.own_uuid, 16);
	} else {
		want_register(n, want, a);
		if (want == WANT_GIVE) /* durable first: it may be done long after this */
			n->record.is_giving = n->is_changed = true;
	}
}

/* The register's term has moved: what was asked from the one before is refused. */
static void giving_is_over(struct repl_node *n)
{
	if (!n->record.is_giving)
		return;
	n->record.is_giving = false;
	n->is_changed = true;
}

/* ---------------------------------------------------------------- the answers */

static void lease_granted(struct repl_node *n, uint64_t asked_ns)
{
	if (asked_ns + n->cfg.lease_ns > n->lease_until_ns)
		n->lease_until_ns = asked_ns + n->cfg.lease_ns;
}

/* Not before the lease of whoever was primary is over on its own clock, too. */
static void promoted(struct repl_node *n, uint64_t term, uint64_t now_ns, struct repl_actions *out)
{
	n->wants &= (uint8_t)~WANT_PROMOTE;
	n->is_promoting = false;
	if (n->is_taking)
		return;
	if (!node_is_primary(n))
		n->rest_until_ns = now_ns + n->cfg.margin_ns;
	n->is_forced = false;
	node_take(n, term, false, now_ns, out);
}

static void swapped(struct repl_node *n, enum node_want want, uint64_t now_ns,
		    struct repl_actions *out)
{
	uint64_t term = n->asked.term;

	n->register_term = term;
	n->wants &= (uint8_t)~want;
	giving_is_over(n);
	/* It has yielded, or was demoted, since it asked as primary. */
	if (!node_is_primary(n) && (want & (WANT_EXCLUDE | WANT_ADMIT | WANT_REIGN | WANT_GIVE)))
		return;
	switch (want) {
	case WANT_EXCLUDE:
		node_excluded(n, term, now_ns, out);
		break;
	case WANT_ADMIT:
		node_admitted(n, term, now_ns, out);
		break;
	case WANT_PROMOTE:
		promoted(n, term, now_ns, out);
		break;
	case WANT_GIVE:
		node_given(n, term, now_ns, out);
		break;
	case WANT_REIGN:
		/* ADMITTED of the term before counts no more: a pair is excluded and begins anew.
		 */
		n->is_admitting = n->is_admit_sent = false;
		node_reigns(n, term);
		node_set_confirmed(n, now_ns, out);
		node_peer_ready(n, now_ns, out);
		break;
	default:
		break;
	}
}

/* Reigns by force went past the witness, and this side knows how they ended: it was their primary
 * and was demoted, or is in sync with the one that was, which is here. A swap from the register's
 * term follows on them. Of any other that primary may serve on, without a lease. */
static bool may_follow_force(const struct repl_node *n, const struct sluice_witness_register *now)
{
	if (n->is_forced)
		return true;
	if (now->term >= n->record.term)
		return false;
	if (n->record.state == REPL_OUTDATED)
		return n->record.insync == REPL_SELF;
	return n->record.state == REPL_SECONDARY_INSYNC && n->is_peer_up &&
	       n->peer.state == REPL_OUTDATED;
}

static void refuse_promotion(struct repl_node *n, struct repl_actions *out)
{
	n->wants &= (uint8_t)~WANT_PROMOTE;
	if (n->is_promoting)
		node_report(out, "replication.promotion_refused",
			    "the witness names another primary, or an older reign than this side "
			    "knows: whoever was forced past it may serve; demote that side, or "
			    "force this one");
	n->is_promoting = false;
}

/* The register says that this side is primary, at a term that its record does not know: a swap of
 * its own took effect after all, or the peer gave it the role. */
static void register_is_mine(struct repl_node *n, const struct sluice_witness_register *now,
			     uint64_t now_ns, struct repl_actions *out)
{
	uint8_t want = n->pending;

	n->register_term = now->term;
	if (node_is_primary(n)) {
		node_set_confirmed(n, now_ns, out);
		if (now->term <= n->record.term) {
			if (now->term < n->record.term)
				n->wants |= WANT_REIGN;
			return;
		}
		if (now->insync == INSYNC_BOTH && n->record.state == REPL_PRIMARY_ALONE) {
			/* Admitted there and not here: nothing is acknowledged before the peer is
			 * out again. */
			n->admit_is_unsure = true;
			node_freeze(n, true, now_ns, out);
			n->wants |= WANT_EXCLUDE;
		} else if (now->insync == INSYNC_PRIMARY && n->record.state == REPL_PRIMARY_PAIR) {
			node_excluded(n, now->term, now_ns, out);
		} else {
			node_set_term(n, now->term);
			/* That of the reign that was asked for first, its answer lost: it is still
			 * to begin. */
			if (want == WANT_REIGN && n->record.state == REPL_PRIMARY_ALONE &&
			    !REPL_MUTATE(REIGN_FORGOTTEN))
				n->wants |= WANT_REIGN;
		}
	} else if (node_is_secondary(n) && !n->is_taking && n->record.is_consistent &&
		   now->term > n->record.term) {
		n->wants &= (uint8_t)~WANT_PROMOTE;
		n->rest_until_ns = now_ns + n->cfg.margin_ns;
		node_take(n, now->term, now->insync == INSYNC_BOTH, now_ns, out);
	} else if (want & WANT_PROMOTE) {
		n->retry_ns = 0;
		if (node_is_secondary(n) && !may_follow_force(n, now)) {
			n->retry_ns = now_ns + NODE_RETRY_NS;
			refuse_promotion(n, out);
		}
	}
}

static void register_is_the_peers(struct repl_node *n, const struct sluice_witness_register *now,
				  struct repl_actions *out)
{
	uint8_t want = n->pending;

	if (node_is_primary(n)) {
		if (now->term >= n->record.term) {
			n->register_term = now->term;
			if (n->is_waived && n->record.wrote_alone)
				n->record.keeps_own = false;
			node_yield(n, out, "the witness names the peer as primary");
		} else {
			/* A force went past the witness, so its word is older than this reign, and
			 * a swap from there says whether anybody was promoted since. */
			n->register_term = now->term;
			if (!n->is_confirmed)
				n->wants |= WANT_REIGN;
		}
	} else if (want & WANT_PROMOTE) {
		if (may_follow_force(n, now) || REPL_MUTATE(PROMOTE_EXCLUDED)) {
			n->register_term = now->term;
			return;
		}
		refuse_promotion(n, out);
		if (n->record.state == REPL_SECONDARY_INSYNC && now->term > n->record.term)
			node_set_state(n, REPL_SECONDARY_SYNCING, REPL_PEER);
	}
}

static void register_is_other(struct repl_node *n, const struct sluice_witness_register *now,
			      uint64_t now_ns, struct repl_actions *out)
{
	if (now->term == 0) {
		n->register_term = 0;
		if (node_is_primary(n) && n->is_confirmed)
			n->wants = (uint8_t)((n->wants & ~WANT_RENEW) | WANT_CLAIM);
	} else if (is_me(n, now)) {
		n->wants &= (uint8_t)~WANT_CLAIM;
		register_is_mine(n, now, now_ns, out);
	} else {
		n->wants &= (uint8_t)~WANT_CLAIM;
		register_is_the_peers(n, now, out);
	}
}

static bool is_what_was_asked(const struct repl_node *n, const struct sluice_witness_register *now)
{
	return now->term == n->asked.term && now->insync == n->asked.insync &&
	       memcmp(now->primary_uuid, n->asked.primary_uuid, 16) == 0;
}

/* Whether it was done is not known. An admission may be in force at the witness from now on, until
 * another swap has succeeded. */
static void unreachable(struct repl_node *n, uint64_t now_ns, struct repl_actions *out)
{
	if (n->pending == WANT_ADMIT)
		n->admit_is_unsure = true;
	/* Forced, and nobody to ask; unless the peer has come back as primary meanwhile. */
	if ((n->pending & n->wants & WANT_PROMOTE) && n->is_forced && !node_is_peer_primary(n)) {
		n->is_waived = true;
		n->wants &= (uint8_t)~WANT_PROMOTE;
		n->is_forced = false;
		node_take(n, node_next_term(n), false, now_ns, out);
	}
	n->retry_ns = now_ns + NODE_RETRY_NS;
}

void node_witness(struct repl_node *n, const struct sluice_witness_call *c, uint64_t now_ns,
		  struct repl_actions *out)
{
	enum node_want want = (enum node_want)n->pending;
	uint64_t term_before = n->record.term;

	node_begin(n, out);
	if (n->is_failed || !n->pending)
		return;
	if (c->result == 0 && want == WANT_READ) {
		n->wants &= (uint8_t)~WANT_READ;
		register_is_other(n, &c->now, now_ns, out);
		if (n->is_confirmed || !node_is_primary(n))
			n->wants |= node_is_primary(n) ? WANT_RENEW : 0;
		else
			n->retry_ns = now_ns + NODE_RETRY_NS;
	} else if (c->result == 0) {
		n->is_waived = false;
		n->wants &= (uint8_t)~want;
		if (want == WANT_RENEW && term_before == c->expected_term) {
			lease_granted(n, n->asked_ns);
		} else if (want != WANT_RENEW) {
			if (want != WANT_GIVE)
				lease_granted(n, n->asked_ns);
			swapped(n, want, now_ns, out);
		}
	} else if (c->result == -ESTALE) {
		if (want < WANT_READ)
			giving_is_over(n);
		n->wants &= (uint8_t) ~(want & (WANT_RENEW | WANT_CLAIM | WANT_REIGN));
		if (want < WANT_READ && is_what_was_asked(n, &c->now))
			swapped(n, want, now_ns, out); /* the first one was done after all */
		else
			register_is_other(n, &c->now, now_ns, out);
	} else if (c->result == -EBUSY) {
		n->retry_ns = now_ns + c->now.lease_left_ms * 1000000 + n->cfg.margin_ns;
		if (n->retry_ns > now_ns + n->cfg.lease_ns + n->cfg.margin_ns)
			n->retry_ns = now_ns + n->cfg.lease_ns + n->cfg.margin_ns;
	} else {
		unreachable(n, now_ns, out);
	}
	n->pending = 0;
	node_end(n, now_ns, out);
}
