/* SPDX-License-Identifier: MIT */
/*
 * ram_size.c - the memory of the RAM tier: made, enlarged, made smaller in steps, and what there is
 * to see.
 *
 * The data is one anonymous mapping, so that a page costs nothing until a block is put into it, and
 * the end of it can be given back. Slots are taken in ascending order at first, which suits huge
 * pages.
 */
#include "ram_int.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define HUGE_FROM_BYTES (64u << 20) /* of a smaller tier too much would be taken for too little */

static uint32_t slots_of(uint64_t size_bytes)
{
	uint64_t slots = size_bytes / RAM_BLOCK_BYTES;

	return slots < S3FIFO_SLOTS_MAX ? (uint32_t)slots : S3FIFO_SLOTS_MAX;
}

static size_t valid_words(uint32_t slots)
{
	return (size_t)slots / 64 + 1;
}

static int map_data(struct ram *r, uint32_t slots)
{
	size_t bytes = (size_t)slots * RAM_BLOCK_BYTES;
	size_t old_bytes = (size_t)r->mapped_slots * RAM_BLOCK_BYTES;
	void *p;

	if (!slots) {
		if (r->data)
			munmap(r->data, old_bytes);
		r->data = NULL;
		r->mapped_slots = 0;
		return 0;
	}
	if (r->data)
		p = mremap(r->data, old_bytes, bytes, MREMAP_MAYMOVE);
	else
		p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		return -ENOMEM;
	r->data = p;
	r->mapped_slots = slots;
	if (bytes >= HUGE_FROM_BYTES)
		(void)madvise(p, bytes, MADV_HUGEPAGE); /* only faster */
	return 0;
}

/* Bits and sums for more slots than now; those of the new ones are zero. */
static int extend_arrays(struct ram *r, uint32_t before, uint32_t slots)
{
	size_t old_words = before ? valid_words(before) : 0, words = valid_words(slots);
	uint64_t *valid = realloc(r->valid, words * sizeof(*valid));
	uint32_t *sums;

	if (!valid)
		return -ENOMEM;
	r->valid = valid;
	if (words > old_words)
		memset(valid + old_words, 0, (words - old_words) * sizeof(*valid));
	if (!r->cfg.is_checked)
		return 0;
	sums = realloc(r->sums, slots * sizeof(*sums));
	if (!sums)
		return -ENOMEM;
	r->sums = sums;
	return 0;
}

static int grow(struct ram *r, uint32_t slots)
{
	uint32_t before = r->mapped_slots;
	int result = extend_arrays(r, before, slots);

	if (!result)
		result = map_data(r, slots);
	if (result)
		return result;
	if (r->s3fifo) {
		result = s3fifo_grow(r->s3fifo, slots);
	} else {
		r->s3fifo = s3fifo_create(slots);
		result = r->s3fifo ? 0 : -ENOMEM;
	}
	if (result)
		(void)map_data(r, before);
	return result;
}

int ram_create(const struct ram_cfg *cfg, struct ram **out)
{
	uint32_t slots = slots_of(cfg->size_bytes), groups = RAM_GROUPS_MIN;
	struct ram *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	r->cfg = *cfg;
	while (groups < RAM_GROUPS_MAX && groups < slots / 8)
		groups *= 2;
	r->group_count = groups;
	r->groups = calloc(groups, sizeof(*r->groups));
	if (!r->groups || (slots && grow(r, slots) < 0)) {
		ram_destroy(r);
		return -ENOMEM;
	}
	r->goal_slots = slots;
	*out = r;
	return 0;
}

void ram_destroy(struct ram *r)
{
	if (!r)
		return;
	s3fifo_destroy(r->s3fifo);
	(void)map_data(r, 0);
	free(r->valid);
	free(r->sums);
	free(r->groups);
	free(r);
}

int ram_resize(struct ram *r, uint64_t size_bytes)
{
	uint32_t slots = slots_of(size_bytes), now = r->s3fifo ? s3fifo_slots(r->s3fifo) : 0;

	if (slots > r->mapped_slots) {
		if (grow(r, slots) < 0)
			return -ENOMEM;
	} else if (slots > now && s3fifo_grow(r->s3fifo, slots) < 0) {
		return -ENOMEM; /* a shrink that did not come to its end; the memory is still there
				 */
	}
	r->goal_slots = slots;
	return 0;
}

/* A slot went: whoever had to leave is seen off, who was in it moves. */
static void shrink_one(struct ram *r)
{
	struct s3fifo_shrunk gone;
	uint32_t from;

	s3fifo_shrink_one(r->s3fifo, &gone);
	from = s3fifo_slots(r->s3fifo);
	if (gone.evicted_key != S3FIFO_NO_KEY)
		ram_left(r, gone.evicted_key, gone.evicted_slot, gone.evicted_was_used);
	if (gone.to_slot == S3FIFO_NO_SLOT)
		return;
	ram_set_valid(r, gone.to_slot, ram_is_valid(r, from));
	if (ram_is_valid(r, from))
		memcpy(ram_data(r, gone.to_slot), ram_data(r, from), RAM_BLOCK_BYTES);
	if (r->sums)
		r->sums[gone.to_slot] = r->sums[from];
	ram_set_valid(r, from, false);
}

bool ram_shrink_step(struct ram *r, uint32_t max_blocks)
{
	uint32_t least = r->goal_slots ? r->goal_slots : 1;

	if (r->goal_slots == r->mapped_slots)
		return true;
	for (; max_blocks && s3fifo_slots(r->s3fifo) > least; max_blocks--)
		shrink_one(r);
	if (s3fifo_slots(r->s3fifo) > least)
		return false;
	if (r->goal_slots) {
		s3fifo_trim(r->s3fifo);
	} else {
		ram_invalidate_all(r);
		s3fifo_destroy(r->s3fifo);
		r->s3fifo = NULL;
	}
	(void)map_data(r, r->goal_slots); /* makes it smaller: does not fail */
	return true;
}

size_t ram_hottest(const struct ram *r, uint64_t *blocks, size_t max)
{
	return r->s3fifo ? s3fifo_hottest(r->s3fifo, blocks, max) : 0;
}

void ram_figures(const struct ram *r, struct ram_figures *out)
{
	size_t metadata = sizeof(*r) + sizeof(*r->groups) * r->group_count;

	if (r->s3fifo)
		metadata += s3fifo_metadata_bytes(r->s3fifo);
	metadata += valid_words(r->mapped_slots) * sizeof(*r->valid);
	if (r->sums)
		metadata += sizeof(*r->sums) * (size_t)r->mapped_slots;
	*out = (struct ram_figures){
	    .size_bytes = (uint64_t)r->goal_slots * RAM_BLOCK_BYTES,
	    .used_bytes = (uint64_t)r->valid_count * RAM_BLOCK_BYTES,
	    .metadata_bytes = metadata,
	    .hits = r->hits,
	    .evictions = r->evictions,
	    .fills = r->fills,
	    .fills_refused = r->fills_refused,
	    .checksum_failures = r->checksum_failures,
	};
}
