// SPDX-License-Identifier: MIT
/* side.c - a node's process: start, death, stop in peace; and looking at it from outside. */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "memory.h"
#include "world.h"

#define MAX_IOS 64u

uint64_t side_now_ns(const struct node *n)
{
	return n->w->now_ns + n->clock_offset_ns;
}

bool side_is_stalled(const struct node *n)
{
	return n->w->now_ns < n->stalled_until_ns;
}

bool side_serves(const struct node *n)
{
	return n->is_up && n->state == NODE_OPEN && n->ready == SLUICE_OK && !side_is_stalled(n);
}

int side_filter_index(const struct node *n, const char *name)
{
	uint32_t count = n->chain ? chain_filter_count(n->chain) : 0;

	for (uint32_t i = 0; i < count; i++) {
		struct chain_filter_info info;

		chain_filter_info(n->chain, i, &info);
		if (strcmp(info.ops->name, name) == 0)
			return (int)i;
	}
	return -1;
}

bool side_status_has(struct node *n, const char *filter, const char *text)
{
	static char json[32768];
	int i = side_filter_index(n, filter);

	if (i < 0)
		return false;
	world_inside(true);
	(void)chain_filter_status(n->chain, (uint32_t)i, json, sizeof(json));
	world_inside(false);
	return strstr(json, text) != NULL;
}

/* ---------------------------------------------------------------- death */

static void gone(struct node *n)
{
	n->is_up = false;
	n->state = NODE_DOWN;
	n->chain = NULL;
	n->groups = NULL;
	n->backend = NULL;
	n->life++;
	if (n->key_fd >= 0)
		close(n->key_fd);
	n->key_fd = -1;
	n->is_commanding = n->is_keying = n->is_changing = n->is_forcing = false;
	link_node_died(n->w, n->id);
	clients_node_died(n->w, n->id);
}

void side_die(struct node *n, bool is_power_cut)
{
	if (!n->is_up)
		return;
	world_say(n->w, "node %d %s", n->id, is_power_cut ? "loses power" : "is killed");
	sdisk_crash(n, is_power_cut);
	if (is_power_cut) {
		n->key_count = 0;
		oracle_power_cut(n->w);
	}
	gone(n);
}

/* ---------------------------------------------------------------- start */

static void start_again(struct world *w, struct event *e)
{
	struct node *n = &w->nodes[e->a];

	if (n->is_up && n->life == e->b)
		side_die(n, false);
	if (!n->is_up && !n->w->is_ending)
		side_start(n);
}

static void open_failed(struct node *n, const char *what, const struct err *err)
{
	struct event *e;

	world_say(n->w, "node %d does not come up: %s: %s", n->id, what, err ? err->text : "");
	n->has_failed = true;
	e = event_add(n->w, -1, 2000 * MS, start_again);
	e->a = (uint64_t)n->id;
	e->b = n->life;
}

static void tend(struct world *w, struct event *e)
{
	struct node *n = &w->nodes[e->node];

	event_add(w, n->id, rng_range(&w->rng, 200, 700) * MS, tend);
	if (n->state != NODE_OPEN)
		return;
	operator_keys(n);
	if (n->plan.size_bytes < w->size_bytes && operator_may_grow(n))
		side_grow(n);
}

static void opened(void *ctx, int result, const struct err *err)
{
	struct node *n = ctx;

	if (result) {
		open_failed(n, "start", err);
		return;
	}
	chain_release(n->chain);
	chain_hold_changes(n->chain);
	n->state = NODE_OPEN;
	n->has_failed = false;
	world_say(n->w, "node %d is open", n->id);
	event_add(n->w, n->id, MS, tend);
}

static void attach_next(void *ctx, int result, const struct err *err)
{
	static const struct sluice_event start = {.kind = SLUICE_EVENT_START};
	struct node *n = ctx;

	if (result)
		open_failed(n, "a filter", err);
	else if (!filters_attach_next(n, attach_next, n))
		chain_event(n->chain, &start, opened, n);
}

static int open_backend(struct node *n, struct err *err)
{
	const struct world *w = n->w;
	char path[PATH_MAX_BYTES];
	struct backend_cfg cfg = {.path = path,
				  .size_bytes = n->plan.size_bytes,
				  .block_bytes = w->block_bytes,
				  .write_cache =
				      w->is_durable ? WRITE_CACHE_DURABLE : WRITE_CACHE_VOLATILE};
	int rc;

	file_path(n, "volume.img", path, sizeof(path));
	if (!sdisk_find(n, path)) {
		rc = backend_dir.create(&n->env, &cfg, false, err);
		if (rc)
			return rc;
	}
	return backend_dir.open(&n->env, &cfg, &n->backend, err);
}

