/* SPDX-License-Identifier: MIT */
/*
 * rlog_super.c - the superblock is written twice, to B and to A, one after the other, with a flush
 * behind each; only then somebody is told and space is free. So when all is quiet both say the
 * same, and when a crash came in between, nothing was done yet that the older one does not know: if
 * the medium damages one of them, whichever, the other is enough. Who asks while they are being
 * written is served by the next ones.
 */
#include <errno.h>
#include <string.h>

#include "rlog_int.h"

uint64_t rlog_super_offset(const struct sluice_rlog *log, uint64_t sb_seq)
{
	return sb_seq & 1 ? (uint64_t)log->geo.super_b * log->geo.block_bytes : 0;
}

uint64_t rlog_super_len(const struct sluice_rlog *log)
{
	return (uint64_t)log->geo.super_blocks * log->geo.block_bytes;
}

void rlog_super_fill(struct sluice_rlog *log, struct rlog_super *s)
{
	s->sb_seq++;
	s->epoch = log->epoch;
	s->tail_pos = rlog_ring_pos(log, log->tail.v);
	s->tail_seq = log->tail.seq;
	s->tail_epoch = log->tail.epoch;
	s->tail_prev_crc = log->tail.crc;
	s->durable_seq = log->durable_seq;
	s->mark_value = log->mark_value;
	s->is_clean = log->is_super_clean;
	s->head_seq = log->is_super_clean ? log->written_seq : 0;
	s->has_checkpoint = log->has_checkpoint;
	s->checkpoint_slot = log->checkpoint_slot;
	s->checkpoint_crc = log->checkpoint_crc;
	s->checkpoint_seq = log->checkpoint_seq;
	s->checkpoint_bytes = log->checkpoint_bytes;
}

static void begin(struct sluice_rlog *log);
static void write_copy(struct sluice_rlog *log);

static bool is_second_due(struct sluice_rlog *log)
{
	if (log->is_super_second || RLOG_MUTATE(ONE_SUPERBLOCK))
		return false;
	log->is_super_second = true;
	log->super.sb_seq++;
	return true;
}

static void synced(struct rlog_wait *w, int result)
{
	struct sluice_rlog *log =
	    (struct sluice_rlog *)((char *)w - offsetof(struct sluice_rlog, super_sync));
	struct list_node now, *n;

	if (!log->is_failed && is_second_due(log)) {
		write_copy(log);
		return;
	}
	log->is_super_busy = false;
	if (log->is_failed) {
		rlog_open_check_close(log);
		return;
	}
	log->n.superblocks++;
	log->sb_tail_v = log->super_tail_v;
	if (log->sb_tail_v == log->tail.v)
		log->zeros_gone = 0;
	list_init(&now);
	list_splice_back(&now, &log->super_running);
	log->calling++;
	while ((n = list_pop_front(&now))) {
		struct rlog_wait *waiter = list_entry(n, struct rlog_wait, node);

		waiter->fn(waiter, result);
	}
	log->calling--;
	begin(log);
	rlog_append_pump(log);
	rlog_open_check_close(log);
}

static void written(struct env_io *io)
{
	struct sluice_rlog *log = io->ctx;

	if (io->result)
		rlog_fail(log, io->result, "writing a superblock");
	if (log->is_failed) {
		log->is_super_busy = false;
		rlog_open_check_close(log);
		return;
	}
	log->super_sync.fn = synced;
	rlog_commit_sync(log, &log->super_sync);
}

static void write_copy(struct sluice_rlog *log)
{
	memset(log->super_mem, 0, rlog_super_len(log));
	rlog_super_encode(&log->super, log->super_mem);
	rlog_ring_plain(log, &log->super_io, ENV_IO_WRITE,
			rlog_super_offset(log, log->super.sb_seq), rlog_super_len(log),
			log->super_mem, written);
}

static void begin(struct sluice_rlog *log)
{
	if (log->is_super_busy || list_is_empty(&log->super_waiting) || log->is_failed)
		return;
	log->is_super_busy = true;
	log->is_super_second = false;
	list_splice_back(&log->super_running, &log->super_waiting);
	rlog_super_fill(log, &log->super);
	log->super_tail_v = log->tail.v;
	write_copy(log);
}

void rlog_super_write(struct sluice_rlog *log, struct rlog_wait *w)
{
	if (log->is_failed) {
		rlog_fail_later(log, w, -EIO);
		return;
	}
	list_push_back(&log->super_waiting, &w->node);
	begin(log);
}
