/* SPDX-License-Identifier: MIT */
#include "client_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void on_complete(void *ctx, void *cookie, const struct ring_client_result *result)
{
	struct fix *f = ctx;
	struct fix_command *c = cookie;

	c->ends++;
	c->result = *result;
	f->order[f->order_count++] = (unsigned)(c - f->commands);
	if (f->submit_on_complete >= 0) {
		unsigned id = (unsigned)f->submit_on_complete;

		f->submit_on_complete = -1;
		fix_submit(f, id, 0, 512);
		assert_int_equal(f->commands[id].ends, 0);
	}
	if (c - f->commands + 1 < f->chain_until)
		fix_submit(f, (unsigned)(c - f->commands) + 1, 0, 512);
}

static void on_kick(void *ctx)
{
	struct fix *f = ctx;

	f->kicks++;
	for (uint32_t slot = 0; f->answers_at_once && slot < FIX_SLOTS; slot++)
		if (fix_claim(f, slot, 1)) {
			fix_done(f, slot, 512);
			fix_hint(f, slot);
		}
}

static bool on_wants_abort(void *ctx, void *cookie)
{
	struct fix *f = ctx;

	return f->abort_wanted[(struct fix_command *)cookie - f->commands];
}

static const struct ring_client_host host = {on_complete, on_kick, on_wants_abort};

int fix_setup(void **state)
{
	struct fix *f = calloc(1, sizeof(*f));
	uint64_t bytes = ring_client_memory_bytes(FIX_SLOTS, FIX_ARENA_BYTES);

	assert_non_null(f);
	f->base = aligned_alloc(RING_PAGE_BYTES, bytes);
	assert_non_null(f->base);
	memset(f->base, 0, bytes);
	f->client = ring_client_new(&host, f, f->base, FIX_SLOTS, FIX_ARENA_BYTES, 7);
	assert_non_null(f->client);
	memcpy(&f->h, f->base, sizeof(f->h));
	assert_int_equal(f->h.total_bytes, bytes);
	f->control = (void *)((uint8_t *)f->base + f->h.control_off);
	f->slots = (void *)((uint8_t *)f->base + f->h.slots_off);
	f->sq = (void *)((uint8_t *)f->base + f->h.sq_off);
	f->cq = (void *)((uint8_t *)f->base + f->h.cq_off);
	f->now_ns = FIX_S;
	f->submit_on_complete = -1;
	ring_client_attached(f->client, f->now_ns);
	f->kicks = 0;
	*state = f;
	return 0;
}

int fix_teardown(void **state)
{
	struct fix *f = *state;

	/* Whatever the test left: the server dies, and 6 s later everything has an end. */
	ring_client_detached(f->client, f->now_ns);
	fix_run(f, RING_CLIENT_DEADLINE_NS + RING_CLIENT_TICK_NS);
	assert_int_equal(ring_client_in_flight(f->client), 0);
	for (unsigned i = 0; i < FIX_COMMANDS; i++)
		assert_true(f->commands[i].ends <= 1);
	ring_client_free(f->client);
	free(f->base);
	free(f);
	return 0;
}

void fix_submit(struct fix *f, unsigned id, uint32_t out_bytes, uint32_t in_bytes)
{
	struct fix_command *c = &f->commands[id];
	uint8_t cdb[16] = {0x28, 0, (uint8_t)id};
	struct ring_client_cmd cmd = {
	    .cookie = c,
	    .nexus_id = 100 + id,
	    .cdb = cdb,
	    .cdb_bytes = sizeof(cdb),
	    .out_data = c->out,
	    .out_bytes = out_bytes,
	    .in_data = c->in,
	    .in_bytes = in_bytes,
	};

	assert_true(out_bytes <= sizeof(c->out) && in_bytes <= sizeof(c->in));
	memset(c->out, (int)id, sizeof(c->out));
	assert_int_equal(ring_client_submit(f->client, &cmd, f->now_ns), 0);
	ring_client_flush(f->client);
}

uint32_t fix_slot(struct fix *f, unsigned id)
{
	for (uint32_t i = 0; i < FIX_SLOTS; i++)
		if (fix_state(f, i) != RING_FREE && f->slots[i].req.cdb[2] == id)
			return i;
	fail_msg("command %u has no slot", id);
	return 0;
}

unsigned fix_state(struct fix *f, uint32_t slot)
{
	return RING_WORD_STATE(atomic_load(&f->slots[slot].state));
}

bool fix_claim(struct fix *f, uint32_t slot, uint64_t incarnation)
{
	uint64_t word = RING_WORD(RING_SUBMITTED, 0);

	return atomic_compare_exchange_strong(&f->slots[slot].state, &word,
					      RING_WORD(RING_CLAIMED, incarnation));
}

void fix_done(struct fix *f, uint32_t slot, uint32_t in_bytes)
{
	struct ring_slot *s = &f->slots[slot];

	memset(&s->rsp, 0, sizeof(s->rsp));
	s->rsp.in_bytes = in_bytes;
	s->rsp.out_used_bytes = s->req.out_bytes;
	if (in_bytes > 0 && in_bytes <= s->req.data_bytes)
		memset((uint8_t *)f->base + f->h.arena_off + s->req.data_off, s->req.cdb[2] ^ 0xff,
		       in_bytes);
	atomic_store(&s->state, RING_WORD(RING_DONE, 1));
}

void fix_hint(struct fix *f, uint32_t index)
{
	atomic_store(&f->cq[f->cq_tail & (FIX_SLOTS - 1)], index);
	f->cq_tail++;
	atomic_store(&f->control->cq_tail, f->cq_tail);
}

void fix_answer(struct fix *f, unsigned id, uint32_t in_bytes)
{
	uint32_t slot = fix_slot(f, id);

	assert_true(fix_claim(f, slot, 1));
	fix_done(f, slot, in_bytes);
	fix_hint(f, slot);
}

void fix_run(struct fix *f, uint64_t ns)
{
	uint64_t end = f->now_ns + ns;

	while (f->now_ns < end) {
		f->now_ns += RING_CLIENT_TICK_NS;
		ring_client_tick(f->client, f->now_ns);
	}
}

unsigned fix_ends(const struct fix *f, unsigned id)
{
	return f->commands[id].ends;
}
