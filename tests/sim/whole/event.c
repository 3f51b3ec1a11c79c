// SPDX-License-Identifier: MIT
/* event.c - the virtual clock: a heap of events, and the two nodes' timers. */
#include <assert.h>
#include <string.h>

#include "world.h"

static bool is_before(const struct event *a, const struct event *b)
{
	return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->order < b->order;
}

static void sift_up(struct world *w, uint32_t i)
{
	struct event *e = w->heap[i];

	for (; i > 0 && is_before(e, w->heap[(i - 1) / 2]); i = (i - 1) / 2)
		w->heap[i] = w->heap[(i - 1) / 2];
	w->heap[i] = e;
}

static void sift_down(struct world *w, uint32_t i)
{
	struct event *e = w->heap[i];
	uint32_t next;

	while ((next = i * 2 + 1) < w->event_count) {
		if (next + 1 < w->event_count && is_before(w->heap[next + 1], w->heap[next]))
			next++;
		if (!is_before(w->heap[next], e))
			break;
		w->heap[i] = w->heap[next];
		i = next;
	}
	w->heap[i] = e;
}

struct event *event_add(struct world *w, int node, uint64_t delay_ns,
			void (*fn)(struct world *w, struct event *e))
{
	struct event *e;

	assert(w->free_count > 0);
	e = w->free_events[--w->free_count];
	memset(e, 0, sizeof(*e));
	e->at_ns = w->now_ns + delay_ns;
	e->order = w->order++;
	e->fn = fn;
	e->node = node;
	e->life = node >= 0 ? w->nodes[node].life : 0;
	w->heap[w->event_count] = e;
	sift_up(w, w->event_count++);
	return e;
}

static struct event *pop(struct world *w)
{
	struct event *e = w->heap[0];

	w->heap[0] = w->heap[--w->event_count];
	if (w->event_count)
		sift_down(w, 0);
	return e;
}

/* When the node's next timer is due, on the world's clock. */
static uint64_t timers_next_ns(const struct node *n)
{
	uint64_t next = n->is_up ? timer_heap_next_ns(&n->timers) : UINT64_MAX;

	if (next == UINT64_MAX)
		return next;
	next -= n->clock_offset_ns;
	return next > n->stalled_until_ns ? next : n->stalled_until_ns;
}

static void run_timers(struct world *w, struct node *n)
{
	uint64_t mark = timer_heap_mark(&n->timers);
	uint32_t life = n->life;
	struct env_timer *t;

	(void)w;
	while (n->life == life && (t = timer_heap_pop_due_before(&n->timers, side_now_ns(n), mark)))
		t->fn(t);
}

/* Its node stands still: in the same order when that is over. */
static void wait_for(struct world *w, const struct event *e)
{
	uint64_t wait_ns = w->nodes[e->node].stalled_until_ns - w->now_ns;
	struct event *again = event_add(w, e->node, wait_ns, e->fn);

	again->a = e->a;
	again->b = e->b;
	again->p = e->p;
	again->q = e->q;
}

bool world_step(struct world *w, uint64_t until_ns)
{
	uint64_t at = w->event_count ? w->heap[0]->at_ns : UINT64_MAX;
	struct node *of = NULL;
	struct event *e, copy;

	for (int i = 0; i < 2; i++) {
		uint64_t next = timers_next_ns(&w->nodes[i]);

		if (next < at) {
			at = next;
			of = &w->nodes[i];
		}
	}
	if (at > until_ns)
		return false;
	if (at > w->now_ns)
		w->now_ns = at;
	if (of) {
		world_inside(true);
		run_timers(w, of);
		world_inside(false);
		return true;
	}
	e = pop(w);
	copy = *e;
	w->free_events[w->free_count++] = e;
	if (copy.node >= 0 && w->nodes[copy.node].life != copy.life)
		return true;
	if (copy.node >= 0 && side_is_stalled(&w->nodes[copy.node])) {
		wait_for(w, &copy);
		return true;
	}
	if (copy.node < 0) {
		copy.fn(w, &copy);
		return true;
	}
	world_inside(true);
	copy.fn(w, &copy);
	world_inside(false);
	return true;
}
