// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdio.h>

#include "node_int.h"

static int refuse(struct sluice_error *err, int result, const char *text)
{
	snprintf(err->text, sizeof(err->text), "%s", text);
	err->field[0] = 0;
	return result;
}

/* ---------------------------------------------------------------- promote */

/* What a promotion without force needs. */
static int may_promote(const struct repl_node *n, struct sluice_error *err)
{
	if (REPL_MUTATE(PROMOTE_EXCLUDED))
		return 0;
	if (n->record.state == REPL_OUTDATED && n->record.insync == REPL_SELF)
		return 0;
	if (n->record.state != REPL_SECONDARY_INSYNC)
		return refuse(
		    err, -EPERM,
		    "this side is not in sync: what the peer has acknowledged since would be "
		    "lost; force it to accept that");
	if (n->cfg.has_witness || n->is_peer_up)
		return 0;
	/* It is in sync, too, and its promotion would need no force either. */
	if (n->record.is_given && !REPL_MUTATE(PROMOTE_GIVER))
		return refuse(
		    err, -EPERM,
		    "this side gave the role to the peer, with which there is no contact: "
		    "it may have taken it; force it to accept that both then serve");
	if (!n->cfg.holds_when_peer_is_lost)
		return refuse(
		    err, -EPERM,
		    "there is no contact with the peer, which continues without this side: how "
		    "much would be lost is unknown; force it to accept that");
	return 0;
}

/* What not even force may do. */
static int can_promote(const struct repl_node *n, uint64_t now_ns, struct sluice_error *err)
{
	uint64_t left_ns = node_promise_left_ns(n, now_ns);

	if (n->is_failed)
		return refuse(err, -EIO,
			      "the group's record could not be stored; restart it first");
	if (n->record.state == REPL_STANDALONE)
		return refuse(err, -EINVAL, "this group is not replicated yet");
	if (n->record.state == REPL_DIVERGED)
		return refuse(err, -EINVAL, "both sides have written: resolve the split instead");
	if (n->record.state == REPL_OUTDATED && n->record.may_discard && n->is_peer_up &&
	    n->peer.state == REPL_DIVERGED)
		return refuse(err, -EBUSY,
			      "the split was resolved for the peer, which is about to take over: "
			      "hand over there afterwards");
	if (node_is_peer_primary(n))
		return refuse(err, -EBUSY,
			      "the peer is primary and can be reached: hand over there instead");
	if (n->is_taking)
		return refuse(err, -EBUSY, "it is being promoted");
	/* Also while it is there: the role may just have been given to it. */
	if (left_ns > 0) {
		snprintf(err->text, sizeof(err->text),
			 "the peer may be serving for another %llu ms; try again then",
			 (unsigned long long)(left_ns / 1000000 + 1));
		err->field[0] = 0;
		return -EAGAIN;
	}
	return 0;
}

/* A primary that holds, or that nobody has confirmed: from now on without its peer. */
static int promote_primary(struct repl_node *n, bool is_forced, uint64_t now_ns,
			   struct repl_actions *out, struct sluice_error *err)
{
	if (n->is_serving)
		return refuse(err, -EALREADY, "this side is primary and serves");
	if (!is_forced)
		return refuse(
		    err, -EPERM,
		    "this side waits for its peer or witness, which may have promoted the "
		    "other side: force it to go on alone");
	n->is_waived = n->cfg.has_witness;
	n->is_confirmed = true;
	if (n->record.state == REPL_PRIMARY_PAIR)
		node_exclude(n, now_ns, out);
	else
		node_new_reign(n, now_ns, out);
	return 0;
}

int node_promote(struct repl_node *n, bool is_forced, uint64_t now_ns, struct repl_actions *out,
		 struct sluice_error *err)
{
	int rc;

