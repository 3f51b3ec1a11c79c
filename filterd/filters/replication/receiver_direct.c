/* SPDX-License-Identifier: MIT */
/*
 * receiver_direct.c - changes that go below as they come. Those that overlap keep their order
 * (turns.h). A WRITE of a pair is persistent when it ends; what belongs to a window or a resync is
 * made persistent by a barrier, which flushes the members that were touched.
 */
#include "receiver_int.h"

static bool is_pairs(uint8_t type)
{
	return type == REPL_WRITE || type == REPL_ZERO;
}

static void changed(struct repl_own *o)
{
	struct recv_slot *s = o->ctx;
	struct repl_receiver *r = s->r;

	if (is_pairs(s->h.type) && o->status == SLUICE_OK && !(s->h.value & REPL_NO_LSN) &&
	    s->h.value > r->pair_lsn)
		r->pair_lsn = s->h.value;
	if (is_pairs(s->h.type))
		receiver_answer(r, s->connection, &s->h, REPL_ACK, o->status, NULL, 0);
	else if (o->status != SLUICE_OK)
		receiver_failed(r, "written");
	turns_end(&r->turns, &s->turn);
	receiver_slot_put(s);
}

static void change(struct turn *t)
{
	struct recv_slot *s = t->ctx;
	const struct repl_host *host = s->r->host;
	bool is_zero = s->h.raw_bytes == 0;

	s->own = (struct repl_own){
	    .op = is_zero ? SLUICE_OP_WRITE_ZEROES : SLUICE_OP_WRITE,
	    .flags =
		(uint16_t)((is_pairs(s->h.type) ? SLUICE_IO_FUA | SLUICE_IO_URGENT : 0u) |
			   (is_zero && (s->h.flags & REPL_MAY_UNMAP) ? SLUICE_IO_MAY_UNMAP : 0u)),
	    .member = s->h.member,
	    .offset_bytes = s->h.offset_bytes,
	    .len_bytes = s->h.len_bytes,
	    .buf = s->buf,
	    .fn = changed,
	    .ctx = s};
	if (!is_pairs(s->h.type))
		s->r->touched |= 1ull << s->h.member;
	host->ops->own_submit(host->ctx, &s->own);
}

bool receiver_direct_change(struct repl_receiver *r, const struct repl_header *h, const void *plain)
{
	struct recv_slot *s = receiver_slot_with(r, h, plain);

	if (!s)
		return false;
	s->turn.start = change;
	turns_push(&r->turns, &s->turn);
	return true;
}

/* ---------------------------------------------------------------- barrier */

static void flush_next(struct recv_slot *s);

static void flushed(struct repl_own *o)
{
	struct recv_slot *s = o->ctx;

	if (o->status != SLUICE_OK) {
		s->status = o->status;
		s->r->touched |= 1ull << o->member;
	}
	s->next_member++;
	flush_next(s);
}

/* One member after the other: a group's members share a disk. */
static void flush_next(struct recv_slot *s)
{
	struct repl_receiver *r = s->r;

	while (s->next_member < REPL_MEMBERS_MAX && !(r->touched >> s->next_member & 1))
		s->next_member++;
	if (s->next_member == REPL_MEMBERS_MAX) {
		if (s->status == SLUICE_OK && r->has_failed)
			s->status = SLUICE_ERR_IO;
		s->fn(s);
		turns_end(&r->turns, &s->turn);
		receiver_slot_put(s);
		return;
	}
	r->touched &= ~(1ull << s->next_member);
	s->own = (struct repl_own){.op = SLUICE_OP_FLUSH,
				   .flags = SLUICE_IO_URGENT,
				   .member = s->next_member,
				   .fn = flushed,
				   .ctx = s};
	r->host->ops->own_submit(r->host->ctx, &s->own);
}

static void barrier(struct turn *t)
{
	flush_next(t->ctx);
}

bool receiver_direct_barrier(struct repl_receiver *r, const struct repl_header *h,
			     void (*fn)(struct recv_slot *s))
{
	struct recv_slot *s = receiver_slot(r, h, 0);

	if (!s)
		return false;
	s->fn = fn;
	s->turn.is_barrier = true;
	s->turn.start = barrier;
	turns_push(&r->turns, &s->turn);
	return true;
}
