/* SPDX-License-Identifier: MIT */
/*
 * gate.c - an initiator's I/O from its coming to its end.
 *
 *   held --serving--> [late: back-pressure] --> hot --> run: local volume, and peer or log --> ack
 *
 * Reads and flushes do not wait for changes: what overlaps is kept apart above, by the device
 * server. A change is acknowledged when all its legs are done, this side may serve, and no swap of
 * the in-sync set is under way (REPL-5).
 */
#include <assert.h>

#include "group_int.h"
#include "repl_mutate.h"

static bool is_change(const struct repl_io *io)
{
	return io->op == SLUICE_OP_WRITE || io->op == SLUICE_OP_UNMAP ||
	       io->op == SLUICE_OP_WRITE_ZEROES;
}

static void end(struct repl_io *io, enum sluice_status status)
{
	io->status = (uint8_t)status;
	io->end(io);
}

/* is_serving alone is up to a tick of session.c's old. */
static bool serves(const struct repl_group *g)
{
	return g->is_serving && group_is_track_right(g) &&
	       group_now_ns(g) < node_serve_until_ns(g->node);
}

bool group_may_read(const struct repl_group *g)
{
	return serves(g) && g->refuse == SLUICE_OK;
}

uint64_t gate_complete_lsn(const struct repl_group *g)
{
	uint64_t lsn = g->head_lsn;

	for (const struct repl_io *io = g->running.first; io; io = io->next) {
		if (io->lsn && io->lsn - 1 < lsn)
			lsn = io->lsn - 1;
	}
	return lsn;
}

bool gate_is_landing(const struct repl_group *g, uint64_t lsn, const struct repl_range *r)
{
	for (const struct repl_io *io = g->running.first; io; io = io->next) {
		if (io->lsn && io->lsn <= lsn && io->legs & REPL_LEG_BELOW &&
		    io->member == r->member && io->offset_bytes < r->offset_bytes + r->len_bytes &&
		    r->offset_bytes < io->offset_bytes + io->len_bytes)
			return !REPL_MUTATE(READ_WHILE_LANDING);
	}
	return false;
}

/* ---------------------------------------------------------------- legs */

void gate_own_io(struct repl_io *io, uint16_t flags, void (*fn)(struct repl_own *o))
{
	struct repl_group *g = io->group;

	io->own = (struct repl_own){.op = io->op,
				    .flags = (uint16_t)(flags | SLUICE_IO_URGENT),
				    .member = io->member,
				    .offset_bytes = io->offset_bytes,
				    .len_bytes = io->len_bytes,
				    .buf = io->buf,
				    .fn = fn,
				    .ctx = io};
	g->host.ops->own_submit(g->host.ctx, &io->own);
}

static bool may_ack(const struct repl_group *g)
{
	return serves(g) && !g->is_frozen && g->refuse == SLUICE_OK;
}

static void leave(struct repl_io *io, enum sluice_status status)
{
	struct repl_group *g = io->group;

	io_list_remove(&g->running, io);
	hot_leave(g->hot, io);
	end(io, status);
}

static void finish(struct repl_io *io)
{
	struct repl_group *g = io->group;

	if (g->refuse != SLUICE_OK) {
		leave(io, (enum sluice_status)g->refuse);
		return;
	}
	if (!may_ack(g))
		return;
	if (g->track != TRACK_DIRECT && !g->node->record.wrote_alone && is_change(io)) {
		session_wrote_alone(g->session);
		if (!g->node->record.wrote_alone || !may_ack(g))
			return; /* it could not be made durable: gate_settle() tries again */
	}
	leave(io, (enum sluice_status)io->status);
}

/* Who knows what is there now. Again with each leg of a change that failed: the two may have been
 * compared before the peer got its part. */
static void doubt(struct repl_io *io)
{
	struct repl_group *g = io->group;

	bitmap_set(&g->bits[io->member], BITMAP_SUSPECT, io->offset_bytes, io->len_bytes);
	session_in_doubt(g->session);
}

static void status_take(struct repl_io *io, enum sluice_status status)
{
	if (status == SLUICE_OK || io->status != SLUICE_OK)
		return;
	io->status = (uint8_t)status;
	if (REPL_MUTATE(DOUBT_ONCE) && is_change(io))
		doubt(io);
}

void gate_leg_done(struct repl_io *io, uint8_t leg, enum sluice_status status)
{
	struct repl_group *g = io->group;

	assert(leg == 0 || io->legs & leg);
	status_take(io, status);
	io->legs &= (uint8_t)~leg;
	if (io->status != SLUICE_OK && is_change(io)) {
		if (!REPL_MUTATE(DOUBT_ONCE))
			doubt(io);
		/* Else its entry would go to the peer after the two have been compared. */
		journal_overflow(g, "a change failed on this side's volume: what the journal says "
				    "of it may not be so");
	}
	if (io->legs || io->is_queued || io->step == REPL_IO_ACK)
		return;
	io->step = REPL_IO_ACK;
	g->busy--;
	finish(io);
	gate_check(g);
}

