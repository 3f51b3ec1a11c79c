/* SPDX-License-Identifier: MIT */
/*
 * journal.c - the log of what the replica does not have yet: opened, appended to, given up, begun
 * anew.
 *
 *   track JOURNAL: every change of the group is in it, in order, until its window is acknowledged
 *   overflow:      track BITMAP --durable--> emptied; what was JOURNALED is DIRTY
 *   begin:         emptied --> track JOURNAL with a pass --durable--> resync
 *
 * The bit JOURNALED of a block is set when its entry is in the log, and before the change is
 * acknowledged; until then its extent is hot. So bits and hot extents together cover the log at
 * any time, on disk too, and it can be given up at any time. For the same reason an append need not
 * be durable: what a power cut takes from the log's end is suspect after it.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "group_int.h"
#include "repl_mutate.h"

#define LSN_AHEAD (1ull << 24)

int track_set(struct repl_group *g, enum track track, bool has_pass)
{
	struct track_record r = g->record;
	int result;

	r.version = 1;
	r.track = (uint8_t)track;
	/* Else a start would take what is suspect for what is in the log. */
	r.has_pass = has_pass || group_has_bits(g, BITMAP_TO_SEND);
	r.gap_since_ms = g->lag.gap_since_ms;
	if (r.lsn <= g->head_lsn + LSN_AHEAD / 2)
		r.lsn = g->head_lsn + LSN_AHEAD;
	result = g->host.ops->record_put(g->host.ctx, "track", &r, sizeof(r));
	if (result < 0) {
		g->host.ops->report(g->host.ctx, "replication_record",
				    "the group's record cannot be written");
		return result;
	}
	g->record = r;
	g->track = track;
	if (track == TRACK_BITMAP || r.has_pass)
		mark_give_up(g, "the replica had to be brought up by a resync first");
	return 0;
}

bool journal_is_empty(const struct repl_group *g)
{
	struct sluice_rlog_stats s;

	if (!g->journal.is_open || g->journal.appending || g->window.is_running)
		return false;
	sluice_rlog_stats(g->journal.log, &s);
	return s.dirty_blocks == 0 && s.zero_blocks == 0 && s.waiting_entries == 0;
}

/* ---------------------------------------------------------------- append */

static void appended(struct sluice_rlog_entry *e)
{
	struct repl_io *io = e->ctx;
	struct repl_group *g = io->group;
	uint64_t bytes = io->op == SLUICE_OP_WRITE ? io->len_bytes : 0;

	g->journal.appending--;
	if (io->part_buf) {
		g->host.ops->buf_put(g->host.ctx, io->part_buf, io->part_bytes);
		io->part_buf = NULL;
	}
	if (e->result < 0 || g->track != TRACK_JOURNAL)
		bitmap_set(&g->bits[io->member], BITMAP_DIRTY, io->offset_bytes, io->len_bytes);
	else
		bitmap_set(&g->bits[io->member], BITMAP_JOURNALED, io->offset_bytes, io->len_bytes);
	if (e->result < 0 && g->track == TRACK_JOURNAL)
		journal_overflow(g, "the journal cannot be written");
	gate_leg_done(io, REPL_LEG_JOURNAL, SLUICE_OK);
	window_appended(g, bytes);
}

static bool is_whole(const struct repl_io *io)
{
	uint64_t end = io->offset_bytes + io->len_bytes;

	return io->offset_bytes % LOG_BLOCK_BYTES == 0 && end % LOG_BLOCK_BYTES == 0;
}

static void entry_go(struct repl_io *io, uint8_t kind, uint64_t offset_bytes, uint64_t len_bytes,
		     const void *buf)
{
	struct repl_group *g = io->group;

	io->entry = (struct sluice_rlog_entry){
	    .kind = kind,
	    .may_unmap = io->op == SLUICE_OP_UNMAP || io->flags & SLUICE_IO_MAY_UNMAP,
	    .block = log_block_of(io->member, offset_bytes),
	    .block_count = (len_bytes + LOG_BLOCK_BYTES - 1) / LOG_BLOCK_BYTES,
	    .buf = buf,
	    .fn = appended,
	    .ctx = io};
	g->journal.appending++;
	sluice_rlog_append(g->journal.log, &io->entry);
}

void journal_append(struct repl_io *io)
{
	struct repl_group *g = io->group;

	if (!g->journal.is_open) {
		bitmap_set(&g->bits[io->member], BITMAP_DIRTY, io->offset_bytes, io->len_bytes);
		gate_leg_done(io, REPL_LEG_JOURNAL, SLUICE_OK);
	} else if (io->part_buf) {
		entry_go(io, SLUICE_RLOG_DATA, io->offset_bytes & ~(LOG_BLOCK_BYTES - 1ull),
			 io->part_bytes, io->part_buf);
	} else if (!is_whole(io)) {
		partial_begin(io);
	} else {
		entry_go(io, io->op == SLUICE_OP_WRITE ? SLUICE_RLOG_DATA : SLUICE_RLOG_ZERO,
			 io->offset_bytes, io->len_bytes, io->buf);
	}
}

/* ---------------------------------------------------------------- give it up, begin anew */

static void emptied(struct sluice_rlog_flush *fl)
{
	struct repl_group *g = fl->ctx;
	void (*fn)(struct repl_group * group) = g->journal.emptied;

	g->journal.is_emptying = false;
	if (fl->result < 0) {
		g->journal.is_open = false;
		g->host.ops->report(g->host.ctx, "replication_journal",
				    "the journal has failed; changes are only noted until this "
				    "volume is opened again");
	}
	/* A second reason came meanwhile, and with it what the first time did not cover. */
	if (g->journal.wants_empty && !REPL_MUTATE(EMPTIED_ONCE)) {
		journal_pump(g);
		return;
	}
	g->journal.emptied = NULL;
	if (fn)
		fn(g);
}

