/* SPDX-License-Identifier: MIT */
/*
 * flash_index.c - which block is in which slot of the flash ring: an entry per slot, chained by
 * hash.
 */
#include "flash_int.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hash.h"

int flash_index_init(struct flash_index *ix, uint32_t slots)
{
	*ix = (struct flash_index){.slots = slots};
	ix->entries = calloc(slots, sizeof(*ix->entries));
	ix->buckets = calloc(slots, sizeof(*ix->buckets));
	if (!ix->entries || !ix->buckets) {
		flash_index_free(ix);
		return -ENOMEM;
	}
	memset(ix->buckets, 0xff, sizeof(*ix->buckets) * slots);
	return 0;
}

void flash_index_free(struct flash_index *ix)
{
	free(ix->entries);
	free(ix->buckets);
	*ix = (struct flash_index){0};
}

static uint32_t *bucket_of(const struct flash_index *ix, uint64_t key)
{
	return &ix->buckets[cache_hash_scale(cache_hash(key), ix->slots)];
}

uint32_t flash_index_find(const struct flash_index *ix, uint64_t key)
{
	uint32_t slot = *bucket_of(ix, key);

	while (slot != FLASH_NO_SLOT && flash_key(&ix->entries[slot]) != key)
		slot = ix->entries[slot].chain;
	return slot;
}

void flash_index_set(struct flash_index *ix, uint32_t slot, uint64_t key, uint32_t crc)
{
	uint32_t *bucket = bucket_of(ix, key);

	ix->entries[slot] = (struct flash_entry){.key_low = (uint32_t)key,
						 .key_high = (uint32_t)(key >> 32) & 0xffffff,
						 .is_used = true,
						 .crc = crc,
						 .chain = *bucket};
	*bucket = slot;
	ix->used++;
}

void flash_index_clear(struct flash_index *ix, uint32_t slot)
{
	struct flash_entry *e = &ix->entries[slot];
	uint32_t *at;

	if (!e->is_used)
		return;
	for (at = bucket_of(ix, flash_key(e)); *at != slot;)
		at = &ix->entries[*at].chain;
	*at = e->chain;
	e->is_used = false;
	e->uses = 0;
	ix->used--;
}

void flash_index_clear_range(struct flash_index *ix, uint64_t key, uint64_t count)
{
	if (count < ix->slots) {
		for (uint64_t i = 0; i < count; i++) {
			uint32_t slot = flash_index_find(ix, key + i);

			if (slot != FLASH_NO_SLOT)
				flash_index_clear(ix, slot);
		}
		return;
	}
	for (uint32_t slot = 0; slot < ix->slots; slot++) {
		const struct flash_entry *e = &ix->entries[slot];

		if (e->is_used && flash_key(e) >= key && flash_key(e) - key < count)
			flash_index_clear(ix, slot);
	}
}