static void below_done(struct repl_own *o)
{
	struct repl_io *io = o->ctx;
	struct repl_group *g = io->group;

	if (io->is_partial)
		partial_written(io);
	else
		gate_leg_done(io, REPL_LEG_BELOW, (enum sluice_status)o->status);
	resync_pump(g); /* a range may have waited for this */
}

/* ---------------------------------------------------------------- run */

static uint64_t lsns_of(const struct repl_io *io)
{
	if (io->op != SLUICE_OP_WRITE)
		return 1;
	return (io->len_bytes + REPL_PAYLOAD_MAX - 1) / REPL_PAYLOAD_MAX;
}

static void run(struct repl_io *io)
{
	struct repl_group *g = io->group;

	io->step = REPL_IO_RUN;
	io->lsn = g->head_lsn + 1;
	io->pieces = (uint32_t)lsns_of(io);
	g->head_lsn += io->pieces;
	io_list_push(&g->running, io);
	g->busy++;
	if (g->head_lsn >= g->record.lsn) /* more are given out than was promised */
		track_set(g, g->track, g->record.has_pass);
	if (g->resync.what != RESYNC_NONE)
		resync_disturb(g, io->member, io->offset_bytes, io->len_bytes);
	io->legs = REPL_LEG_BELOW;
	switch (g->track) {
	case TRACK_DIRECT:
		io->legs |= REPL_LEG_PEER;
		/* Of a pair either side has all that was acknowledged, whichever loses power. */
		gate_own_io(
		    io, (uint16_t)(io->flags | (REPL_MUTATE(PAIR_VOLATILE) ? 0u : SLUICE_IO_FUA)),
		    below_done);
		direct_begin(io);
		break;
	case TRACK_JOURNAL:
		io->legs |= REPL_LEG_JOURNAL;
		gate_own_io(io, io->flags, below_done);
		journal_append(io);
		break;
	case TRACK_BITMAP:
		if (!REPL_MUTATE(BIT_FORGOTTEN))
			bitmap_set(&g->bits[io->member], BITMAP_DIRTY, io->offset_bytes,
				   io->len_bytes);
		gate_own_io(io, io->flags, below_done);
		break;
	}
}

void gate_ready(void *ctx, struct repl_io *io)
{
	struct repl_group *g = ctx;

	/* It may have become hot while the gate was closed. */
	if (!g->is_serving || g->is_frozen || g->is_draining || g->refuse != SLUICE_OK) {
		hot_leave(g->hot, io);
		io->step = REPL_IO_GATE;
		io_list_push(&g->held, io);
		gate_pump(g);
		return;
	}
	run(io);
}

static void change_begin(struct repl_io *io)
{
	struct repl_group *g = io->group;

	io->step = REPL_IO_HOT;
	if (hot_enter(g->hot, io))
		run(io);
}

/* ---------------------------------------------------------------- others */

static void read_done(struct repl_own *o)
{
	struct repl_io *io = o->ctx;

	io->extent_bytes = o->extent_bytes;
	io->extent_is_hole = o->extent_is_hole;
	/* What was read while this side ceased to serve may be older data by now (REPL-1). */
	end(io, group_may_read(io->group) ? (enum sluice_status)o->status : SLUICE_ERR_BUSY);
}

static void flushed_below(struct repl_own *o)
{
	gate_leg_done(o->ctx, REPL_LEG_BELOW, (enum sluice_status)o->status);
}

/* What the peer has acknowledged is persistent there; the journal need not be (journal.c). */
static void flush_begin(struct repl_io *io)
{
	struct repl_group *g = io->group;

	io->step = REPL_IO_RUN;
	io->lsn = 0;
	io_list_push(&g->running, io);
	g->busy++;
	io->legs = REPL_LEG_BELOW;
	gate_own_io(io, 0, flushed_below);
}

/* ---------------------------------------------------------------- the gate */

static bool is_open(const struct repl_group *g, const struct repl_io *io)
{
	if (!serves(g))
		return false;
	return !is_change(io) || (!g->is_frozen && !g->is_draining);
}

static void late_tick(struct repl_timer *t)
{
	struct repl_group *g = t->ctx;
	uint64_t now = group_now_ns(g);
	uint64_t wait_ns = (uint64_t)g->lag.delay_ms * 1000000u;
	struct repl_io *io;

	while ((io = g->late.first) != NULL && (io->start_ns + wait_ns <= now || wait_ns == 0)) {
		io_list_remove(&g->late, io);
		if (is_open(g, io))
			change_begin(io);
		else
			io_list_push(&g->held, io);
	}
	if (io)
		g->host.ops->timer_set(g->host.ctx, t, io->start_ns + wait_ns);
}

