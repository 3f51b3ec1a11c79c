/* SPDX-License-Identifier: MIT */
#include "fault.h"

#include <stdlib.h>

#include "sim_disk.h"
#include "host.h"
#include "oracle.h"
#include "run.h"
#include "tgtd.h"

/* The ladder of DESIGN 4, plus the client's reconnect period and the way to its next turn. */
#define KILLED_MAX_NS (1 * S)
#define HUNG_MAX_NS   (5 * S)

struct fault {
	struct world *w;
	uint32_t next; /* in opt.faults */
	uint64_t next_at_event;
	uint64_t ends_ns; /* of the one that lasts; 0 = none */
	enum fault_kind lasting;
	bool is_waiting;      /* for filterd to serve again */
	uint64_t serve_by_ns; /* 0: no promise */
	bool may_fail_io;
	bool is_stopped;
	bool may_overlap; /* the next one comes on top of the last */
};

static void draw_next(struct fault *f)
{
	struct world *w = f->w;
	/* About 30 events a command: the faults spread over the load. */
	uint64_t span = (uint64_t)w->opt.command_count * 40 / (w->opt.fault_count + 1u);

	f->next_at_event = w->events + rng_range(&w->rng, 1, span);
	f->may_overlap = rng_pct(&w->rng, 25);
}

struct fault *fault_new(struct world *w)
{
	struct fault *f = calloc(1, sizeof(*f));

	f->w = w;
	draw_next(f);
	return f;
}

bool fault_may_fail_io(const struct fault *f)
{
	return f->may_fail_io;
}

static bool are_all_attached(struct world *w)
{
	for (uint32_t i = 0; i < w->opt.tgtd_count; i++)
		if (w->tgtds[i]->life.is_over || !w->tgtds[i]->is_attached)
			return false;
	return true;
}

static void promise(struct fault *f, uint64_t within_ns)
{
	/* A fault within a fault, or on a datastore that does not answer: nothing was promised. */
	bool is_promised = !f->is_waiting && !f->ends_ns && !host_has_backoff(f->w->host) &&
			   are_all_attached(f->w);

	f->serve_by_ns = is_promised ? f->w->now_ns + within_ns : 0;
	f->is_waiting = true;
}

void fault_serving(struct fault *f)
{
	if (f->serve_by_ns && f->w->now_ns > f->serve_by_ns)
		world_fail(f->w, "the ladder: filterd serves again %llu ms after it should",
			   (unsigned long long)((f->w->now_ns - f->serve_by_ns) / MS));
	f->is_waiting = false;
	f->serve_by_ns = 0;
}

static struct tgtd *any_tgtd(struct world *w)
{
	return w->tgtds[rng_below(&w->rng, w->opt.tgtd_count)];
}

static void kill_tgtd(struct fault *f)
{
	struct world *w = f->w;
	struct tgtd *t = any_tgtd(w);

	if (t->life.is_over)
		return;
	f->serve_by_ns = 0;
	f->is_waiting = true;
	tgtd_kill(t, world_delay(w, MS, 200 * MS));
}

static void cut_power(struct fault *f)
{
	struct world *w = f->w;

	world_trace(w, "fault: power cut");
	f->ends_ns = 0;
	f->serve_by_ns = 0;
	f->is_waiting = true;
	sim_disk_stall(w->disk, 0);
	sim_disk_set_errors(w->disk, 0);
	for (uint32_t i = 0; i < w->opt.tgtd_count; i++)
		if (!w->tgtds[i]->life.is_over)
			tgtd_power_cut(w->tgtds[i]);
	host_power_cut(w->host);
	sim_disk_power_cut(w->disk);
	oracle_power_cut(w->oracle);
	w->run->orphan_count[0] = w->run->orphan_count[1] = 0;
}

static void nothing(void *ctx, uint64_t arg) {}

static void last(struct fault *f, enum fault_kind kind, uint64_t for_ns)
{
	f->lasting = kind;
	f->ends_ns = f->w->now_ns + for_ns;
	f->serve_by_ns = 0;
	world_after(f->w, for_ns, NULL, nothing, NULL, 0); /* fault_step() looks after each event */
}

