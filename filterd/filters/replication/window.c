/* SPDX-License-Identifier: MIT */
/*
 * window.c - the log's oldest changes to the peer, a window at a time.
 *
 *   kick --> sluice_rlog_destage() --> sink: WIN_BEGIN, WIN_DATA, WIN_ZERO ... flush: WIN_END
 *                                                        WIN_ACK --> the tail moves --> kick
 *
 * A window does not begin while a resync has read something that is not in the stream yet: what
 * changed after the read is in this window or a later one, and comes after it in the stream
 * (REPL-8). A connection that goes takes the window with it; the next one gets it from the start.
 *
 * Between two windows the sender rests: a window costs both sides a flush and two frames whatever
 * is in it, and what is overwritten meanwhile goes once. It rests for a small part of the lag that
 * is aimed at, and not at all when a whole window waits, the log fills up, or somebody waits for it
 * to be empty.
 */
#include <errno.h>
#include <stdlib.h>

#include "group_int.h"

#define REST_MIN_NS  20000000ull /* between two windows, so that there is something to merge */
#define REST_MAX_NS  250000000ull
#define REST_SHARE   20u         /* of the lag that is aimed at */
#define NOT_YET_NS   50000000ull /* nothing durable yet */
#define AFTER_ERR_NS 1000000000ull

static void sink_end(struct sluice_rlog_sink_io *io, int result)
{
	io->result = result;
	io->fn(io);
}

static uint16_t member_of(uint64_t block)
{
	return (uint16_t)(block >> LOG_MEMBER_SHIFT);
}

static uint64_t offset_of(uint64_t block)
{
	return (block & ((1ull << LOG_MEMBER_SHIFT) - 1)) * LOG_BLOCK_BYTES;
}

/* ---------------------------------------------------------------- the sink */

static int begin_once(struct repl_group *g)
{
	struct repl_header h;

	if (g->window.is_begun)
		return 0;
	g->window.is_begun = true;
	frame_begin(&h, REPL_WIN_BEGIN, g->node->record.term, g->window.number);
	return bulk_send(g, &h, NULL, 0);
}

static void note(struct repl_group *g, uint64_t block, uint64_t count)
{
	struct window *w = &g->window;

	if (w->range_count == WINDOW_RANGES)
		return; /* its bits stay, which is no harm */
	w->ranges[w->range_count++] = (struct window_range){block, count};
}

static int send_data(struct repl_group *g, struct sluice_rlog_sink_io *io)
{
	struct window *w = &g->window;
	uint64_t max = REPL_PAYLOAD_MAX / LOG_BLOCK_BYTES;

	while (w->first_done < io->block_count) {
		uint64_t n = io->block_count - w->first_done;
		uint64_t block = io->block + w->first_done;
		struct repl_header h;
		int r;

		n = n < max ? n : max;
		if (!bulk_may_send(g, n * LOG_BLOCK_BYTES))
			return -EAGAIN;
		frame_begin(&h, REPL_WIN_DATA, g->node->record.term, w->number);
		frame_set_range(&h, member_of(block), offset_of(block), n * LOG_BLOCK_BYTES);
		r = bulk_send(g, &h, (const char *)io->buf + w->first_done * LOG_BLOCK_BYTES,
			      n * LOG_BLOCK_BYTES);
		if (r < 0)
			return r;
		w->first_done += n;
	}
	return 0;
}

static int send_zero(struct repl_group *g, const struct sluice_rlog_sink_io *io)
{
	uint16_t m = member_of(io->block);
	uint64_t at = offset_of(io->block), len = io->block_count * LOG_BLOCK_BYTES;
	struct repl_header h;

	if (!bulk_may_send(g, 0))
		return -EAGAIN;
	if (at + len > g->host.member_size_bytes[m])
		len = g->host.member_size_bytes[m] - at;
	frame_begin(&h, REPL_WIN_ZERO, g->node->record.term, g->window.number);
	frame_set_range(&h, m, at, len);
	if (io->may_unmap)
		h.flags |= REPL_MAY_UNMAP;
	return bulk_send(g, &h, NULL, 0);
}

/* What the replica has then: all that has ended, if the window took all that there was. */
static int send_end(struct repl_group *g, struct sluice_rlog_sink_io *io)
{
	struct repl_header h;
	int r;

	if (!bulk_may_send(g, 0))
		return -EAGAIN;
	frame_begin(&h, REPL_WIN_END, g->node->record.term, g->window.number);
	h.offset_bytes = g->window.lsn;
	r = bulk_send(g, &h, NULL, 0);
	if (r == 0)
		g->window.ack = io;
	return r;
}

static int send_one(struct repl_group *g, struct sluice_rlog_sink_io *io)
{
	int r = g->is_peer_ready && group_may_send(g) ? begin_once(g) : -ENOTCONN;

	if (r < 0)
		return r;
	switch (io->op) {
	case SLUICE_RLOG_SINK_WRITE:
		r = send_data(g, io);
		break;
	case SLUICE_RLOG_SINK_ZERO:
		r = send_zero(g, io);
		break;
	case SLUICE_RLOG_SINK_FLUSH:
		return send_end(g, io);
	}
	if (r == 0)
		note(g, io->block, io->block_count);
	return r;
}

