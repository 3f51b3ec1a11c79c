/* SPDX-License-Identifier: MIT */
/* arc.c - ARC: N. Megiddo and D. Modha, FAST'03, figure 4. The names are the paper's. */
#include "order.h"
#include "policy.h"

enum where { NOWHERE, T1, T2, B1, B2, WHERE_COUNT };

struct arc {
	struct links links;
	struct order lists[WHERE_COUNT];
	uint8_t *where;
	uint32_t c;
	double p;
};

static void *create(uint32_t slots, uint32_t keys)
{
	struct arc *a = sim_get(1, sizeof(*a));

	links_make(&a->links, keys);
	for (uint32_t i = 0; i < WHERE_COUNT; i++)
		order_init(&a->lists[i]);
	a->where = sim_get(keys, sizeof(*a->where));
	a->c = slots;
	return a;
}

static void move(struct arc *a, uint32_t key, enum where to)
{
	if (a->where[key] != NOWHERE)
		order_remove(&a->lists[a->where[key]], &a->links, key);
	a->where[key] = (uint8_t)to;
	if (to != NOWHERE)
		order_push(&a->lists[to], &a->links, key);
}

static void replace(struct arc *a, bool is_in_b2)
{
	uint32_t t1 = a->lists[T1].count;

	if (t1 && (t1 > a->p || (is_in_b2 && t1 == (uint32_t)a->p)))
		move(a, a->lists[T1].first, B1);
	else if (a->lists[T2].count)
		move(a, a->lists[T2].first, B2);
	else
		move(a, a->lists[T1].first, B1);
}

static void adapt(struct arc *a, bool is_in_b1)
{
	double b1 = a->lists[B1].count, b2 = a->lists[B2].count;
	double by = is_in_b1 ? b2 / b1 : b1 / b2;

	if (by < 1)
		by = 1;
	a->p += is_in_b1 ? by : -by;
	if (a->p > a->c)
		a->p = a->c;
	if (a->p < 0)
		a->p = 0;
}

static void make_room(struct arc *a)
{
	uint32_t l1 = a->lists[T1].count + a->lists[B1].count;
	uint32_t all = l1 + a->lists[T2].count + a->lists[B2].count;

	if (l1 == a->c) {
		if (a->lists[T1].count < a->c) {
			move(a, a->lists[B1].first, NOWHERE);
			replace(a, false);
		} else {
			move(a, a->lists[T1].first, NOWHERE);
		}
	} else if (all >= a->c) {
		if (all == 2 * a->c)
			move(a, a->lists[B2].first, NOWHERE);
		replace(a, false);
	}
}

static bool on_access(void *state, uint32_t key)
{
	struct arc *a = state;
	enum where was = a->where[key];

	switch (was) {
	case T1:
	case T2:
		move(a, key, T2);
		return true;
	case B1:
	case B2:
		adapt(a, was == B1);
		replace(a, was == B2);
		move(a, key, T2);
		return false;
	default:
		make_room(a);
		move(a, key, T1);
		return false;
	}
}

static void destroy(void *state)
{
	struct arc *a = state;

	links_free(&a->links);
	free(a->where);
	free(a);
}

const struct policy policy_arc = {"ARC", create, on_access, destroy};
