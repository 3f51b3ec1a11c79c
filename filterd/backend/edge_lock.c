/* SPDX-License-Identifier: MIT */
#include "edge_lock.h"

#include "mutate.h"

void edge_lock_init(struct edge_lock *l, uint32_t align_bytes)
{
	l->align_bytes = align_bytes;
	list_init(&l->held);
	list_init(&l->waiting);
}

static bool is_conflict(const struct edge_claim *a, const struct edge_claim *b)
{
	if (MUTATE(BOUNCE_NO_EDGE_LOCK))
		return false;
	return (a->is_partial || b->is_partial) && a->start_bytes < b->end_bytes &&
	       b->start_bytes < a->end_bytes;
}

/* Among the nodes from the head up to, and without, the end. */
static bool conflicts_with(const struct edge_claim *c, const struct list_node *head,
			   const struct list_node *end)
{
	for (const struct list_node *n = head->next; n != end; n = n->next) {
		if (is_conflict(c, list_entry(n, const struct edge_claim, node)))
			return true;
	}
	return false;
}

bool edge_lock_take(struct edge_lock *l, struct edge_claim *c, uint64_t offset_bytes,
		    uint64_t len_bytes)
{
	uint64_t mask = (uint64_t)l->align_bytes - 1, end_bytes = offset_bytes + len_bytes;

	c->start_bytes = offset_bytes & ~mask;
	c->end_bytes = (end_bytes + mask) & ~mask;
	c->is_granting = false;
	c->is_partial = c->start_bytes != offset_bytes || c->end_bytes != end_bytes;
	if (conflicts_with(c, &l->held, &l->held) || conflicts_with(c, &l->waiting, &l->waiting)) {
		list_push_back(&l->waiting, &c->node);
		return false;
	}
	list_push_back(&l->held, &c->node);
	return true;
}

static struct edge_claim *next_granted(struct edge_lock *l)
{
	struct list_node *n;

	list_for_each (n, &l->held) {
		struct edge_claim *c = list_entry(n, struct edge_claim, node);

		if (c->is_granting)
			return c;
	}
	return NULL;
}

void edge_lock_drop(struct edge_lock *l, struct edge_claim *c)
{
	struct list_node *n, *next;

	list_del(&c->node);
	list_for_each_safe (n, next, &l->waiting) {
		struct edge_claim *w = list_entry(n, struct edge_claim, node);

		if (conflicts_with(w, &l->held, &l->held) || conflicts_with(w, &l->waiting, n))
			continue;
		list_del(n);
		list_push_back(&l->held, n);
		w->is_granting = true;
	}
	/* All are held before the first is told, since it may take and drop claims itself. */
	while ((c = next_granted(l))) {
		c->is_granting = false;
		c->granted(c);
	}
}
