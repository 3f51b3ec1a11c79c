/* SPDX-License-Identifier: MIT */
/*
 * sdk_neighbours.c - what a filter may know of the others of its chain: who stands where.
 */
#include "chain.h"
#include "chain_int.h"

void sdk_neighbours_link(void) {}

/* By position, since a filter that is being attached is not in the chain yet. */
int sluice_filter_place(const struct sluice_filter *f, enum sluice_class cls)
{
	const struct chain *c = f->chain;

	for (uint32_t i = 0; i < c->filter_count; i++) {
		const struct sluice_filter *other = c->filters[i];

		if (other != f && other->ops->cls == cls)
			return other->position < f->position ? -1 : 1;
	}
	return 0;
}
