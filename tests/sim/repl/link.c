// SPDX-License-Identifier: MIT
/*
 * link.c - two byte streams between the nodes: delay, room, pieces of any size, the loss of a
 * connection at any byte, one end that does not notice, and ways that are blocked.
 */
#include <assert.h>
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
	if (n->group)
		group_link_down(n->group, (enum sluice_link_channel)e->a, "the connection is gone");
}

static void connect(struct world *w, struct event *e);

static void try_later(struct world *w, enum sluice_link_channel ch)
{
	event_add(w, -1, rng_range(&w->rng, 50, 1500) * MS, connect)->a = ch;
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

	if (!n->group || c->number != e->b || !c->is_up[e->node])
		return;
	c->is_told[e->node] = true;
	group_link_up(n->group, (enum sluice_link_channel)e->a);
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

	if (!w->nodes[0].is_up || !w->nodes[1].is_up || c->is_up[0])
		return;
	if (w->is_blocked[0] || w->is_blocked[1] || !w->nodes[0].is_started ||
	    !w->nodes[1].is_started) {
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

void link_reset(struct node *n, enum sluice_link_channel ch, const char *why)
{
	(void)why;
	if (!n->w->link[ch].conn.is_up[n->id])
		return;
	tell_other(n->w, n->id, ch);
	end_down(n->w, n->id, ch, 1000);
	try_later(n->w, ch);
}

void link_node_died(struct world *w, int node)
{
	for (int ch = 0; ch < SLUICE_LINK_CHANNELS; ch++) {
		struct link_conn *c = &w->link[ch].conn;

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

	if (n->group && w->link[e->a].conn.number == e->b && w->link[e->a].conn.is_up[e->node])
		group_link_writable(n->group, (enum sluice_link_channel)e->a);
}

/* What was taken of the frames that change a replica has no term below the receiver's. */
static void check_terms(struct world *w, int to, const uint8_t *data, size_t len, uint64_t term)
{
	size_t at = 0;

	while (at + sizeof(struct repl_header) <= len) {
		struct repl_header h;

		memcpy(&h, data + at, sizeof(h));
		if (h.type >= REPL_WRITE && h.type < REPL_ACK && h.term < term)
			world_fail(w, "REPL-3: node %d at term %llu takes %s of term %llu", to,
				   (unsigned long long)term, frame_type_name(h.type),
				   (unsigned long long)h.term);
		at += sizeof(h) + h.stored_bytes;
	}
}

static void take(struct world *w, int from, enum sluice_link_channel ch)
{
	struct link_conn *c = &w->link[ch].conn;
	struct link_way *way = &c->way[from];
	struct node *to = &w->nodes[1 - from];
	uint32_t number = c->number;
	uint64_t term = group_node(to->group)->record.term;
	size_t used;

	to->has_word = to->has_word || ch == SLUICE_LINK_CONTROL;
	world_inside(true);
	used = group_link_received(to->group, ch, way->data, way->arrived);
	world_inside(false);
	assert(used <= way->arrived || c->number != number || !c->is_up[1 - from]);
	if (c->number != number || !c->is_up[1 - from] || !c->is_up[from])
		return;
	if (ch == SLUICE_LINK_DATA)
		check_terms(w, to->id, way->data, used, term);
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

/* What an old primary would say if it had not heard of the next one: one frame of the term before,
 * where the last one was taken whole. */
void link_old_frame(struct world *w, int to)
{
	struct link_conn *c = &w->link[SLUICE_LINK_DATA].conn;
	enum repl_node_state state = side_recorded_state(&w->nodes[to]);
	struct node *n = &w->nodes[to];
	uint32_t number = c->number;
	struct {
		struct repl_header h;
		struct repl_mark mark;
	} f;
	uint64_t term;
	size_t used;

	if (!n->is_started || side_is_stalled(n) || !c->is_up[to] || !c->is_told[to] ||
	    c->way[1 - to].arrived ||
	    (state != REPL_SECONDARY_SYNCING && state != REPL_SECONDARY_INSYNC))
		return;
	term = group_node(n->group)->record.term;
	memset(&f, 0, sizeof(f));
	f.mark.what = REPL_MARK_FIND;
	frame_begin(&f.h, REPL_MARK, term - 1, 0);
	frame_set_payload(&f.h, &f.mark, sizeof(f.mark));
	frame_seal(&f.h);
	world_say(w, "node %d gets a frame of term %llu", to, (unsigned long long)term - 1);
	world_inside(true);
	used = group_link_received(n->group, SLUICE_LINK_DATA, (const uint8_t *)&f, sizeof(f));
	world_inside(false);
	if (c->number == number && c->is_up[to])
		check_terms(w, to, (const uint8_t *)&f, used, term);
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
	if (!c->is_up[1 - from] || !to->group || way->len == 0)
		return;
	way->arrived += chance(w, 30) ? (uint32_t)rng_range(&w->rng, 0, way->len - way->arrived)
				      : way->len - way->arrived;
	if (way->arrived)
		take(w, from, ch);
	if (c->number == number && c->is_up[from] && way->arrived < way->len)
		move(w, from, ch);
}

size_t link_send(struct node *n, enum sluice_link_channel ch, const void *data, size_t len)
{
	struct link_conn *c = &n->w->link[ch].conn;
	struct link_way *way = &c->way[n->id];
	size_t fits = link_room(n, ch);

	if (len > fits) {
		way->wants_writable = true;
		len = fits;
	}
	if (len == 0)
		return 0;
	memcpy(way->data + way->len, data, len);
	way->len += (uint32_t)len;
	move(n->w, n->id, ch);
	return len;
}

size_t link_room(struct node *n, enum sluice_link_channel ch)
{
	const struct link_conn *c = &n->w->link[ch].conn;

	const struct link_way *way = &c->way[n->id];
	uint32_t under_way = way->len - way->arrived;

	if (!c->is_up[n->id] || under_way >= LINK_SEND_BYTES)
		return 0;
	return LINK_SEND_BYTES - under_way < LINK_ROOM_BYTES - way->len
		   ? LINK_SEND_BYTES - under_way
		   : LINK_ROOM_BYTES - way->len;
}

void link_read_on(struct node *n, enum sluice_link_channel ch)
{
	struct link_conn *c = &n->w->link[ch].conn;

	if (!c->is_up[n->id])
		return;
	c->way[1 - n->id].is_stopped = false;
	move(n->w, 1 - n->id, ch);
}
