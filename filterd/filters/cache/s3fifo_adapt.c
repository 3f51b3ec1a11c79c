/* SPDX-License-Identifier: MIT */
/*
 * s3fifo_adapt.c - how much of the cache the small queue has: a tenth, and more where that pays.
 *
 * A tenth is right for nearly everything, but not where blocks are read again soon and then never
 * more: there a plain LRU would be better by a fifth of its hits, since only the small queue can
 * catch them. So two kinds of misses are counted: those that a small queue larger by a tenth of the
 * cache would have answered (its ghost is that young), and those that a main queue larger by as
 * much would have (of what left it lately). Only when the former are four times the latter the
 * small queue grows; when they are less than twice, it shrinks again. The wide margin keeps it
 * where it is when popularity is what counts, for which the tenth is best.
 */
#include "s3fifo_int.h"

#define GROW_RATIO   4u
#define SHRINK_RATIO 2u
#define LEAST_MISSES 64u /* fewer say nothing */
#define STEP_PARTS   40u /* of the cache: one step */

int s3fifo_adapt_init(struct s3fifo_adapt *a, uint32_t slots)
{
	*a = (struct s3fifo_adapt){0};
	return s3fifo_ghost_init(&a->left_main, slots / 10 + 1);
}

static uint32_t least(const struct s3fifo *s)
{
	return s->slots / (S3FIFO_MUTATE(SMALL_IS_HALF) ? 2 : 10);
}

uint32_t s3fifo_small_target(const struct s3fifo *s)
{
	uint32_t most = s->slots - s->slots / 10, target = least(s) + s->adapt.extra;

	if (target > most)
		target = most;
	return target ? target : 1;
}

static void decide(struct s3fifo *s)
{
	struct s3fifo_adapt *a = &s->adapt;
	uint32_t step = s->slots / STEP_PARTS ? s->slots / STEP_PARTS : 1;

	if (a->near_small > (uint64_t)a->near_main * GROW_RATIO) {
		if (!S3FIFO_MUTATE(SMALL_NEVER_GROWS) && a->extra < s->slots - least(s))
			a->extra += step;
	} else if (a->near_small < (uint64_t)a->near_main * SHRINK_RATIO) {
		if (!S3FIFO_MUTATE(SMALL_NEVER_SHRINKS))
			a->extra -= step < a->extra ? step : a->extra;
	}
	a->puts = a->near_small = a->near_main = 0;
}

void s3fifo_adapt_miss(struct s3fifo *s, uint64_t key)
{
	struct s3fifo_adapt *a = &s->adapt;

	a->near_small += s3fifo_ghost_age(&s->ghost, key) <= s->slots / 10;
	a->near_main += s3fifo_ghost_take(&a->left_main, key);
	if (++a->puts >= s->slots / 2 && a->near_small + a->near_main >= LEAST_MISSES)
		decide(s);
}
