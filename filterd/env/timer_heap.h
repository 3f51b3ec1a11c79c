/* SPDX-License-Identifier: MIT */
/*
 * timer_heap.h - the timers of an env, nearest first. Pure: time comes in as a parameter.
 *
 * A binary heap of pointers; each timer knows its place (heap_index, from 1), so that moving and
 * cancelling cost O(log n). Timers with one deadline run in the order in which they were set.
 * Thread: the env's worker.
 */
#ifndef FILTERD_TIMER_HEAP_H
#define FILTERD_TIMER_HEAP_H

#include <stdbool.h>
#include <stdint.h>

#include "env.h"

struct timer_heap_slot {
	struct env_timer *timer;
	uint64_t order; /* of setting */
};

struct timer_heap {
	struct timer_heap_slot *slots; /* [0] is unused */
	uint32_t count;
	uint32_t room;
	uint64_t next_order;
};

void timer_heap_init(struct timer_heap *h);
void timer_heap_fini(struct timer_heap *h);
/* Moves it when set. Grows in doubling steps; ends the process when there is no memory for that. */
void timer_heap_set(struct timer_heap *h, struct env_timer *t, uint64_t deadline_ns);
void timer_heap_cancel(struct timer_heap *h, struct env_timer *t); /* fine when not set */
/* UINT64_MAX: none. */
uint64_t timer_heap_next_ns(const struct timer_heap *h);
/* Takes out the first timer that is due at now_ns; NULL: none. */
struct env_timer *timer_heap_pop_due(struct timer_heap *h, uint64_t now_ns);
/* A mark for timer_heap_pop_due_before(): timers set after it are left for the next round. */
static inline uint64_t timer_heap_mark(const struct timer_heap *h)
{
	return h->next_order;
}
/* As timer_heap_pop_due(), but stops at a timer set at or after the mark. */
struct env_timer *timer_heap_pop_due_before(struct timer_heap *h, uint64_t now_ns, uint64_t mark);

#endif