	node_begin(n, out);
	rc = can_promote(n, now_ns, err);
	if (rc)
		return rc;
	if (node_is_primary(n)) {
		rc = promote_primary(n, is_forced, now_ns, out, err);
	} else {
		rc = is_forced ? 0 : may_promote(n, err);
		if (rc == 0 && n->cfg.has_witness) {
			n->is_forced = is_forced;
			n->is_promoting = true;
			node_want_promotion(n);
		} else if (rc == 0) {
			node_take(n, node_next_term(n), false, now_ns, out);
		}
	}
	node_end(n, now_ns, out);
	return rc;
}

/* ---------------------------------------------------------------- the others */

int node_demote(struct repl_node *n, uint64_t now_ns, struct repl_actions *out,
		struct sluice_error *err)
{
	node_begin(n, out);
	if (!node_is_primary(n) || n->is_failed)
		return refuse(err, -EINVAL, "this side is not primary");
	node_drain_off(n, out);
	node_freeze(n, false, now_ns, out);
	n->wants = 0;
	n->is_waived = false;
	n->is_resyncing = false;
	n->is_admitting = n->is_admit_sent = n->admit_is_unsure = false;
	n->lease_until_ns = n->peer_lease_until_ns = 0;
	node_set_state(n, REPL_OUTDATED, n->record.insync);
	n->record.may_discard = true;
	node_end(n, now_ns, out);
	return 0;
}

int node_handover(struct repl_node *n, uint64_t now_ns, struct repl_actions *out,
		  struct sluice_error *err)
{
	node_begin(n, out);
	if (!node_is_primary(n) || !n->is_serving)
		return refuse(err, -EINVAL, "this side does not serve; nothing to hand over");
	if (n->is_draining)
		return refuse(err, -EALREADY, "it is being handed over");
	if (!n->is_peer_up || !n->peer.is_consistent || n->is_admitting || n->is_frozen ||
	    (n->cfg.mode == REPL_MODE_SYNC && n->record.state != REPL_PRIMARY_PAIR))
		return refuse(
		    err, -EAGAIN,
		    "the peer is not ready to take over: it cannot be reached, or is being "
		    "brought up to date");
	n->is_draining = true;
	n->since_ns = now_ns;
	node_do(out, REPL_DO_DRAIN, true);
	if (REPL_MUTATE(HANDOVER_UNDRAINED)) {
		if (n->cfg.has_witness)
			n->wants |= WANT_GIVE;
		else
			node_given(n, node_next_term(n), now_ns, out);
	}
	node_end(n, now_ns, out);
	return 0;
}

int node_confirm(struct repl_node *n, uint64_t now_ns, struct repl_actions *out,
		 struct sluice_error *err)
{
	node_begin(n, out);
	if (!node_is_primary(n) || n->is_failed)
		return refuse(err, -EINVAL, "this side is not primary");
	if (n->is_confirmed)
		return refuse(err, -EALREADY, "its role is confirmed already");
	if (n->record.state == REPL_PRIMARY_PAIR && n->cfg.holds_when_peer_is_lost &&
	    !n->is_peer_up)
		return refuse(
		    err, -EBUSY,
		    "the group holds I/O while its peer is lost: promote with force to go on "
		    "without it");
	if (n->cfg.has_witness)
		return refuse(
		    err, -EBUSY,
		    "the group's witness says who is primary: promote with force if it is gone "
		    "for good");
	n->is_confirmed = true;
	if (n->record.state == REPL_PRIMARY_ALONE)
		node_new_reign(n, now_ns, out);
	else if (!n->is_peer_up)
		node_exclude(n, now_ns, out);
	else
		node_peer_ready(n, now_ns, out);
	node_end(n, now_ns, out);
	return 0;
}

int node_resolve(struct repl_node *n, bool keeps_own, uint64_t now_ns, struct repl_actions *out,
		 struct sluice_error *err)
{
	node_begin(n, out);
	if (n->record.state != REPL_DIVERGED || n->is_failed)
		return refuse(err, -EINVAL, "there is no split to resolve");
	if (n->is_taking)
		return refuse(err, -EALREADY, "it is being resolved");
	if (keeps_own)
		node_keep(n, now_ns, out);
	else
		node_discard(n, out);
	node_end(n, now_ns, out);
	return 0;
}
