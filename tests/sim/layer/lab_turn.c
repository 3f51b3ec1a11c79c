/* SPDX-License-Identifier: MIT */
/* lab_turn.c - in one seed of four somebody schedules the merges: a turn is granted at once, later,
 * or not asked for, and the scheduler comes and goes. With a generator of its own, so that the
 * other seeds are what they were. */
#include <assert.h>

#include "lab.h"

#define LATER_MAX_NS 400000000u

struct sched {
	struct lab *l;
	struct env_timer timer;
	void (*granted)(void *ctx);
	void *ctx;
	bool is_under_way;
};

static struct sched scheds[LAB_VOLUMES];
static struct rng rng;

static void grant(struct env_timer *t)
{
	struct sched *s = t->ctx;

	s->is_under_way = true;
	s->granted(s->ctx);
}

static bool ask(void *ctx, bool is_write, uint64_t offset_bytes, uint64_t len_bytes,
		void (*granted)(void *granted_ctx), void *granted_ctx)
{
	struct sched *s = ctx;

	assert(!s->is_under_way && !env_timer_is_set(&s->timer));
	assert(len_bytes > 0 && offset_bytes + len_bytes <= LAB_BLOCKS_MAX * 4096);
	if (rng_pct(&rng, 10))
		return false;
	s->granted = granted;
	s->ctx = granted_ctx;
	s->timer = (struct env_timer){.fn = grant, .ctx = s};
	if (rng_pct(&rng, 40))
		grant(&s->timer);
	else
		env_timer_set(&s->l->fs.env, &s->timer,
			      s->l->fs.now_ns + rng_below(&rng, LATER_MAX_NS));
	return true;
}

static void end(void *ctx, bool is_ok)
{
	struct sched *s = ctx;

	assert(s->is_under_way);
	s->is_under_way = false;
}

static void cancel(void *ctx)
{
	struct sched *s = ctx;

	assert(env_timer_is_set(&s->timer));
	env_timer_cancel(&s->l->fs.env, &s->timer);
}

static const struct layer_turns turns = {ask, end, cancel};

static bool has_turns(const struct lab *l)
{
	return l->seed % 4 == 3;
}

void lab_turns_seed(struct lab *l)
{
	rng_seed(&rng, l->seed);
}

void lab_turns_open(struct lab *l, struct volume *v)
{
	struct sched *s = &scheds[v - l->volumes];

	*s = (struct sched){.l = l};
	if (has_turns(l))
		layer_set_turns(v->b, &turns, s);
}

void lab_turns_change(struct lab *l, struct volume *v)
{
	struct sched *s = &scheds[v - l->volumes];

	if (!has_turns(l) || s->is_under_way || !rng_pct(&rng, 10))
		return;
	layer_set_turns(v->b, NULL, NULL);
	if (rng_pct(&rng, 80))
		layer_set_turns(v->b, &turns, s);
}
