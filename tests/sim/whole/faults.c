// SPDX-License-Identifier: MIT
/* faults.c - what goes wrong, and what administrators do meanwhile. */
#include "world.h"

static void mischief(struct world *w, struct event *e);

static void next_mischief(struct world *w)
{
	uint64_t max_ms = chance(w, 30) ? 8000 : 2000;

	event_add(w, -1, rng_below(&w->rng, max_ms * 1000) * 1000, mischief);
}

/* ---------------------------------------------------------------- nodes */

static void start_again(struct world *w, struct event *e)
{
	struct node *n = &w->nodes[e->a];

	if (!n->is_up && !w->is_ending)
		side_start(n);
}

static void kill(struct world *w, int node, bool is_power_cut)
{
	if (!w->nodes[node].is_up)
		return;
	side_die(&w->nodes[node], is_power_cut);
	event_add(w, -1, rng_below(&w->rng, chance(w, 70) ? 3000 : 20000) * MS, start_again)->a =
	    (uint64_t)node;
}

static void stop(struct world *w, int node)
{
	if (w->nodes[node].state != NODE_OPEN || side_is_stalled(&w->nodes[node]))
		return;
	side_stop(&w->nodes[node]);
	for (int i = 1; i < 8; i++)
		event_add(w, -1, (uint64_t)i * 4000 * MS, start_again)->a = (uint64_t)node;
}

/* ---------------------------------------------------------------- ways */

static void unblock(struct world *w, struct event *e)
{
	(void)e;
	world_say(w, "all ways are free");
	w->is_blocked[0] = w->is_blocked[1] = false;
	w->is_witness_blocked[0] = w->is_witness_blocked[1] = false;
	link_unblocked(w);
}

static void block(struct world *w)
{
	uint32_t ways = (uint32_t)rng_range(&w->rng, 1, 15);

	if (chance(w, 50))
		ways = 3;
	if (!w->has_witness)
		ways |= (uint32_t)rng_range(&w->rng, 1, 3);
	world_say(w, "ways are blocked: %s%s%s%s", ways & 1 ? "0->1 " : "", ways & 2 ? "1->0 " : "",
		  ways & 4 ? "0-witness " : "", ways & 8 ? "1-witness" : "");
	w->is_blocked[0] = ways & 1;
	w->is_blocked[1] = ways & 2;
	w->is_witness_blocked[0] = ways & 4;
	w->is_witness_blocked[1] = ways & 8;
	event_add(w, -1, rng_below(&w->rng, chance(w, 60) ? 9000 : 40000) * MS, unblock);
}

static void fast_again(struct world *w, struct event *e)
{
	w->nodes[e->a].slow = 1;
}

static void slow_down(struct world *w, int node)
{
	w->nodes[node].slow = (uint32_t)rng_range(&w->rng, 5, 300);
	event_add(w, -1, rng_below(&w->rng, 6000) * MS, fast_again)->a = (uint64_t)node;
}

/* ---------------------------------------------------------------- disks, standstill, growth */

static void sound_again(struct world *w, struct event *e)
{
	w->nodes[e->a].failing = 0;
}

static void fail_disks(struct world *w, int node)
{
	static const char *const words[] = {"image", "flash", "logs", "files", "records"};
	struct node *n = &w->nodes[node];
	uint32_t i = (uint32_t)rng_below(&w->rng, 5);

	if (n->state != NODE_OPEN)
		return;
	n->failing = 1u << i;
	n->fail_pct = chance(w, 50) ? 100 : (uint32_t)rng_range(&w->rng, 5, 60);
	n->must_restart = true;
	world_say(w, "node %d: %s fail %u %% of the time", node, words[i], n->fail_pct);
	event_add(w, -1, rng_below(&w->rng, 4000) * MS, sound_again)->a = (uint64_t)node;
}

static void stall(struct world *w, int node)
{
	uint64_t ms = rng_range(&w->rng, 10, chance(w, 50) ? 3000 : 20000);

	world_say(w, "node %d stands still for %llu ms", node, (unsigned long long)ms);
	w->nodes[node].stalled_until_ns = w->now_ns + ms * MS;
}

/* ---------------------------------------------------------------- chance */

static void misfortune(struct world *w, uint32_t what, int node)
{
	bool has_link = w->nodes_used == 2;

	if (what < 14)
		kill(w, node, false);
	else if (what < 24)
		kill(w, node, true);
	else if (what < 26) {
		kill(w, 0, chance(w, 50));
		kill(w, 1, chance(w, 50));
	} else if (what < 30)
		stop(w, node);
	else if (what < 40 && has_link)
		link_cut(w, chance(w, 50) ? SLUICE_LINK_DATA : SLUICE_LINK_CONTROL, chance(w, 25));
	else if (what < 50 && has_link)
		block(w);
	else if (what < 57)
		slow_down(w, node);
	else if (what < 62)
		fail_disks(w, node);
	else
		stall(w, node);
}

static void mischief(struct world *w, struct event *e)
{
	int node = (int)rng_below(&w->rng, w->nodes_used);
	uint32_t what = (uint32_t)rng_below(&w->rng, 100);

	(void)e;
	if (!w->has_faults)
		return;
	next_mischief(w);
	if (what < 65)
		misfortune(w, what, node);
	else if (what < 78)
		operator_any(&w->nodes[node]);
	else if (what < 86)
		side_change_cache(&w->nodes[node]);
	else if (what < 90)
		side_change_io_control(&w->nodes[node]);
	else if (what < 93)
		w->size_bytes = GROWN_BYTES;
	else if (what < 97)
		side_point(&w->nodes[node]);
	else
		side_flush(&w->nodes[node]);
}

void faults_begin(struct world *w)
{
	w->has_faults = true;
	next_mischief(w);
}

void faults_end(struct world *w)
{
	w->has_faults = false;
	unblock(w, NULL);
	for (uint32_t i = 0; i < w->nodes_used; i++) {
		w->nodes[i].slow = 1;
		w->nodes[i].failing = 0;
		w->nodes[i].stalled_until_ns = 0;
		/* A log, a record or an image that failed is given up until the next start. */
		if (w->nodes[i].must_restart)
			side_die(&w->nodes[i], chance(w, 30));
		if (!w->nodes[i].is_up)
			side_start(&w->nodes[i]);
	}
}
