/* SPDX-License-Identifier: MIT */
/*
 * lirs.c - LIRS: S. Jiang and X. Zhang, SIGMETRICS'02. LIR blocks 99 % of the cache; of HIR blocks
 * that are not resident at most twice the cache's size stays on the stack.
 */
#include "order.h"
#include "policy.h"

struct lirs {
	struct links stack_links, queue_links; /* a key may be on the stack and in a queue */
	struct order stack, queue, ghosts;     /* stack's last is its top */
	uint8_t *is_lir, *is_resident, *is_on_stack;
	uint32_t slots, lir_max, lir_count, resident;
};

static void *create(uint32_t slots, uint32_t keys)
{
	struct lirs *l = sim_get(1, sizeof(*l));
	uint32_t hir = slots / 100 > 2 ? slots / 100 : 2;

	links_make(&l->stack_links, keys);
	links_make(&l->queue_links, keys);
	order_init(&l->stack);
	order_init(&l->queue);
	order_init(&l->ghosts);
	l->is_lir = sim_get(keys, 1);
	l->is_resident = sim_get(keys, 1);
	l->is_on_stack = sim_get(keys, 1);
	l->slots = slots;
	l->lir_max = slots - hir;
	return l;
}

static void off_stack(struct lirs *l, uint32_t key)
{
	order_remove(&l->stack, &l->stack_links, key);
	l->is_on_stack[key] = false;
	if (!l->is_resident[key])
		order_remove(&l->ghosts, &l->queue_links, key);
}

static void to_top(struct lirs *l, uint32_t key)
{
	if (l->is_on_stack[key])
		order_remove(&l->stack, &l->stack_links, key);
	order_push(&l->stack, &l->stack_links, key);
	l->is_on_stack[key] = true;
}

/* The bottom of the stack is a LIR block, always. */
static void prune(struct lirs *l)
{
	while (l->stack.count && !l->is_lir[l->stack.first])
		off_stack(l, l->stack.first);
}

static void demote_bottom(struct lirs *l)
{
	uint32_t key = l->stack.first;

	l->is_lir[key] = false;
	l->lir_count--;
	order_push(&l->queue, &l->queue_links, key);
	off_stack(l, key);
	prune(l);
}

static void evict(struct lirs *l)
{
	uint32_t key = order_pop(&l->queue, &l->queue_links);

	l->is_resident[key] = false;
	l->resident--;
	if (!l->is_on_stack[key])
		return;
	order_push(&l->ghosts, &l->queue_links, key);
	if (l->ghosts.count > 2 * l->slots)
		off_stack(l, l->ghosts.first);
}

static void make_lir(struct lirs *l, uint32_t key)
{
	l->is_lir[key] = true;
	l->lir_count++;
	to_top(l, key);
	if (l->lir_count > l->lir_max)
		demote_bottom(l);
}

static void miss(struct lirs *l, uint32_t key)
{
	bool was_ghost = l->is_on_stack[key];

	if (was_ghost)
		order_remove(&l->ghosts, &l->queue_links, key);
	/* Resident before room is made, so that a pruning meanwhile does not look for it elsewhere.
	 */
	l->is_resident[key] = true;
	l->resident++;
	if (l->resident > l->slots)
		evict(l);
	if (was_ghost || l->lir_count < l->lir_max) {
		make_lir(l, key);
		return;
	}
	to_top(l, key);
	order_push(&l->queue, &l->queue_links, key);
}

static bool on_access(void *state, uint32_t key)
{
	struct lirs *l = state;

	if (!l->is_resident[key]) {
		miss(l, key);
		return false;
	}
	if (l->is_lir[key]) {
		to_top(l, key);
		prune(l);
		return true;
	}
	order_remove(&l->queue, &l->queue_links, key);
	if (l->is_on_stack[key]) {
		make_lir(l, key);
	} else {
		to_top(l, key);
		order_push(&l->queue, &l->queue_links, key);
	}
	return true;
}

static void destroy(void *state)
{
	struct lirs *l = state;

	links_free(&l->stack_links);
	links_free(&l->queue_links);
	free(l->is_lir);
	free(l->is_resident);
	free(l->is_on_stack);
	free(l);
}

const struct policy policy_lirs = {"LIRS", create, on_access, destroy};
