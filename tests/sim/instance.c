/* SPDX-License-Identifier: MIT */
#include "instance.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backend.h"
#include "chain.h"
#include "fault.h"
#include "instance_int.h"
#include "run.h"
#include "serve.h"
#include "tgtd.h"

#define RESCAN_NS       (100 * MS)
#define MAX_RING_BUDGET 32u
#define RINGS_WAIT_NS   (1 * S) /* VOLUME_RINGS_WAIT_MS */

/* ---------------------------------------------------------------- rings */

static void ring_broken(struct serve_ring *r, void *ctx, const char *text)
{
	struct conn *c = ctx;

	world_fail(c->tgtd->w, "RING-5: an honest client's ring is broken: %s", text);
}

static void ring_drained(struct serve_ring *r, void *ctx)
{
	struct conn *c = ctx;

	world_trace(c->tgtd->w, "host: ring of generation %llu is drained",
		    (unsigned long long)c->tgtd->generation);
	serve_ring_close(r);
	c->ring = NULL;
	list_del(&c->node);
}

static void drop_gone_clients(struct instance *i)
{
	struct list_node *n, *tmp;

	list_for_each_safe (n, tmp, &i->conns) {
		struct conn *c = list_entry(n, struct conn, node);

		if (!c->is_client_gone || c->is_draining)
			continue;
		c->is_draining = true;
		serve_ring_drain(c->ring, ring_drained, c);
	}
}

static void refuse(struct instance *i, struct conn *c, const char *text)
{
	world_trace(i->w, "host: refuses tgtd %u: %s", c->tgtd->index, text);
	world_after(i->w, world_delay(i->w, 100, 20 * US), &c->tgtd->life, tgtd_refused, c, 0);
}

static void recover(struct instance *i)
{
	i->is_recovered = true;
	i->expected.count = 0;
	env_timer_cancel(&i->env.env, &i->rings_timer);
	serve_recover(i->serve);
}

static void rings_waited(struct env_timer *t)
{
	struct instance *i = t->ctx;

	world_trace(i->w, "host: not all rings have come back");
	recover(i);
}

static bool has_ring(const struct instance *i, uint64_t generation)
{
	const struct list_node *n;

	list_for_each (n, &i->conns) {
		const struct conn *c = list_entry(n, struct conn, node);

		if (!c->is_client_gone && c->tgtd->generation == generation)
			return true;
	}
	return false;
}

static bool are_all_back(const struct instance *i)
{
	for (uint32_t k = 0; k < i->expected.count; k++)
		if (!has_ring(i, i->expected.generations[k]))
			return false;
	return true;
}

struct rings instance_rings(const struct instance *i)
{
	struct rings rings = {.count = 0};
	const struct list_node *n;

	if (!i->is_recovered)
		return i->expected; /* it has executed nothing */
	list_for_each (n, &i->conns) {
		const struct conn *c = list_entry(n, struct conn, node);

		if (!c->is_client_gone)
			rings.generations[rings.count++] = c->tgtd->generation;
	}
	return rings;
}

static void open_ring(struct instance *i, struct conn *c)
{
	struct serve_ring_cfg cfg = {
	    .base = c->tgtd->base,
	    .size_bytes = c->tgtd->size_bytes,
	    .wake = &c->tgtd->wake,
	    .incarnation = i->incarnation,
	    .broken = ring_broken,
	    .ctx = c,
	};
	struct err err = {0};

	/* Accepted: from here on nothing of an earlier generation may take effect (I9). */
	run_end_orphans(i->w, c->tgtd->index);
	list_push_back(&i->conns, &c->node);
	c->owner = i;
	if (serve_ring_prepare(i->serve, &cfg, &c->ring, &err))
		world_fail(i->w, "a ring is refused: %s", err.text);
	if (are_all_back(i))
		recover(i);
	else if (!env_timer_is_set(&i->rings_timer))
		env_timer_set(&i->env.env, &i->rings_timer, i->w->now_ns + RINGS_WAIT_NS);
	world_trace(i->w, "host: incarnation %llu serves generation %llu",
		    (unsigned long long)i->incarnation, (unsigned long long)c->tgtd->generation);
	world_after(i->w, world_delay(i->w, 100, 20 * US), &c->tgtd->life, tgtd_welcomed, c, 0);
}

static void accept_clients(struct instance *i)
{
	struct list_node *n;
	struct err err = {0};

	while ((n = list_pop_front(i->backlog))) {
		struct conn *c = list_entry(n, struct conn, node);

		if (serve_admit(i->serve, i->w->opt.tgtd_count > 1, &err))
			refuse(i, c, err.text);
		else
			open_ring(i, c);
	}
}

/* ---------------------------------------------------------------- the loop */

