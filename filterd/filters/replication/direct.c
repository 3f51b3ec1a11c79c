/* SPDX-License-Identifier: MIT */
/*
 * direct.c - PRIMARY_PAIR in sync mode: each change goes to the peer at once, in frames of at most
 * REPL_PAYLOAD_MAX, and waits for their ACKs.
 *
 * The data is not copied: the io is kept until its frame has left the out-queue. Changes under way
 * never overlap, so a new connection gets all of them once more, in any order.
 */
#include <string.h>

#include "group_int.h"

static bool is_waiting(const struct repl_io *io)
{
	return io->legs & REPL_LEG_PEER;
}

static void frame_gone(struct frame_out_item *it, bool is_sent);

/* The next piece; false: no credit. */
static bool send_piece(struct repl_io *io)
{
	struct repl_group *g = io->group;
	uint64_t at = (uint64_t)io->pieces_sent * REPL_PAYLOAD_MAX;
	uint64_t len = io->len_bytes - at;
	struct repl_header *h = &io->item.header;
	const char *from = (const char *)io->buf + at;

	if (io->op == SLUICE_OP_WRITE && len > REPL_PAYLOAD_MAX)
		len = REPL_PAYLOAD_MAX;
	frame_begin(h, io->op == SLUICE_OP_WRITE ? REPL_WRITE : REPL_ZERO, g->node->record.term,
		    io->lsn + io->pieces_sent);
	frame_set_range(h, io->member, io->offset_bytes + at, len);
	if (io->op == SLUICE_OP_UNMAP || io->flags & SLUICE_IO_MAY_UNMAP)
		h->flags |= REPL_MAY_UNMAP;
	if (io->op == SLUICE_OP_WRITE)
		h->raw_bytes = (uint32_t)len;
	if (!credit_out_has(&g->credit, frame_cost_bytes(h)))
		return false;
	credit_out_spend(&g->credit, frame_cost_bytes(h));
	if (io->op == SLUICE_OP_WRITE)
		frame_set_payload(h, from, len);
	io->item.payload = from;
	io->item.fn = frame_gone;
	io->item.ctx = io;
	io->is_queued = true;
	if (++io->pieces_sent == io->pieces)
		g->unsent--;
	frame_out_push(&g->out[SLUICE_LINK_DATA], &io->item);
	return true;
}

static void frame_gone(struct frame_out_item *it, bool is_sent)
{
	struct repl_io *io = it->ctx;

	io->is_queued = false;
	if (io->legs == 0)
		gate_leg_done(io, 0, SLUICE_OK); /* all that it waited for was this */
	else if (is_sent && io->pieces_sent < io->pieces && is_waiting(io))
		send_piece(io);
}

static bool may_send(const struct repl_group *g)
{
	return g->is_peer_ready && g->track == TRACK_DIRECT && !mark_is_to_go(g);
}

void direct_begin(struct repl_io *io)
{
	struct repl_group *g = io->group;

	io->acks_left = io->pieces;
	io->pieces_sent = 0;
	g->unsent++;
	if (g->unsent == 1 && may_send(g))
		send_piece(io);
}

void direct_pump(struct repl_group *g)
{
	struct repl_io *io;

	if (!may_send(g))
		return;
	for (io = g->running.first; io && g->unsent; io = io->next) {
		if (!is_waiting(io) || io->is_queued || io->pieces_sent == io->pieces)
			continue;
		if (!send_piece(io))
			return;
	}
}

void direct_restart(struct repl_group *g)
{
	g->unsent = 0;
	for (struct repl_io *io = g->running.first; io; io = io->next) {
		if (!is_waiting(io))
			continue;
		io->pieces_sent = 0;
		io->acks_left = io->pieces;
		g->unsent++;
	}
	direct_pump(g);
}

void direct_exclude(struct repl_group *g, bool may_journal)
{
	struct repl_io *io, *next;

	g->unsent = 0;
	for (io = g->running.first; io; io = next) {
		next = io->next;
		if (!is_waiting(io))
			continue;
		if (may_journal && !io->is_partial) {
			io->legs |= REPL_LEG_JOURNAL;
			io->legs &= (uint8_t)~REPL_LEG_PEER;
			journal_append(io);
			continue;
		}
		bitmap_set(&g->bits[io->member], BITMAP_DIRTY, io->offset_bytes, io->len_bytes);
		gate_leg_done(io, REPL_LEG_PEER, SLUICE_OK);
		if (next && !io_list_has(&g->running, next))
			next = g->running.first;
	}
}

static struct repl_io *find(struct repl_group *g, uint64_t lsn)
{
	for (struct repl_io *io = g->running.first; io; io = io->next) {
		if (is_waiting(io) && io->lsn <= lsn && lsn - io->lsn < io->pieces)
			return io;
	}
	return NULL;
}

static void note_persisted(struct repl_group *g)
{
	uint64_t lsn = g->head_lsn;

	for (const struct repl_io *io = g->running.first; io; io = io->next) {
		if (is_waiting(io)) {
			lsn = io->lsn - 1;
			break;
		}
	}
	if (lsn > g->persisted_lsn)
		g->persisted_lsn = lsn;
}

void direct_ack(struct repl_group *g, const struct repl_header *h)
{
	struct repl_io *io = find(g, h->value);

	if (!io || io->acks_left == 0) {
		group_protocol_error(g, "an acknowledgement of something that was not sent");
		return;
	}
	if (frame_status(h) != SLUICE_OK) {
		session_peer_failed(g->session);
		return;
	}
	if (--io->acks_left)
		return;
	note_persisted(g);
	lag_acked(g);
	gate_leg_done(io, REPL_LEG_PEER, SLUICE_OK);
}
