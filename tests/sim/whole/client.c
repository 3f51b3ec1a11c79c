// SPDX-License-Identifier: MIT
/*
 * client.c - initiators. Each has cells of its own and one I/O at a time, as the device server's
 * range locks would let through; it goes to a node that serves.
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

static uint32_t cell_of(const struct client *c, uint32_t i)
{
	return (uint32_t)c->id * CELLS_EACH + c->first + i;
}

/* The value in every word, or all ones where it is of two minds. */
static uint64_t value_at(const uint8_t *buf, uint32_t len_bytes)
{
	const uint64_t *words = (const uint64_t *)buf;

	for (uint32_t i = 1; i < len_bytes / 8; i++)
		if (words[i] != words[0])
			return UINT64_MAX;
	return words[0];
}

/* ---------------------------------------------------------------- the end of one */

static void took_place(struct client *c)
{
	struct world *w = c->w;
	bool is_persistent = w->is_durable || (c->is_fua && c->op == SLUICE_OP_WRITE);

	if (c->op == SLUICE_OP_FLUSH) {
		oracle_flushed(w, c->flush_now);
		return;
	}
	for (uint32_t i = 0; i < c->cells; i++) {
		const struct cell *cell = &w->cells[cell_of(c, i)];
		uint64_t at = cell->offset_bytes - w->cells[cell_of(c, 0)].offset_bytes;

		if (c->op == SLUICE_OP_READ)
			oracle_read(w, cell_of(c, i), value_at(c->buf + at, cell->len_bytes),
				    c->node);
		else
			oracle_acked(w, cell_of(c, i), c->versions[i], is_persistent);
	}
	w->current = c->node;
}

static void ended(struct sluice_io *io)
{
	struct client *c = chain_io_owner(io);
	struct world *w = c->w;
	uint8_t status = io->status;

	if (!c->is_busy)
		world_fail(w, "client %d: an I/O is answered twice", c->id);
	c->is_busy = false;
	c->io = NULL;
	chain_io_put(w->nodes[c->node].chain, io);
	world_say(w, "client %d: op %u of cell %u+%u at node %d: status %u, value %llu", c->id,
		  c->op, cell_of(c, 0), c->cells, c->node, status,
		  c->op == SLUICE_OP_READ ? (unsigned long long)*(const uint64_t *)c->buf : 0);
	/* Of two sides that serve after a force the one that was left does not count. */
	if (status == SLUICE_OK && c->op != SLUICE_OP_EXTENT && c->force == w->forces)
		took_place(c);
	later(c, chance(w, 70) ? 300 : 4000);
}

/* ---------------------------------------------------------------- the next one */

/* False: nothing is to be done here now. */
static bool choose_survey(struct client *c)
{
	for (uint32_t i = 0; i < CELLS_EACH; i++) {
		uint32_t cell = (uint32_t)c->id * CELLS_EACH + i;

		if (!(c->w->survey & 1u << cell))
			continue;
		c->first = i;
		c->cells = 1;
		c->op = SLUICE_OP_READ;
		return true;
	}
	return false;
}

static void choose_op(struct client *c)
{
	struct world *w = c->w;
	uint32_t what = (uint32_t)rng_below(&w->rng, 100);
	bool is_side_by_side = w->cells[cell_of(c, c->cells - 1)].len_bytes == PAGE_BYTES &&
			       w->cells[cell_of(c, 0)].len_bytes == PAGE_BYTES;

	if (!is_side_by_side)
		c->cells = 1;
	if (what < 50)
		c->op = SLUICE_OP_WRITE;
	else if (what < 55)
		c->op = chance(w, 50) ? SLUICE_OP_UNMAP : SLUICE_OP_WRITE_ZEROES;
	else if (what < 88)
		c->op = SLUICE_OP_READ;
	else
		c->op = what < 97 ? SLUICE_OP_FLUSH : SLUICE_OP_EXTENT;
	c->is_fua = c->op == SLUICE_OP_WRITE && chance(w, 30);
	for (uint32_t i = 0; i < c->cells; i++)
		if (!oracle_has_room(&w->cells[cell_of(c, i)]) && c->op != SLUICE_OP_FLUSH)
			c->op = SLUICE_OP_READ;
}

