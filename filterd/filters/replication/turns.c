/* SPDX-License-Identifier: MIT */
#include "turns.h"

#include <assert.h>
#include <stddef.h>

void turns_init(struct turns *q, uint32_t max_running)
{
	*q = (struct turns){.max_running = max_running};
	q->waiting_last = &q->waiting;
}

bool turns_is_idle(const struct turns *q)
{
	return q->waiting_count == 0 && q->running_count == 0;
}

static bool do_meet(const struct turn *a, const struct turn *b)
{
	return a->is_barrier || b->is_barrier ||
	       (a->member == b->member && a->offset_bytes < b->offset_bytes + b->len_bytes &&
		b->offset_bytes < a->offset_bytes + a->len_bytes);
}

static bool may_start(const struct turns *q, const struct turn *t)
{
	if (q->running_count >= q->max_running)
		return false;
	for (const struct turn *r = q->running; r; r = r->next)
		if (do_meet(r, t))
			return false;
	return true;
}

static void start_first(struct turns *q)
{
	struct turn *t = q->waiting;

	q->waiting = t->next;
	if (!q->waiting)
		q->waiting_last = &q->waiting;
	q->waiting_count--;
	t->prev = NULL;
	t->next = q->running;
	if (q->running)
		q->running->prev = t;
	q->running = t;
	q->running_count++;
	t->start(t);
}

/* A start() that ends at once comes back here; the loop that is already on its way goes on. */
static void start_some(struct turns *q)
{
	if (q->is_starting)
		return;
	q->is_starting = true;
	while (q->waiting && may_start(q, q->waiting))
		start_first(q);
	q->is_starting = false;
}

void turns_push(struct turns *q, struct turn *t)
{
	t->next = NULL;
	*q->waiting_last = t;
	q->waiting_last = &t->next;
	q->waiting_count++;
	start_some(q);
}

void turns_end(struct turns *q, struct turn *t)
{
	assert(q->running_count > 0);
	if (t->prev)
		t->prev->next = t->next;
	else
		q->running = t->next;
	if (t->next)
		t->next->prev = t->prev;
	q->running_count--;
	start_some(q);
}
