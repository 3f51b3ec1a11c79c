// SPDX-License-Identifier: MIT
/*
 * link.c - the network as the chain knows it (net_host.h): two byte streams between the nodes, with
 * delay, room, pieces of any size, the loss of a connection at any byte, one end that does not
 * notice, and ways that are blocked.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "world.h"

static uint8_t *room[SLUICE_LINK_CHANNELS][2];

void link_init(struct world *w)
{
	size_t size = (size_t)LINK_ROOM_BYTES * SLUICE_LINK_CHANNELS * 2;

	if (!room[0][0]) {
		uint8_t *p =
		    mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		assert(p != MAP_FAILED);
		for (uint32_t i = 0; i < SLUICE_LINK_CHANNELS * 2; i++)
			room[i / 2][i % 2] = p + (size_t)i * LINK_ROOM_BYTES;
	}
	memset(w->link, 0, sizeof(w->link));
}

static uint64_t delay_ns(struct world *w)
{
	return (w->link_delay_us + rng_below(&w->rng, w->link_delay_us + 1)) * 1000;
}

/* ---------------------------------------------------------------- up and down */

static void went_down(struct world *w, struct event *e)
{
	struct node *n = &w->nodes[e->node];

	w->link[e->a].falling[e->node] = 0;
	world_say(w, "node %d: channel %u is down", e->node, (unsigned)e->a);
	if (n->links[e->a].is_open)
		n->links[e->a].cfg.down(n->links[e->a].cfg.ctx, "the connection is gone");
}

static void connect(struct world *w, struct event *e);

/* One at a time. */
static void try_later(struct world *w, enum sluice_link_channel ch)
{
	struct link_channel *c = &w->link[ch];
	struct event *e = event_add(w, -1, rng_range(&w->rng, 50, 1500) * MS, connect);

	e->a = ch;
	e->b = ++c->tries; /* an earlier one does not count any more */
}

/* At one end. */
static void end_down(struct world *w, int end, enum sluice_link_channel ch, uint64_t after_ns)
{
	struct link_conn *c = &w->link[ch].conn;

	if (!c->is_up[end])
		return;
	c->is_up[end] = false;
	c->way[end].len = c->way[end].arrived = 0;
	c->way[1 - end].is_stopped = false;
	try_later(w, ch); /* whoever went down: node 0 sees by itself whether it has to dial */
	if (!c->is_told[end])
		return;
	c->is_told[end] = false;
	w->link[ch].falling[end] = w->nodes[end].life;
	event_add(w, end, after_ns, went_down)->a = ch;
}

static void hear_of_it(struct world *w, struct event *e)
{
	struct link_conn *c = &w->link[e->b].conn;

	if (c->number == e->a)
		end_down(w, (int)(intptr_t)e->p, (enum sluice_link_channel)e->b, 0);
}

/* The other end hears of it when the way there is free; if not, never. */
static void tell_other(struct world *w, int end, enum sluice_link_channel ch)
{
	struct link_conn *c = &w->link[ch].conn;
	struct event *e;

	if (!c->is_up[1 - end] || w->is_blocked[end])
		return;
	e = event_add(w, -1, delay_ns(w), hear_of_it);
	e->a = c->number;
	e->b = ch;
	e->p = (void *)(intptr_t)(1 - end);
}

void link_unblocked(struct world *w)
{
	try_later(w, SLUICE_LINK_DATA);
	try_later(w, SLUICE_LINK_CONTROL);
}

static void came_up(struct world *w, struct event *e)
{
	struct node *n = &w->nodes[e->node];
	struct link_conn *c = &w->link[e->a].conn;

	if (!n->links[e->a].is_open || c->number != e->b || !c->is_up[e->node])
		return;
	c->is_told[e->node] = true;
	world_say(w, "node %d: channel %u is up", e->node, (unsigned)e->a);
	n->links[e->a].cfg.up(n->links[e->a].cfg.ctx);
}

static bool is_falling(const struct world *w, int end, enum sluice_link_channel ch)
{
	return w->link[ch].falling[end] && w->link[ch].falling[end] == w->nodes[end].life;
}

