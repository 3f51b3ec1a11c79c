// SPDX-License-Identifier: MIT
#include "lab.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "memory.h"

#define STEPS_MAX 20000u /* of a phase: more is a hang that keeps busy */

void lab_fail(struct lab *l, const char *fmt, ...)
{
	va_list args;

	if (l->has_failed)
		return;
	l->has_failed = true;
	va_start(args, fmt);
	vsnprintf(l->failure, sizeof(l->failure), fmt, args);
	va_end(args);
	lab_say(l, "BROKEN: %s", l->failure);
}

void lab_say(struct lab *l, const char *fmt, ...)
{
	va_list args;

	if (!l->is_verbose)
		return;
	printf("%6llu  ", (unsigned long long)l->env.steps);
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	putchar('\n');
}

void lab_begin(struct lab *l, uint64_t seed, const struct lab_options *opt)
{
	static const char *const names[DEVICE_COUNT] = {"log", "journal", "sink"};

	rng_seed(&l->rng, seed);
	l->seed = seed;
	l->opt = *opt;
	for (uint32_t i = 0; i < DEVICE_COUNT; i++) {
		device_init(&l->devices[i], names[i], opt->sector_bytes);
		l->devices[i].file.has_durable_writes = opt->has_durable_writes;
	}
	device_create(&l->devices[DEVICE_SINK], ORACLE_BLOCKS * LAB_BLOCK_BYTES);
	l->devices[DEVICE_SINK].is_existence_stable = true;
	log_env_init(&l->env, &l->rng, l->devices);
	l->env.is_in_order = opt->is_in_order;
	l->env.has_slow_reads = opt->has_slow_reads;
	oracle_init(&l->oracle);
	watch_init(&l->watch, l);
	l->crash_at = 0;
	l->generation = 1;
	l->was_clean = l->has_log = l->has_failed = false;
	l->cut_seq = 0;
	l->is_rot_expected = l->has_met_rot = false;
	l->owner = 1;
	l->recoveries = 0;
	l->log = l->journal = NULL;
}

enum lab_end lab_await(struct lab *l, const bool *is_done)
{
	uint64_t limit = l->env.steps + STEPS_MAX;

	while (!*is_done) {
		if (l->has_failed)
			return LAB_FAILED;
		if (l->crash_at && l->env.steps >= l->crash_at)
			return LAB_CRASHED;
		if (l->env.steps >= limit || !log_env_step(&l->env)) {
			lab_fail(l, "hang: nothing more will happen, and something is awaited");
			return LAB_FAILED;
		}
	}
	return l->has_failed ? LAB_FAILED : LAB_DONE;
}

/* ---------------------------------------------------------------- open and close */

static void opened(void *ctx, const struct sluice_rlog_opened *how)
{
	struct lab *l = ctx;

	if (l->is_open_done)
		lab_fail(l, "open: answered twice");
	l->opened = *how;
	l->is_open_done = true;
}

static enum lab_end open_one(struct lab *l, enum log_env_device which, struct sluice_rlog **out)
{
	bool is_journal = which == DEVICE_JOURNAL;
	struct sluice_rlog_cfg cfg = {
	    .path = log_env_device_name(which),
	    .size_bytes = (uint64_t)LAB_BLOCK_BYTES *
			  (is_journal ? l->opt.journal_blocks : l->opt.log_blocks),
	    .block_bytes = LAB_BLOCK_BYTES,
	    .record_blocks = l->opt.record_blocks,
	    .reserve_blocks = l->opt.reserve_blocks,
	    .checkpoint_bytes = (uint64_t)l->opt.checkpoint_blocks * LAB_BLOCK_BYTES,
	    .owner_uuid = {l->owner, is_journal},
	    .generation = l->generation,
	    .may_create = is_journal || !l->has_log,
	    .seal = lab_seal_of(l, which),
	};
	struct sluice_error err = {0};

	l->is_open_done = false;
	*out = rlog_open_env(&l->env.env, &cfg, opened, l, &err);
	if (!*out) {
		l->opened = (struct sluice_rlog_opened){.result = -ENOMEM, .err = err};
		if (!memory_has_failed())
			lab_fail(l, "open: refused at once: %s", err.text);
		return l->has_failed ? LAB_FAILED : LAB_REFUSED;
	}
	if (l->is_open_done)
		lab_fail(l, "open: answered before it returned");
	return lab_await(l, &l->is_open_done);
}

