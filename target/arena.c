/* SPDX-License-Identifier: GPL-2.0-only */
#include "arena.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The state of a block's first unit. Units inside a block are 0. */
#define STATE_FREE  0x80u
#define STATE_USED  0x40u
#define STATE_QUICK 0x20u /* freed, waiting on its order's stack */
#define STATE_ORDER 0x0fu

static uint32_t block_units(unsigned order)
{
	return 1u << order;
}

static unsigned order_of(uint64_t size_bytes)
{
	uint64_t units = (size_bytes + ARENA_UNIT_BYTES - 1) / ARENA_UNIT_BYTES;
	unsigned order = 0;

	while (order < ARENA_ORDERS && block_units(order) < units)
		order++;
	return order;
}

static void list_insert(struct arena *a, uint32_t unit, unsigned order)
{
	uint32_t head = a->free_head[order];

	a->next[unit] = head;
	a->prev[unit] = ARENA_NONE;
	if (head != ARENA_NONE)
		a->prev[head] = unit;
	a->free_head[order] = unit;
	a->state[unit] = (uint8_t)(STATE_FREE | order);
}

static void list_remove(struct arena *a, uint32_t unit, unsigned order)
{
	uint32_t next = a->next[unit], prev = a->prev[unit];

	assert(a->state[unit] == (STATE_FREE | order));
	if (prev != ARENA_NONE)
		a->next[prev] = next;
	else
		a->free_head[order] = next;
	if (next != ARENA_NONE)
		a->prev[next] = prev;
	a->state[unit] = 0;
}

/* The largest blocks that fit, from the top down, so that the lowest end up at the heads of the
 * lists. */
static void seed(struct arena *a)
{
	uint32_t end = a->units;

	while (end > 0) {
		unsigned order = ARENA_ORDERS - 1;

		while (block_units(order) > end || end % block_units(order) != 0)
			order--;
		end -= block_units(order);
		list_insert(a, end, order);
	}
}

int arena_init(struct arena *a, uint64_t size_bytes)
{
	memset(a, 0, sizeof(*a));
	if (size_bytes == 0 || size_bytes % ARENA_UNIT_BYTES != 0 ||
	    size_bytes / ARENA_UNIT_BYTES >= ARENA_NONE)
		return -EINVAL;
	a->units = (uint32_t)(size_bytes / ARENA_UNIT_BYTES);
	for (unsigned i = 0; i < ARENA_ORDERS; i++)
		a->free_head[i] = ARENA_NONE;
	a->next = calloc(a->units, sizeof(*a->next));
	a->prev = calloc(a->units, sizeof(*a->prev));
	a->state = calloc(a->units, sizeof(*a->state));
	if (!a->next || !a->prev || !a->state) {
		arena_fini(a);
		return -ENOMEM;
	}
	seed(a);
	return 0;
}

void arena_fini(struct arena *a)
{
	free(a->next);
	free(a->prev);
	free(a->state);
	a->next = NULL;
	a->prev = NULL;
	a->state = NULL;
}

/* Gives a block back to the lists, merged with its buddy as often as that one is free. */
static void merge(struct arena *a, uint32_t unit, unsigned order)
{
	a->state[unit] = 0;
	while (order + 1 < ARENA_ORDERS) {
		uint32_t buddy = unit ^ block_units(order);

		if (buddy >= a->units || a->state[buddy] != (STATE_FREE | order))
			break;
		list_remove(a, buddy, order);
		if (buddy < unit)
			unit = buddy;
		order++;
	}
	list_insert(a, unit, order);
}

static bool merge_quick(struct arena *a)
{
	bool any = false;

	for (unsigned order = 0; order < ARENA_ORDERS; order++)
		while (a->quick_count[order] > 0) {
			merge(a, a->quick[order][--a->quick_count[order]], order);
			any = true;
		}
	return any;
}

/* Splits the smallest block that is large enough; the lower half goes on, the upper halves stay
 * free. */
static uint32_t split(struct arena *a, unsigned order)
{
	unsigned from = order;
	uint32_t unit;

	while (from < ARENA_ORDERS && a->free_head[from] == ARENA_NONE)
		from++;
	if (from == ARENA_ORDERS)
		return ARENA_NONE;
	unit = a->free_head[from];
	list_remove(a, unit, from);
	while (from > order) {
		from--;
		list_insert(a, unit + block_units(from), from);
	}
	return unit;
}

uint32_t arena_alloc(struct arena *a, uint64_t size_bytes)
{
	unsigned order = order_of(size_bytes);
	uint32_t unit;

	assert(size_bytes > 0);
	if (order >= ARENA_ORDERS)
		return ARENA_NONE;
	if (a->quick_count[order] > 0) {
		unit = a->quick[order][--a->quick_count[order]];
	} else {
		unit = split(a, order);
		if (unit == ARENA_NONE && merge_quick(a))
			unit = split(a, order);
		if (unit == ARENA_NONE)
			return ARENA_NONE;
	}
	a->state[unit] = (uint8_t)(STATE_USED | order);
	a->used_units += block_units(order);
	if (unit + block_units(order) > a->high_units)
		a->high_units = unit + block_units(order);
	return unit;
}

void arena_free(struct arena *a, uint32_t unit)
{
	unsigned order;

	assert(unit < a->units && (a->state[unit] & STATE_USED));
	order = a->state[unit] & STATE_ORDER;
	assert(a->used_units >= block_units(order));
	a->used_units -= block_units(order);
	if (a->quick_count[order] < ARENA_QUICK) {
		a->state[unit] = (uint8_t)(STATE_QUICK | order);
		a->quick[order][a->quick_count[order]++] = unit;
		return;
	}
	merge(a, unit, order);
}

bool arena_fits(const struct arena *a, uint64_t size_bytes)
{
	unsigned order = order_of(size_bytes);

	return order < ARENA_ORDERS && block_units(order) <= a->units;
}
