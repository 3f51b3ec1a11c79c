/* SPDX-License-Identifier: MIT */
/* s3fifo_model.c - see s3fifo_model.h. Written from the paper's algorithm 1, not from s3fifo.c. */
#include "s3fifo_model.h"

#include <stddef.h>
#include <string.h>

#define PASS_MAX 256u /* s3fifo_int.h: an eviction that passed so many takes the next */

static struct model_block *in_queue(struct model_queue *q, uint64_t key)
{
	for (uint32_t i = 0; i < q->count; i++)
		if (q->blocks[i].key == key)
			return &q->blocks[i];
	return NULL;
}

static struct model_block *look(const struct s3fifo_model *m, uint64_t key)
{
	struct s3fifo_model *w = (struct s3fifo_model *)m;
	struct model_block *b = in_queue(&w->small, key);

	return b ? b : in_queue(&w->main, key);
}

static struct model_block take(struct model_queue *q, uint32_t at)
{
	struct model_block b = q->blocks[at];

	memmove(&q->blocks[at], &q->blocks[at + 1], (q->count - at - 1) * sizeof(b));
	q->count--;
	return b;
}

bool model_has(const struct s3fifo_model *m, uint64_t key)
{
	return look(m, key);
}

bool model_find(struct s3fifo_model *m, uint64_t key)
{
	struct model_block *b = look(m, key);

	if (!b)
		return false;
	b->uses = b->uses == 3 ? 3 : b->uses + 1;
	b->was_used = true;
	return true;
}

static struct model_block evict(struct s3fifo_model *m)
{
	uint32_t target = m->small_goal;

	for (uint32_t passed = 0;; passed++) {
		struct model_block b;

		if (m->small.count >= target || !m->main.count) {
			b = take(&m->small, 0);
			if (!b.uses || passed >= PASS_MAX)
				return b;
			b.uses = 0;
		} else {
			b = take(&m->main, 0);
			if (!b.uses || passed >= PASS_MAX)
				return b;
			b.uses--;
		}
		m->main.blocks[m->main.count++] = b;
	}
}

bool model_put(struct s3fifo_model *m, uint64_t key, bool is_remembered,
	       struct model_block *evicted)
{
	struct model_queue *q = is_remembered ? &m->main : &m->small;
	bool is_full = model_used(m) == m->slots;

	if (look(m, key))
		return false;
	if (is_full)
		*evicted = evict(m);
	q->blocks[q->count++] = (struct model_block){.key = key, .was_used = is_remembered};
	return is_full;
}

bool model_remove(struct s3fifo_model *m, uint64_t key)
{
	struct model_block *b = in_queue(&m->small, key);

	if (b) {
		take(&m->small, (uint32_t)(b - m->small.blocks));
		return true;
	}
	b = in_queue(&m->main, key);
	if (b)
		take(&m->main, (uint32_t)(b - m->main.blocks));
	return b;
}

bool model_shrink(struct s3fifo_model *m, struct model_block *evicted)
{
	bool is_full = model_used(m) == m->slots;

	m->slots--;
	if (is_full)
		*evicted = evict(m);
	return is_full;
}

uint32_t model_used(const struct s3fifo_model *m)
{
	return m->small.count + m->main.count;
}
