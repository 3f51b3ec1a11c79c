/* SPDX-License-Identifier: MIT */
/*
 * s3fifo_look.c - what there is to see: the hottest blocks, figures, and whether everything is in
 * order.
 */
#include "s3fifo_int.h"

#define CLASSES 8u

/* 0: the hottest. By uses, and of as many uses main before small: it has a past. */
static uint32_t class_of(const struct s3fifo_node *n)
{
	return 2 * (S3FIFO_COUNT_MAX - n->uses) + (n->where != S3FIFO_MAIN);
}

size_t s3fifo_hottest(const struct s3fifo *s, uint64_t *keys, size_t max)
{
	size_t at[CLASSES + 1] = {0};

	for (uint32_t i = 0; i < s->fresh; i++)
		if (s->nodes[i].where != S3FIFO_FREE)
			at[class_of(&s->nodes[i]) + 1]++;
	for (uint32_t i = 0; i < CLASSES; i++)
		at[i + 1] += at[i];
	for (uint32_t i = 0; i < s->fresh; i++) {
		size_t place;

		if (s->nodes[i].where == S3FIFO_FREE)
			continue;
		place = at[class_of(&s->nodes[i])]++;
		if (S3FIFO_MUTATE(HOTTEST_REVERSED))
			place = s3fifo_used(s) - 1 - place;
		if (place < max)
			keys[place] = s3fifo_key(&s->nodes[i]);
	}
	return s3fifo_used(s) < max ? s3fifo_used(s) : max;
}

uint32_t s3fifo_slots(const struct s3fifo *s)
{
	return s->slots;
}

uint32_t s3fifo_used(const struct s3fifo *s)
{
	return s->queue[S3FIFO_SMALL].count + s->queue[S3FIFO_MAIN].count;
}

void s3fifo_figures(const struct s3fifo *s, struct s3fifo_figures *out)
{
	*out = (struct s3fifo_figures){
	    .slots = s->slots,
	    .used = s3fifo_used(s),
	    .used_small = s->queue[S3FIFO_SMALL].count,
	    .used_main = s->queue[S3FIFO_MAIN].count,
	    .small_goal = s3fifo_small_target(s),
	    .evicted_small = s->evicted_small,
	    .evicted_main = s->evicted_main,
	    .to_main = s->to_main,
	    .ghost_hits = s->ghost_hits,
	};
}

size_t s3fifo_metadata_bytes(const struct s3fifo *s)
{
	return sizeof(*s) + sizeof(*s->nodes) * s->room + sizeof(*s->buckets) * s->bucket_count +
	       s3fifo_ghost_bytes(&s->ghost) + s3fifo_ghost_bytes(&s->adapt.left_main);
}

/* ---------------------------------------------------------------- soundness */

static const char *look_at_queue(const struct s3fifo *s, enum s3fifo_where where)
{
	const struct s3fifo_queue *q = &s->queue[where];
	uint32_t count = 0, prev = S3FIFO_NO_SLOT;

	for (uint32_t i = q->first; i != S3FIFO_NO_SLOT; i = s->nodes[i].next) {
		const struct s3fifo_node *n = &s->nodes[i];

		if (i >= s->fresh)
			return "a queue holds a slot that was never used or has gone";
		if (n->where != where)
			return "a slot does not know which queue it is in";
		if (n->prev != prev)
			return "a queue's links do not agree";
		if (++count > q->count)
			return "a queue holds more than it counts";
		if (where != S3FIFO_FREE && s3fifo_index_find(s, s3fifo_key(n)) != i)
			return "a block in a queue is not found by its key";
		prev = i;
	}
	if (q->last != prev)
		return "a queue does not end with its last";
	return count == q->count ? NULL : "a queue holds less than it counts";
}

bool s3fifo_is_sound(const struct s3fifo *s, const char **why)
{
	uint32_t indexed = 0, listed = 0;

	*why = NULL;
	for (uint32_t w = 0; w < 3 && !*why; w++) {
		*why = look_at_queue(s, (enum s3fifo_where)w);
		listed += s->queue[w].count;
	}
	if (*why)
		return false;
	for (uint32_t b = 0; b < s->bucket_count; b++)
		for (uint32_t i = s->buckets[b]; i != S3FIFO_NO_SLOT; i = s->nodes[i].chain)
			if (++indexed > s->slots)
				break;
	if (indexed != s3fifo_used(s))
		*why = "the index does not hold what the queues hold";
	else if (listed != s->fresh || s->fresh > s->slots || s->slots > s->room)
		*why = "a slot is in no queue";
	return !*why;
}
