/* SPDX-License-Identifier: MIT */
/*
 * s3fifo.c - uses, puts, removals and evictions. s3fifo_int.h says what stands elsewhere.
 *
 * Only evictions move blocks between the queues, and each promotion or renewal there was paid for
 * by uses; so a put costs O(1) over time. A single one may renew many: at most S3FIFO_COUNT_MAX
 * rounds of main, when everything in it was used since the last eviction.
 */
#include "s3fifo_int.h"

#include <assert.h>

uint32_t s3fifo_find(struct s3fifo *s, uint64_t key)
{
	uint32_t slot = s3fifo_index_find(s, key);

	if (slot != S3FIFO_NO_SLOT && !S3FIFO_MUTATE(HIT_NOT_COUNTED)) {
		struct s3fifo_node *n = &s->nodes[slot];

		if (n->uses < S3FIFO_COUNT_MAX)
			n->uses++;
		else if (S3FIFO_MUTATE(COUNTER_WRAPS))
			n->uses = 0;
		n->was_used = !S3FIFO_MUTATE(USED_FORGOTTEN);
	}
	return slot;
}

uint32_t s3fifo_peek(const struct s3fifo *s, uint64_t key)
{
	return s3fifo_index_find(s, key);
}

static void move_to_main(struct s3fifo *s, uint32_t slot, uint32_t uses)
{
	s3fifo_queue_remove(s, slot);
	s->nodes[slot].uses = uses;
	s3fifo_queue_push(s, S3FIFO_MAIN, slot);
}

/* The oldest of a queue gets its second chance if it may, or leaves: its slot, or S3FIFO_NO_SLOT.
 */
static uint32_t evict_from_small(struct s3fifo *s, bool may_pass)
{
	uint32_t slot = s->queue[S3FIFO_SMALL].first;
	uint32_t over = S3FIFO_MUTATE(NONE_TO_MAIN) ? S3FIFO_COUNT_MAX : S3FIFO_PROMOTE_OVER;

	if (may_pass && (s->nodes[slot].uses > over || S3FIFO_MUTATE(ALL_TO_MAIN))) {
		move_to_main(s, slot, 0);
		s->to_main++;
		return S3FIFO_NO_SLOT;
	}
	if (!S3FIFO_MUTATE(GHOST_NOT_WRITTEN))
		s3fifo_ghost_put(&s->ghost, s3fifo_key(&s->nodes[slot]));
	s->evicted_small++;
	return slot;
}

static uint32_t evict_from_main(struct s3fifo *s, bool may_pass)
{
	uint32_t slot = s->queue[S3FIFO_MAIN].first;
	uint32_t uses = s->nodes[slot].uses;

	if (uses && may_pass && !S3FIFO_MUTATE(MAIN_NOT_RENEWED)) {
		move_to_main(s, slot, S3FIFO_MUTATE(MAIN_NEVER_AGES) ? uses : uses - 1);
		return S3FIFO_NO_SLOT;
	}
	s3fifo_ghost_put(&s->adapt.left_main, s3fifo_key(&s->nodes[slot]));
	s->evicted_main++;
	return slot;
}

uint32_t s3fifo_evict(struct s3fifo *s, uint64_t *key, bool *was_used)
{
	uint32_t slot = S3FIFO_NO_SLOT;

	assert(s3fifo_used(s) > 0);
	for (uint32_t passed = 0; slot == S3FIFO_NO_SLOT; passed++) {
		bool may_pass = passed < S3FIFO_PASS_MAX;
		uint32_t small = s->queue[S3FIFO_SMALL].count;
		bool is_small = small >= s3fifo_small_target(s) || !s->queue[S3FIFO_MAIN].count;

		slot = is_small ? evict_from_small(s, may_pass) : evict_from_main(s, may_pass);
	}
	*key = s3fifo_key(&s->nodes[slot]);
	*was_used = s->nodes[slot].was_used;
	s3fifo_index_remove(s, slot);
	s3fifo_queue_remove(s, slot);
	return slot;
}

static uint32_t take_slot(struct s3fifo *s, struct s3fifo_put *out)
{
	uint32_t slot = s->queue[S3FIFO_FREE].last;

	if (slot != S3FIFO_NO_SLOT) {
		s3fifo_queue_remove(s, slot);
		return slot;
	}
	if (s->fresh < s->slots)
		return s->fresh++;
	return s3fifo_evict(s, &out->evicted_key, &out->evicted_was_used);
}

void s3fifo_put(struct s3fifo *s, uint64_t key, struct s3fifo_put *out)
{
	bool is_known;
	uint32_t slot;

	assert(key <= S3FIFO_KEY_MAX);
	*out = (struct s3fifo_put){.evicted_key = S3FIFO_NO_KEY, .slot = s3fifo_index_find(s, key)};
	if (out->slot != S3FIFO_NO_SLOT)
		return;
	s3fifo_adapt_miss(s, key);
	is_known = s3fifo_ghost_take(&s->ghost, key);
	slot = take_slot(s, out);
	s->nodes[slot] = (struct s3fifo_node){.key_low = (uint32_t)key,
					      .key_high = (uint32_t)(key >> 32) & 0xffffff,
					      .was_used = is_known};
	s3fifo_queue_push(s, is_known ? S3FIFO_MAIN : S3FIFO_SMALL, slot);
	s3fifo_index_add(s, slot);
	s->ghost_hits += is_known;
	out->slot = slot;
	out->is_new = true;
}

bool s3fifo_is_remembered(const struct s3fifo *s, uint64_t key)
{
	return s3fifo_ghost_has(&s->ghost, key);
}

void s3fifo_remember(struct s3fifo *s, uint64_t key)
{
	s3fifo_ghost_put(&s->ghost, key);
}

static void free_slot(struct s3fifo *s, uint32_t slot)
{
	s3fifo_index_remove(s, slot);
	s3fifo_queue_remove(s, slot);
	if (!S3FIFO_MUTATE(SLOT_LEAKED))
		s3fifo_queue_push(s, S3FIFO_FREE, slot);
}

uint32_t s3fifo_remove(struct s3fifo *s, uint64_t key)
{
	uint32_t slot = s3fifo_index_find(s, key);

	if (slot != S3FIFO_NO_SLOT)
		free_slot(s, slot);
	return slot;
}

uint32_t s3fifo_remove_range(struct s3fifo *s, uint64_t first_key, uint64_t count,
			     void (*fn)(void *ctx, uint64_t key, uint32_t slot), void *ctx)
{
	bool is_by_key = count < s->fresh;
	uint64_t steps = is_by_key ? count : s->fresh;
	uint32_t removed = 0;

	if (S3FIFO_MUTATE(RANGE_END_MISSED) && !is_by_key)
		count--;
	for (uint64_t i = 0; i < steps; i++) {
		uint32_t slot = is_by_key ? s3fifo_index_find(s, first_key + i) : (uint32_t)i;
		uint64_t key;

		if (slot == S3FIFO_NO_SLOT || s->nodes[slot].where == S3FIFO_FREE)
			continue;
		key = s3fifo_key(&s->nodes[slot]);
		if (key < first_key || key - first_key >= count)
			continue;
		free_slot(s, slot);
		removed++;
		if (fn)
			fn(ctx, key, slot);
	}
	return removed;
}