/* Node 0 dials. An old connection that node 1 still believes in ends first. */
static void connect(struct world *w, struct event *e)
{
	enum sluice_link_channel ch = (enum sluice_link_channel)e->a;
	struct link_conn *c = &w->link[ch].conn;

	if (e->b != w->link[ch].tries || !w->nodes[0].is_up || !w->nodes[1].is_up || c->is_up[0])
		return;
	if (w->is_blocked[0] || w->is_blocked[1] || !w->nodes[0].links[ch].is_open ||
	    !w->nodes[1].links[ch].is_open) {
		try_later(w, ch);
		return;
	}
	end_down(w, 1, ch, 0);
	if (is_falling(w, 0, ch) || is_falling(w, 1, ch)) {
		try_later(w, ch);
		return;
	}
	memset(c, 0, sizeof(*c));
	c->number = ++w->conn_number;
	for (int end = 0; end < 2; end++) {
		struct event *up = event_add(w, end, rng_below(&w->rng, 2000) * 1000 + 1, came_up);

		c->is_up[end] = true;
		c->way[end].data = room[ch][end];
		up->a = ch;
		up->b = c->number;
	}
}

static void link_reset(struct net_link *l, const char *why)
{
	struct node *n = l->n;

	world_say(n->w, "node %d: channel %u is reset: %s", n->id, (unsigned)l->ch, why);
	if (!n->w->link[l->ch].conn.is_up[n->id])
		return;
	tell_other(n->w, n->id, l->ch);
	end_down(n->w, n->id, l->ch, 1000);
	try_later(n->w, l->ch);
}

void link_node_died(struct world *w, int node)
{
	for (int ch = 0; ch < SLUICE_LINK_CHANNELS; ch++) {
		struct link_conn *c = &w->link[ch].conn;

		w->nodes[node].links[ch].is_open = false;
		if (c->is_up[node])
			tell_other(w, node, (enum sluice_link_channel)ch);
		c->is_up[node] = c->is_told[node] = false;
		c->way[node].len = c->way[node].arrived = 0;
	}
}

void link_cut(struct world *w, enum sluice_link_channel ch, bool is_half_open)
{
	struct link_conn *c = &w->link[ch].conn;
	int first = (int)rng_below(&w->rng, 2);

	if (!c->is_up[0] && !c->is_up[1])
		return;
	for (int end = 0; end < 2; end++) { /* what has not arrived by now never does */
		uint32_t lost = c->way[end].len - c->way[end].arrived;

		c->way[end].len -= (uint32_t)rng_below(&w->rng, lost + 1);
	}
	end_down(w, first, ch, rng_below(&w->rng, 1000) * 1000);
	if (!is_half_open)
		end_down(w, 1 - first, ch, rng_below(&w->rng, 300000) * 1000);
	try_later(w, ch);
}

/* ---------------------------------------------------------------- bytes */

static void arrive(struct world *w, struct event *e);

static void move(struct world *w, int from, enum sluice_link_channel ch)
{
	struct link_conn *c = &w->link[ch].conn;
	struct link_way *way = &c->way[from];
	struct event *e;

	if (way->is_moving || way->is_stopped || way->len == 0)
		return;
	way->is_moving = true;
	e = event_add(w, -1, delay_ns(w), arrive);
	e->a = c->number;
	e->b = ch;
	e->p = (void *)(intptr_t)from;
}

static void tell_writable(struct world *w, struct event *e)
{
	struct node *n = &w->nodes[e->node];

	if (n->links[e->a].is_open && w->link[e->a].conn.number == e->b &&
	    w->link[e->a].conn.is_up[e->node])
		n->links[e->a].cfg.writable(n->links[e->a].cfg.ctx);
}

static void take(struct world *w, int from, enum sluice_link_channel ch)
{
	struct link_conn *c = &w->link[ch].conn;
	struct link_way *way = &c->way[from];
	struct node *to = &w->nodes[1 - from];
	uint32_t number = c->number;
	size_t used;

	world_inside(true);
	used = to->links[ch].cfg.received(to->links[ch].cfg.ctx, way->data, way->arrived);
	world_inside(false);
	assert(used <= way->arrived || c->number != number || !c->is_up[1 - from]);
	if (c->number != number || !c->is_up[1 - from] || !c->is_up[from])
		return;
	way->is_stopped = used == 0 && way->arrived > LINK_ROOM_BYTES - LINK_SEND_BYTES;
	memmove(way->data, way->data + used, way->len - used);
	way->len -= (uint32_t)used;
	way->arrived -= (uint32_t)used;
	if (way->wants_writable) {
		struct event *e = event_add(w, from, 1000, tell_writable);

		way->wants_writable = false;
		e->a = ch;
		e->b = number;
	}
}

