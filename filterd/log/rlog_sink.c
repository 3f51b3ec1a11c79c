/* SPDX-License-Identifier: MIT */
/*
 * rlog_sink.c - the pieces of a window on their way, several at once, in ascending order; to the
 * sink, or as entries to its journal. Every block is checked before it goes (W11).
 *
 * A sink may answer before its submit() returns; so one loop sends, and answers only make room.
 */
#include <errno.h>
#include <string.h>

#include "rlog_crc.h"
#include "rlog_destage.h"

static void pump(struct rlog_destager *x);

static void piece_ended(struct rlog_sink_slot *s, int result)
{
	struct rlog_destager *x = s->of;

	if (result && !x->result)
		x->result = result;
	x->in_flight--;
	list_push_back(&x->free_slots, &s->node);
	pump(x);
}

static void sink_answered(struct sluice_rlog_sink_io *io)
{
	piece_ended((struct rlog_sink_slot *)io, io->result);
}

static void journal_answered(struct sluice_rlog_entry *e)
{
	piece_ended(e->ctx, e->result);
}

/* Checked, and readable. A sealed one is opened where it lies, once: when the window has gone to
 * the journal, it has been. */
static bool is_good(const struct rlog_destager *x, const struct rlog_window_item *item,
		    uint8_t *block)
{
	struct sluice_rlog *log = x->log;
	const struct sluice_rlog_seal *seal = log->cfg.seal;

	if (seal && x->is_open)
		return true;
	if (rlog_crc(0, block, log->geo.block_bytes) != item->crc)
		return false;
	return !seal || !seal->open(seal->ctx, item->block,
				    rlog_ring_pos(log, log->tail.v + item->index), block);
}

/* The piece's blocks, side by side. NULL: one is damaged. */
static const void *piece_data(struct rlog_sink_slot *s, const struct rlog_window_piece *p)
{
	const struct rlog_window *w = &s->of->w;
	uint64_t bytes = w->block_bytes;

	for (uint32_t i = 0; i < p->block_count; i++) {
		uint8_t *block = w->mem + p->items[i].index * bytes;

		if (!is_good(s->of, &p->items[i], block))
			return NULL;
		if (!p->is_in_one)
			memcpy(s->gather + i * bytes, block, bytes);
	}
	return p->is_in_one ? w->mem + p->items[0].index * bytes : s->gather;
}

static void send(struct rlog_sink_slot *s, const struct rlog_window_piece *p, const void *data)
{
	struct rlog_destager *x = s->of;

	if (x->is_to_journal) {
		s->entry = (struct sluice_rlog_entry){.kind = p->is_zero ? SLUICE_RLOG_ZERO
									 : SLUICE_RLOG_DATA,
						      .may_unmap = p->may_unmap,
						      .block = p->block,
						      .block_count = p->block_count,
						      .buf = data,
						      .fn = journal_answered,
						      .ctx = s};
		sluice_rlog_append(x->sink.journal, &s->entry);
		return;
	}
	s->io = (struct sluice_rlog_sink_io){.op = p->is_zero ? SLUICE_RLOG_SINK_ZERO
							      : SLUICE_RLOG_SINK_WRITE,
					     .may_unmap = p->may_unmap,
					     .block = p->block,
					     .block_count = p->block_count,
					     .buf = data,
					     .fn = sink_answered,
					     .ctx = x->sink.ctx};
	x->sink.submit(x->sink.ctx, &s->io);
}

/* The next piece; one that lies in pieces itself is made shorter by the window's own choice. */
static bool next_piece(struct rlog_destager *x, struct rlog_window_piece *p)
{
	struct rlog_window *w = &x->w;
	uint32_t item = w->next_item, zero = w->next_zero;
	uint64_t from = w->zero_from;

	if (!rlog_window_next(w, RLOG_PIECE_BLOCKS, p))
		return false;
	if (p->is_zero || p->is_in_one || p->block_count <= RLOG_GATHER_BLOCKS)
		return true;
	w->next_item = item;
	w->next_zero = zero;
	w->zero_from = from;
	return rlog_window_next(w, RLOG_GATHER_BLOCKS, p);
}

static bool is_newer_elsewhere(const struct rlog_destager *x, const struct rlog_window_piece *p)
{
	const struct rlog_slot *s;

	if (!RLOG_MUTATE(DESTAGE_NEWER) || p->is_zero)
		return false;
	s = rlog_map_find(&x->log->map, p->block);
	return !s || rlog_map_age(&x->log->map, s->place - 1) != p->items[0].index;
}

static uint32_t max_in_flight(const struct rlog_destager *x)
{
	uint32_t n = x->is_to_journal || x->sink.max_ios == 0 ? 1 : x->sink.max_ios;

	n = x->is_to_journal ? x->slot_count : n;
	return n < x->slot_count ? n : x->slot_count;
}

static void pump(struct rlog_destager *x)
{
	struct rlog_window_piece p;

	if (x->is_pumping)
		return;
	x->is_pumping = true;
	while (!x->is_all_sent && x->in_flight < max_in_flight(x)) {
		struct rlog_sink_slot *s;
		const void *data = NULL;

		if (x->result || !next_piece(x, &p)) {
			x->is_all_sent = true;
			break;
		}
		if (is_newer_elsewhere(x, &p))
			continue;
		s = list_entry(list_pop_front(&x->free_slots), struct rlog_sink_slot, node);
		if (!p.is_zero)
			data = piece_data(s, &p);
		if (!p.is_zero && !data) {
			x->result = -EBADMSG;
			list_push_back(&x->free_slots, &s->node);
			continue;
		}
		x->in_flight++;
		send(s, &p, data);
	}
	x->is_pumping = false;
	if (x->is_all_sent && x->in_flight == 0) {
		void (*sent)(struct rlog_destager * d) = x->sent;

		x->sent = NULL;
		if (sent)
			sent(x);
	}
}

void rlog_sink_send(struct rlog_destager *x, bool is_to_journal,
		    void (*sent)(struct rlog_destager *x))
{
	rlog_window_rewind(&x->w);
	x->is_open = x->sink.journal && !is_to_journal && !RLOG_MUTATE(SEAL_OPENED_TWICE);
	x->is_to_journal = is_to_journal;
	x->is_all_sent = false;
	x->sent = sent;
	pump(x);
}

void rlog_sink_flush(struct rlog_destager *x, void (*sent)(struct rlog_destager *x))
{
	struct rlog_sink_slot *s =
	    list_entry(list_pop_front(&x->free_slots), struct rlog_sink_slot, node);

	x->is_all_sent = true;
	x->sent = sent;
	x->in_flight++;
	x->is_pumping = true;
	s->io = (struct sluice_rlog_sink_io){
	    .op = SLUICE_RLOG_SINK_FLUSH, .fn = sink_answered, .ctx = x->sink.ctx};
	x->sink.submit(x->sink.ctx, &s->io);
	x->is_pumping = false;
	pump(x);
}
