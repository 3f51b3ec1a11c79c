// SPDX-License-Identifier: MIT
#include "node_rig.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static void answer_witness(struct rig *r, int n)
{
	struct rig_side *s = &r->side[n];
	struct sluice_witness_call *c = &s->call;
	struct repl_actions out;
	bool is_over = r->now_ns >= r->lease_until_ns;
	bool is_own = memcmp(r->reg.primary_uuid, s->node.cfg.own_uuid, 16) == 0;

	if (!s->is_calling)
		return;
	s->is_calling = false;
	c->result = 0;
	if (!r->is_witness_up) {
		c->result = -ETIMEDOUT;
	} else if (c->op != SLUICE_WITNESS_READ && c->expected_term != r->reg.term) {
		c->result = -ESTALE;
	} else if (c->op == SLUICE_WITNESS_RENEW && !is_own) {
		c->result = -ESTALE;
	} else if (c->op == SLUICE_WITNESS_SWAP && !is_over && !is_own && r->reg.term) {
		c->result = -EBUSY;
	} else if (c->op != SLUICE_WITNESS_READ) {
		if (c->op == SLUICE_WITNESS_SWAP)
			r->reg = c->wanted;
		r->lease_until_ns = r->now_ns + r->cfg.lease_ns;
	}
	c->now = r->reg;
	c->now.lease_left_ms =
	    r->now_ns < r->lease_until_ns ? (r->lease_until_ns - r->now_ns) / MS : 0;
	node_witness(&s->node, c, r->now_ns, &out);
	rig_carry_out(r, n, &out);
}

static void tell_state(struct rig *r, int n)
{
	struct rig_side *s = &r->side[n], *o = &r->side[1 - n];
	struct repl_state st = {.state = s->node.record.state,
				.insync = s->node.record.insync,
				.is_consistent = s->node.record.is_consistent,
				.wrote_alone = s->node.record.wrote_alone,
				.lineage_count = s->node.record.lineage_count,
				.term = s->node.record.term,
				.head_lsn = s->head_lsn};
	struct repl_reign lineage[REPL_LINEAGE_MAX];
	struct repl_actions out;

	if (!r->is_linked || !s->is_up || !o->is_up)
		return;
	memcpy(lineage, s->node.record.lineage, sizeof(lineage));
	node_peer_state(&o->node, &st, lineage, r->now_ns, &out);
	rig_carry_out(r, 1 - n, &out);
}

static void tell_role(struct rig *r, int n, const struct repl_role *role)
{
	struct rig_side *o = &r->side[1 - n];
	struct repl_actions out;

	if (!r->is_linked || !o->is_up || r->drops_roles)
		return;
	node_role(&o->node, role, r->now_ns, &out);
	rig_carry_out(r, 1 - n, &out);
}

static bool carry_out_one(struct rig *r, int n, const struct repl_action *a)
{
	struct rig_side *s = &r->side[n];
	struct repl_actions out;

	s->was_asked[a->kind] = true;
	switch (a->kind) {
	case REPL_DO_STORE:
		if (r->store_fails) {
			node_store_failed(&s->node, &out);
			rig_carry_out(r, n, &out);
			return false;
		}
		s->durable = s->node.record;
		s->has_record = true;
		break;
	case REPL_DO_SEND_STATE:
		tell_state(r, n);
		break;
	case REPL_DO_SEND_ROLE:
		tell_role(r, n, &a->role);
		break;
	case REPL_DO_WITNESS:
		assert_false(s->is_calling);
		s->is_calling = true;
		memset(&s->call, 0, sizeof(s->call));
		s->call.op = a->witness_op;
		s->call.expected_term = a->witness_expected_term;
		s->call.wanted = a->witness_wanted;
		break;
	case REPL_DO_APPLY_STAGED:
		if (!r->holds_applied)
			RIG_EVENT(r, n, node_applied(node_, head_, now_, &out_));
		break;
	case REPL_DO_REPORT:
		snprintf(s->last_report, sizeof(s->last_report), "%s", a->code);
		break;
	default:
		break;
	}
	return true;
}

void rig_carry_out(struct rig *r, int n, struct repl_actions *out)
{
	for (uint32_t i = 0; i < out->count; i++) {
		if (out->a[i].kind == REPL_DO_STORE)
			assert_int_equal(i, 0);
		if (!carry_out_one(r, n, &out->a[i]))
			return;
	}
	out->count = 0;
	/* R1, at every moment. */
	assert_false(r->side[0].is_up && r->side[1].is_up && r->side[0].node.is_serving &&
		     r->now_ns < node_serve_until_ns(&r->side[0].node) &&
		     r->side[1].node.is_serving &&
		     r->now_ns < node_serve_until_ns(&r->side[1].node) && r->cfg.has_witness);
}