static void replayed(struct sluice_rlog_destage *d)
{
	*(bool *)d->ctx = true;
}

static enum lab_end bring_journal_down(struct lab *l)
{
	static struct sluice_rlog_destage d; /* outlives a process that dies meanwhile */
	enum lab_end end = open_one(l, DEVICE_JOURNAL, &l->journal);

	if (end != LAB_DONE)
		return end;
	l->journal_opened = l->opened;
	if (l->opened.result)
		return LAB_REFUSED;
	l->is_done = false;
	d = (struct sluice_rlog_destage){
	    .max_bytes = UINT64_MAX, .fn = replayed, .ctx = &l->is_done};
	sluice_rlog_replay_journal(l->journal, &l->journal_sink, &d);
	end = lab_await(l, &l->is_done);
	if (end == LAB_DONE && d.result) {
		l->opened.result = d.result;
		return LAB_REFUSED;
	}
	return end;
}

void lab_begin_process(struct lab *l)
{
	log_env_begin(&l->env);
	sink_init(l);
	l->log = l->journal = NULL;
	l->is_done = l->is_open_done = false;
	l->opened = (struct sluice_rlog_opened){0};
	watch_process(&l->watch);
}

enum lab_end lab_boot_journal(struct lab *l)
{
	enum lab_end end;

	lab_begin_process(l);
	/* As the cache does: the datastore first, then its logs. */
	end = sink_flush(l);
	return end == LAB_DONE && l->opt.is_journaled ? bring_journal_down(l) : end;
}

enum lab_end lab_boot(struct lab *l)
{
	enum lab_end end = lab_boot_journal(l);

	l->sink.journal = l->journal;
	if (end == LAB_DONE)
		end = open_one(l, DEVICE_LOG, &l->log);
	if (end != LAB_DONE)
		return end;
	lab_say(l, "open: %s, %s, %llu dirty blocks",
		l->opened.result ? l->opened.err.text : "good", lab_found_name(l->opened.found),
		(unsigned long long)l->opened.dirty_blocks);
	return l->opened.result ? LAB_REFUSED : LAB_DONE;
}

const char *lab_found_name(enum sluice_rlog_found found)
{
	static const char *const names[] = {"new",     "clean",   "recovered", "missing",
					    "corrupt", "foreign", "unknown",   "i/o error"};

	return names[found];
}

static void closed(void *ctx)
{
	*(bool *)ctx = true;
}

static enum lab_end close_one(struct lab *l, struct sluice_rlog **log)
{
	enum lab_end end;

	if (!*log)
		return LAB_DONE;
	l->is_done = false;
	sluice_rlog_close(*log, closed, &l->is_done);
	if (l->is_done)
		lab_fail(l, "close: answered before it returned");
	end = lab_await(l, &l->is_done);
	if (end == LAB_DONE)
		*log = NULL;
	return end;
}

enum lab_end lab_close(struct lab *l)
{
	enum lab_end end = close_one(l, &l->log);

	return end == LAB_DONE ? close_one(l, &l->journal) : end;
}

/* ---------------------------------------------------------------- death */

static void forget_process(struct lab *l)
{
	if (MEMORY_IS_REAL && l->log)
		rlog_abandon(l->log);
	if (MEMORY_IS_REAL && l->journal)
		rlog_abandon(l->journal);
	l->log = l->journal = NULL;
	memory_off();
	watch_killed(&l->watch);
}

void lab_kill(struct lab *l)
{
	lab_say(l, "the process dies, %u operations are under way", l->env.flight_count);
	log_env_kill(&l->env);
	forget_process(l);
}

void lab_kill_exactly(struct lab *l, uint64_t mask)
{
	log_env_kill_exactly(&l->env, mask);
	forget_process(l);
}

void lab_power_cut(struct lab *l)
{
	lab_say(l, "the power goes");
	log_env_power_cut(&l->env);
	watch_killed(&l->watch);
}
