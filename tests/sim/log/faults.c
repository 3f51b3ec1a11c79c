// SPDX-License-Identifier: MIT
#include "faults.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "actor.h"
#include "memory.h"
#include "rlog_format.h"

#define OPERATIONS 14u
#define LOOPS      40u

static struct actor actor;

static void draw(uint64_t seed, struct lab_options *o)
{
	struct rng r;

	rng_seed(&r, seed);
	*o = (struct lab_options){
	    .record_blocks = (uint32_t)rng_range(&r, 2, 6),
	    .reserve_blocks = 4,
	    .checkpoint_blocks = seed % 3 == 0 ? 8 : 0,
	    .sector_bytes = 16,
	    .sink_ios = (uint32_t)rng_range(&r, 1, 4),
	    .is_journaled = seed % 2 == 0,
	    .is_sealed = seed % 4 < 2,
	    .is_in_order = rng_pct(&r, 50),
	    .has_durable_writes = seed % 8 >= 4,
	};
	o->log_blocks =
	    (uint32_t)(rlog_geometry_size(LAB_BLOCK_BYTES, 30, o->checkpoint_blocks > 0) /
		       LAB_BLOCK_BYTES);
	o->journal_blocks =
	    (uint32_t)(rlog_geometry_size(LAB_BLOCK_BYTES, 40, false) / LAB_BLOCK_BYTES);
}

static void set_load(struct actor *a)
{
	static const uint8_t weights[ACTOR_KIND_COUNT] = {
	    [ACTOR_WRITE] = 6,   [ACTOR_ZERO] = 1, [ACTOR_MARK] = 1, [ACTOR_FLUSH] = 2,
	    [ACTOR_DESTAGE] = 2, [ACTOR_READ] = 1, [ACTOR_IDLE] = 1};

	for (uint32_t i = 0; i < ACTOR_KIND_COUNT; i++)
		a->weights[i] = weights[i];
	a->max_blocks = 4;
	a->durable_pct = 40;
}

/* ---------------------------------------------------------------- after a fault */

static bool do_and_settle(struct lab *l, struct actor_action x)
{
	return actor_do(&actor, &x) && actor_settle(&actor) == LAB_DONE && !l->has_failed;
}

/* W13: it is over, and it says so. */
static bool is_over(struct lab *l)
{
	uint64_t failures = actor.failures;
	struct sluice_rlog_stats stats;

	sluice_rlog_stats(l->log, &stats);
	if (!stats.is_failed || !stats.failed_text[0])
		lab_fail(l, "W13: a write or flush of the log failed, and the log does not say so");
	if (!do_and_settle(l, (struct actor_action){.kind = ACTOR_WRITE, .block_count = 1}) ||
	    !do_and_settle(l, (struct actor_action){.kind = ACTOR_FLUSH}))
		return false;
	if (actor.failures != failures + 2)
		lab_fail(l, "W13: a failed log takes appends or flushes");
	return !l->has_failed;
}

/* The datastore works again, so all comes down. */
static bool goes_on(struct lab *l)
{
	struct sluice_rlog_stats stats;
	struct oracle_state sink, seen;

	l->env.plan.nth = 0;
	for (uint32_t i = 0; i < 30; i++) {
		if (!do_and_settle(l, (struct actor_action){.kind = ACTOR_FLUSH}) ||
		    !do_and_settle(l, (struct actor_action){.kind = ACTOR_DESTAGE}))
			return false;
		sluice_rlog_stats(l->log, &stats);
		if (stats.dirty_blocks == 0 && stats.zero_blocks == 0)
			break;
	}
	if (stats.is_failed)
		lab_fail(l, "the datastore failed, and the log gave up: %s", stats.failed_text);
	/* A journal is a log: its failure ends it, and destaging waits for the next process. */
	if (l->watch.logs[DEVICE_JOURNAL].has_failed)
		return !l->has_failed;
	if (stats.dirty_blocks)
		lab_fail(l, "the datastore works again, and %llu blocks stay dirty",
			 (unsigned long long)stats.dirty_blocks);
	lab_sink_state(l, &sink);
	if (lab_observe(l, &seen) == LAB_DONE && memcmp(&sink, &seen, sizeof(seen)) != 0)
		lab_fail(l, "all is destaged, and the datastore differs");
	return !l->has_failed;
}

/* A boot without faults finds everything. */
static bool comes_back(struct lab *l, bool is_power_cut)
{
	lab_kill(l);
	if (is_power_cut)
		lab_power_cut(l);
	l->env.plan.nth = 0;
	l->env.plan.has_struck = false;
	memory_fail_at(0);
	if (lab_boot(l) != LAB_DONE) {
		lab_fail(l, "open: refused after a fault, %s: %s", lab_found_name(l->opened.found),
			 l->opened.err.text);
		return false;
	}
	l->has_log = true;
	if (lab_check(l, is_power_cut) != LAB_DONE)
		return false;
	lab_kill(l);
	return !l->has_failed;
}

static bool is_excused(const struct lab *l)
{
	return l->env.plan.has_struck || memory_has_failed();
}

