/* SPDX-License-Identifier: MIT */
/*
 * rlog_drop.c - everything in the log is given up: the tail moves to the head. Appends wait while
 * what is on its way is written; then the superblock says it.
 */
#include <errno.h>

#include "rlog_int.h"

static void tell(struct sluice_rlog *log, int result)
{
	struct list_node now, *n;

	list_init(&now);
	list_splice_back(&now, &log->drops);
	while ((n = list_pop_front(&now)))
		rlog_fail_later(log, list_entry(n, struct rlog_wait, node), result);
}

static void durable(struct rlog_wait *w, int result)
{
	struct sluice_rlog *log =
	    (struct sluice_rlog *)((char *)w - offsetof(struct sluice_rlog, drop_wait));

	log->is_dropping = log->is_drop_begun = false;
	tell(log, result);
	rlog_append_pump(log);
}

/* The tail's superblock must not be durable before the record it follows: that would be a hole. */
static void synced(struct rlog_wait *w, int result)
{
	struct sluice_rlog *log =
	    (struct sluice_rlog *)((char *)w - offsetof(struct sluice_rlog, drop_wait));

	if (result) {
		durable(w, result);
		return;
	}
	log->tail = log->head;
	rlog_map_cut(&log->map, rlog_ring_pos(log, log->tail.v));
	rlog_stats_trimmed(log);
	w->fn = durable;
	rlog_super_write(log, w);
}

void rlog_drop_pump(struct sluice_rlog *log)
{
	if (list_is_empty(&log->drops) || log->is_drop_begun || log->is_destaging ||
	    rlog_checkpoint_is_busy(log) || log->writing_count)
		return;
	if (log->is_failed) {
		log->is_dropping = false;
		tell(log, -EIO);
		return;
	}
	if (log->open_buf) {
		rlog_record_write(log);
		return;
	}
	log->is_drop_begun = true;
	log->drop_wait.fn = synced;
	rlog_commit_sync(log, &log->drop_wait);
}

static void flush_done(struct rlog_wait *w, int result)
{
	struct sluice_rlog_flush *fl =
	    (struct sluice_rlog_flush *)((char *)w - offsetof(struct sluice_rlog_flush, host));

	fl->result = result;
	fl->fn(fl);
}

void sluice_rlog_drop(struct sluice_rlog *log, struct sluice_rlog_flush *fl)
{
	struct rlog_wait *w = (struct rlog_wait *)fl->host;

	w->fn = flush_done;
	if (log->is_failed || !log->is_ready) {
		rlog_fail_later(log, w, -EIO);
		return;
	}
	list_push_back(&log->drops, &w->node);
	log->is_dropping = true;
	rlog_drop_pump(log);
}
