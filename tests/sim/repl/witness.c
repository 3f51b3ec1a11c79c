// SPDX-License-Identifier: MIT
/*
 * witness.c - the register on a third host: compare-and-swap and a lease. Requests and answers may
 * be lost, and a request may be carried out long after its caller gave up.
 */
#include <errno.h>
#include <string.h>

#include "world.h"

#define GIVES_UP_NS (3000 * MS)

struct request {
	struct sluice_witness_call copy;
	struct sluice_witness_call *call;
	bool is_answered;
};

static struct request requests[4096];
static uint32_t request_next;

static bool is_mine(const struct world *w, int node)
{
	uint8_t uuid[16];

	memset(uuid, node + 1, 16);
	return memcmp(w->witness.reg.primary_uuid, uuid, 16) == 0;
}

static int carry_out(struct world *w, int node, const struct sluice_witness_call *c)
{
	struct witness *t = &w->witness;
	bool is_over = w->now_ns >= t->lease_until_ns;

	if (c->op == SLUICE_WITNESS_READ)
		return 0;
	if (c->expected_term != t->reg.term)
		return -ESTALE;
	if (c->op == SLUICE_WITNESS_RENEW) {
		if (!is_mine(w, node))
			return -ESTALE;
		t->lease_until_ns = w->now_ns + c->lease_ms * MS;
		return 0;
	}
	if (t->reg.term && !is_over && !is_mine(w, node))
		return -EBUSY;
	if (t->reg.term && t->reg.insync == 1 && !is_mine(w, node) && !w->was_forced &&
	    side_recorded_state(&w->nodes[node]) == REPL_SECONDARY_SYNCING)
		world_fail(w, "REPL-6: node %d, which is not in sync, becomes primary", node);
	t->reg = c->wanted;
	t->lease_until_ns = w->now_ns + c->lease_ms * MS;
	world_say(w, "witness: term %llu, primary is node %d, in sync %u",
		  (unsigned long long)t->reg.term, t->reg.primary_uuid[0] - 1, t->reg.insync);
	return 0;
}

static void answered(struct world *w, struct event *e)
{
	struct request *r = e->p;

	if (r->is_answered)
		return;
	r->is_answered = true;
	w->nodes[e->node].has_word = true;
	r->call->result = r->copy.result;
	r->call->now = r->copy.now;
	r->call->fn(r->call);
}

static void gave_up(struct world *w, struct event *e)
{
	struct request *r = e->p;

	(void)w;
	if (r->is_answered)
		return;
	r->is_answered = true;
	r->call->result = -ETIMEDOUT;
	r->call->fn(r->call);
}

static void arrived(struct world *w, struct event *e)
{
	struct request *r = e->p;
	int node = (int)e->a;
	struct witness *t = &w->witness;

	r->copy.result = carry_out(w, node, &r->copy);
	r->copy.now = t->reg;
	r->copy.now.lease_left_ms =
	    w->now_ns < t->lease_until_ns ? (t->lease_until_ns - w->now_ns) / MS : 0;
	if (!w->is_witness_blocked[node] && w->nodes[node].life == e->b &&
	    !(w->has_faults && chance(w, 3)))
		event_add(w, node, rng_range(&w->rng, 1, 5) * MS, answered)->p = r;
}

void witness_submit(struct node *n, struct sluice_witness_call *c)
{
	struct world *w = n->w;
	struct request *r = &requests[request_next++ % 4096];
	struct event *e;

	r->copy = *c;
	r->call = c;
	r->is_answered = false;
	event_add(w, n->id, GIVES_UP_NS, gave_up)->p = r;
	if (w->is_witness_blocked[n->id] || (w->has_faults && chance(w, 3)))
		return;
	e = event_add(w, -1,
		      w->has_faults && chance(w, 2) ? rng_range(&w->rng, 1, 15000) * MS
						    : rng_range(&w->rng, 1, 5) * MS,
		      arrived);
	e->p = r;
	e->a = (uint64_t)n->id;
	e->b = n->life;
}
