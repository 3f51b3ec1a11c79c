// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "session_int.h"

#define RECORD_KEY "node"

/* ---------------------------------------------------------------- frames */

void session_send_state(struct repl_session *s)
{
	struct {
		struct repl_state state;
		struct repl_reign lineage[REPL_LINEAGE_MAX];
	} payload;
	const struct repl_node_record *r = &s->node->record;
	struct repl_header h;
	size_t size_bytes = sizeof(payload.state) + r->lineage_count * sizeof(r->lineage[0]);

	if (!s->ch[SLUICE_LINK_CONTROL].is_greeted || !s->ch[SLUICE_LINK_DATA].is_greeted)
		return;
	/* What could not be stored is not said: after a start this side would know nothing of it.
	 */
	if (s->node->is_failed)
		return;
	memset(&payload.state, 0, sizeof(payload.state));
	payload.state.state = r->state;
	payload.state.insync = r->insync;
	payload.state.is_consistent = r->is_consistent;
	payload.state.wrote_alone = r->wrote_alone;
	payload.state.lineage_count = r->lineage_count;
	payload.state.term = r->term;
	payload.state.head_lsn = group_head_lsn(s->g);
	payload.state.persisted_lsn = group_persisted_lsn(s->g);
	memcpy(payload.lineage, r->lineage, sizeof(payload.lineage));
	frame_begin(&h, REPL_STATE, r->term, 0);
	group_send(s->g, SLUICE_LINK_CONTROL, &h, &payload, size_bytes);
}

static void send_role(struct repl_session *s, const struct repl_role *role)
{
	struct repl_header h;

	if (!s->is_ready)
		return;
	frame_begin(&h, REPL_ROLE, role->term, 0);
	group_send(s->g, SLUICE_LINK_CONTROL, &h, role, sizeof(*role));
}

/* ---------------------------------------------------------------- witness */

static void witness_answered(struct sluice_witness_call *c)
{
	struct session_witness *w = c->ctx;
	struct repl_actions out;

	w->is_busy = false;
	if (!w->s) {
		free(w);
		return;
	}
	if (w->s->is_stopped)
		return;
	node_witness(w->s->node, c, session_now_ns(w->s), &out);
	session_act(w->s, &out);
}

static void ask_witness(struct repl_session *s, const struct repl_action *a)
{
	struct sluice_witness_call *c = &s->witness->call;

	if (s->witness->is_busy)
		return;
	memset(c, 0, sizeof(*c));
	c->op = a->witness_op;
	c->expected_term = a->witness_expected_term;
	c->wanted = a->witness_wanted;
	c->lease_ms = s->node->cfg.lease_ns / 1000000;
	c->fn = witness_answered;
	c->ctx = s->witness;
	s->witness->is_busy = true;
	s->host->ops->witness_submit(s->host->ctx, c);
}

/* ---------------------------------------------------------------- actions */

static bool store(struct repl_session *s)
{
	return s->host->ops->record_put(s->host->ctx, RECORD_KEY, &s->node->record,
					sizeof(s->node->record)) == 0;
}

static void carry_out(struct repl_session *s, const struct repl_action *a)
{
	switch (a->kind) {
	case REPL_DO_STORE:
		break; /* it came first */
	case REPL_DO_SERVE:
		group_do_serve(s->g, a->is_on);
		break;
	case REPL_DO_ACK_ALONE:
		group_do_ack_alone(s->g, a->is_on);
		break;
	case REPL_DO_FREEZE:
		group_do_freeze(s->g, a->is_on);
		break;
	case REPL_DO_SEND_STATE:
		session_send_state(s);
		break;
	case REPL_DO_SEND_ROLE:
		send_role(s, &a->role);
		break;
	case REPL_DO_WITNESS:
		ask_witness(s, a);
		break;
	case REPL_DO_RESYNC:
		group_do_resync(s->g);
		break;
	case REPL_DO_COMPARE_HOT:
		group_do_compare_hot(s->g);
		break;
	case REPL_DO_SEND_BITMAP:
		group_do_send_bitmap(s->g);
		break;
	case REPL_DO_FORGET:
		group_do_forget(s->g);
		break;
	case REPL_DO_APPLY_STAGED:
		group_do_apply_staged(s->g);
		break;
	case REPL_DO_DRAIN:
		group_do_drain(s->g, a->is_on);
		break;
	case REPL_DO_REPORT:
		s->host->ops->report(s->host->ctx, a->code, a->text);
		break;
	}
}

/* False: STORE failed, and out holds what follows from that. */
static bool carry_out_all(struct repl_session *s, const struct repl_actions *out,
			  struct repl_actions *failed)
{
	for (uint32_t i = 0; i < out->count; i++) {
		if (out->a[i].kind == REPL_DO_STORE && !store(s)) {
			node_store_failed(s->node, failed);
			return false;
		}
		carry_out(s, &out->a[i]);
	}
	return true;
}

/* ---------------------------------------------------------------- events of the parts */

static void give(struct repl_session *s, enum session_event ev, struct repl_actions *out)
{
	struct repl_node *n = s->node;
	uint64_t now_ns = session_now_ns(s), head_lsn = group_head_lsn(s->g);

	out->count = 0;
	switch (ev) {
	case EV_CAUGHT_UP:
		node_caught_up(n, head_lsn, now_ns, out);
		break;
	case EV_EQUAL:
		node_equal(n, head_lsn, now_ns, out);
		break;
	case EV_DRAINED:
		node_drained(n, head_lsn, now_ns, out);
		break;
	case EV_HOT_COMPARED:
		node_hot_compared(n, now_ns, out);
		break;
	case EV_IN_DOUBT:
		node_in_doubt(n, now_ns, out);
		break;
	case EV_RESYNC_BEGAN:
	case EV_RESYNC_BEGAN_INCONSISTENT:
		node_resync_began(n, ev == EV_RESYNC_BEGAN_INCONSISTENT, now_ns, out);
		break;
	case EV_GAVE_UP:
		node_gave_up(n, now_ns, out);
		break;
	case EV_RESYNC_ENDED:
		node_resync_ended(n, now_ns, out);
		break;
	case EV_BITMAP_SENT:
		node_bitmap_sent(n, now_ns, out);
		break;
	case EV_APPLIED:
		node_applied(n, head_lsn, now_ns, out);
		break;
	case EV_PEER_FAILED:
		node_peer_failed(n, head_lsn, now_ns, out);
		break;
	case EV_PEER_DOWN:
		node_peer_down(n, now_ns, out);
		break;
	}
}

static void act_now(struct repl_session *s, const struct repl_actions *out)
{
	struct repl_actions failed;

	if (carry_out_all(s, out, &failed))
		return;
	carry_out_all(s, &failed, &failed);
	/* Nor is anything answered as if it were so. */
	session_reset(s, "this side's record could not be stored");
}

void session_act(struct repl_session *s, struct repl_actions *out)
{
	bool was_acting = s->is_acting;

	s->is_acting = true;
	act_now(s, out);
	if (was_acting)
		return; /* who is further up goes on with the events */
	while (s->events) {
		enum session_event ev = (enum session_event)(s->events & -s->events);
		struct repl_actions next;

		s->events &= ~(uint32_t)ev;
		give(s, ev, &next);
		act_now(s, &next);
	}
	s->is_acting = false;
}

void session_event(struct repl_session *s, enum session_event ev)
{
	struct repl_actions out = {.count = 0};

	if (s->is_stopped)
		return;
	s->events |= ev;
	if (!s->is_acting)
		session_act(s, &out);
}
