/* SPDX-License-Identifier: MIT */
#include "ring_fixture.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static void count_bell(struct env *e, struct env_bell *b)
{
	struct fixture *f = (struct fixture *)e;

	assert((void *)b == (void *)f);
	f->bells++;
}

static const struct env_ops ops = {.bell_ring = count_bell};

void fixture_init(struct fixture *f, uint32_t slot_count, uint64_t arena_bytes)
{
	memset(f, 0, sizeof(*f));
	f->env.ops = &ops;
	ring_layout(&f->h, slot_count, arena_bytes);
	f->h.magic = RING_MAGIC;
	f->h.abi = RING_ABI;
	f->h.generation = 1;
	f->base = aligned_alloc(RING_PAGE_BYTES, f->h.total_bytes);
	assert(f->base);
	memset(f->base, 0, f->h.total_bytes);
	memcpy(f->base, &f->h, sizeof(f->h));
}

void fixture_fini(struct fixture *f)
{
	if (f->has_server)
		fixture_kill(f);
	free(f->base);
}

void fixture_serve(struct fixture *f, uint64_t incarnation)
{
	struct err err = {0};
	int rc = ring_server_init(&f->server, &f->env, f->base, f->h.total_bytes,
				  (struct env_bell *)f, incarnation, &err);

	assert(rc == 0);
	f->has_server = true;
}

void fixture_kill(struct fixture *f)
{
	f->server.in_flight = 0;
	ring_server_fini(&f->server);
	f->has_server = false;
}

void fixture_take(void *ctx, const struct ring_cmd *cmd)
{
	struct fixture *f = ctx;

	assert(f->taken_count < FIXTURE_TAKEN_MAX);
	f->taken[f->taken_count++] = *cmd;
	if (f->is_answered_at_once)
		fixture_answer(f, cmd->slot, 0);
}

void fixture_answer(struct fixture *f, uint32_t slot, uint8_t status)
{
	struct ring_response rsp = {.status = status};

	ring_server_done(&f->server, slot, &rsp);
}

struct ring_slot *client_slot(struct fixture *f, uint32_t slot)
{
	return (struct ring_slot *)(f->base + f->h.slots_off) + slot;
}

unsigned client_state(struct fixture *f, uint32_t slot)
{
	return RING_WORD_STATE(atomic_load(&client_slot(f, slot)->state));
}

void client_fill(struct fixture *f, uint32_t slot, uint64_t cmd_seq)
{
	struct ring_slot *s = client_slot(f, slot);

	memset(&s->req, 0, sizeof(s->req));
	s->req.cmd_seq = cmd_seq;
	s->req.nexus_id = 7;
	s->req.cdb_bytes = 6;
	s->req.cdb[1] = (uint8_t)cmd_seq;
	atomic_store(&s->state, RING_WORD(RING_SUBMITTED, 0));
}

void client_hint(struct fixture *f, uint32_t slot)
{
	struct ring_control *c = (struct ring_control *)(f->base + f->h.control_off);
	_Atomic uint32_t *sq = (_Atomic uint32_t *)(f->base + f->h.sq_off);
	uint32_t tail = atomic_load(&c->sq_tail);

	atomic_store(&sq[tail & (f->h.slot_count - 1)], slot);
	atomic_store(&c->sq_tail, tail + 1);
}

void client_submit(struct fixture *f, uint32_t slot, uint64_t cmd_seq)
{
	client_fill(f, slot, cmd_seq);
	client_hint(f, slot);
}

bool client_cancel(struct fixture *f, uint32_t slot)
{
	uint64_t word = RING_WORD(RING_SUBMITTED, 0);

	return atomic_compare_exchange_strong(&client_slot(f, slot)->state, &word,
					      RING_WORD(RING_CANCELLED, 0));
}
