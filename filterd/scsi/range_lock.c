/* SPDX-License-Identifier: MIT */
/* range_lock.c - see range_lock.h. */
#include "range_lock.h"

#include <assert.h>
#include <stddef.h>

static struct range_lock *lock_of(struct list_node *n)
{
	return list_entry(n, struct range_lock, node);
}

static bool is_conflict(const struct range_lock *a, const struct range_lock *b)
{
	return (a->is_exclusive || b->is_exclusive) && a->start_bytes < b->end_bytes &&
	       b->start_bytes < a->end_bytes;
}

void range_locks_init(struct range_locks *s)
{
	list_init(&s->all);
	s->waiting = 0;
	s->exclusive = 0;
}

bool range_lock(struct range_locks *s, struct range_lock *l, uint64_t start_bytes,
		uint64_t end_bytes, bool is_exclusive)
{
	struct list_node *n;

	assert(!l->is_in && start_bytes < end_bytes);
	l->start_bytes = start_bytes;
	l->end_bytes = end_bytes;
	l->is_exclusive = is_exclusive;
	l->blockers = 0;
	l->next_granted = NULL;
	if (is_exclusive || s->exclusive > 0) {
		list_for_each (n, &s->all)
			l->blockers += is_conflict(lock_of(n), l);
	}
	l->is_in = true;
	list_push_back(&s->all, &l->node);
	s->exclusive += is_exclusive;
	s->waiting += l->blockers > 0;
	return l->blockers == 0;
}

struct range_lock *range_unlock(struct range_locks *s, struct range_lock *l)
{
	struct range_lock *first = NULL, **tail = &first;
	struct list_node *n;

	assert(l->is_in);
	s->waiting -= l->blockers > 0;
	s->exclusive -= l->is_exclusive;
	if (s->waiting > 0) {
		for (n = l->node.next; n != &s->all; n = n->next) {
			struct range_lock *w = lock_of(n);

			if (w->blockers == 0 || !is_conflict(l, w) || --w->blockers > 0)
				continue;
			s->waiting--;
			w->next_granted = NULL;
			*tail = w;
			tail = &w->next_granted;
		}
	}
	list_del(&l->node);
	l->is_in = false;
	return first;
}

void range_lock_move(struct range_lock *to, struct range_lock *from)
{
	assert(from->is_in);
	*to = *from;
	list_add_between(&to->node, from->node.prev, from->node.next);
	list_init(&from->node);
	from->is_in = false;
}
