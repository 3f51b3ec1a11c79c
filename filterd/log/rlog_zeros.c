/* SPDX-License-Identifier: MIT */
#include "rlog_zeros.h"

#include <assert.h>
#include <string.h>

static uint32_t first_behind(const struct rlog_zeros *z, uint64_t block)
{
	uint32_t low = 0, high = z->count;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (z->items[mid].end > block)
			high = mid;
		else
			low = mid + 1;
	}
	return low;
}

const struct rlog_zero *rlog_zeros_at(const struct rlog_zeros *z, uint64_t block)
{
	uint32_t i = z->count ? first_behind(z, block) : 0;

	return i < z->count ? &z->items[i] : NULL;
}

/* items[at .. at + old) become the pieces. */
static void replace(struct rlog_zeros *z, uint32_t at, uint32_t old, const struct rlog_zero *pieces,
		    uint32_t pieces_count)
{
	uint32_t behind = z->count - at - old;

	assert(z->count - old + pieces_count <= z->capacity);
	for (uint32_t i = 0; i < old; i++)
		z->block_count -= z->items[at + i].end - z->items[at + i].start;
	memmove(&z->items[at + pieces_count], &z->items[at + old], behind * sizeof(*z->items));
	memcpy(&z->items[at], pieces, pieces_count * sizeof(*z->items));
	z->count = z->count - old + pieces_count;
	for (uint32_t i = 0; i < pieces_count; i++)
		z->block_count += pieces[i].end - pieces[i].start;
}

void rlog_zeros_insert(struct rlog_zeros *z, const struct rlog_zero *range)
{
	uint32_t first = first_behind(z, range->start), last = first, n = 0;
	struct rlog_zero pieces[3];

	while (last < z->count && z->items[last].start < range->end)
		last++;
	if (first < last && z->items[first].start < range->start) {
		pieces[n] = z->items[first];
		pieces[n++].end = range->start;
	}
	pieces[n++] = *range;
	if (first < last && z->items[last - 1].end > range->end) {
		pieces[n] = z->items[last - 1];
		pieces[n++].start = range->end;
	}
	replace(z, first, last - first, pieces, n);
}

void rlog_zeros_drop(struct rlog_zeros *z, bool (*drop)(const void *ctx, uint32_t pos),
		     const void *ctx)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < z->count; i++) {
		if (drop(ctx, z->items[i].pos))
			z->block_count -= z->items[i].end - z->items[i].start;
		else
			z->items[kept++] = z->items[i];
	}
	z->count = kept;
}
