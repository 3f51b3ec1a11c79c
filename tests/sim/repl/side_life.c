// SPDX-License-Identifier: MIT
/* side_life.c - a node's process: start, death, stop in peace; and looking at it from outside. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "memory.h"
#include "world.h"

static void started(void *ctx, int result, const struct sluice_error *err)
{
	struct node *n = ctx;

	if (result)
		world_fail(n->w, "node %d does not start: %d %s", n->id, result,
			   err ? err->text : "");
	n->is_started = true;
	oracle_started(n->w, n->id);
	world_say(n->w, "node %d has started as %s", n->id,
		  node_state_name((enum repl_node_state)group_node(n->group)->record.state));
}

static void fill_host(struct node *n, struct repl_host *h)
{
	const struct world *w = n->w;

	memset(h, 0, sizeof(*h));
	h->ops = side_host_ops();
	h->ctx = n;
	memset(h->own_uuid, n->id + 1, 16);
	memset(h->peer_uuid, 2 - n->id, 16);
	memset(h->group_uuid, 7, 16);
	h->member_count = MEMBERS;
	h->block_bytes = w->block_bytes;
	for (uint32_t i = 0; i < MEMBERS; i++)
		h->member_size_bytes[i] = n->volumes[i].file.size_bytes;
	h->file_bytes = n->file.file.size_bytes;
	h->is_durable = w->is_durable;
	h->has_witness = w->has_witness;
}

static void fill_cfg(const struct node *n, struct repl_group_cfg *c)
{
	const struct world *w = n->w;

	memset(c, 0, sizeof(*c));
	c->node.mode = w->is_sync ? REPL_MODE_SYNC : REPL_MODE_ASYNC;
	c->node.holds_when_peer_is_lost = w->holds;
	c->node.has_witness = w->has_witness;
	c->node.lease_ns = 10000 * MS;
	c->node.margin_ns = 1000 * MS;
	c->initial_state = n->id == 0 ? REPL_PRIMARY_ALONE : REPL_SECONDARY_SYNCING;
	c->journal_bytes = w->journal_bytes;
	c->stage_bytes = w->stage_bytes;
	c->rpo_target_ms = w->seed % 2 ? 1000 : 5000; /* how long windows rest */
	c->rpo_warning_ms = 5000;
	c->rpo_error_ms = 30000;
	c->backpressure_max_ms = 100;
	c->mark_ms = 200;
	c->comp = w->seed % 3 == 0 ? REPL_COMP_LZ4 : REPL_COMP_NONE;
}

void side_start(struct node *n)
{
	struct repl_group_cfg cfg;
	struct repl_host host;

	assert(!n->is_up);
	n->life++;
	n->is_up = true;
	n->is_started = n->is_serving = n->is_refusing = n->is_commanding = false;
	n->is_promoted = false;
	n->has_word = n->record_count == 0; /* nobody else has ever had it */
	n->clock_offset_ns = rng_below(&n->w->rng, 1000000) * MS;
	n->slow = 1;
	n->failing = 0;
	n->must_restart = false;
	n->stalled_until_ns = 0;
	memset(n->buf_count, 0, sizeof(n->buf_count));
	side_env_init(n);
	fill_host(n, &host);
	fill_cfg(n, &cfg);
	world_say(n->w, "node %d starts, life %u", n->id, n->life);
	world_inside(true);
	timer_heap_init(&n->timers);
	n->group = group_create(&host, &cfg);
	assert(n->group);
	group_start(n->group, started, n);
	world_inside(false);
	link_unblocked(n->w);
}

static void gone(struct node *n)
{
	n->is_up = n->is_started = n->is_serving = false;
	n->group = NULL;
	n->life++;
	link_node_died(n->w, n->id);
	clients_node_died(n->w, n->id);
	oracle_serves_no_more(n->w, n->id);
}

void side_die(struct node *n, bool is_power_cut)
{
	if (!n->is_up)
		return;
	world_say(n->w, "node %d %s", n->id, is_power_cut ? "loses power" : "is killed");
	disk_crash(n, is_power_cut);
	gone(n);
}

static void stopped_at_last(struct world *w, struct event *e)
{
	struct node *n = &w->nodes[e->node];

	world_say(w, "node %d has stopped", n->id);
	disk_crash(n, false);
	gone(n);
}

/* Not in the callback: the group is still on the way out of it. */
static void stopped(void *ctx)
{
	struct node *n = ctx;

	event_add(n->w, n->id, 0, stopped_at_last);
}

void side_stop(struct node *n)
{
	if (!n->is_up || !n->is_started)
		return;
	world_say(n->w, "node %d is to stop", n->id);
	n->is_started = false;
	world_inside(true);
	group_refuse(n->group, SLUICE_ERR_NOT_READY);
	group_stop(n->group, stopped, n);
	world_inside(false);
}

const struct repl_node *side_machine(const struct node *n)
{
	return n->group ? group_node(n->group) : NULL;
}

bool side_may_answer(const struct node *n)
{
	const struct repl_node *m = side_machine(n);

	return m && n->is_serving && m->is_serving && side_now_ns(n) < node_serve_until_ns(m);
}

bool side_is_stalled(const struct node *n)
{
	return n->w->now_ns < n->stalled_until_ns;
}

/* The value in every word, or all ones where it is of two minds. */
static uint64_t value_in(const uint64_t *words, uint32_t len_bytes)
{
	for (uint32_t i = 1; i < len_bytes / 8; i++)
		if (words[i] != words[0])
			return UINT64_MAX;
	return words[0];
}

uint64_t side_value(const struct node *n, uint32_t block)
{
	const struct block *b = &n->w->blocks[block];
	uint64_t words[PAGE_BYTES / 8];

	if (b->offset_bytes >= n->volumes[b->member].file.size_bytes)
		return 0; /* it has not grown yet */
	disk_read_now(&n->volumes[b->member], b->offset_bytes, words, b->len_bytes);
	return value_in(words, b->len_bytes);
}

uint32_t side_values(const struct node *n, uint32_t block, uint64_t *values, uint32_t max)
{
	const struct block *b = &n->w->blocks[block];
	const uint8_t *pages[HISTORY_MAX];
	uint64_t words[PAGE_BYTES / 8];
	uint32_t count;

	if (b->offset_bytes >= n->volumes[b->member].file.size_bytes) {
		values[0] = 0;
		return 1;
	}
	count = disk_versions(&n->volumes[b->member], (uint32_t)(b->offset_bytes / PAGE_BYTES),
			      pages, max < HISTORY_MAX ? max : HISTORY_MAX);
	for (uint32_t i = 0; i < count; i++) {
		memset(words, 0, sizeof(words));
		if (pages[i])
			memcpy(words, pages[i] + b->offset_bytes % PAGE_BYTES, b->len_bytes);
		values[i] = value_in(words, b->len_bytes);
	}
	return count;
}
