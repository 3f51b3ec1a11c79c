/* SPDX-License-Identifier: MIT */
/*
 * s3fifo_list.c - the small queue, the main queue and the free slots as linked lists of slots, and
 * the index by key: a table of buckets, each a chain of slots. One bucket per slot.
 */
#include "s3fifo_int.h"

#include <assert.h>
#include <string.h>

void s3fifo_queue_push(struct s3fifo *s, enum s3fifo_where where, uint32_t slot)
{
	struct s3fifo_queue *q = &s->queue[where];
	struct s3fifo_node *n = &s->nodes[slot];

	n->where = where;
	n->prev = q->last;
	n->next = S3FIFO_NO_SLOT;
	if (q->last == S3FIFO_NO_SLOT)
		q->first = slot;
	else
		s->nodes[q->last].next = slot;
	q->last = slot;
	q->count++;
}

void s3fifo_queue_remove(struct s3fifo *s, uint32_t slot)
{
	struct s3fifo_node *n = &s->nodes[slot];
	struct s3fifo_queue *q = &s->queue[n->where];

	if (n->prev == S3FIFO_NO_SLOT)
		q->first = n->next;
	else
		s->nodes[n->prev].next = n->next;
	if (n->next == S3FIFO_NO_SLOT)
		q->last = n->prev;
	else
		s->nodes[n->next].prev = n->prev;
	q->count--;
}

static uint32_t *bucket_of(const struct s3fifo *s, uint64_t key)
{
	return &s->buckets[cache_hash_scale(cache_hash(key), s->bucket_count)];
}

uint32_t s3fifo_index_find(const struct s3fifo *s, uint64_t key)
{
	uint32_t slot = *bucket_of(s, key);

	while (slot != S3FIFO_NO_SLOT && s3fifo_key(&s->nodes[slot]) != key)
		slot = s->nodes[slot].chain;
	return slot;
}

void s3fifo_index_add(struct s3fifo *s, uint32_t slot)
{
	uint32_t *bucket = bucket_of(s, s3fifo_key(&s->nodes[slot]));

	s->nodes[slot].chain = *bucket;
	*bucket = slot;
}

void s3fifo_index_remove(struct s3fifo *s, uint32_t slot)
{
	uint32_t *at = bucket_of(s, s3fifo_key(&s->nodes[slot]));

	while (*at != slot) {
		assert(*at != S3FIFO_NO_SLOT);
		at = &s->nodes[*at].chain;
	}
	*at = S3FIFO_MUTATE(CHAIN_CUT) ? S3FIFO_NO_SLOT : s->nodes[slot].chain;
}

void s3fifo_index_rebuild(struct s3fifo *s)
{
	memset(s->buckets, 0xff, sizeof(*s->buckets) * s->bucket_count);
	for (uint32_t i = 0; i < s->fresh; i++)
		if (s->nodes[i].where != S3FIFO_FREE)
			s3fifo_index_add(s, i);
}