static void doomed_died(void *ctx)
{
	struct fault *f = ctx;

	f->is_waiting = false;
	promise(f, KILLED_MAX_NS);
	host_kill(f->w->host, 0);
}

/* Half of the kills strike between two events, the others in the middle of one. */
static void kill_filterd(struct fault *f)
{
	struct world *w = f->w;

	if (rng_pct(&w->rng, 50) && host_is_serving(w->host)) {
		f->is_waiting = true;
		f->serve_by_ns = 0;
		host_doom(w->host, (uint32_t)rng_range(&w->rng, 1, 60), doomed_died, f);
		return;
	}
	promise(f, KILLED_MAX_NS);
	host_kill(w->host, 0);
}

static void strike(struct fault *f, enum fault_kind kind)
{
	struct world *w = f->w;
	uint64_t long_ns = world_delay(w, 2 * S, 9 * S);

	world_trace(w, "fault: %s", fault_name(kind));
	switch (kind) {
	case FAULT_KILL:
		kill_filterd(f);
		break;
	case FAULT_KILL_LONG:
		promise(f, UINT64_MAX / 2);
		host_kill(w->host, long_ns);
		break;
	case FAULT_HANG:
		promise(f, HUNG_MAX_NS);
		host_pause(w->host, true);
		break;
	case FAULT_PAUSE:
		host_pause(w->host, true);
		last(f, kind, world_delay(w, 10 * US, 500 * MS));
		break;
	case FAULT_BOTH_KILL:
		kill_tgtd(f);
		host_kill(w->host, 0);
		break;
	case FAULT_TGTD_KILL:
		kill_tgtd(f);
		break;
	case FAULT_POWER_CUT:
		cut_power(f);
		break;
	case FAULT_STALL:
		last(f, kind, rng_pct(&w->rng, 50) ? long_ns : long_ns / 100);
		sim_disk_stall(w->disk, f->ends_ns);
		break;
	default:
		f->may_fail_io = true;
		sim_disk_set_errors(w->disk, w->opt.error_pct);
		last(f, kind, world_delay(w, 100 * US, 20 * MS));
		break;
	}
}

/* A failed flush is fail-stop until the volume is opened anew: what an administrator does. */
static void reopen_failed(struct fault *f)
{
	if (!host_is_failed(f->w->host))
		return;
	world_trace(f->w, "fault: filterd is started anew, its volume has failed");
	f->serve_by_ns = 0;
	f->is_waiting = true;
	host_kill(f->w->host, 0);
}

static void end_lasting(struct fault *f)
{
	world_trace(f->w, "fault: end of %s", fault_name(f->lasting));
	f->ends_ns = 0;
	if (f->lasting == FAULT_PAUSE && !f->is_waiting) /* not one that hangs by now */
		host_pause(f->w->host, false);
	if (f->lasting == FAULT_IO_ERRORS) {
		sim_disk_set_errors(f->w->disk, 0);
		reopen_failed(f);
	}
}

static bool is_lasting(enum fault_kind kind)
{
	return kind == FAULT_PAUSE || kind == FAULT_STALL || kind == FAULT_IO_ERRORS;
}

void fault_step(struct fault *f)
{
	struct world *w = f->w;
	enum fault_kind kind;

	if (f->ends_ns && w->now_ns >= f->ends_ns)
		end_lasting(f);
	if (f->is_stopped) {
		/* The last I/O errors may have come after the end of their fault. */
		if (!f->ends_ns && !f->is_waiting)
			reopen_failed(f);
		return;
	}
	if (f->next >= w->opt.fault_count || w->events < f->next_at_event ||
	    w->run->phase != RUN_LOAD)
		return;
	kind = (enum fault_kind)w->opt.faults[f->next];
	if (is_lasting(kind) ? f->ends_ns != 0 || f->is_waiting
			     : (f->is_waiting || f->ends_ns) && !f->may_overlap)
		return;
	f->next++;
	strike(f, kind);
	draw_next(f);
}

void fault_stop(struct fault *f)
{
	f->is_stopped = true;
}

bool fault_is_over(const struct fault *f)
{
	return !f->ends_ns && !f->is_waiting;
}
