/* SPDX-License-Identifier: MIT */
#include "tgtd.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "fault.h"
#include "run.h"

#define RECONNECT_NS (100 * MS)

static void turn(void *ctx, uint64_t arg);
static void submit_now(void *ctx, uint64_t arg);
static void tick(void *ctx, uint64_t arg);
static void connect_now(void *ctx, uint64_t arg);

/* ---------------------------------------------------------------- the load */

/* is_stuck: nothing could be sent; look again, but without hurry, as a stalled datastore takes
 * seconds. A command that ends makes it sooner. */
static void submit_later(struct tgtd *t, bool is_stuck)
{
	struct world *w = t->w;
	uint64_t delay_ns =
	    is_stuck ? world_delay(w, MS / 2, 4 * MS) : world_delay(w, US, w->opt.think_us * US);

	if (w->run->phase != RUN_LOAD || w->run->sent >= w->opt.command_count)
		return;
	if (t->submit_at_ns && t->submit_at_ns <= w->now_ns + delay_ns)
		return;
	t->submit_at_ns = w->now_ns + delay_ns;
	world_after(w, delay_ns, &t->life, submit_now, t, t->submit_at_ns);
}

static void complete(void *ctx, void *cookie, const struct ring_client_result *r)
{
	struct tgtd *t = ctx;
	struct command *c = cookie;

	if (!c->is_busy)
		world_fail(t->w, "RING-1: command #%llu was completed twice",
			   (unsigned long long)c->number);
	workload_ended(t->w, c, r);
	c->is_busy = false;
	t->w->run->ended++;
	run_command_ended(t->w, t->w->now_ns - c->sent_ns);
	submit_later(t, false);
}

static void kick(void *ctx)
{
	struct tgtd *t = ctx;

	host_kick(t->w->host);
}

static const struct ring_client_host client_host = {.complete = complete, .kick = kick};

static struct command *free_command(struct tgtd *t)
{
	for (uint32_t i = 0; i < t->w->opt.queue_depth && i < TGTD_COMMANDS_MAX; i++)
		if (!t->commands[i].is_busy)
			return &t->commands[i];
	return NULL;
}

static void flush_now(void *ctx, uint64_t arg)
{
	struct tgtd *t = ctx;

	t->is_flush_due = false;
	ring_client_flush(t->client);
}

static void ensure_tick(struct tgtd *t)
{
	if (t->is_tick_due || ring_client_in_flight(t->client) == 0)
		return;
	t->is_tick_due = true;
	world_after(t->w, RING_CLIENT_TICK_NS, &t->life, tick, t, 0);
}

static void send(struct tgtd *t, struct command *c)
{
	struct ring_client_cmd cmd = {
	    .cookie = c,
	    .nexus_id = 1 + t->index,
	    .cdb = c->cdb,
	    .cdb_bytes = c->cdb_bytes,
	    .out_data = c->out,
	    .out_bytes = c->out_bytes,
	    .in_data = c->in,
	    .in_bytes = c->in_bytes,
	};
	struct world *w = t->w;

	c->is_busy = true;
	c->sent_ns = w->now_ns;
	c->number = ++w->run->sent;
	world_trace(w, "tgtd %u: #%llu %s lba %u blocks %u", t->index,
		    (unsigned long long)c->number, workload_op_name(c->op), c->lba, c->blocks);
	if (ring_client_submit(t->client, &cmd, w->now_ns))
		world_fail(w, "the ring client refuses a command");
	if (!t->is_flush_due) {
		t->is_flush_due = true;
		world_after(w, world_delay(w, 50, 2 * US), &t->life, flush_now, t, 0);
	}
	ensure_tick(t);
}

static void maybe_abort(struct tgtd *t)
{
	struct command *c = &t->commands[rng_below(&t->w->rng, TGTD_COMMANDS_MAX)];

	if (!c->is_busy || c->is_abort_sent || !rng_pct(&t->w->rng, t->w->opt.abort_pct))
		return;
	c->is_abort_sent = true;
	world_trace(t->w, "tgtd %u: abort #%llu", t->index, (unsigned long long)c->number);
	ring_client_abort(t->client, c, t->w->now_ns);
}

static void submit_now(void *ctx, uint64_t arg)
{
	struct tgtd *t = ctx;
	struct world *w = t->w;
	uint64_t burst = rng_range(&w->rng, 1, 3);
	bool is_stuck = true;

	if (t->submit_at_ns != arg)
		return; /* it was made sooner */
	t->submit_at_ns = 0;
	if (w->opt.abort_pct)
		maybe_abort(t);
	while (burst-- > 0 && w->run->phase == RUN_LOAD && w->run->sent < w->opt.command_count) {
		struct command *c = free_command(t);

		if (!c || !workload_draw(w, c, t->generation))
			break;
		send(t, c);
		is_stuck = false;
	}
	submit_later(t, is_stuck);
}

