// SPDX-License-Identifier: MIT
#include "node_int.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *node_state_name(enum repl_node_state s)
{
	static const char *const names[] = {
	    [REPL_STANDALONE] = "standalone",
	    [REPL_SECONDARY_SYNCING] = "secondary_syncing",
	    [REPL_SECONDARY_INSYNC] = "secondary_insync",
	    [REPL_PRIMARY_PAIR] = "primary_pair",
	    [REPL_PRIMARY_ALONE] = "primary_alone",
	    [REPL_OUTDATED] = "outdated",
	    [REPL_DIVERGED] = "diverged",
	};

	return (unsigned)s < sizeof(names) / sizeof(names[0]) ? names[s] : "unknown";
}

bool node_state_is_primary(uint8_t state)
{
	return state == REPL_PRIMARY_PAIR || state == REPL_PRIMARY_ALONE;
}

bool node_is_primary(const struct repl_node *n)
{
	return node_state_is_primary(n->record.state);
}

bool node_is_secondary(const struct repl_node *n)
{
	return n->record.state == REPL_SECONDARY_SYNCING ||
	       n->record.state == REPL_SECONDARY_INSYNC;
}

bool node_is_peer_primary(const struct repl_node *n)
{
	return n->is_peer_up && node_state_is_primary(n->peer.state);
}

bool node_is_peer_secondary(const struct repl_node *n)
{
	return n->is_peer_up &&
	       (n->peer.state == REPL_SECONDARY_SYNCING || n->peer.state == REPL_SECONDARY_INSYNC);
}

/* ---------------------------------------------------------------- actions */

struct repl_action *node_do(struct repl_actions *out, enum repl_action_kind kind, bool is_on)
{
	struct repl_action *a;

	assert(out->count < REPL_ACTIONS_MAX);
	a = &out->a[out->count++];
	memset(a, 0, sizeof(*a));
	a->kind = kind;
	a->is_on = is_on;
	return a;
}

static void do_first(struct repl_actions *out, enum repl_action_kind kind)
{
	assert(out->count < REPL_ACTIONS_MAX);
	memmove(&out->a[1], &out->a[0], out->count++ * sizeof(out->a[0]));
	memset(&out->a[0], 0, sizeof(out->a[0]));
	out->a[0].kind = kind;
}

void node_do_role(struct repl_actions *out, enum repl_role_what what, uint64_t term)
{
	struct repl_action *a = node_do(out, REPL_DO_SEND_ROLE, true);

	a->role.what = (uint8_t)what;
	a->role.term = term;
}

void node_do_discard(const struct repl_node *n, struct repl_actions *out)
{
	struct repl_action *a = node_do(out, REPL_DO_SEND_ROLE, true);

	a->role.what = REPL_ROLE_DISCARD;
	a->role.term = n->record.term;
	a->role.about_reign = n->record.split_reign;
}

uint32_t node_newest_reign(const struct repl_reign *lineage, uint32_t count)
{
	return count ? (uint32_t)lineage[count - 1].term : 0;
}

void node_report(struct repl_actions *out, const char *code, const char *fmt, ...)
{
	struct repl_action *a = node_do(out, REPL_DO_REPORT, true);
	va_list ap;

	a->code = code;
	va_start(ap, fmt);
	vsnprintf(a->text, sizeof(a->text), fmt, ap);
	va_end(ap);
}

void node_ack_alone(struct repl_node *n, bool is_on, struct repl_actions *out)
{
	if (n->acks_alone == is_on)
		return;
	n->acks_alone = is_on;
	node_do(out, REPL_DO_ACK_ALONE, is_on);
}

void node_freeze(struct repl_node *n, bool is_on, uint64_t now_ns, struct repl_actions *out)
{
	if (n->is_frozen == is_on)
		return;
	n->is_frozen = is_on;
	n->since_ns = now_ns;
	node_do(out, REPL_DO_FREEZE, is_on);
}

/* ---------------------------------------------------------------- the record */

void node_set_state(struct repl_node *n, enum repl_node_state state, uint8_t insync)
{
	if (n->record.state == state && n->record.insync == insync)
		return;
	n->record.state = (uint8_t)state;
	n->record.insync = insync;
	n->is_changed = true;
}

