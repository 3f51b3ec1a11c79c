/* SPDX-License-Identifier: MIT */
/*
 * fuzz_repl_receiver.c - a secondary whose peer sends frames of any kind in any order, while
 * connections end, the process is killed and a promotion comes.
 *
 * Each frame is right as a frame; the stream is not. Whatever comes: nothing outside of the volumes
 * is touched (the rig asserts that), what is not a point in time was said to be none, and a stop
 * ends.
 *
 * fuzz-units: receiver_rig replication_wire log fake_env common
 */
#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "receiver_rig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct repl_group g;

struct op {
	uint8_t what, type, value, member, unit, count, flags, extra;
};

static const uint8_t types[] = {
    REPL_WRITE,    REPL_ZERO,    REPL_FLUSH,      REPL_WIN_BEGIN, REPL_WIN_DATA,
    REPL_WIN_ZERO, REPL_WIN_END, REPL_RS_BEGIN,   REPL_RS_DATA,   REPL_RS_ZERO,
    REPL_RS_END,   REPL_MARK,    REPL_DIGEST_ASK, REPL_ACK,       99,
};

static void frame(const struct op *o)
{
	static uint8_t data[64 * RR_UNIT];
	struct repl_rs rs = {.bytes_max = (uint64_t)o->count << (o->extra & 31),
			     .is_whole = o->flags >> 7};
	struct repl_digest_ask ask = {.block_bytes = 512u << (o->extra & 15)};
	struct repl_mark mark = {.what = o->flags & 3, .settle_ms = o->extra};
	uint8_t wire[sizeof(struct repl_header) + sizeof(data)];
	char why[FRAME_WHY_BYTES];
	struct repl_header h;
	struct frame f;
	size_t used;

	frame_begin(&h, types[o->type % sizeof(types)], o->flags & 64 ? o->extra : 5, o->value);
	frame_set_range(&h, o->member & 3, (uint64_t)o->unit * 512u * (o->flags & 1 ? 1 : 8),
			(uint64_t)o->count * 512u * (o->flags & 2 ? 1 : 8));
	h.flags = o->flags & REPL_MAY_UNMAP;
	memset(data, o->extra, sizeof(data));
	if (h.type == REPL_WRITE || h.type == REPL_WIN_DATA || h.type == REPL_RS_DATA)
		frame_set_payload(&h, data, h.len_bytes < sizeof(data) ? h.len_bytes : 512);
	else if (h.type == REPL_RS_BEGIN)
		frame_set_payload(&h, memcpy(data, &rs, sizeof(rs)), sizeof(rs));
	else if (h.type == REPL_DIGEST_ASK)
		frame_set_payload(&h, memcpy(data, &ask, sizeof(ask)), sizeof(ask));
	else if (h.type == REPL_MARK)
		frame_set_payload(&h, memcpy(data, &mark, sizeof(mark)), sizeof(mark));
	frame_seal(&h);
	memcpy(wire, &h, sizeof(h));
	memcpy(wire + sizeof(h), data, h.stored_bytes);
	if (frame_next(SLUICE_LINK_DATA, wire, sizeof(h) + h.stored_bytes, &f, &used, why) ==
		FRAME_OK &&
	    h.type < REPL_ACK)
		receiver_frame(g.receiver, &f.header, f.stored);
}

static void reconnect(void)
{
	rr_down(&g);
	rr_up(&g);
}

static void restart(bool is_power_cut)
{
	rr_crash(&g, is_power_cut);
	assert(rr_start(&g) == 0);
	rr_up(&g);
}

static void promote(void)
{
	int applied = g.applied;

	rr_down(&g);
	g.own_fail_at = 0;
	receiver_apply_staged(g.receiver);
	rr_run(&g);
	rr_advance(&g, 1100);
	assert(g.applied == applied + 1);
	assert(receiver_stages_are_free(g.receiver) && g.receiver->kept.kept == KEPT_NOTHING);
	rr_up(&g);
}

static void step(const struct op *o)
{
	switch (o->what & 15) {
	case 0:
		reconnect();
		break;
	case 1:
		if (o->value < 16)
			restart(o->extra & 1);
		break;
	case 2:
		if (o->value < 16)
			promote();
		break;
	case 3:
		g.own_fail_at = o->value & 1 ? g.owns_ended + 1 : 0;
		break;
	case 4:
		g.is_own_held = !g.is_own_held;
		break;
	case 5:
		rr_advance(&g, o->value);
		break;
	case 6:
		g.steps = 0;
		g.steps_max = o->value & 15;
		rr_run(&g);
		g.steps_max = 0;
		break;
	default:
		frame(o);
		if (o->what & 16)
			rr_run(&g);
	}
	/* The group would have ended the connection. */
	if (g.refused[0]) {
		rr_run(&g);
		reconnect();
	}
	g.answer_count = 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct op o;

	if (size < sizeof(o))
		return 0;
	rr_init(&g, 1 + data[0]);
	assert(rr_start(&g) == 0);
	rr_up(&g);
	for (size_t n = 0; size >= sizeof(o) && n < 200; n++) {
		memcpy(&o, data, sizeof(o));
		data += sizeof(o);
		size -= sizeof(o);
		if ((o.what & 15) == 2 || (o.what & 15) == 1)
			g.is_own_held = false;
		step(&o);
	}
	g.is_own_held = false;
	g.own_fail_at = 0;
	g.is_up = false;
	receiver_link_down(g.receiver);
	rr_run(&g);
	rr_fini(&g);
	return 0;
}