void journal_pump(struct repl_group *g)
{
	struct journal *j = &g->journal;

	if (!j->wants_empty || j->is_emptying || g->window.is_running)
		return;
	j->wants_empty = false;
	j->is_emptying = true;
	if (!j->is_open) {
		j->drop.result = 0;
		j->drop.ctx = g;
		emptied(&j->drop);
		return;
	}
	j->drop = (struct sluice_rlog_flush){.fn = emptied, .ctx = g};
	sluice_rlog_drop(j->log, &j->drop);
}

void journal_empty(struct repl_group *g)
{
	g->journal.wants_empty = true;
	journal_pump(g);
}

bool journal_may_begin(const struct repl_group *g)
{
	return g->journal.is_open && !g->journal.wants_empty && !g->journal.is_emptying;
}

/* All that the log has, or will have of what is under way, is to be sent by a resync. */
static void to_bitmap(struct repl_group *g)
{
	for (uint32_t m = 0; m < g->host.member_count; m++)
		bitmap_move(&g->bits[m], BITMAP_JOURNALED, BITMAP_DIRTY);
	for (const struct repl_io *io = g->running.first; io; io = io->next) {
		if (io->lsn)
			bitmap_set(&g->bits[io->member], BITMAP_DIRTY, io->offset_bytes,
				   io->len_bytes);
	}
	g->resync.at = (struct repl_place){0};
	g->resync.is_scanned = false;
}

/* A journal that is full again before the gap is over is no news. */
static void tell_gap(struct repl_group *g, const char *why)
{
	bool is_told = g->lag.gap_since_ms && strcmp(g->lag.gap_why, why) == 0;

	lag_gap(g, true);
	snprintf(g->lag.gap_why, sizeof(g->lag.gap_why), "%s", why);
	if (!is_told)
		g->host.ops->report(g->host.ctx, "replication_gap", why);
}

void journal_overflow(struct repl_group *g, const char *why)
{
	if (g->track != TRACK_JOURNAL || track_set(g, TRACK_BITMAP, g->record.has_pass) < 0)
		return;
	to_bitmap(g);
	/* What waits for room is noted; the window under way may last long on a slow link. */
	if (g->journal.is_open)
		sluice_rlog_refuse_waiting(g->journal.log);
	tell_gap(g, why);
	journal_empty(g);
}

static void begun(struct repl_group *g)
{
	void (*fn)(struct repl_group * group) = g->resync_fn;

	/* Unless the role has changed meanwhile. */
	if (g->journal.is_open && g->track == TRACK_BITMAP &&
	    (g->node->record.state == REPL_PRIMARY_ALONE || REPL_MUTATE(PASS_IN_A_PAIR)))
		track_set(g, TRACK_JOURNAL, true);
	fn(g);
}

bool journal_begin(struct repl_group *g, void (*fn)(struct repl_group *g))
{
	/* What comes while it is emptied would go with the rest. */
	if (g->track != TRACK_BITMAP && track_set(g, TRACK_BITMAP, g->record.has_pass) < 0)
		return false;
	g->resync_fn = fn;
	to_bitmap(g);
	g->journal.emptied = begun;
	journal_empty(g);
	return true;
}

/* ---------------------------------------------------------------- open */

static void wants_space(void *ctx)
{
	struct repl_group *g = ctx;

	/* With the peer there, writers wait for windows, as long as the ladder says (lag.c). */
	if (!g->is_peer_ready || !g->may_send || g->is_paused) {
		journal_overflow(g, "the journal is full and the peer is not there: what changes "
				    "from now on is only noted, and sent by a resync");
		return;
	}
	g->lag.is_filling = true; /* no rest between windows; the next tick measures it */
	window_kick(g);
}

static void opened(void *ctx, const struct sluice_rlog_opened *how)
{
	struct repl_group *g = ctx;
	void (*fn)(struct repl_group * group, int result, const struct sluice_error *err) =
	    g->journal_fn;
	bool is_lost;

	g->journal.is_open = how->result >= 0;
	if (g->journal.is_open)
		sluice_rlog_on_want_space(g->journal.log, wants_space, g);
	is_lost = !g->journal.is_open || how->found == SLUICE_RLOG_NEW;
	if (is_lost && g->record.version == 1 && g->track == TRACK_JOURNAL) {
		/* The bits cover all that was in it. */
		for (uint32_t m = 0; m < g->host.member_count; m++)
			bitmap_move(&g->bits[m], BITMAP_JOURNALED, BITMAP_SUSPECT);
		track_set(g, TRACK_BITMAP, false);
	}
	if (how->result < 0) {
		struct sluice_error e = how->err;

		g->host.ops->report(g->host.ctx, "replication_journal", e.text);
	}
	fn(g, 0, NULL);
}

void journal_open(struct repl_group *g,
		  void (*fn)(struct repl_group *g, int result, const struct sluice_error *err))
{
	struct sluice_rlog_cfg cfg = {.size_bytes = g->cfg.journal_bytes,
				      .block_bytes = LOG_BLOCK_BYTES,
				      .checkpoint_bytes = g->cfg.journal_bytes / 4,
				      .generation = g->record.generation,
				      .may_create = true,
				      .may_replace = true};
	struct sluice_error err = {{0}, {0}};

	memcpy(cfg.owner_uuid, g->host.group_uuid, sizeof(cfg.owner_uuid));
	g->journal_fn = fn;
	g->journal.log =
	    g->host.ops->log_open(g->host.ctx, REPL_LOG_JOURNAL, &cfg, opened, g, &err);
	if (!g->journal.log)
		fn(g, -EIO, &err);
}