static bool choose(struct client *c)
{
	struct world *w = c->w;

	if (w->survey)
		return choose_survey(c);
	c->first = (uint32_t)rng_below(&w->rng, CELLS_EACH);
	c->cells = (uint32_t)rng_range(&w->rng, 1, CELLS_EACH - c->first);
	choose_op(c);
	return true;
}

static void fill(struct client *c)
{
	struct world *w = c->w;

	for (uint32_t i = 0; i < c->cells; i++) {
		const struct cell *cell = &w->cells[cell_of(c, i)];
		uint64_t at = cell->offset_bytes - w->cells[cell_of(c, 0)].offset_bytes;
		uint64_t value = c->op == SLUICE_OP_WRITE ? ++w->next_value : 0;

		c->versions[i] = oracle_began(w, cell_of(c, i), value);
		for (uint32_t k = 0; k < cell->len_bytes / 8; k++)
			((uint64_t *)(c->buf + at))[k] = value;
	}
}

static bool is_change(const struct client *c)
{
	return c->op == SLUICE_OP_WRITE || c->op == SLUICE_OP_UNMAP ||
	       c->op == SLUICE_OP_WRITE_ZEROES;
}

static void submit(struct client *c, struct node *n, struct sluice_io *io)
{
	struct world *w = c->w;
	const struct cell *first = &w->cells[cell_of(c, 0)],
			  *last = &w->cells[cell_of(c, c->cells - 1)];

	c->node = n->id;
	c->life = n->life;
	c->io = io;
	c->is_busy = true;
	c->began_ns = w->now_ns;
	c->force = w->forces;
	io->op = c->op;
	io->flags = c->is_fua ? SLUICE_IO_FUA : 0;
	io->offset_bytes = first->offset_bytes;
	io->len_bytes = last->offset_bytes + last->len_bytes - first->offset_bytes;
	io->buf = c->buf;
	if (is_change(c)) {
		fill(c);
		w->writes++;
	} else if (c->op == SLUICE_OP_FLUSH) {
		io->offset_bytes = io->len_bytes = 0;
		for (uint32_t i = 0; i < CELLS; i++)
			c->flush_now[i] = w->cells[i].now;
	} else {
		memset(c->buf, 0x5a, io->len_bytes);
		w->reads++;
	}
	chain_submit(n->chain, io, ended, c);
}

/* NULL: none would let it through. */
static struct node *choose_node(struct world *w)
{
	struct node *n = &w->nodes[w->current], *o = &w->nodes[1 - w->current];

	if (w->was_forced)
		return side_serves(n) ? n : NULL;
	if (w->nodes_used == 2 && side_serves(o) && (!side_serves(n) || chance(w, 15)))
		return o;
	return side_serves(n) ? n : NULL;
}

static void give_up(struct client *c)
{
	struct node *n = &c->w->nodes[c->node];

	world_inside(true);
	chain_abort(n->chain, c->io);
	world_inside(false);
}

static void next(struct world *w, struct event *e)
{
	struct client *c = &w->clients[e->a];
	struct sluice_io *io;
	struct node *n;

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
	if (!w->has_clients)
		return;
	if (w->ops_left == 0 && !w->survey) {
		later(c, 500);
		return;
	}
	n = choose_node(w);
	if (!n || !choose(c) || !oracle_has_grown(w, &w->cells[cell_of(c, c->cells - 1)])) {
		later(c, 1000);
		return;
	}
	world_inside(true);
	io = chain_io_get(n->chain);
	if (io) {
		w->ops_left -= w->ops_left > 0;
		submit(c, n, io);
	}
	world_inside(false);
	if (!io || c->is_busy)
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
			c->buf = aligned_alloc(4096, (size_t)CELLS_EACH * PAGE_BYTES);
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
		c->is_busy = false;
		later(c, 3000);
	}
}