void node_set_term(struct repl_node *n, uint64_t term)
{
	if (term <= n->record.term)
		return;
	n->record.term = term;
	n->is_changed = true;
}

uint64_t node_next_term(const struct repl_node *n)
{
	uint64_t term = n->record.term;

	if (n->peer.term > term)
		term = n->peer.term;
	if (n->register_term > term)
		term = n->register_term;
	return term + 1;
}

/* ---------------------------------------------------------------- serving */

uint64_t node_serve_until_ns(const struct repl_node *n)
{
	uint64_t until = n->peer_lease_until_ns;
	bool is_held_by_peer = n->cfg.holds_when_peer_is_lost && n->cfg.mode == REPL_MODE_SYNC &&
			       n->record.state == REPL_PRIMARY_PAIR;

	/* No lease counts before another swap has succeeded. */
	if (n->record.is_giving && !n->is_waived && !REPL_MUTATE(GIVE_UNDER_LEASE))
		return 0;
	if (REPL_MUTATE(SERVE_WITHOUT_LEASE) || n->is_waived ||
	    (!n->cfg.has_witness && !is_held_by_peer))
		return UINT64_MAX;
	if (n->cfg.has_witness && n->lease_until_ns > until)
		until = n->lease_until_ns;
	return until;
}

static bool may_serve(const struct repl_node *n, uint64_t now_ns)
{
	if (n->is_failed || !node_is_primary(n) || n->is_draining || n->is_comparing)
		return false;
	if (!n->is_confirmed && !REPL_MUTATE(SERVE_UNCONFIRMED))
		return false;
	return now_ns >= n->rest_until_ns && now_ns < node_serve_until_ns(n);
}

/* ---------------------------------------------------------------- each event */

void node_begin(struct repl_node *n, struct repl_actions *out)
{
	out->count = 0;
	n->is_changed = false;
}

void node_end(struct repl_node *n, uint64_t now_ns, struct repl_actions *out)
{
	bool is_serving;

	node_ask_witness(n, now_ns, out);
	n->is_lease_held = now_ns < n->lease_until_ns;
	is_serving = may_serve(n, now_ns);
	/* What a primary held is refused when it ceases to be one. */
	if (is_serving != n->is_serving || (n->is_holding && !node_is_primary(n))) {
		n->is_serving = is_serving;
		if (is_serving) {
			n->is_changed = n->is_changed || n->record.is_clean;
			n->record.is_clean = false;
			node_do(out, REPL_DO_SERVE, true);
		} else {
			do_first(out, REPL_DO_SERVE);
		}
	}
	n->is_holding = node_is_primary(n);
	if (n->is_changed) {
		do_first(out, REPL_DO_SEND_STATE);
		do_first(out, REPL_DO_STORE);
	}
}

void node_init(struct repl_node *n, const struct repl_node_cfg *cfg,
	       const struct repl_node_record *record, enum repl_node_state initial_state,
	       uint64_t now_ns, struct repl_actions *out)
{
	memset(n, 0, sizeof(*n));
	n->cfg = *cfg;
	n->heard_ns = now_ns; /* a promise may have been given before the start */
	node_begin(n, out);
	if (record) {
		n->record = *record;
		n->knows_newest = true;
		n->is_unclean = record->state == REPL_PRIMARY_PAIR && !record->is_clean;
		n->is_comparing = n->is_unclean;
	} else {
		n->record.version = 1;
		n->record.state = (uint8_t)initial_state;
		n->is_changed = true;
		if (initial_state == REPL_PRIMARY_ALONE) {
			n->record.insync = REPL_SELF;
			n->record.is_consistent = true;
			n->record.term = 1;
			n->is_confirmed = true; /* nobody else has ever had it */
			lineage_add(n->record.lineage, &n->record.lineage_count, 1, 0,
				    cfg->own_uuid);
		} else if (initial_state != REPL_STANDALONE) {
			n->record.insync = REPL_PEER;
		}
	}
	n->register_term = record ? n->record.term : 0;
	if (n->record.state == REPL_PRIMARY_ALONE)
		node_ack_alone(n, true, out);
	if (node_is_primary(n) && cfg->has_witness)
		n->wants = record ? WANT_READ : WANT_CLAIM;
	node_end(n, now_ns, out);
}

