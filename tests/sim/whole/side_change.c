// SPDX-License-Identifier: MIT
/*
 * side_change.c - what an administrator changes of a volume under I/O: filters come, go and get
 * other values; it grows; a point in time is taken; it is flushed.
 */
#include <string.h>

#include "world.h"

/* I/O is held until the plan has the change: a crash before that brings the old filters back. */
static void plan_noted(struct world *w, struct event *e)
{
	struct node *n = &w->nodes[e->node];

	n->plan = n->next_plan;
	n->is_changing = false;
	chain_release(n->chain);
}

static void changed(void *ctx, int result, const struct err *err)
{
	struct node *n = ctx;

	world_say(n->w, "node %d: the change ended with %d %s", n->id, result,
		  result ? err->text : "");
	if (result)
		n->is_changing = false;
	else
		event_add(n->w, n->id, rng_below(&n->w->rng, 5000) * 1000, plan_noted);
}

static bool begin(struct node *n)
{
	if (n->state != NODE_OPEN || n->is_changing || side_is_stalled(n))
		return false;
	n->is_changing = true;
	n->next_plan = n->plan;
	return true;
}

static void change(struct node *n, enum filter_id id, bool is_there, bool goes)
{
	struct chain_filter_cfg cfg;

	n->next_plan.has[id] = !goes;
	world_say(n->w, "node %d: %s %s", n->id, filters_ops(id)->name,
		  goes       ? "goes"
		  : is_there ? "changes"
			     : "comes");
	filters_cfg(n, id, &n->next_plan, &cfg);
	world_inside(true);
	if (goes)
		chain_detach(n->chain, filters_ops(id)->name, changed, n);
	else if (is_there)
		chain_reconfigure(n->chain, &cfg, changed, n);
	else
		chain_attach(n->chain, &cfg, changed, n);
	world_inside(false);
}

void side_change_cache(struct node *n)
{
	bool is_there = n->plan.has[F_CACHE];

	if (!begin(n))
		return;
	n->next_plan.cache_mode = (uint32_t)rng_below(&n->w->rng, 4);
	change(n, F_CACHE, is_there, is_there && chance(n->w, 40));
}

void side_change_io_control(struct node *n)
{
	bool is_there = n->plan.has[F_IO_CONTROL];

	if (!begin(n))
		return;
	n->w->limit_iops = chance(n->w, 40) ? 0 : (uint32_t)rng_range(&n->w->rng, 50, 2000);
	change(n, F_IO_CONTROL, is_there, is_there && chance(n->w, 50));
}

/* ---------------------------------------------------------------- growth */

static void grown(void *ctx, int result, const struct err *err)
{
	struct node *n = ctx;

	n->is_changing = false;
	world_say(n->w, "node %d: growing ended with %d %s", n->id, result,
		  result ? err->text : "");
	if (result == 0)
		n->plan.size_bytes = n->w->size_bytes;
}

void side_grow(struct node *n)
{
	if (!begin(n))
		return;
	world_inside(true);
	chain_grow(n->chain, n->w->size_bytes, grown, n);
	world_inside(false);
}

/* ---------------------------------------------------------------- points, flushes */

static void point_prepared(void *ctx)
{
	struct node *n = ctx;

	chain_point_hold(n->chain);
}

/* Everything that was acknowledged is on the datastore, and the caches say so. */
static void point_held(void *ctx)
{
	struct node *n = ctx;
	struct sluice_figures f = {0};

	chain_figures(n->chain, &f);
	if (f.dirty_bytes && n->plan.has[F_CACHE])
		world_fail(n->w, "node %d: at a point in time %llu bytes are dirty", n->id,
			   (unsigned long long)f.dirty_bytes);
	if (!n->w->has[F_ENCRYPTION] && n->w->nodes_used == 1)
		oracle_image(n->w, n);
	n->w->points++;
	chain_point_end(n->chain, 0, NULL);
}

static void point_ended(void *ctx, int result, const struct err *err)
{
	struct node *n = ctx;

	n->is_changing = false;
	world_say(n->w, "node %d: the point ended with %d %s", n->id, result,
		  result ? err->text : "");
}

void side_point(struct node *n)
{
	static const struct chain_point_host host = {point_prepared, point_held, point_ended};
	static const struct sluice_event ev = {.kind = SLUICE_EVENT_SNAPSHOT,
					       .name = "s1",
					       .uuid = "10111213-1415-1617-1819-1a1b1c1d1e1f"};

	if (!begin(n))
		return;
	world_inside(true);
	chain_point_begin(n->chain, &ev, &host, n);
	world_inside(false);
}

static void flushed(void *ctx, int result, const struct err *err)
{
	struct node *n = ctx;

	n->is_changing = false;
	world_say(n->w, "node %d: the flush ended with %d %s", n->id, result,
		  result ? err->text : "");
}

void side_flush(struct node *n)
{
	static const struct sluice_event ev = {.kind = SLUICE_EVENT_FLUSH};

	if (!begin(n))
		return;
	world_inside(true);
	chain_event(n->chain, &ev, flushed, n);
	world_inside(false);
}