void window_pump(struct repl_group *g)
{
	struct window *w = &g->window;

	while (w->first) {
		struct sluice_rlog_sink_io *io = w->first;
		int r = send_one(g, io);

		if (r == -EAGAIN)
			return;
		w->first = io->ctx;
		if (!w->first)
			w->last = NULL;
		w->first_done = 0;
		if (r < 0 || io != w->ack)
			sink_end(io, r);
	}
}

static void sink_submit(void *ctx, struct sluice_rlog_sink_io *io)
{
	struct repl_group *g = ctx;
	struct window *w = &g->window;

	io->ctx = NULL;
	if (w->last)
		w->last->ctx = io;
	else
		w->first = io;
	w->last = io;
	if (w->first == io)
		window_pump(g);
}

void window_link_down(struct repl_group *g)
{
	struct window *w = &g->window;
	struct sluice_rlog_sink_io *io;

	w->first_done = 0;
	while ((io = w->first) != NULL) {
		w->first = io->ctx;
		if (!w->first)
			w->last = NULL;
		sink_end(io, -ENOTCONN);
	}
	io = w->ack;
	w->ack = NULL;
	if (io)
		sink_end(io, -ENOTCONN);
}

void window_ack(struct repl_group *g, const struct repl_header *h)
{
	struct sluice_rlog_sink_io *io = g->window.ack;

	if (!io || h->value != g->window.number) {
		group_protocol_error(g, "an acknowledgement of a window that was not sent");
		return;
	}
	g->window.ack = NULL;
	if (frame_status(h) != SLUICE_OK)
		g->host.ops->report(g->host.ctx, "replication_peer_failed",
				    "the peer could not keep a window; it is sent again");
	else if (g->window.lsn > g->persisted_lsn)
		g->persisted_lsn = g->window.lsn;
	sink_end(io, frame_status(h) == SLUICE_OK ? 0 : -EIO);
}

/* ---------------------------------------------------------------- windows */

/* The replica has them, and the log nothing newer: they do not differ. A bit may stand for more
 * blocks than the window touched. */
static void clear_bits(struct repl_group *g, const struct window_range *range)
{
	uint16_t m = member_of(range->block);
	struct bitmap *b = &g->bits[m];
	uint64_t per = b->block_bytes / LOG_BLOCK_BYTES;
	uint64_t at = range->block / per * per, end = range->block + range->count;

	end = (end + per - 1) / per * per;
	while (at < end) {
		struct sluice_rlog_run run;

		sluice_rlog_lookup(g->journal.log, at, end - at, &run);
		if (run.what == SLUICE_RLOG_ABSENT)
			bitmap_clear(b, BITMAP_JOURNALED, offset_of(at),
				     run.block_count * LOG_BLOCK_BYTES);
		at += run.block_count;
	}
}

static void later(struct repl_group *g, uint64_t ns)
{
	g->window.is_resting = true;
	g->host.ops->timer_set(g->host.ctx, &g->window.timer, group_now_ns(g) + ns);
}

static uint64_t rest_ns(const struct repl_group *g)
{
	uint64_t ns = (uint64_t)g->cfg.rpo_target_ms * 1000000u / REST_SHARE;

	if (g->resync.what != RESYNC_NONE || ns < REST_MIN_NS) /* the two take turns */
		return REST_MIN_NS;
	return ns < REST_MAX_NS ? ns : REST_MAX_NS;
}

static bool is_much(const struct repl_group *g)
{
	uint64_t most = g->cfg.journal_bytes / 4;

	most = most < WINDOW_BYTES ? most : WINDOW_BYTES;
	return g->window.waiting_bytes >= most || g->lag.is_filling;
}

/* A rest after a failure is not cut short: a log that has failed would be asked for ever. */
static bool is_urgent(const struct repl_group *g)
{
	return !g->window.has_failed && (g->wants_equal || g->wants_drained ||
					 (g->resync.what == RESYNC_NONE && is_much(g)));
}

/* After a window: what came meanwhile may be enough for the next one. */
static void rest(struct repl_group *g)
{
	struct sluice_rlog_stats s;

	sluice_rlog_stats(g->journal.log, &s);
	g->window.waiting_bytes = s.used_blocks * LOG_BLOCK_BYTES;
	if (is_urgent(g) && !g->stopped)
		g->window.is_resting = false;
	else
		later(g, rest_ns(g));
}

static void ended(struct sluice_rlog_destage *d)
{
	struct repl_group *g = d->ctx;
	struct window *w = &g->window;

	w->is_running = false;
	if (d->result == 0) {
		for (uint32_t i = 0; i < w->range_count && g->track == TRACK_JOURNAL; i++)
			clear_bits(g, &w->ranges[i]);
		lag_acked(g);
	}
	w->range_count = 0;
	journal_pump(g);
	mark_pump(g);
	if (d->result == -EBADMSG)
		journal_overflow(g, "the journal is damaged; its changes are sent by a resync");
	if (d->result == -EAGAIN)
		w->wants_flush = true;
	w->has_failed = d->result != 0;
	if (d->result == 0)
		rest(g);
	else
		later(g, d->result == -EAGAIN ? NOT_YET_NS : AFTER_ERR_NS);
	if (g->stopped)
		group_stop_step(g);
	resync_pump(g);
	gate_check(g);
}