/* I7: who sleeps and was not rung has nothing to do. */
static void check_wake(struct instance *i, struct conn *c, uint32_t taken, bool was_kicked)
{
	if (taken && i->has_declared_sleep && !was_kicked && !c->tgtd->is_flush_due &&
	    !c->tgtd->life.is_over)
		world_fail(i->w, "I7: %u commands waited for a server that slept and was not rung",
			   taken);
}

static void poll_rings(struct instance *i, bool was_kicked)
{
	struct list_node *n, *tmp;

	list_for_each_safe (n, tmp, &i->conns) {
		struct conn *c = list_entry(n, struct conn, node);
		uint32_t taken =
		    serve_ring_poll(c->ring, (uint32_t)rng_range(&i->w->rng, 1, MAX_RING_BUDGET));

		check_wake(i, c, taken, was_kicked);
	}
}

static void turn(void *ctx)
{
	struct instance *i = ctx;
	bool was_kicked = i->is_kicked;
	struct list_node *n;

	i->beats++;
	i->is_kicked = false;
	list_for_each (n, &i->conns)
		serve_ring_awake(list_entry(n, struct conn, node)->ring);
	if (i->serve) {
		drop_gone_clients(i);
		poll_rings(i, was_kicked);
		accept_clients(i);
	}
	list_for_each (n, &i->conns)
		serve_ring_kick(list_entry(n, struct conn, node)->ring);
	i->has_declared_sleep = false;
}

static bool before_sleep(void *ctx)
{
	struct instance *i = ctx;
	struct list_node *n;

	if (i->serve && !list_is_empty(i->backlog))
		return true;
	list_for_each (n, &i->conns) {
		struct conn *c = list_entry(n, struct conn, node);

		if ((c->is_client_gone && !c->is_draining) || serve_ring_before_sleep(c->ring))
			return true;
	}
	i->has_declared_sleep = true;
	return false;
}

static void rescan(struct env_timer *t)
{
	struct instance *i = t->ctx;
	struct list_node *n;

	list_for_each (n, &i->conns)
		if (serve_ring_rescan(list_entry(n, struct conn, node)->ring))
			world_fail(
			    i->w,
			    "I8: the server's rescan found a command that the queue did not name");
	env_timer_set(&i->env.env, t, i->w->now_ns + RESCAN_NS);
}

/* ---------------------------------------------------------------- life */

static void kick_arrived(void *ctx, uint64_t arg)
{
	instance_wake(ctx);
}

void instance_kick(struct instance *i)
{
	i->is_kicked = true;
	world_after(i->w, world_delay(i->w, 200, 10 * US), &i->life, kick_arrived, i, 0);
}

void instance_wake(struct instance *i)
{
	env_sim_wake(&i->env);
}

void instance_pause(struct instance *i, bool is_paused)
{
	world_trace(i->w, "host: incarnation %llu %s", (unsigned long long)i->incarnation,
		    is_paused ? "stands still" : "goes on");
	env_sim_pause(&i->env, is_paused);
}

static void quiet(struct disk_user *u)
{
	struct env_sim *e = (struct env_sim *)((char *)u - offsetof(struct env_sim, disk_user));
	struct instance *i = e->ctx;

	host_child_quiet(i->w, i);
}

struct instance *instance_start(struct world *w, struct list_node *backlog, uint64_t incarnation,
				bool is_first, const struct rings *expected)
{
	struct instance *i = calloc(1, sizeof(*i));

	i->w = w;
	i->backlog = backlog;
	i->incarnation = incarnation;
	i->is_first = is_first;
	i->expected = *expected;
	i->rings_timer = (struct env_timer){.fn = rings_waited, .ctx = i};
	list_init(&i->conns);
	env_sim_init(&i->env, w, &i->life);
	i->env.turn = turn;
	i->env.before_sleep = before_sleep;
	i->env.ctx = i;
	i->env.disk_user.quiet = quiet;
	i->rescan = (struct env_timer){.fn = rescan, .ctx = i};
	env_timer_set(&i->env.env, &i->rescan, w->now_ns + RESCAN_NS);
	instance_boot(i);
	env_sim_wake(&i->env);
	return i;
}

void instance_kill(struct instance *i)
{
	i->life.is_over = true;
	sim_disk_user_killed(i->w->disk, &i->env.disk_user);
}

static void died(void *ctx)
{
	struct instance *i = ctx;

	i->died(i->died_ctx);
}

void instance_doom(struct instance *i, uint32_t calls, void (*fn)(void *ctx), void *ctx)
{
	i->died = fn;
	i->died_ctx = ctx;
	i->env.died = died;
	i->env.dies_in = calls;
}

void instance_power_cut(struct instance *i)
{
	i->life.is_over = true;
}

uint64_t instance_beats(const struct instance *i)
{
	return i->beats;
}

bool instance_is_serving(const struct instance *i)
{
	return i->serve != NULL;
}

bool instance_is_failed(const struct instance *i)
{
	return i->backend && i->backend->is_failed;
}

struct list_node *instance_conns(struct instance *i)
{
	return &i->conns;
}
