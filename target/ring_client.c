/* SPDX-License-Identifier: GPL-2.0-only */
#include "ring_client.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mutate.h"
#include "ring_client_int.h"

#define CHUNK_ENTRIES 128u

uint64_t ring_client_memory_bytes(uint32_t slot_count, uint64_t arena_bytes)
{
	struct ring_header h = {0};

	ring_layout(&h, slot_count, arena_bytes);
	return h.total_bytes;
}

static bool geometry_is_valid(uint32_t slot_count, uint64_t arena_bytes)
{
	return slot_count >= RING_SLOTS_MIN && slot_count <= RING_SLOTS_MAX &&
	       (slot_count & (slot_count - 1)) == 0 && arena_bytes > 0 &&
	       arena_bytes <= RING_ARENA_MAX && arena_bytes % RING_PAGE_BYTES == 0;
}

static bool add_chunk(struct ring_client *c)
{
	struct ring_entry_chunk *chunk =
	    calloc(1, sizeof(*chunk) + CHUNK_ENTRIES * sizeof(chunk->entries[0]));

	if (!chunk)
		return false;
	chunk->next = c->chunks;
	c->chunks = chunk;
	for (uint32_t i = 0; i < CHUNK_ENTRIES; i++)
		list_push_back(&c->spare, &chunk->entries[i].node);
	return true;
}

static bool alloc_tables(struct ring_client *c)
{
	uint32_t n = c->h.slot_count;

	c->of_slot = calloc(n, sizeof(*c->of_slot));
	c->unit_of_slot = calloc(n, sizeof(*c->unit_of_slot));
	c->free_slots = calloc(n, sizeof(*c->free_slots));
	c->last_cookie = calloc(n, sizeof(*c->last_cookie));
	if (!c->of_slot || !c->unit_of_slot || !c->free_slots || !c->last_cookie)
		return false;
	for (uint32_t i = 0; i < n; i++)
		c->free_slots[i] = n - 1 - i; /* slot 0 on top */
	c->free_slot_count = n;
	return add_chunk(c);
}

static void map_memory(struct ring_client *c, void *base)
{
	c->base = base;
	c->control = (struct ring_control *)(c->base + c->h.control_off);
	c->slots = (struct ring_slot *)(c->base + c->h.slots_off);
	c->sq = (_Atomic uint32_t *)(c->base + c->h.sq_off);
	c->cq = (const _Atomic uint32_t *)(c->base + c->h.cq_off);
	memcpy(base, &c->h, sizeof(c->h));
	atomic_store_explicit(&c->control->cq_need_kick, 1, memory_order_relaxed);
}

static void free_parts(struct ring_client *c)
{
	struct ring_entry_chunk *next;

	for (struct ring_entry_chunk *chunk = c->chunks; chunk; chunk = next) {
		next = chunk->next;
		free(chunk);
	}
	free(c->of_slot);
	free(c->unit_of_slot);
	free(c->free_slots);
	free(c->last_cookie);
	arena_fini(&c->arena);
	free(c);
}

struct ring_client *ring_client_new(const struct ring_client_host *host, void *ctx, void *base,
				    uint32_t slot_count, uint64_t arena_bytes, uint64_t generation)
{
	struct ring_client *c;

	assert((uintptr_t)base % 64 == 0);
	if (!geometry_is_valid(slot_count, arena_bytes))
		return NULL;
	c = calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	c->host = host;
	c->ctx = ctx;
	c->h.magic = RING_MAGIC;
	c->h.abi = RING_ABI;
	c->h.generation = generation;
	ring_layout(&c->h, slot_count, arena_bytes);
	list_init(&c->waiting);
	list_init(&c->active);
	list_init(&c->finished);
	list_init(&c->spare);
	if (arena_init(&c->arena, arena_bytes) || !alloc_tables(c)) {
		free_parts(c);
		return NULL;
	}
	map_memory(c, base);
	return c;
}

void ring_client_free(struct ring_client *c)
{
	if (!c)
		return;
	assert(c->stats.in_flight == 0);
	free_parts(c);
}

/* ------------------------------------------------------------------ slots */

static void fill_request(struct ring_request *q, const struct ring_entry *e, uint32_t unit)
{
	uint32_t most = e->cmd.out_bytes > e->cmd.in_bytes ? e->cmd.out_bytes : e->cmd.in_bytes;

	q->cmd_seq = e->cmd_seq;
	q->nexus_id = e->cmd.nexus_id;
	q->data_off = unit == ARENA_NONE ? 0 : (uint64_t)unit * ARENA_UNIT_BYTES;
	q->data_bytes = (most + ARENA_UNIT_BYTES - 1) / ARENA_UNIT_BYTES * ARENA_UNIT_BYTES;
	q->out_bytes = e->cmd.out_bytes;
	q->in_bytes = e->cmd.in_bytes;
	q->cdb_bytes = (uint16_t)e->cmd.cdb_bytes;
	q->flags = 0;
	memcpy(q->cdb, e->cdb, sizeof(q->cdb));
}

