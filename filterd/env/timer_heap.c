/* SPDX-License-Identifier: MIT */
#include "timer_heap.h"

#include <assert.h>
#include <stdlib.h>

#define ROOM_FIRST 64u

void timer_heap_init(struct timer_heap *h)
{
	*h = (struct timer_heap){0};
}

void timer_heap_fini(struct timer_heap *h)
{
	for (uint32_t i = 1; i <= h->count; i++)
		h->slots[i].timer->heap_index = 0;
	free(h->slots);
	timer_heap_init(h);
}

static bool is_before(const struct timer_heap_slot *a, const struct timer_heap_slot *b)
{
	if (a->timer->deadline_ns != b->timer->deadline_ns)
		return a->timer->deadline_ns < b->timer->deadline_ns;
	return a->order < b->order;
}

static void place(struct timer_heap *h, uint32_t i, struct timer_heap_slot s)
{
	h->slots[i] = s;
	s.timer->heap_index = i;
}

static void sift_up(struct timer_heap *h, uint32_t i)
{
	struct timer_heap_slot s = h->slots[i];

	for (; i > 1 && is_before(&s, &h->slots[i / 2]); i /= 2)
		place(h, i, h->slots[i / 2]);
	place(h, i, s);
}

static void sift_down(struct timer_heap *h, uint32_t i)
{
	struct timer_heap_slot s = h->slots[i];

	for (;;) {
		uint32_t child = i * 2;

		if (child > h->count)
			break;
		if (child < h->count && is_before(&h->slots[child + 1], &h->slots[child]))
			child++;
		if (!is_before(&h->slots[child], &s))
			break;
		place(h, i, h->slots[child]);
		i = child;
	}
	place(h, i, s);
}

static void room_ensure(struct timer_heap *h)
{
	if (h->count + 1 < h->room)
		return;
	h->room = h->room ? h->room * 2 : ROOM_FIRST;
	h->slots = realloc(h->slots, h->room * sizeof(*h->slots));
	assert(h->slots);
}

void timer_heap_set(struct timer_heap *h, struct env_timer *t, uint64_t deadline_ns)
{
	timer_heap_cancel(h, t);
	room_ensure(h);
	t->deadline_ns = deadline_ns;
	h->count++;
	place(h, h->count, (struct timer_heap_slot){.timer = t, .order = h->next_order++});
	sift_up(h, h->count);
}

void timer_heap_cancel(struct timer_heap *h, struct env_timer *t)
{
	uint32_t i = t->heap_index;
	struct timer_heap_slot last;

	if (i == 0)
		return;
	assert(i <= h->count && h->slots[i].timer == t);
	last = h->slots[h->count--];
	t->heap_index = 0;
	if (last.timer == t)
		return;
	place(h, i, last);
	sift_up(h, i);
	sift_down(h, last.timer->heap_index);
}

uint64_t timer_heap_next_ns(const struct timer_heap *h)
{
	return h->count ? h->slots[1].timer->deadline_ns : UINT64_MAX;
}

struct env_timer *timer_heap_pop_due_before(struct timer_heap *h, uint64_t now_ns, uint64_t mark)
{
	struct env_timer *t;

	if (h->count == 0 || h->slots[1].timer->deadline_ns > now_ns || h->slots[1].order >= mark)
		return NULL;
	t = h->slots[1].timer;
	timer_heap_cancel(h, t);
	return t;
}

struct env_timer *timer_heap_pop_due(struct timer_heap *h, uint64_t now_ns)
{
	return timer_heap_pop_due_before(h, now_ns, UINT64_MAX);
}
