// SPDX-License-Identifier: MIT
/*
 * client.c - initiators. Each has blocks of its own and one I/O at a time, as the device server's
 * range locks would let through; it goes to a node that serves, sometimes to one that does not.
 */
#include <stdlib.h>
#include <string.h>

#include "world.h"

static void next(struct world *w, struct event *e);

static void later(struct client *c, uint64_t max_ms)
{
	struct event *e =
	    event_add(c->w, -1, rng_below(&c->w->rng, max_ms * 1000 + 1) * 1000, next);

	e->a = (uint64_t)c->id;
	e->b = ++c->turn; /* an earlier one does not count any more */
}

static void note_lsn(struct client *c, bool is_acked)
{
	const struct repl_group *g = c->w->nodes[c->node].group;

	/* One that failed below may be there or not; its place in the order says nothing. */
	if (c->is_write && c->io.lsn && c->io.status == SLUICE_OK)
		oracle_ran(c->w, c->block, c->io.lsn, c->value,
			   is_acked ? group_head_lsn(g) : UINT64_MAX, c->node);
}

static uint64_t value_of(const struct client *c)
{
	const uint64_t *words = (const uint64_t *)c->buf;

	for (uint32_t i = 1; i < c->io.len_bytes / 8; i++)
		if (words[i] != words[0])
			return UINT64_MAX;
	return words[0];
}

/* Of the pair that serves now; 0: there is none. */
static uint64_t pair_term(const struct node *n)
{
	const struct repl_node *m = side_machine(n);

	return m->is_serving && m->record.state == REPL_PRIMARY_PAIR ? m->record.term : 0;
}

/* What a pair acknowledges is persistent on both sides, whatever the write cache promises. */
static bool is_loose(const struct client *c)
{
	const struct node *n = &c->w->nodes[c->node];

	if (c->w->is_durable || c->io.flags & SLUICE_IO_FUA)
		return false;
	return c->pair_term == 0 || c->pair_term != pair_term(n);
}

static void ended(struct repl_io *io)
{
	struct client *c = io->ctx;
	struct world *w = c->w;

	if (!c->is_busy)
		world_fail(w, "client %d: an I/O is answered twice", c->id);
	c->is_busy = false;
	note_lsn(c, true);
	if (io->op == SLUICE_OP_FLUSH || io->op == SLUICE_OP_EXTENT) {
		later(c, 200);
		return;
	}
	world_say(w, "client %d: %s block %u, value %llu, lsn %llu at node %d: status %u", c->id,
		  c->is_write ? "write" : "read", c->block,
		  (unsigned long long)(c->is_write ? c->value : value_of(c)),
		  (unsigned long long)io->lsn, c->node, io->status);
	if (io->status == SLUICE_OK && c->is_write)
		oracle_acked(w, c->block, c->value, c->node, is_loose(c));
	else if (c->is_write && !w->is_durable)
		w->blocks[c->block].is_loose = true; /* it may be in a cache */
	else if (io->status == SLUICE_OK)
		oracle_read(w, c->block, value_of(c), c->node);
	later(c, chance(w, 70) ? 300 : 4000);
}

static void fill(struct client *c)
{
	uint64_t *words = (uint64_t *)c->buf;

	for (uint32_t i = 0; i < c->io.len_bytes / 8; i++)
		words[i] = c->value;
}

/* False: not now, the chain holds it. */
static bool choose_io(struct client *c)
{
	struct world *w = c->w;
	struct block *b;

	c->block = (uint32_t)(c->id + (int)(CLIENTS * rng_below(&w->rng, BLOCKS / CLIENTS)));
	b = &w->blocks[c->block];
	if (b->offset_bytes >= w->nodes[c->node].volumes[b->member].file.size_bytes) {
		c->block = (uint32_t)c->id; /* it has not grown yet */
		b = &w->blocks[c->block];
	}
	memset(&c->io, 0, sizeof(c->io));
	c->io.end = ended;
	c->io.ctx = c;
	c->io.member = b->member;
	c->io.offset_bytes = b->offset_bytes;
	c->io.len_bytes = b->len_bytes;
	c->io.buf = c->buf;
	if (snapshot_holds(w, c->node, b->member))
		return false;
	c->is_write = chance(w, 65);
	if (!c->is_write) {
		c->io.op = chance(w, 85) ? SLUICE_OP_READ : SLUICE_OP_FLUSH;
		if (c->io.op == SLUICE_OP_FLUSH)
			c->io.offset_bytes = c->io.len_bytes = 0;
		return true;
	}
	c->value = ++w->next_value;
	c->io.op = SLUICE_OP_WRITE;
	if (chance(w, 8)) {
		c->value = 0;
		c->io.op = chance(w, 50) ? SLUICE_OP_UNMAP : SLUICE_OP_WRITE_ZEROES;
	}
	if (!w->is_durable && (!w->is_loose || chance(w, 40)))
		c->io.flags = SLUICE_IO_FUA;
	fill(c);
	return true;
}

static void submit(struct client *c, struct node *n)
{
	struct world *w = c->w;

	c->node = n->id;
	c->life = n->life;
	if (!choose_io(c)) {
		later(c, 20);
		return;
	}
	c->is_busy = true;
	c->pair_term = pair_term(n);
	c->began_ns = w->now_ns;
	if (c->is_write)
		oracle_began(w, c->block, c->value);
	world_inside(true);
	group_submit(n->group, &c->io);
	world_inside(false);
}

static void give_up(struct client *c)
{
	struct node *n = &c->w->nodes[c->node];

	note_lsn(c, false);
	world_inside(true);
	group_abort(n->group, &c->io);
	world_inside(false);
}

static void next(struct world *w, struct event *e)
{
	struct client *c = &w->clients[e->a];
	struct node *n = &w->nodes[w->current];

	if (e->b != c->turn)
		return;
	if (c->is_busy) {
		if (!side_is_stalled(&w->nodes[c->node]) && w->now_ns - c->began_ns > 25000 * MS &&
		    chance(w, 50))
			give_up(c);
		if (c->is_busy)
			later(c, 2000);
		return;
	}
	if (!w->has_clients || w->ops_left == 0)
		return;
	if (!n->is_serving && !w->was_forced && w->nodes[1 - w->current].is_serving)
		n = &w->nodes[1 - w->current];
	if (!n->group || !n->is_started || side_is_stalled(n) ||
	    (!n->is_serving && !chance(w, 3))) {
		later(c, 1000);
		return;
	}
	w->ops_left--;
	submit(c, n);
	if (c->is_busy)
		later(c, 5000);
}

void clients_begin(struct world *w)
{
	for (int i = 0; i < (int)CLIENTS; i++) {
		struct client *c = &w->clients[i];

		c->w = w;
		c->id = i;
		c->is_busy = false;
		c->turn = 0;
		if (!c->buf)
			c->buf = aligned_alloc(4096, PAGE_BYTES);
		later(c, 2000);
	}
	w->has_clients = true;
}

/* What was under way may have happened or not. */
void clients_node_died(struct world *w, int node)
{
	for (int i = 0; i < (int)CLIENTS; i++) {
		struct client *c = &w->clients[i];

		if (!c->is_busy || c->node != node)
			continue;
		note_lsn(c, false);
		/* It may be in a cache of that node's, be read, and go with the power. */
		if (c->is_write)
			w->blocks[c->block].is_loose = true;
		c->is_busy = false;
		later(c, 3000);
	}
}
