/* SPDX-License-Identifier: MIT */
/*
 * s3fifo_size.c - creating S3-FIFO, and giving it more or fewer slots while it holds blocks.
 */
#include "s3fifo_int.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

static uint64_t ghost_capacity(const struct s3fifo *s)
{
	return s->slots - s->slots / 10;
}

struct s3fifo *s3fifo_create(uint32_t slots)
{
	struct s3fifo *s = calloc(1, sizeof(*s));

	assert(slots > 0 && slots <= S3FIFO_SLOTS_MAX);
	if (!s)
		return NULL;
	s->slots = s->room = s->bucket_count = slots;
	for (uint32_t i = 0; i < 3; i++)
		s->queue[i].first = s->queue[i].last = S3FIFO_NO_SLOT;
	s->nodes = calloc(slots, sizeof(*s->nodes));
	s->buckets = calloc(slots, sizeof(*s->buckets));
	if (!s->nodes || !s->buckets || s3fifo_ghost_init(&s->ghost, ghost_capacity(s)) < 0 ||
	    s3fifo_adapt_init(&s->adapt, slots) < 0) {
		s3fifo_destroy(s);
		return NULL;
	}
	s3fifo_index_rebuild(s);
	return s;
}

void s3fifo_destroy(struct s3fifo *s)
{
	if (!s)
		return;
	free(s->nodes);
	free(s->buckets);
	free(s->ghost.entries);
	free(s->adapt.left_main.entries);
	free(s);
}

/* Index and ghosts for the present number of slots; the ghosts are empty. */
static int resize_tables(struct s3fifo *s)
{
	uint32_t *buckets = calloc(s->slots, sizeof(*buckets));
	struct s3fifo_ghost ghost = {0};
	struct s3fifo_adapt adapt;

	if (!buckets || s3fifo_ghost_init(&ghost, ghost_capacity(s)) < 0 ||
	    s3fifo_adapt_init(&adapt, s->slots) < 0) {
		free(buckets);
		free(ghost.entries);
		return -ENOMEM;
	}
	free(s->buckets);
	free(s->ghost.entries);
	free(s->adapt.left_main.entries);
	s->buckets = buckets;
	s->bucket_count = s->slots;
	s->ghost = ghost;
	s->adapt = adapt;
	s3fifo_index_rebuild(s);
	return 0;
}

int s3fifo_grow(struct s3fifo *s, uint32_t slots)
{
	uint32_t before = s->slots;
	struct s3fifo_node *nodes;

	assert(slots >= before && slots <= S3FIFO_SLOTS_MAX);
	if (slots > s->room) {
		nodes = realloc(s->nodes, sizeof(*nodes) * slots);
		if (!nodes)
			return -ENOMEM;
		s->nodes = nodes;
		s->room = slots;
	}
	s->slots = slots;
	if (resize_tables(s) < 0) {
		s->slots = before;
		return -ENOMEM;
	}
	return 0;
}

/* The block in slot from goes on in slot to, at the same place of its queue. */
static void move_node(struct s3fifo *s, uint32_t from, uint32_t to)
{
	struct s3fifo_node *n = &s->nodes[from];
	struct s3fifo_queue *q = &s->queue[n->where];

	s3fifo_index_remove(s, from);
	s->nodes[to] = *n;
	if (n->prev == S3FIFO_NO_SLOT)
		q->first = to;
	else
		s->nodes[n->prev].next = to;
	if (n->next == S3FIFO_NO_SLOT)
		q->last = to;
	else
		s->nodes[n->next].prev = to;
	s3fifo_index_add(s, to);
}

/* A slot below last for its block: a free one, or that of the block that leaves for it. */
static uint32_t room_below(struct s3fifo *s, uint32_t last, struct s3fifo_shrunk *out)
{
	uint32_t slot = s->queue[S3FIFO_FREE].last;

	if (slot != S3FIFO_NO_SLOT) {
		s3fifo_queue_remove(s, slot);
		return slot;
	}
	out->evicted_slot = s3fifo_evict(s, &out->evicted_key, &out->evicted_was_used);
	return out->evicted_slot;
}

void s3fifo_shrink_one(struct s3fifo *s, struct s3fifo_shrunk *out)
{
	uint32_t last = s->slots - 1, to;

	assert(last > 0);
	*out = (struct s3fifo_shrunk){.evicted_key = S3FIFO_NO_KEY,
				      .evicted_slot = S3FIFO_NO_SLOT,
				      .to_slot = S3FIFO_NO_SLOT};
	s->slots = last;
	if (last >= s->fresh)
		return;
	s->fresh = last;
	if (s->nodes[last].where == S3FIFO_FREE) {
		s3fifo_queue_remove(s, last);
		return;
	}
	to = room_below(s, last, out);
	if (to == last)
		return;
	if (!S3FIFO_MUTATE(SHRINK_NOT_MOVED))
		out->to_slot = to;
	move_node(s, last, to);
}

void s3fifo_trim(struct s3fifo *s)
{
	struct s3fifo_node *nodes;

	if (s->room == s->slots || resize_tables(s) < 0)
		return;
	nodes = realloc(s->nodes, sizeof(*nodes) * s->slots);
	if (nodes) {
		s->nodes = nodes;
		s->room = s->slots;
	}
}
