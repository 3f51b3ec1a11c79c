/* SPDX-License-Identifier: MIT */
/* lru.c - least recently used goes first. */
#include "order.h"
#include "policy.h"

struct lru {
	struct links links;
	struct order order;
	bool *is_there;
	uint32_t slots;
};

static void *create(uint32_t slots, uint32_t keys)
{
	struct lru *l = sim_get(1, sizeof(*l));

	links_make(&l->links, keys);
	order_init(&l->order);
	l->is_there = sim_get(keys, sizeof(*l->is_there));
	l->slots = slots;
	return l;
}

static bool on_access(void *state, uint32_t key)
{
	struct lru *l = state;
	bool is_hit = l->is_there[key];

	if (is_hit)
		order_remove(&l->order, &l->links, key);
	else if (l->order.count == l->slots)
		l->is_there[order_pop(&l->order, &l->links)] = false;
	order_push(&l->order, &l->links, key);
	l->is_there[key] = true;
	return is_hit;
}

static void destroy(void *state)
{
	struct lru *l = state;

	links_free(&l->links);
	free(l->is_there);
	free(l);
}

const struct policy policy_lru = {"LRU", create, on_access, destroy};