void node_store_failed(struct repl_node *n, struct repl_actions *out)
{
	out->count = 0;
	n->is_failed = true;
	if (n->is_serving)
		node_do(out, REPL_DO_SERVE, false);
	n->is_serving = false;
	node_report(
	    out, "replication.record_failed",
	    "the record of the replication group could not be stored; the group stops until it "
	    "is started again");
}

void node_wrote_alone(struct repl_node *n, struct repl_actions *out)
{
	node_begin(n, out);
	if (n->record.wrote_alone)
		return;
	n->record.wrote_alone = true;
	do_first(out, REPL_DO_SEND_STATE);
	do_first(out, REPL_DO_STORE);
}

void node_stop(struct repl_node *n, struct repl_actions *out)
{
	node_begin(n, out);
	if (n->is_serving)
		node_do(out, REPL_DO_SERVE, false);
	n->may_be_clean = n->is_serving && !n->is_failed && !n->cfg.is_volatile;
	n->is_serving = false;
	n->is_failed = true; /* no event counts any more */
	if (REPL_MUTATE(CLEAN_TOO_EARLY))
		node_stopped(n, true, out);
}

void node_stopped(struct repl_node *n, bool is_equal, struct repl_actions *out)
{
	node_begin(n, out);
	if (!n->may_be_clean || !is_equal)
		return;
	n->may_be_clean = false;
	n->record.is_clean = true;
	do_first(out, REPL_DO_STORE);
}

/* ---------------------------------------------------------------- time */

/* A hand-over or a re-admission whose other side is too slow is called off. */
static void tick_changes(struct repl_node *n, uint64_t now_ns, struct repl_actions *out)
{
	uint8_t swaps = n->wants | n->pending;

	if (n->is_draining && !(swaps & WANT_GIVE) && now_ns - n->since_ns > NODE_DRAIN_MAX_NS) {
		node_drain_off(n, out);
		node_report(out, "replication.handover_failed",
			    "the peer did not become equal within 10 s; this side goes on serving");
	}
	if (n->is_frozen && !n->is_admitting && !n->admit_is_unsure &&
	    !(swaps & (WANT_ADMIT | WANT_EXCLUDE)) && now_ns - n->since_ns > NODE_FREEZE_MAX_NS)
		node_freeze(n, false, now_ns, out);
	if (n->cfg.mode == REPL_MODE_ASYNC && n->record.state == REPL_PRIMARY_PAIR &&
	    n->is_confirmed && !n->is_draining)
		node_exclude(n, now_ns, out);
}

bool node_is_admit_overdue(const struct repl_node *n, uint64_t now_ns)
{
	return n->is_admitting && n->is_admit_sent && n->is_peer_up &&
	       now_ns - n->since_ns > NODE_ADMIT_MAX_NS;
}

static void tick_witness(struct repl_node *n, uint64_t now_ns)
{
	bool is_holding = n->record.state == REPL_PRIMARY_PAIR && n->is_peer_lost &&
			  n->cfg.holds_when_peer_is_lost;

	if (node_is_primary(n) && !n->is_confirmed)
		n->wants |= WANT_READ;
	if (node_is_primary(n) && n->record.is_giving && !n->is_draining && !n->is_waived)
		n->wants |= WANT_REIGN;
	/* Who holds because its peer is lost leaves the lease to the peer. */
	else if (node_is_primary(n) && n->is_confirmed && !is_holding &&
		 n->lease_until_ns < now_ns + n->cfg.lease_ns * 2 / 3)
		n->wants |= WANT_RENEW;
	if (n->record.state == REPL_SECONDARY_INSYNC && n->record.is_consistent && !n->is_taking &&
	    !node_is_peer_primary(n) && node_promise_left_ns(n, now_ns) == 0)
		node_want_promotion(n);
}

void node_tick(struct repl_node *n, uint64_t now_ns, struct repl_actions *out)
{
	node_begin(n, out);
	if (n->is_failed)
		return;
	tick_changes(n, now_ns, out);
	if (n->cfg.has_witness)
		tick_witness(n, now_ns);
	node_end(n, now_ns, out);
}