static void arrive(struct world *w, struct event *e)
{
	enum sluice_link_channel ch = (enum sluice_link_channel)e->b;
	struct link_conn *c = &w->link[ch].conn;
	int from = (int)(intptr_t)e->p;
	struct link_way *way = &c->way[from];
	struct node *to = &w->nodes[1 - from];
	uint32_t number = c->number;

	if (number != e->a)
		return;
	way->is_moving = false;
	if (w->is_blocked[from] || side_is_stalled(to) ||
	    (c->is_up[1 - from] && !c->is_told[1 - from])) { /* it waits in the sender's buffers */
		struct event *again = event_add(w, -1, w->is_blocked[from] ? 200 * MS : MS, arrive);

		again->a = e->a;
		again->b = e->b;
		again->p = e->p;
		way->is_moving = true;
		return;
	}
	if (!c->is_up[1 - from] || !to->links[ch].is_open || way->len == 0)
		return;
	way->arrived += chance(w, 30) ? (uint32_t)rng_range(&w->rng, 0, way->len - way->arrived)
				      : way->len - way->arrived;
	if (way->arrived)
		take(w, from, ch);
	if (c->number == number && c->is_up[from] && way->arrived < way->len)
		move(w, from, ch);
}

/* ---------------------------------------------------------------- net_host.h */

static size_t link_room(const struct net_link *l)
{
	const struct link_conn *c = &l->n->w->link[l->ch].conn;
	const struct link_way *way = &c->way[l->n->id];
	uint32_t under_way = way->len - way->arrived;

	if (!c->is_up[l->n->id] || under_way >= LINK_SEND_BYTES)
		return 0;
	return LINK_SEND_BYTES - under_way < LINK_ROOM_BYTES - way->len
		   ? LINK_SEND_BYTES - under_way
		   : LINK_ROOM_BYTES - way->len;
}

static size_t link_send(struct net_link *l, const void *data, size_t len)
{
	struct node *n = l->n;
	struct link_way *way = &n->w->link[l->ch].conn.way[n->id];
	size_t fits = link_room(l);

	if (len > fits) {
		way->wants_writable = true;
		len = fits;
	}
	if (len == 0)
		return 0;
	memcpy(way->data + way->len, data, len);
	way->len += (uint32_t)len;
	move(n->w, n->id, l->ch);
	return len;
}

static void link_read_on(struct net_link *l)
{
	struct node *n = l->n;
	struct link_conn *c = &n->w->link[l->ch].conn;

	if (!c->is_up[n->id])
		return;
	c->way[1 - n->id].is_stopped = false;
	move(n->w, 1 - n->id, l->ch);
}

static int link_open(void *ctx, struct env *env, const struct sluice_link_cfg *cfg,
		     struct net_link **out, struct err *err)
{
	struct node *n = ctx;
	struct net_link *l = &n->links[cfg->channel];

	(void)env;
	if (l->is_open)
		return err_set(err, EBUSY, "", "the channel is open already");
	*l = (struct net_link){.n = n, .ch = cfg->channel, .cfg = *cfg, .is_open = true};
	*out = l;
	link_unblocked(n->w);
	return 0;
}

/* As a reset, but this end hears nothing of it. */
static void link_close(struct net_link *l)
{
	struct node *n = l->n;
	struct link_conn *c = &n->w->link[l->ch].conn;

	l->is_open = false;
	n->w->link[l->ch].falling[n->id] = 0;
	if (!c->is_up[n->id])
		return;
	tell_other(n->w, n->id, l->ch);
	c->is_told[n->id] = false;
	end_down(n->w, n->id, l->ch, 0);
}

static void own_uuid(void *ctx, uint8_t uuid[16])
{
	memset(uuid, ((struct node *)ctx)->id + 1, 16);
}

static int peer_uuid(void *ctx, const char *peer, uint8_t uuid[16])
{
	if (strcmp(peer, "peer") != 0)
		return -ENOENT;
	memset(uuid, 2 - ((struct node *)ctx)->id, 16);
	return 0;
}

const struct net_host *link_host(struct node *n)
{
	static struct net_host hosts[2];

	hosts[n->id] = (struct net_host){.open = link_open,
					 .close = link_close,
					 .send = link_send,
					 .room = link_room,
					 .read_on = link_read_on,
					 .reset = link_reset,
					 .witness = witness_ask,
					 .own_uuid = own_uuid,
					 .peer_uuid = peer_uuid,
					 .ctx = n};
	return &hosts[n->id];
}