static void flushed(struct sluice_rlog_flush *fl)
{
	struct repl_group *g = fl->ctx;

	g->window.is_flushing = false;
	window_kick(g);
}

/* A window takes what is durable only. */
static bool flush_first(struct repl_group *g)
{
	struct window *w = &g->window;
	struct sluice_rlog_stats s;

	sluice_rlog_stats(g->journal.log, &s);
	if (s.durable_seq + 1 >= s.next_seq && !w->wants_flush)
		return false;
	if (w->has_flushed) { /* what came since waits for the next window */
		w->has_flushed = false;
		return false;
	}
	w->has_flushed = true;
	w->wants_flush = false;
	w->is_flushing = true;
	w->flush = (struct sluice_rlog_flush){.fn = flushed, .ctx = g};
	sluice_rlog_flush(g->journal.log, &w->flush);
	return true;
}

static bool is_due(const struct repl_group *g)
{
	struct sluice_rlog_stats s;

	sluice_rlog_stats(g->journal.log, &s);
	return s.dirty_blocks || s.zero_blocks;
}

static uint64_t lsn_after(const struct repl_group *g)
{
	struct sluice_rlog_stats s;

	sluice_rlog_stats(g->journal.log, &s);
	if (s.used_blocks * LOG_BLOCK_BYTES > WINDOW_BYTES / 2 || s.durable_seq + 1 < s.next_seq ||
	    mark_cut_seq(g) < s.next_seq - 1 || g->resync.what != RESYNC_NONE)
		return 0;
	return gate_complete_lsn(g);
}

static bool may_begin(const struct repl_group *g)
{
	const struct window *w = &g->window;

	/* A pass is due, and it begins the journal anew. */
	if (g->resync.what == RESYNC_NONE && group_needs_pass(g))
		return false;
	/* What the sieve has not found yet is older than any window, which would be no point in
	 * time without it. */
	if (g->resync.what == RESYNC_CATCH_UP && !g->resync.is_begun)
		return false;
	if (mark_is_due(g)) /* what follows a mark waits for its answer */
		return false;
	return g->is_peer_ready && group_may_send(g) && !g->is_paused &&
	       g->track == TRACK_JOURNAL && g->journal.is_open && !g->journal.is_emptying &&
	       !g->journal.wants_empty && !w->is_running && !w->is_flushing &&
	       g->resync.reading == 0 && !g->stopped;
}

/* It ends at a mark; and a mark that is made while it is on its way comes after it. */
static uint64_t last_seq(const struct repl_group *g)
{
	uint64_t cut = mark_cut_seq(g);
	struct sluice_rlog_stats s;

	sluice_rlog_stats(g->journal.log, &s);
	return cut < s.next_seq - 1 ? cut : s.next_seq - 1;
}

static void try_begin(struct repl_group *g)
{
	struct window *w = &g->window;

	if (!may_begin(g) || !is_due(g) || flush_first(g))
		return;
	w->is_running = true;
	w->is_begun = w->has_flushed = false;
	w->number++;
	w->lsn = lsn_after(g);
	w->began_ns = group_now_ns(g);
	w->destage = (struct sluice_rlog_destage){
	    .max_bytes = WINDOW_BYTES, .last_seq = last_seq(g), .fn = ended, .ctx = g};
	sluice_rlog_destage(g->journal.log, &w->sink, &w->destage);
}

static void tick(struct repl_timer *t)
{
	struct repl_group *g = t->ctx;

	g->window.is_resting = false;
	try_begin(g);
}

/* So that windows have their turn in a long resync: a second after the last one. */
bool window_is_due(const struct repl_group *g)
{
	const struct window *w = &g->window;

	return !w->is_resting && g->track == TRACK_JOURNAL && g->journal.is_open &&
	       !g->journal.is_emptying && !w->is_running && !w->is_flushing && group_may_send(g) &&
	       !g->is_paused && g->resync.is_begun && is_due(g);
}

void window_kick(struct repl_group *g)
{
	if (!g->window.is_resting || is_urgent(g))
		try_begin(g);
}

void window_appended(struct repl_group *g, uint64_t bytes)
{
	g->window.waiting_bytes += bytes;
	window_kick(g);
}

int window_init(struct repl_group *g)
{
	struct window *w = &g->window;

	w->ranges = calloc(WINDOW_RANGES, sizeof(*w->ranges));
	w->sink = (struct sluice_rlog_sink){.submit = sink_submit, .ctx = g, .max_ios = 4};
	w->timer.fn = tick;
	w->timer.ctx = g;
	return w->ranges ? 0 : -ENOMEM;
}
