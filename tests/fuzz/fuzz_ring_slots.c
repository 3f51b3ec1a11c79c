/* SPDX-License-Identifier: MIT */
/*
 * A hostile client of the ring (RING-5): any bytes anywhere in the shared memory, at any time
 * between the server's calls. Whatever is taken must be a command that fits, of a slot that is
 * free, and once the ring is broken nothing is taken any more.
 *
 * fuzz-units: ring_server common
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "ring_server.h"

#define SLOTS       8u
#define ARENA_BYTES (4ull * RING_PAGE_BYTES)

struct input {
	const uint8_t *at;
	size_t left;
};

struct rig {
	struct env env;
	uint8_t *base;
	struct ring_header h;
	struct ring_server server;
	bool has_server, was_broken;
	uint64_t incarnation, next_seq;
	bool is_taken[SLOTS];
	uint32_t taken_count;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ring_bell(struct env *e, struct env_bell *b) {}

static const struct env_ops ops = {.bell_ring = ring_bell};

static uint8_t byte(struct input *in)
{
	if (in->left == 0)
		return 0;
	in->left--;
	return *in->at++;
}

static uint32_t number(struct input *in)
{
	uint32_t low = byte(in);

	return low | (uint32_t)byte(in) << 8;
}

static void take(void *ctx, const struct ring_cmd *cmd)
{
	struct rig *r = ctx;
	uint8_t *data = cmd->data;

	assert(!r->was_broken);
	assert(cmd->slot < SLOTS && !r->is_taken[cmd->slot]);
	assert(cmd->cdb_bytes >= 6 && cmd->cdb_bytes <= RING_CDB_BYTES);
	assert(cmd->out_bytes <= cmd->data_bytes && cmd->in_bytes <= cmd->data_bytes);
	assert(data >= r->base + r->h.arena_off && data <= r->base + r->h.total_bytes);
	assert(cmd->data_bytes <= (size_t)(r->base + r->h.total_bytes - data));
	if (cmd->data_bytes) {
		data[0] ^= 1;
		data[cmd->data_bytes - 1] ^= 1;
	}
	r->is_taken[cmd->slot] = true;
	r->taken_count++;
}

static void stop(struct rig *r)
{
	if (!r->has_server)
		return;
	r->server.in_flight = 0; /* as a kill */
	ring_server_fini(&r->server);
	r->has_server = false;
	memset(r->is_taken, 0, sizeof(r->is_taken));
	r->taken_count = 0;
}

static void start(struct rig *r)
{
	stop(r);
	if (ring_server_init(&r->server, &r->env, r->base, r->h.total_bytes, (struct env_bell *)r,
			     ++r->incarnation, NULL))
		return;
	r->has_server = true;
	r->was_broken = false;
	ring_server_recover(&r->server, take, r);
}

static void scribble(struct rig *r, struct input *in)
{
	uint32_t at = (uint32_t)(number(in) % r->h.arena_off), count = byte(in);

	while (count-- > 0 && at < r->h.arena_off)
		r->base[at++] = byte(in);
}

/* What an honest client would do, so that the dishonest one gets somewhere. */
static void submit(struct rig *r, struct input *in)
{
	uint32_t slot = byte(in) % SLOTS;
	struct ring_slot *s = (struct ring_slot *)(r->base + r->h.slots_off) + slot;
	struct ring_control *c = (struct ring_control *)(r->base + r->h.control_off);
	uint32_t *sq = (uint32_t *)(r->base + r->h.sq_off);

	if (RING_WORD_STATE(s->state) == RING_CLAIMED)
		return;
	memset(&s->req, 0, sizeof(s->req));
	s->req.cmd_seq = ++r->next_seq;
	s->req.cdb_bytes = 16;
	s->req.data_off = (uint64_t)(byte(in) % 5) * RING_PAGE_BYTES;
	s->req.data_bytes = number(in);
	s->req.in_bytes = s->req.data_bytes / 2;
	s->state = RING_WORD(RING_SUBMITTED, 0);
	sq[c->sq_tail % SLOTS] = slot;
	c->sq_tail++;
}

static void on_taken(struct rig *r, struct input *in)
{
	struct ring_response rsp = {.status = byte(in)};
	uint32_t slot = byte(in) % SLOTS;

	if (!r->is_taken[slot])
		return;
	switch (byte(in) % 4) {
	case 0:
		ring_server_compared(&r->server, slot);
		break;
	case 1:
		ring_server_progress(&r->server, slot, number(in));
		break;
	default:
		ring_server_done(&r->server, slot, &rsp);
		r->is_taken[slot] = false;
		r->taken_count--;
		break;
	}
}

static void serve(struct rig *r, struct input *in)
{
	r->was_broken = r->server.is_broken;
	switch (byte(in) % 5) {
	case 0:
		ring_server_poll(&r->server, byte(in), take, r);
		break;
	case 1:
		ring_server_rescan(&r->server, take, r);
		break;
	case 2:
		ring_server_kick(&r->server);
		break;
	case 3:
		if (!ring_server_before_sleep(&r->server))
			ring_server_awake(&r->server);
		break;
	default:
		on_taken(r, in);
		break;
	}
	assert(r->server.in_flight == r->taken_count);
	assert(!r->server.is_broken || r->server.broken_text[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	struct rig r = {.env.ops = &ops};

	ring_layout(&r.h, SLOTS, ARENA_BYTES);
	r.h.magic = RING_MAGIC;
	r.h.abi = RING_ABI;
	r.base = aligned_alloc(RING_PAGE_BYTES, r.h.total_bytes);
	assert(r.base);
	memset(r.base, 0, r.h.total_bytes);
	memcpy(r.base, &r.h, sizeof(r.h));
	start(&r);
	while (in.left > 0) {
		uint8_t what = byte(&in) % 8;

		if (what == 0)
			start(&r);
		else if (what <= 2)
			scribble(&r, &in);
		else if (what <= 4)
			submit(&r, &in);
		else if (r.has_server)
			serve(&r, &in);
	}
	stop(&r);
	free(r.base);
	return 0;
}
