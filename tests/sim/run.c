/* SPDX-License-Identifier: MIT */
#include "run.h"

#include <assert.h>
#include <string.h>

#include "sim_disk.h"
#include "fault.h"
#include "host.h"
#include "tgtd.h"
#include "workload.h"

/* The slowest command there can be: unclaimed until the deadline, then a stall, then a hang
 * (fault.c). */
#define COMMAND_MAX_NS (40 * S)
#define SETTLE_MAX_NS  (60 * S)
#define EVENTS_MAX     3000000ull

void run_command_ended(struct world *w, uint64_t took_ns)
{
	w->run->last_end_ns = w->now_ns;
	if (took_ns > COMMAND_MAX_NS)
		world_fail(w, "a command took %llu ms", (unsigned long long)(took_ns / MS));
}

void run_add_orphan(struct world *w, uint32_t index, struct oracle_op *op)
{
	struct run *r = w->run;

	assert(r->orphan_count[index] < RUN_ORPHANS_MAX);
	r->orphans[index][r->orphan_count[index]++] = op;
}

void run_end_orphans(struct world *w, uint32_t index)
{
	struct run *r = w->run;

	for (uint32_t i = 0; i < r->orphan_count[index]; i++)
		oracle_unknown(w->oracle, r->orphans[index][i]);
	r->orphan_count[index] = 0;
}

static uint32_t in_flight(struct world *w)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < w->opt.tgtd_count; i++)
		count += w->tgtds[i]->life.is_over ? 1 : tgtd_in_flight(w->tgtds[i]);
	return count;
}

static void enter(struct world *w, enum run_phase phase)
{
	static const char *const names[] = {"load", "settle", "verify", "over"};

	w->run->phase = phase;
	w->run->phase_began_ns = w->now_ns;
	world_trace(w, "run: %s", names[phase]);
}

static void verify(struct world *w)
{
	struct run *r = w->run;
	struct tgtd *t = w->tgtds[0];

	while (r->verify_lba < w->opt.block_count) {
		uint32_t blocks = w->opt.block_count - r->verify_lba;

		if (blocks > WORKLOAD_BLOCKS_MAX)
			blocks = WORKLOAD_BLOCKS_MAX;
		if (!tgtd_read(t, r->verify_lba, blocks))
			return;
		r->verify_lba += blocks;
	}
	if (in_flight(w) == 0)
		enter(w, RUN_OVER);
}

/* What the phases wait for. */
static void advance(struct world *w)
{
	struct run *r = w->run;

	switch (r->phase) {
	case RUN_LOAD:
		if (r->sent < w->opt.command_count || in_flight(w) > 0)
			break;
		fault_stop(w->fault);
		enter(w, RUN_SETTLE);
		break;
	case RUN_SETTLE:
		if (in_flight(w) == 0 && fault_is_over(w->fault) && host_is_serving(w->host))
			enter(w, RUN_VERIFY);
		break;
	case RUN_VERIFY:
		verify(w);
		break;
	case RUN_OVER:
		break;
	}
	if (r->phase != RUN_LOAD && w->now_ns - r->phase_began_ns > SETTLE_MAX_NS)
		world_fail(w, "the faults are over, and after %llu s it has not converged",
			   (unsigned long long)(SETTLE_MAX_NS / S));
	if (r->phase == RUN_LOAD && w->now_ns > r->last_end_ns + SETTLE_MAX_NS)
		world_fail(w, "no command has ended for %llu s",
			   (unsigned long long)(SETTLE_MAX_NS / S));
}

static void play(struct world *w)
{
	w->disk = sim_disk_new(w);
	w->oracle = oracle_new(w);
	w->fault = fault_new(w);
	w->host = host_new(w);
	host_begin(w->host);
	for (uint32_t i = 0; i < w->opt.tgtd_count; i++)
		tgtd_start(w, i);
	while (w->run->phase != RUN_OVER) {
		if (!world_step(w))
			world_fail(w, "nothing will ever happen any more");
		if (w->events > EVENTS_MAX)
			world_fail(w, "%llu events, and no end", (unsigned long long)w->events);
		fault_step(w->fault);
		advance(w);
	}
	for (uint32_t i = 0; i < w->opt.tgtd_count; i++)
		tgtd_check_stats(w->tgtds[i]);
}

void run_seed(uint64_t seed, bool is_traced, struct run_result *out)
{
	struct run run = {0};
	struct world w = {0};

	memset(out, 0, sizeof(*out));
	w.seed = seed;
	w.is_traced = is_traced;
	w.run = &run;
	rng_seed(&w.rng, seed);
	options_from_rng(&w.opt, &w.rng);
	timer_heap_init(&w.heap);
	out->opt = w.opt;
	if (setjmp(w.out) == 0)
		play(&w);
	out->has_failed = w.has_failed;
	out->has_given_up = w.has_given_up;
	memcpy(out->failure, w.failure, sizeof(out->failure));
	out->events = w.events;
	out->virtual_ns = w.now_ns;
	out->commands = run.sent;
}
