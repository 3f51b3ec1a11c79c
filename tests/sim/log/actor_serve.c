// SPDX-License-Identifier: MIT
// actor_serve.c - which action comes next, and what keeps the log going while they run.
#include <assert.h>

#include "actor.h"

static void space_wanted(void *ctx)
{
	struct actor *a = ctx;

	a->is_space_wanted = true;
}

void actor_listen(struct actor *a)
{
	sluice_rlog_on_want_space(a->lab->log, space_wanted, a);
}

struct actor_action actor_draw(struct actor *a)
{
	struct rng *r = &a->lab->rng;
	struct actor_action x = {0};
	uint32_t sum = 0, pick, kind = 0;

	for (uint32_t i = 0; i < ACTOR_KIND_COUNT; i++)
		sum += a->weights[i];
	pick = (uint32_t)rng_below(r, sum);
	while (pick >= a->weights[kind])
		pick -= a->weights[kind++];
	x.kind = (enum actor_kind)kind;
	x.block = (uint8_t)rng_below(r, ORACLE_BLOCKS);
	x.block_count =
	    (uint8_t)rng_range(r, 1, x.kind == ACTOR_WRITE ? a->max_blocks : ORACLE_BLOCKS);
	if (x.block + x.block_count > ORACLE_BLOCKS)
		x.block_count = (uint8_t)(ORACLE_BLOCKS - x.block);
	x.is_durable = rng_pct(r, a->durable_pct);
	x.max_blocks = (uint32_t)rng_below(r, 9);
	return x;
}

/* Its failure is a log's: destaging goes on with the next process. */
static bool journal_is_over(const struct actor *a)
{
	return a->lab->watch.logs[DEVICE_JOURNAL].has_failed;
}

/* What waits for space waits in vain. */
static bool is_stuck(const struct actor *a)
{
	return a->is_space_wanted && a->failed_windows >= 3 && journal_is_over(a);
}

void actor_help(struct actor *a)
{
	struct actor_action x = {.kind = a->is_nothing_durable ? ACTOR_FLUSH : ACTOR_DESTAGE,
				 .max_blocks = (uint32_t)rng_below(&a->lab->rng, 5)};
	struct sluice_rlog_stats stats;

	if (a->is_helpless || !a->is_space_wanted || a->is_destaging || a->is_helping_flush)
		return;
	sluice_rlog_stats(a->lab->log, &stats);
	if (stats.waiting_entries == 0 || stats.is_failed) {
		a->is_space_wanted = false;
		return;
	}
	/* Whoever waits for a datastore waits until it works again. */
	if (a->failed_windows >= 3 && !journal_is_over(a))
		a->lab->env.plan.nth = 0;
	if (actor_do(a, &x))
		a->is_helping_flush = x.kind == ACTOR_FLUSH;
}

static enum lab_end step(struct actor *a)
{
	struct lab *l = a->lab;

	if (l->has_failed)
		return LAB_FAILED;
	if (l->crash_at && l->env.steps >= l->crash_at)
		return LAB_CRASHED;
	actor_help(a);
	if (log_env_step(&l->env) || a->busy == 0)
		return LAB_DONE;
	lab_fail(l, "hang: %u operations are never answered", a->busy);
	return LAB_FAILED;
}

enum lab_end actor_settle(struct actor *a)
{
	uint64_t limit = a->lab->env.steps + 20000;
	enum lab_end end = LAB_DONE;

	while (end == LAB_DONE && a->busy > 0) {
		end = step(a);
		if (is_stuck(a))
			break;
		if (end == LAB_DONE && a->lab->env.steps > limit) {
			lab_fail(a->lab, "hang: %u operations are busy for ever", a->busy);
			return LAB_FAILED;
		}
	}
	return a->lab->has_failed ? LAB_FAILED : end;
}

enum lab_end actor_serve(struct actor *a, uint32_t count, uint32_t depth)
{
	enum lab_end end = LAB_DONE;

	while (end == LAB_DONE && count > 0 && !is_stuck(a)) {
		if (a->busy < depth && rng_pct(&a->lab->rng, 60)) {
			struct actor_action x = actor_draw(a);

			count--;
			if (x.kind != ACTOR_IDLE) {
				actor_do(a, &x);
				continue;
			}
		}
		end = step(a);
	}
	return end == LAB_DONE ? actor_settle(a) : end;
}