bool tgtd_read(struct tgtd *t, uint32_t lba, uint32_t blocks)
{
	struct command *c = free_command(t);

	if (!c)
		return false;
	workload_read(t->w, c, lba, blocks);
	send(t, c);
	return true;
}

uint32_t tgtd_in_flight(const struct tgtd *t)
{
	return ring_client_in_flight(t->client);
}

void tgtd_check_stats(struct tgtd *t)
{
	struct ring_client_stats s = ring_client_stats(t->client);

	if (s.rescues && !t->w->run->may_rescue)
		world_fail(t->w,
			   "I8: the client's rescan found %llu completions that no doorbell told",
			   (unsigned long long)s.rescues);
}

/* ---------------------------------------------------------------- the loop */

static void turn(void *ctx, uint64_t arg)
{
	struct tgtd *t = ctx;

	while (ring_client_poll(t->client, t->w->now_ns))
		;
	ensure_tick(t);
}

static void tick(void *ctx, uint64_t arg)
{
	struct tgtd *t = ctx;

	t->is_tick_due = false;
	ring_client_tick(t->client, t->w->now_ns);
	ensure_tick(t);
}

/* ---------------------------------------------------------------- the connection */

static void connect_now(void *ctx, uint64_t arg)
{
	struct tgtd *t = ctx;

	assert(!t->conn);
	t->conn = host_connect(t->w->host, t);
}

void tgtd_welcomed(void *conn, uint64_t arg)
{
	struct conn *c = conn;
	struct tgtd *t = c->tgtd;

	if (t->conn != c)
		return;
	t->is_attached = true;
	ring_client_attached(t->client, t->w->now_ns);
	ensure_tick(t);
	if (host_is_child(t->w->host, c->owner))
		fault_serving(t->w->fault);
}

static void lose(struct conn *c)
{
	struct tgtd *t = c->tgtd;

	if (t->conn != c)
		return;
	t->conn = NULL;
	t->is_attached = false;
	ring_client_detached(t->client, t->w->now_ns);
	ensure_tick(t);
	world_after(t->w, RECONNECT_NS, &t->life, connect_now, t, 0);
}

void tgtd_refused(void *conn, uint64_t arg)
{
	lose(conn);
}

void tgtd_hung_up(void *conn, uint64_t arg)
{
	struct conn *c = conn;

	world_trace(c->tgtd->w, "tgtd %u: HUP", c->tgtd->index);
	lose(conn);
}

/* ---------------------------------------------------------------- life */

static uint64_t next_generation(struct world *w)
{
	return ++w->run->generations;
}

struct tgtd *tgtd_start(struct world *w, uint32_t index)
{
	struct tgtd *t = calloc(1, sizeof(*t));
	uint64_t arena_bytes = (uint64_t)w->opt.arena_pages * RING_PAGE_BYTES;

	t->w = w;
	t->index = index;
	t->generation = next_generation(w);
	t->size_bytes = ring_client_memory_bytes(w->opt.slot_count, arena_bytes);
	t->base = aligned_alloc(RING_PAGE_BYTES, t->size_bytes);
	memset(t->base, 0, t->size_bytes);
	t->client = ring_client_new(&client_host, t, t->base, w->opt.slot_count, arena_bytes,
				    t->generation);
	assert(t->client);
	t->wake = (struct env_bell){.w = w, .life = &t->life, .rung = turn, .ctx = t};
	w->tgtds[index] = t;
	world_trace(w, "tgtd %u: generation %llu", index, (unsigned long long)t->generation);
	connect_now(t, 0);
	t->submit_at_ns = w->now_ns + world_delay(w, 1, 3 * MS);
	world_after(w, t->submit_at_ns - w->now_ns, &t->life, submit_now, t, t->submit_at_ns);
	return t;
}

static void restart(void *ctx, uint64_t index)
{
	tgtd_start(ctx, (uint32_t)index);
}

/* The commands go where nobody waits for them; what they did or will do is the oracle's business.
 */
static void orphan(struct tgtd *t)
{
	t->life.is_over = true;
	tgtd_check_stats(t);
	for (uint32_t i = 0; i < TGTD_COMMANDS_MAX; i++)
		if (t->commands[i].is_busy) {
			t->w->run->ended++;
			if (t->commands[i].oracle)
				run_add_orphan(t->w, t->index, t->commands[i].oracle);
		}
}

void tgtd_kill(struct tgtd *t, uint64_t restart_ns)
{
	struct world *w = t->w;

	world_trace(w, "tgtd %u: killed", t->index);
	orphan(t);
	if (t->conn)
		host_client_gone(w->host, t->conn);
	world_after(w, restart_ns, NULL, restart, w, t->index);
}

void tgtd_power_cut(struct tgtd *t)
{
	orphan(t);
	world_after(t->w, 200 * MS, NULL, restart, t->w, t->index);
}
