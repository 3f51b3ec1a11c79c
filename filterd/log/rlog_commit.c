/* SPDX-License-Identifier: MIT */
/*
 * rlog_commit.c - who is told what, in order (W5), and the flushes that many share.
 *
 * D1: a record and all before it are written. D2: a flush that began after that has ended well. One
 * flush at a time; whoever comes while it runs is served by the next one, since only that is known
 * to cover what was written before it began. Where files have durable writes, a record of which all
 * waits for D2 is one, unless something before it still needs a flush: D2 is the end of its write.
 */
#include <errno.h>

#include "rlog_int.h"

/* Those whose level has been reached. What waits for D2 stays in line. */
static void acknowledge(struct sluice_rlog *log)
{
	struct list_node done, *n, *next;

	list_init(&done);
	list_for_each_safe (n, next, &log->undurable) {
		struct sluice_rlog_entry *e = rlog_entry_of(n);

		if (e->is_durable && e->seq > log->durable_seq && !RLOG_MUTATE(ACK_BEFORE_FLUSH))
			continue;
		list_del(n);
		list_push_back(&done, n);
	}
	while ((n = list_pop_front(&done))) {
		struct sluice_rlog_entry *e = rlog_entry_of(n);

		e->result = 0;
		e->fn(e);
	}
}

bool rlog_commit_is_behind(const struct sluice_rlog *log)
{
	uint64_t max_blocks = RLOG_UNFLUSHED_MAX_BYTES / log->geo.block_bytes;

	return log->head_v - log->durable_v > max_blocks;
}

static bool is_sync_wanted(const struct sluice_rlog *log)
{
	uint64_t unflushed_bytes = (log->written_v - log->durable_v) * log->geo.block_bytes;

	if (!list_is_empty(&log->sync_waiting))
		return true;
	if (log->written_seq <= log->durable_seq)
		return false;
	if (unflushed_bytes > RLOG_UNFLUSHED_MAX_BYTES / 2)
		return true;
	/* All that is left in line waits for D2, or acknowledge() had taken it. */
	return !list_is_empty(&log->undurable);
}

static void tell(struct list_node *told, int result)
{
	struct list_node *n;

	while ((n = list_pop_front(told))) {
		struct rlog_wait *w = list_entry(n, struct rlog_wait, node);

		w->fn(w, result);
	}
}

static void sync_done(struct env_io *io)
{
	struct sluice_rlog *log = io->ctx;
	int result = RLOG_MUTATE(FAILED_FLUSH_FORGIVEN) ? 0 : io->result;
	struct list_node told;

	list_init(&told);
	log->is_syncing = false;
	log->n.flushes++;
	if (result)
		rlog_fail(log, result, "flushing the log");
	if (!log->is_failed) {
		if (RLOG_MUTATE(JOIN_RUNNING_SYNC)) {
			log->sync_to.seq = log->written_seq;
			log->sync_to.v = log->written_v;
		}
		if (log->sync_to.seq > log->durable_seq) {
			log->durable_seq = log->sync_to.seq;
			log->durable_v = log->sync_to.v;
		}
		log->calling++;
		list_splice_back(&told, &log->sync_running);
		acknowledge(log);
		tell(&told, 0);
		log->calling--;
		rlog_commit_pump(log);
		rlog_append_pump(log);
	}
	rlog_open_check_close(log);
}

void rlog_commit_pump(struct sluice_rlog *log)
{
	if (log->is_syncing || log->is_failed || !is_sync_wanted(log))
		return;
	log->is_syncing = true;
	log->sync_to.seq = log->written_seq;
	log->sync_to.v = log->written_v;
	list_splice_back(&log->sync_running, &log->sync_waiting);
	rlog_ring_plain(log, &log->sync_io, ENV_IO_SYNC, 0, 0, NULL, sync_done);
}

void rlog_commit_sync(struct sluice_rlog *log, struct rlog_wait *w)
{
	if (log->is_failed) {
		rlog_fail_later(log, w, -EIO);
		return;
	}
	list_push_back(&log->sync_waiting, &w->node);
	if (RLOG_MUTATE(JOIN_RUNNING_SYNC) && log->is_syncing)
		list_splice_back(&log->sync_running, &log->sync_waiting);
	rlog_commit_pump(log);
}

void rlog_commit_written(struct sluice_rlog *log)
{
	log->calling++;
	acknowledge(log);
	log->calling--;
	rlog_commit_pump(log);
}

static struct sluice_rlog_flush *flush_of(struct rlog_wait *w)
{
	return (struct sluice_rlog_flush *)((char *)w - offsetof(struct sluice_rlog_flush, host));
}

static void flush_done(struct rlog_wait *w, int result)
{
	struct sluice_rlog_flush *fl = flush_of(w);

	fl->result = result;
	fl->fn(fl);
}

void sluice_rlog_flush(struct sluice_rlog *log, struct sluice_rlog_flush *fl)
{
	struct rlog_wait *w = (struct rlog_wait *)fl->host;

	_Static_assert(sizeof(struct rlog_wait) <= sizeof(fl->host), "fits");
	w->fn = flush_done;
	if (log->is_failed || !log->is_ready)
		rlog_fail_later(log, w, -EIO);
	else if (log->written_seq <= log->durable_seq)
		rlog_fail_later(log, w, 0);
	else
		rlog_commit_sync(log, w);
}