/* Gives the entry a slot and, if it has data, a part of the arena. False: not now. */
static bool place(struct ring_client *c, struct ring_entry *e)
{
	uint32_t most = e->cmd.out_bytes > e->cmd.in_bytes ? e->cmd.out_bytes : e->cmd.in_bytes;
	uint32_t unit = ARENA_NONE, slot;
	struct ring_slot *s;

	if (c->free_slot_count == 0)
		return false;
	if (most > 0) {
		unit = arena_alloc(&c->arena, most);
		if (unit == ARENA_NONE)
			return false;
	}
	slot = c->free_slots[--c->free_slot_count];
	s = &c->slots[slot];
	e->slot = slot;
	e->is_seen_done = false;
	c->of_slot[slot] = e;
	c->unit_of_slot[slot] = unit;
	c->stats.in_slots++;
	fill_request(&s->req, e, unit);
	if (e->cmd.out_bytes > 0)
		memcpy(c->base + c->h.arena_off + (uint64_t)unit * ARENA_UNIT_BYTES,
		       e->cmd.out_data, e->cmd.out_bytes);
	atomic_store_explicit(&s->abort, 0, memory_order_relaxed);
	/* Release: pairs with the server's claim; request and data are visible with the state. */
	atomic_store_explicit(&s->state, RING_WORD(RING_SUBMITTED, 0), memory_order_release);
	atomic_store_explicit(&c->sq[c->sq_tail & (c->h.slot_count - 1)], slot,
			      memory_order_relaxed);
	c->sq_tail++;
	atomic_store_explicit(&c->control->sq_tail, c->sq_tail, memory_order_release);
	c->has_news = true;
	return true;
}

void ring_client_place_waiting(struct ring_client *c)
{
	while (!list_is_empty(&c->waiting)) {
		struct ring_entry *e = list_entry(c->waiting.next, struct ring_entry, node);

		if (!place(c, e))
			break;
		list_del(&e->node);
		list_push_back(&c->active, &e->node);
	}
}

void ring_client_release_slot(struct ring_client *c, struct ring_entry *e)
{
	uint32_t slot = e->slot;

	assert(c->of_slot[slot] == e);
	atomic_store_explicit(&c->slots[slot].state, RING_WORD(RING_FREE, 0), memory_order_release);
	c->of_slot[slot] = NULL;
	c->last_cookie[slot] = e->cmd.cookie;
	if (c->unit_of_slot[slot] != ARENA_NONE)
		arena_free(&c->arena, c->unit_of_slot[slot]);
	c->free_slots[c->free_slot_count++] = slot;
	c->stats.in_slots--;
	e->slot = ENTRY_NO_SLOT;
}

/* ------------------------------------------------------------------ submit */

static bool is_acceptable(const struct ring_client *c, const struct ring_client_cmd *cmd)
{
	uint32_t most = cmd->out_bytes > cmd->in_bytes ? cmd->out_bytes : cmd->in_bytes;

	return cmd->cdb_bytes >= 6 && cmd->cdb_bytes <= RING_CDB_BYTES &&
	       most <= RING_TRANSFER_MAX && (most == 0 || arena_fits(&c->arena, most));
}

int ring_client_submit(struct ring_client *c, const struct ring_client_cmd *cmd, uint64_t now_ns)
{
	struct ring_entry *e;

	if (!is_acceptable(c, cmd))
		return -EMSGSIZE;
	if (list_is_empty(&c->spare) && !add_chunk(c))
		return -ENOMEM;
	e = list_entry(list_pop_front(&c->spare), struct ring_entry, node);
	e->cmd = *cmd;
	memset(e->cdb, 0, sizeof(e->cdb));
	memcpy(e->cdb, cmd->cdb, cmd->cdb_bytes);
	e->cmd.cdb = e->cdb;
	e->cmd_seq = ++c->next_seq;
	e->deadline_ns = now_ns + RING_CLIENT_DEADLINE_NS;
	e->slot = ENTRY_NO_SLOT;
	e->is_aborted = false;
	list_push_back(&c->waiting, &e->node);
	c->stats.submitted++;
	c->stats.in_flight++;
	ring_client_place_waiting(c);
	if (e->slot == ENTRY_NO_SLOT)
		c->stats.queued++;
	return 0;
}

void ring_client_flush(struct ring_client *c)
{
	if (!c->has_news)
		return;
	c->has_news = false;
	/* I7: sq_tail must be visible before sq_need_kick is read. Release and acquire do not order
	 * a store before a later load, not even on x86. Pairs with the server's fence before it
	 * sleeps. */
	atomic_thread_fence(memory_order_seq_cst);
	if (atomic_load_explicit(&c->control->sq_need_kick, memory_order_relaxed) == 0)
		return;
	if (MUTATE(RING_LOSE_KICK))
		return;
	c->stats.kicks++;
	c->host->kick(c->ctx);
}

uint32_t ring_client_in_flight(const struct ring_client *c)
{
	return c->stats.in_flight;
}

struct ring_client_stats ring_client_stats(const struct ring_client *c)
{
	return c->stats;
}