static void slow_down(struct repl_io *io)
{
	struct repl_group *g = io->group;

	io->start_ns = group_now_ns(g);
	io_list_push(&g->late, io);
	g->late_timer.fn = late_tick;
	g->late_timer.ctx = g;
	if (g->late.count == 1)
		g->host.ops->timer_set(g->host.ctx, &g->late_timer,
				       io->start_ns + (uint64_t)g->lag.delay_ms * 1000000u);
}

static void start(struct repl_io *io)
{
	struct repl_group *g = io->group;

	if (io->op == SLUICE_OP_FLUSH)
		flush_begin(io);
	else if (!is_change(io))
		gate_own_io(io, 0, read_done);
	else if (g->lag.delay_ms || g->late.first)
		slow_down(io);
	else
		change_begin(io);
}

void group_submit(struct repl_group *g, struct repl_io *io)
{
	io->group = g;
	io->status = SLUICE_OK;
	io->step = REPL_IO_GATE;
	io->legs = 0;
	io->is_hot = io->is_queued = io->is_partial = false;
	io->next = io->prev = io->next_part = NULL;
	io->part_buf = NULL;
	io->lsn = 0;
	io->start_ns = group_now_ns(g);
	if (g->refuse != SLUICE_OK)
		end(io, (enum sluice_status)g->refuse);
	else if (is_open(g, io))
		start(io);
	else
		io_list_push(&g->held, io);
}

void gate_pump(struct repl_group *g)
{
	struct repl_io *io = g->held.first, *next;

	for (; io; io = next) {
		next = io->next;
		if (g->refuse == SLUICE_OK && !is_open(g, io))
			continue;
		io_list_remove(&g->held, io);
		if (g->refuse != SLUICE_OK)
			end(io, (enum sluice_status)g->refuse);
		else
			start(io);
		if (next && !io_list_has(&g->held, next))
			next = g->held.first;
	}
}

void group_abort(struct repl_group *g, struct repl_io *io)
{
	if (io->step == REPL_IO_GATE && io_list_has(&g->held, io))
		io_list_remove(&g->held, io);
	else if (io->step == REPL_IO_GATE && io_list_has(&g->late, io))
		io_list_remove(&g->late, io);
	else if (io->step != REPL_IO_HOT || !hot_withdraw(g->hot, io))
		return;
	end(io, SLUICE_ERR_ABORTED);
}

/* I/O whose fate this side does not decide any more ends as busy: whoever tries again is answered
 * by the side that serves then. */
void group_refuse(struct repl_group *g, enum sluice_status status)
{
	struct repl_io *io, *next;

	g->refuse = (uint8_t)status;
	if (status == SLUICE_OK) {
		gate_pump(g);
		return;
	}
	while ((io = g->late.first) != NULL) {
		io_list_remove(&g->late, io);
		end(io, status);
	}
	direct_exclude(g, false);
	if (group_has_bits(g, BITMAP_TO_SEND))
		session_in_doubt(g->session); /* only one side may have it (REPL-2) */
	for (io = g->running.first; io; io = next) {
		next = io->next;
		if (io->step == REPL_IO_ACK) {
			leave(io, status);
			next = g->running.first;
		}
	}
	gate_pump(g);
	gate_check(g);
}

static void release(struct repl_io_list *l, uint16_t member, enum sluice_status status)
{
	struct repl_io *io = l->first, *next;

	for (; io; io = next) {
		next = io->next;
		if (io->member != member)
			continue;
		io_list_remove(l, io);
		end(io, status);
	}
}

void group_release_held(struct repl_group *g, uint16_t member, enum sluice_status status)
{
	release(&g->held, member, status);
	release(&g->late, member, status);
}

/* Everything that has begun is in the log or at the peer, and nothing new begins. */
static bool is_equal(const struct repl_group *g)
{
	if (g->busy || g->resync.what != RESYNC_NONE || group_has_bits(g, BITMAP_TO_SEND) ||
	    mark_is_pending(g))
		return false;
	return g->track == TRACK_DIRECT || (g->track == TRACK_JOURNAL && journal_is_empty(g));
}

void gate_check(struct repl_group *g)
{
	window_kick(g);
	if (!g->wants_equal && !g->wants_drained)
		return;
	if (!g->is_peer_ready || !is_equal(g))
		return;
	if (g->wants_equal) {
		g->wants_equal = false;
		session_equal(g->session);
	} else {
		g->wants_drained = false;
		session_drained(g->session);
	}
}

void gate_settle(struct repl_group *g)
{
	struct repl_io *io, *next;

	for (io = g->running.first; io && may_ack(g); io = next) {
		next = io->next;
		if (io->step != REPL_IO_ACK)
			continue;
		finish(io);
		if (next && !io_list_has(&g->running, next))
			next = g->running.first;
	}
	gate_check(g);
}
