// SPDX-License-Identifier: MIT
#include "run.h"

#include <assert.h>

#include "actor.h"
#include "rlog_format.h"
#include "special.h"

#define ROUNDS_MAX     5u
#define DEATHS_AT_BOOT 5u
#define BOOT_STEPS     30u

static struct actor actor;

static void draw_options(struct rng *r, struct lab_options *o)
{
	static const uint8_t sectors[] = {16, 16, 16, 32, 64, 128};
	bool has_checkpoints = rng_pct(r, 40);

	*o = (struct lab_options){
	    .record_blocks = (uint32_t)rng_range(r, 2, 6),
	    .reserve_blocks = (uint32_t)rng_range(r, 4, 7),
	    .checkpoint_blocks = has_checkpoints ? (uint32_t)rng_range(r, 6, 20) : 0,
	    .sector_bytes = sectors[rng_below(r, sizeof(sectors))],
	    .sink_ios = (uint32_t)rng_range(r, 1, 4),
	    .sink_now_pct = rng_pct(r, 50) ? 0 : (uint32_t)rng_below(r, 101),
	    .is_journaled = rng_pct(r, 25),
	    .is_in_order = rng_pct(r, 30),
	    .has_slow_reads = rng_pct(r, 20),
	    .has_durable_writes = rng_pct(r, 50),
	};
	o->log_blocks =
	    (uint32_t)(rlog_geometry_size(LAB_BLOCK_BYTES, (uint32_t)rng_range(r, 30, 40),
					  has_checkpoints) /
		       LAB_BLOCK_BYTES);
	o->journal_blocks =
	    (uint32_t)(rlog_geometry_size(LAB_BLOCK_BYTES, 40, false) / LAB_BLOCK_BYTES);
}

static void draw_load(struct rng *r, struct actor *a)
{
	static const uint8_t base[ACTOR_KIND_COUNT] = {
	    [ACTOR_WRITE] = 8,   [ACTOR_ZERO] = 1, [ACTOR_MARK] = 1, [ACTOR_FLUSH] = 2,
	    [ACTOR_DESTAGE] = 2, [ACTOR_READ] = 1, [ACTOR_IDLE] = 1};

	for (uint32_t i = 0; i < ACTOR_KIND_COUNT; i++)
		a->weights[i] = base[i] + (base[i] ? (uint32_t)rng_below(r, 3) : 0);
	a->weights[ACTOR_DROP] = rng_pct(r, 5) ? 1 : 0;
	a->max_blocks = (uint32_t)rng_range(r, 1, ORACLE_BLOCKS);
	if (a->lab->opt.has_slow_reads)
		a->weights[ACTOR_READ] = 6;
	a->durable_pct = rng_pct(r, 30) ? 100 : (uint32_t)rng_below(r, 60);
}

/* ---------------------------------------------------------------- from death to life */

static bool found_is_right(struct lab *l, bool was_closing)
{
	switch (l->opened.found) {
	case SLUICE_RLOG_NEW:
		return !l->has_log;
	case SLUICE_RLOG_CLEAN:
		return l->has_log && (l->was_clean || was_closing);
	case SLUICE_RLOG_RECOVERED:
		return l->has_log ? !l->was_clean : true;
	default:
		return false;
	}
}

/* The process dies while it boots, again and again, until one does not. */
static bool boot(struct lab *l, bool is_power_cut, bool was_closing)
{
	enum lab_end end;

	for (uint32_t tries = 0;; tries++) {
		bool dies = tries < DEATHS_AT_BOOT && rng_pct(&l->rng, 35);

		l->crash_at = dies ? rng_range(&l->rng, 1, BOOT_STEPS) : 0;
		end = lab_boot(l);
		l->crash_at = 0;
		if (end == LAB_FAILED)
			return false;
		if (end == LAB_REFUSED) {
			lab_fail(l, "open: refused, %s: %s", lab_found_name(l->opened.found),
				 l->opened.err.text);
			return false;
		}
		if (end == LAB_DONE)
			break;
		lab_kill(l);
		/* Whatever this one did, it did not close the log; but it need not have begun. */
		was_closing = was_closing || l->was_clean;
		l->was_clean = false;
		if (rng_pct(&l->rng, 50)) {
			lab_power_cut(l);
			is_power_cut = true;
		}
	}
	if (!found_is_right(l, was_closing))
		lab_fail(l, "open: found it %s, it was%s closed", lab_found_name(l->opened.found),
			 l->was_clean ? "" : " not");
	l->has_log = true;
	l->was_clean = false;
	return lab_check(l, is_power_cut) == LAB_DONE;
}

/* ---------------------------------------------------------------- from life to death */

struct death {
	bool is_power_cut, was_closing;
};

static bool die(struct lab *l, struct death *d)
{
	if (l->has_failed)
		return false;
	if (actor.is_destaging)
		l->cut_seq = UINT64_MAX;
	lab_kill(l);
	d->is_power_cut = rng_pct(&l->rng, 60);
	if (d->is_power_cut)
		lab_power_cut(l);
	return true;
}

/* Serves until the crash point, or closes the log. */
static bool live(struct lab *l, struct death *d)
{
	struct rng *r = &l->rng;
	enum lab_end end;

	d->was_closing = false;
	actor_begin(&actor, l);
	draw_load(r, &actor);
	l->crash_at = l->env.steps + rng_range(r, 1, 100);
	end = actor_serve(&actor, (uint32_t)rng_range(r, 4, 40), (uint32_t)rng_range(r, 1, 4));
	if (end == LAB_DONE && rng_pct(r, 10))
		end = special_rotten_block(l, &actor) ? LAB_DONE : LAB_FAILED;
	if (end == LAB_DONE && rng_pct(r, 60)) {
		d->was_closing = true;
		end = lab_close(l);
		l->was_clean = end == LAB_DONE;
		if (end == LAB_DONE)
			lab_say(l, "closed");
	}
	l->crash_at = 0;
	return end != LAB_FAILED && die(l, d);
}

bool run_seed(struct lab *l, uint64_t seed)
{
	struct lab_options opt;
	struct death death = {0};
	uint32_t rounds;
	struct rng r;

	rng_seed(&r, seed ^ 0x5eed);
	draw_options(&r, &opt);
	opt.is_sealed = seed % 2;
	lab_begin(l, seed, &opt);
	lab_say(l, "log %u blocks, records of %u, reserve %u, checkpoints %u, sectors %u%s%s%s",
		opt.log_blocks, opt.record_blocks, opt.reserve_blocks, opt.checkpoint_blocks,
		opt.sector_bytes, opt.is_journaled ? ", journaled" : "",
		opt.is_in_order ? ", in order" : "", opt.is_sealed ? ", sealed" : "");
	rounds = (uint32_t)rng_range(&r, 1, ROUNDS_MAX);
	for (uint32_t i = 0; i < rounds; i++) {
		if (!special_before_boot(l) || !boot(l, death.is_power_cut, death.was_closing) ||
		    !live(l, &death))
			return false;
	}
	return special_before_boot(l) && boot(l, death.is_power_cut, death.was_closing) &&
	       die(l, &death);
}
