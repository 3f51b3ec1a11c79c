/* SPDX-License-Identifier: MIT */
#include "world.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct sim_event {
	struct env_timer timer; /* a place in the heap; fn is not used */
	struct sim_life *life;
	sim_event_fn fn;
	void *ctx;
	uint64_t arg;
	struct sim_event *next_spare;
};

void world_after(struct world *w, uint64_t delay_ns, struct sim_life *life, sim_event_fn fn,
		 void *ctx, uint64_t arg)
{
	struct sim_event *ev = w->spare;

	if (ev)
		w->spare = ev->next_spare;
	else
		ev = malloc(sizeof(*ev));
	*ev = (struct sim_event){.life = life, .fn = fn, .ctx = ctx, .arg = arg};
	timer_heap_set(&w->heap, &ev->timer, w->now_ns + delay_ns);
}

bool world_step(struct world *w)
{
	struct env_timer *t = timer_heap_pop_due(&w->heap, UINT64_MAX);
	struct sim_event *ev, copy;

	if (!t)
		return false;
	ev = (struct sim_event *)t;
	w->now_ns = t->deadline_ns;
	copy = *ev;
	ev->next_spare = w->spare;
	w->spare = ev;
	if (copy.life && copy.life->is_over)
		return true;
	w->events++;
	copy.fn(copy.ctx, copy.arg);
	return true;
}

uint64_t world_delay(struct world *w, uint64_t lo_ns, uint64_t hi_ns)
{
	return rng_range(&w->rng, lo_ns, hi_ns);
}

void world_fail(struct world *w, const char *fmt, ...)
{
	va_list ap;

	w->has_failed = true;
	va_start(ap, fmt);
	vsnprintf(w->failure, sizeof(w->failure), fmt, ap);
	va_end(ap);
	world_trace(w, "FAILURE: %s", w->failure);
	longjmp(w->out, 1);
}

void world_give_up(struct world *w)
{
	w->has_given_up = true;
	longjmp(w->out, 1);
}

void world_print(struct world *w, const char *fmt, ...)
{
	va_list ap;

	printf("%12.6f ms  #%-6" PRIu64 " ", (double)w->now_ns / 1e6, w->events);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}
