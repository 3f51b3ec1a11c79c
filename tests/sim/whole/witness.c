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
	struct sluice_witness_call call;
	int node;
	uint32_t life;
	void (*fn)(void *fn_ctx, int result, const struct sluice_witness_register *now);
	void *fn_ctx;
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
	t->reg = c->wanted;
	t->lease_until_ns = w->now_ns + c->lease_ms * MS;
	world_say(w, "witness: term %llu, primary is node %d, in sync %u",
		  (unsigned long long)t->reg.term, t->reg.primary_uuid[0] - 1, t->reg.insync);
	return 0;
}

static void answered(struct world *w, struct event *e)
{
	struct request *r = e->p;

	(void)w;
	if (r->is_answered)
		return;
	r->is_answered = true;
	r->fn(r->fn_ctx, r->call.result, &r->call.now);
}

static void gave_up(struct world *w, struct event *e)
{
	struct request *r = e->p;

	(void)w;
	if (r->is_answered)
		return;
	r->is_answered = true;
	r->fn(r->fn_ctx, -ETIMEDOUT, NULL);
}

static void arrived(struct world *w, struct event *e)
{
	struct request *r = e->p;
	struct witness *t = &w->witness;

	r->call.result = carry_out(w, r->node, &r->call);
	r->call.now = t->reg;
	r->call.now.lease_left_ms =
	    w->now_ns < t->lease_until_ns ? (t->lease_until_ns - w->now_ns) / MS : 0;
	if (!w->is_witness_blocked[r->node] && w->nodes[r->node].life == r->life &&
	    !(w->has_faults && chance(w, 3)))
		event_add(w, r->node, rng_range(&w->rng, 1, 5) * MS, answered)->p = r;
}

void witness_ask(void *ctx, struct env *env, const char *peer, const uint8_t group_uuid[16],
		 const struct sluice_witness_call *call,
		 void (*fn)(void *fn_ctx, int result, const struct sluice_witness_register *now),
		 void *fn_ctx)
{
	struct request *r = &requests[request_next++ % 4096];
	struct node *n = ctx;
	struct world *w = n->w;

	(void)env, (void)peer, (void)group_uuid;
	*r = (struct request){
	    .call = *call, .node = n->id, .life = n->life, .fn = fn, .fn_ctx = fn_ctx};
	event_add(w, n->id, GIVES_UP_NS, gave_up)->p = r;
	if (w->is_witness_blocked[n->id] || (w->has_faults && chance(w, 3)))
		return;
	event_add(w, -1,
		  w->has_faults && chance(w, 2) ? rng_range(&w->rng, 1, 15000) * MS
						: rng_range(&w->rng, 1, 5) * MS,
		  arrived)
	    ->p = r;
}