static int set_group(struct node *n, struct err *err)
{
	static const char *const names[] = {"flash_path", "flash_bytes"};
	const char *values[] = {n->values[0], "268435456"};
	struct groups_cfg cfg = {.env = &n->env, .datastore = "ds", .ctx = n};
	int rc = groups_create(&cfg, &n->groups, err);

	if (rc)
		return rc;
	file_path(n, "", n->values[0], sizeof(n->values[0]));
	rc = groups_prepare(n->groups, filters_ops(F_CACHE), names, values, 2, err);
	if (rc == 0)
		groups_commit(n->groups, filters_ops(F_CACHE));
	return rc;
}

static void open_volume(struct node *n)
{
	const struct world *w = n->w;
	struct err err = {0};
	struct chain_cfg cfg = {.env = &n->env,
				.volume = "vol",
				.is_durable = w->is_durable,
				.block_bytes = w->block_bytes,
				.max_ios = MAX_IOS,
				.host = &n->host};

	memset(cfg.uuid, 9, sizeof(cfg.uuid)); /* the same on both: it is one volume */
	n->attached = 0;
	if (set_group(n, &err) < 0 || open_backend(n, &err) < 0) {
		open_failed(n, "the datastore", &err);
		return;
	}
	cfg.groups = n->groups;
	cfg.backend = n->backend;
	if (chain_create(&cfg, &n->chain, &err) < 0)
		open_failed(n, "the chain", &err);
	else
		chain_drain(n->chain, attach_next, n);
}

void side_start(struct node *n)
{
	assert(!n->is_up);
	n->life++;
	n->is_up = true;
	n->state = NODE_OPENING;
	n->ready = SLUICE_OK;
	n->clock_offset_ns = rng_below(&n->w->rng, 1000000) * MS;
	n->slow = 1;
	n->failing = 0;
	n->must_restart = false;
	n->stalled_until_ns = 0;
	n->key_fd = -1;
	host_begin(n);
	world_say(n->w, "node %d starts, life %u", n->id, n->life);
	world_inside(true);
	env_begin(n);
	open_volume(n);
	world_inside(false);
}

/* ---------------------------------------------------------------- stop in peace */

static void left_at_last(struct world *w, struct event *e)
{
	struct node *n = &w->nodes[e->node];

	chain_destroy(n->chain);
	n->chain = NULL;
	n->backend->ops->close(n->backend);
	groups_free(n->groups);
	for (uint32_t i = 0; i < DISKS_MAX; i++)
		if (n->disks[i].exists && n->disks[i].is_open)
			world_fail(w, "node %d has stopped, and %s is open", n->id,
				   n->disks[i].path);
	if (n->flight_count)
		world_fail(w, "node %d has stopped, and %u I/Os are under way", n->id,
			   n->flight_count);
	world_say(w, "node %d has stopped", n->id);
	gone(n);
}

static void left(void *ctx)
{
	struct node *n = ctx;

	event_add(n->w, n->id, 0, left_at_last);
}

static void stop_now(struct world *w, struct event *e)
{
	struct node *n = &w->nodes[e->node];

	chain_detach_all(n->chain);
	chain_when_left(n->chain, left, n);
}

static void drained(void *ctx, int result, const struct err *err)
{
	struct node *n = ctx;

	if (result) {
		world_say(n->w, "node %d is not drained: %s", n->id, err->text);
		chain_drain(n->chain, drained, n);
		return;
	}
	event_add(n->w, n->id, 0, stop_now);
}

static void stopped(void *ctx, int result, const struct err *err)
{
	struct node *n = ctx;

	(void)result, (void)err;
	chain_drain(n->chain, drained, n);
}

void side_stop(struct node *n)
{
	static const struct sluice_event stop = {.kind = SLUICE_EVENT_STOP};

	/* Volumes are closed when what an administrator changes has ended. */
	if (!n->is_up || n->state != NODE_OPEN || n->is_changing)
		return;
	world_say(n->w, "node %d is to stop", n->id);
	n->state = NODE_STOPPING;
	world_inside(true);
	chain_event(n->chain, &stop, stopped, n);
	world_inside(false);
}