void rig_init(struct rig *r, const struct repl_node_cfg *cfg)
{
	memset(r, 0, sizeof(*r));
	r->cfg = *cfg;
	r->cfg.lease_ns = 10000 * MS;
	r->cfg.margin_ns = 1000 * MS;
	r->now_ns = 1000 * MS;
	r->is_witness_up = true;
}

void rig_start(struct rig *r, int n, enum repl_node_state initial)
{
	struct rig_side *s = &r->side[n];
	struct repl_node_cfg cfg = r->cfg;
	struct repl_node_record record = s->durable;
	struct repl_actions out;

	memset(cfg.own_uuid, n + 1, 16);
	memset(cfg.peer_uuid, 2 - n, 16);
	s->is_up = true;
	s->is_calling = false;
	node_init(&s->node, &cfg, s->has_record ? &record : NULL, initial, r->now_ns, &out);
	rig_carry_out(r, n, &out);
}

void rig_crash(struct rig *r, int n)
{
	rig_link(r, false);
	r->side[n].is_up = false;
	r->side[n].is_calling = false;
}

void rig_link(struct rig *r, bool is_up)
{
	struct repl_actions out;

	if (r->is_linked == is_up)
		return;
	r->is_linked = is_up;
	for (int n = 0; n < 2; n++) {
		if (is_up) {
			tell_state(r, n);
		} else if (r->side[n].is_up) {
			node_peer_down(&r->side[n].node, r->now_ns, &out);
			rig_carry_out(r, n, &out);
		}
	}
}

void rig_pass(struct rig *r, uint64_t ms)
{
	uint64_t began_ns = r->now_ns;

	for (uint64_t i = 0; i < ms; i += 100) {
		r->now_ns += 100 * MS;
		for (int n = 0; n < 2; n++) {
			if (!r->side[n].is_up)
				continue;
			RIG_EVENT(r, n, node_tick(node_, now_, &out_));
			answer_witness(r, n);
			if (r->is_linked && r->side[1 - n].is_up &&
			    node_pinged(&r->side[1 - n].node, r->now_ns))
				RIG_EVENT(r, n, node_promised(node_, now_, now_, &out_));
			if (!r->is_linked && i + 100 >= REPL_SILENCE_MS && i < REPL_SILENCE_MS &&
			    began_ns)
				RIG_EVENT(r, n, node_peer_lost(node_, head_, now_, &out_));
		}
	}
}

void rig_forget(struct rig *r)
{
	memset(r->side[0].was_asked, 0, sizeof(r->side[0].was_asked));
	memset(r->side[1].was_asked, 0, sizeof(r->side[1].was_asked));
}

bool rig_asked(const struct rig *r, int n, enum repl_action_kind kind)
{
	return r->side[n].was_asked[kind];
}

enum repl_node_state rig_state(const struct rig *r, int n)
{
	return (enum repl_node_state)r->side[n].node.record.state;
}

void rig_make_pair(struct rig *r)
{
	rig_start(r, 0, REPL_PRIMARY_ALONE);
	rig_start(r, 1, REPL_SECONDARY_SYNCING);
	rig_pass(r, 300);
	assert_true(r->side[0].node.is_serving);
	rig_link(r, true);
	assert_true(rig_asked(r, 0, REPL_DO_RESYNC));
	RIG_EVENT(r, 1, node_resync_began(node_, true, now_, &out_));
	RIG_EVENT(r, 1, node_resync_ended(node_, now_, &out_));
	RIG_EVENT(r, 0, node_caught_up(node_, head_, now_, &out_));
	assert_true(r->side[0].node.is_frozen);
	RIG_EVENT(r, 0, node_equal(node_, head_, now_, &out_));
	rig_pass(r, 300);
	assert_int_equal(rig_state(r, 0), REPL_PRIMARY_PAIR);
	assert_int_equal(rig_state(r, 1), REPL_SECONDARY_INSYNC);
	assert_false(r->side[0].node.is_frozen);
	assert_false(r->side[0].node.acks_alone);
	assert_true(r->side[0].node.is_serving);
	rig_forget(r);
}
