/* SPDX-License-Identifier: MIT */
/*
 * rlog_journal.c - a log on the sink's own device, so that the sink alone is a point in time at
 * every moment: a window is appended to it and ended with a MARK; when that is durable, the sink is
 * written and flushed; then the journal is emptied. A replay brings down what ends with a MARK and
 * forgets the rest.
 */
#include <errno.h>

#include "rlog_destage.h"

static uint64_t usable(const struct sluice_rlog *journal)
{
	/* Of an empty one; the MARK, and one that comes by itself when all is idle. */
	return journal->geo.log_blocks - 3ull - journal->reserve_blocks;
}

/* Each data block may be a piece of its own and cut a ZERO in two, and each piece may need a record
 * of its own: four blocks. */
uint64_t rlog_journal_room(const struct sluice_rlog *journal)
{
	return usable(journal) / 4;
}

bool rlog_journal_fits(const struct sluice_rlog *journal, struct rlog_window *w)
{
	struct rlog_window_piece p;
	uint64_t blocks = 0;

	while (rlog_window_next(w, RLOG_GATHER_BLOCKS, &p))
		blocks += 1 + (p.is_zero ? 0 : p.block_count);
	rlog_window_rewind(w);
	return blocks <= usable(journal);
}

static void marked(struct sluice_rlog_entry *e)
{
	struct rlog_destager *x = e->ctx;

	if (e->result)
		rlog_destage_end(x, e->result);
	else
		x->sink_phase(x);
}

#define SEQ_BITS 40u

/* Where a window ends, and of which log; the journal's superblock keeps it when the window has been
 * dropped. */
static uint64_t mark_of(const struct sluice_rlog *log, uint64_t seq)
{
	return (uint64_t)log->log_seed << SEQ_BITS | (seq & ((1ull << SEQ_BITS) - 1));
}

uint64_t rlog_journal_must_seq(const struct sluice_rlog *log, const struct sluice_rlog *journal)
{
	uint64_t seq = journal->mark_value & ((1ull << SEQ_BITS) - 1);

	return journal->mark_value == mark_of(log, seq) && seq <= log->durable_seq + 1 ? seq : 0;
}

void rlog_journal_begin(struct rlog_destager *x)
{
	if (x->result) {
		rlog_destage_end(x, x->result);
		return;
	}
	x->mark = (struct sluice_rlog_entry){.kind = SLUICE_RLOG_MARK,
					     .is_durable = !RLOG_MUTATE(JOURNAL_NOT_DURABLE),
					     .value = mark_of(x->log, x->w.end.seq),
					     .fn = marked,
					     .ctx = x};
	sluice_rlog_append(x->sink.journal, &x->mark);
}

static void emptied(struct sluice_rlog_flush *fl)
{
	struct rlog_destager *x = fl->ctx;

	if (fl->result)
		rlog_destage_end(x, fl->result);
	else
		rlog_destage_trim(x);
}

void rlog_journal_drop(struct rlog_destager *x)
{
	x->drop = (struct sluice_rlog_flush){.fn = emptied, .ctx = x};
	sluice_rlog_drop(x->sink.journal, &x->drop);
}

/* ---------------------------------------------------------------- replay */

static void rest_dropped(struct sluice_rlog_flush *fl)
{
	rlog_destage_end(fl->ctx, fl->result);
}

void rlog_journal_replayed(struct rlog_destager *x)
{
	struct sluice_rlog *journal = x->log;

	if (journal->tail.seq <= x->last_seq) {
		rlog_destage_window(x);
		return;
	}
	/* The rest has no end: it never counted. */
	journal->is_destaging = false;
	x->drop = (struct sluice_rlog_flush){.fn = rest_dropped, .ctx = x};
	sluice_rlog_drop(journal, &x->drop);
}

static void cleared(struct sluice_rlog_destage *d)
{
	struct rlog_destager *x = d->ctx;

	if (d->result)
		rlog_destage_end(x, d->result);
	else
		rlog_destage_window(x);
}

/* A window that was complete in the journal may be half in the sink: it goes there whole before the
 * journal forgets it. */
void rlog_journal_clear(struct rlog_destager *x)
{
	struct sluice_rlog *journal = x->sink.journal;

	if (journal->entry_seq < journal->tail.seq && !journal->is_failed) {
		rlog_destage_window(x);
		return;
	}
	x->left = (struct sluice_rlog_destage){.fn = cleared, .ctx = x};
	sluice_rlog_replay_journal(journal, &x->sink, &x->left);
}

static void refused(struct rlog_wait *w, int result)
{
	struct sluice_rlog_destage *d =
	    (struct sluice_rlog_destage *)((char *)w - offsetof(struct sluice_rlog_destage, host));

	d->result = result;
	d->fn(d);
}

void sluice_rlog_replay_journal(struct sluice_rlog *journal, const struct sluice_rlog_sink *sink,
				struct sluice_rlog_destage *d)
{
	struct rlog_wait *w = (struct rlog_wait *)d->host;
	struct rlog_destager *x = NULL;
	int rc = journal->is_failed || !journal->is_ready ? -EIO
		 : journal->is_destaging                  ? -EBUSY
							  : rlog_destager_get(journal, &x);

	d->window_blocks = d->written_blocks = 0;
	if (rc) {
		w->fn = refused;
		rlog_fail_later(journal, w, rc);
		return;
	}
	journal->is_destaging = true;
	x->sink = *sink;
	x->sink.journal = NULL;
	x->d = d;
	x->is_replay = true;
	x->max_bytes = UINT64_MAX;
	x->last_seq = RLOG_MUTATE(JOURNAL_HALF_REPLAYED) ? journal->written_seq : journal->mark_seq;
	rlog_journal_replayed(x);
}