static bool live_with_fault(struct lab *l)
{
	enum lab_end end = lab_boot(l);

	if (end == LAB_REFUSED) {
		if (!is_excused(l))
			lab_fail(l, "open: refused without a fault: %s", l->opened.err.text);
		if (l->log && l->opened.result && !l->opened.err.text[0])
			lab_fail(l, "open: refused without a word");
		return !l->has_failed && lab_close(l) == LAB_DONE;
	}
	if (end != LAB_DONE)
		return false;
	l->has_log = true;
	actor_begin(&actor, l);
	set_load(&actor);
	if (actor_serve(&actor, OPERATIONS, 3) != LAB_DONE)
		return false;
	if (actor.busy > 0) {
		lab_say(l, "operations wait for space that there will not be");
	} else if (l->watch.logs[DEVICE_LOG].has_failed) {
		if (!is_over(l))
			return false;
	} else if (l->env.plan.has_struck && !goes_on(l)) {
		return false;
	}
	if (lab_close(l) != LAB_DONE)
		return false;
	if (actor.busy > 0)
		lab_fail(l, "close: %u operations are never answered", actor.busy);
	return !l->has_failed;
}

static bool run_plan(struct lab *l, uint64_t seed, const struct log_env_plan *plan,
		     bool *has_struck, struct faults_count *n)
{
	struct lab_options opt;
	size_t at;

	draw(seed, &opt);
	lab_begin(l, seed, &opt);
	l->env.plan = *plan;
	memory_fail_at(0);
	n->runs++;
	*has_struck = false;
	if (live_with_fault(l)) {
		*has_struck = l->env.plan.has_struck;
		n->strikes += *has_struck;
		comes_back(l, seed % 4 < 2);
	}
	if (!l->has_failed)
		return true;
	at = strlen(l->failure);
	snprintf(l->failure + at, sizeof(l->failure) - at, " [%s, kind %d, %s number %llu fails]",
		 log_env_device_name(plan->device), plan->kind, plan->is_lasting ? "from" : "only",
		 (unsigned long long)plan->nth);
	return false;
}

bool faults_sweep(struct lab *l, uint64_t first, uint64_t count, struct faults_count *n)
{
	for (uint64_t seed = first; seed < first + count; seed++)
		for (uint32_t what = 0; what < DEVICE_COUNT * FAULT_COUNT * 2; what++) {
			struct log_env_plan plan = {
			    .device = (enum log_env_device)(what / 2 / FAULT_COUNT),
			    .kind = (enum log_env_fault)(what / 2 % FAULT_COUNT),
			    .is_lasting = what % 2,
			};
			bool has_struck = true;

			for (plan.nth = 1; has_struck; plan.nth++)
				if (!run_plan(l, seed, &plan, &has_struck, n))
					return false;
		}
	return true;
}

/* ---------------------------------------------------------------- memory */

bool faults_sweep_memory(struct lab *l, uint64_t first, uint64_t count, struct faults_count *n)
{
	struct lab_options opt;

	for (uint64_t seed = first; seed < first + count; seed++) {
		bool has_failed = true;

		for (uint64_t nth = 1; has_failed; nth++) {
			bool is_fine;

			draw(seed, &opt);
			lab_begin(l, seed, &opt);
			memory_fail_at(nth);
			n->runs++;
			is_fine = live_with_fault(l);
			has_failed = memory_has_failed();
			n->strikes += has_failed;
			if (!is_fine || !comes_back(l, false)) {
				lab_say(l, "allocation %llu failed", (unsigned long long)nth);
				return false;
			}
		}
	}
	return true;
}

/* ---------------------------------------------------------------- W15 */

static bool fill(struct lab *l)
{
	const struct actor_action write = {
	    .kind = ACTOR_WRITE, .block = 1, .block_count = 2, .is_durable = true};
	struct sluice_rlog_stats stats = {0};

	actor_begin(&actor, l);
	actor.is_helpless = true;
	while (stats.waiting_entries == 0) {
		if (!actor_do(&actor, &write))
			return false;
		for (uint32_t i = 0; i < 30 && log_env_step(&l->env); i++)
			;
		sluice_rlog_stats(l->log, &stats);
	}
	return !l->has_failed;
}

static bool loop(struct lab *l)
{
	bool is_power_cut = false;

	for (uint32_t i = 0; i < LOOPS; i++) {
		enum lab_end end;

		lab_kill(l);
		if (rng_pct(&l->rng, 50)) {
			lab_power_cut(l);
			is_power_cut = true;
		}
		l->crash_at = rng_pct(&l->rng, 50) ? rng_range(&l->rng, 1, 25) : 0;
		end = lab_boot(l);
		l->crash_at = 0;
		if (end == LAB_REFUSED)
			lab_fail(l, "W15: refused after %u deaths of a full log: %s", i,
				 l->opened.err.text);
		if (end == LAB_CRASHED)
			continue;
		if (end != LAB_DONE || lab_check(l, is_power_cut) != LAB_DONE)
			return false;
		is_power_cut = false;
	}
	lab_kill(l);
	if (lab_boot(l) != LAB_DONE || lab_check(l, is_power_cut) != LAB_DONE) {
		lab_fail(l, "W15: the last boot was refused");
		return false;
	}
	actor_begin(&actor, l);
	return do_and_settle(
	    l, (struct actor_action){.kind = ACTOR_WRITE, .block_count = 3, .is_durable = true});
}

bool faults_crash_loops(struct lab *l, uint64_t first, uint64_t count, struct faults_count *n)
{
	struct lab_options opt;

	for (uint64_t seed = first; seed < first + count; seed++) {
		draw(seed, &opt);
		lab_begin(l, seed, &opt);
		n->loops++;
		if (lab_boot(l) != LAB_DONE)
			return false;
		l->has_log = true;
		if (!fill(l) || !loop(l))
			return false;
		lab_kill(l);
	}
	return true;
}
