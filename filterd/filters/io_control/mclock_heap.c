/* SPDX-License-Identifier: MIT */
#include "mclock_heap.h"

#include "mclock_int.h"

static void put(struct mclock_heap *h, uint32_t at, struct mclock_entry e)
{
	h->entries[at] = e;
	e.client->at[h->kind] = at;
}

static void sift_up(struct mclock_heap *h, uint32_t at, struct mclock_entry e)
{
	while (at > 0) {
		uint32_t parent = (at - 1) / 2;

		if (h->entries[parent].key <= e.key)
			break;
		put(h, at, h->entries[parent]);
		at = parent;
	}
	put(h, at, e);
}

static void sift_down(struct mclock_heap *h, uint32_t at, struct mclock_entry e)
{
	for (uint32_t child = 2 * at + 1; child < h->count; child = 2 * at + 1) {
		if (child + 1 < h->count && h->entries[child + 1].key < h->entries[child].key)
			child++;
		if (e.key <= h->entries[child].key || MCLOCK_MUTATE(HEAP_NOT_SIFTED))
			break;
		put(h, at, h->entries[child]);
		at = child;
	}
	put(h, at, e);
}

/* e stands at a place whose key was old. */
static void settle(struct mclock_heap *h, uint32_t at, uint64_t old, struct mclock_entry e)
{
	if (e.key < old)
		sift_up(h, at, e);
	else
		sift_down(h, at, e);
}

void mclock_heap_set(struct mclock_heap *h, struct mclock_client *c, uint64_t key)
{
	struct mclock_entry e = {.key = key, .client = c};
	uint32_t at = c->at[h->kind];

	if (at == MCLOCK_NOWHERE)
		sift_up(h, h->count++, e);
	else
		settle(h, at, h->entries[at].key, e);
}

void mclock_heap_remove(struct mclock_heap *h, struct mclock_client *c)
{
	uint32_t at = c->at[h->kind];
	struct mclock_entry last;

	if (at == MCLOCK_NOWHERE)
		return;
	c->at[h->kind] = MCLOCK_NOWHERE;
	last = h->entries[--h->count];
	if (at < h->count)
		settle(h, at, h->entries[at].key, last);
}
