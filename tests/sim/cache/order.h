/* SPDX-License-Identifier: MIT */
/*
 * order.h - lists of keys, each key in at most one of a set of lists that share their links.
 */
#ifndef SIM_CACHE_ORDER_H
#define SIM_CACHE_ORDER_H

#include <stdint.h>
#include <stdlib.h>

#define NO_KEY UINT32_MAX

struct links {
	uint32_t *prev, *next; /* by key */
};

struct order {
	uint32_t first, last; /* the oldest and the youngest */
	uint32_t count;
};

static inline void *sim_get(size_t count, size_t size)
{
	void *p = calloc(count, size);

	if (!p)
		abort();
	return p;
}

static inline void links_make(struct links *l, uint32_t keys)
{
	l->prev = sim_get(keys, sizeof(*l->prev));
	l->next = sim_get(keys, sizeof(*l->next));
}

static inline void links_free(struct links *l)
{
	free(l->prev);
	free(l->next);
}

static inline void order_init(struct order *o)
{
	*o = (struct order){.first = NO_KEY, .last = NO_KEY};
}

static inline void order_push(struct order *o, struct links *l, uint32_t key)
{
	l->prev[key] = o->last;
	l->next[key] = NO_KEY;
	if (o->last == NO_KEY)
		o->first = key;
	else
		l->next[o->last] = key;
	o->last = key;
	o->count++;
}

static inline void order_remove(struct order *o, struct links *l, uint32_t key)
{
	if (l->prev[key] == NO_KEY)
		o->first = l->next[key];
	else
		l->next[l->prev[key]] = l->next[key];
	if (l->next[key] == NO_KEY)
		o->last = l->prev[key];
	else
		l->prev[l->next[key]] = l->prev[key];
	o->count--;
}

static inline uint32_t order_pop(struct order *o, struct links *l)
{
	uint32_t key = o->first;

	order_remove(o, l, key);
	return key;
}

#endif
