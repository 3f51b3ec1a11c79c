/* SPDX-License-Identifier: MIT */
/*
 * rlog_checkpoint.c - the map is written, so that recovery replays only what came after.
 *
 * It is written piece by piece while the log goes on. Blocks that change meanwhile may be in it as
 * they were before or after: replay from its end on puts that right, and all that it can name is
 * durable before a superblock names it. What must not happen is that a slot moves away from under
 * the walk; so nothing leaves the map meanwhile, and destaging waits with its last step.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rlog_crc.h"
#include "rlog_int.h"

#define PIECE_BYTES (256u << 10)

struct rlog_checkpointer {
	struct env_io io;
	struct rlog_wait wait;
	uint8_t *mem;
	uint64_t mem_bytes;
	bool is_busy;
	struct rlog_checkpoint head;
	uint32_t limit; /* age of its end */
	uint32_t next_slot;
	uint64_t written_bytes; /* without the padding of the last block */
	uint32_t crc;
	uint8_t area;
};

int rlog_checkpoint_init(struct sluice_rlog *log)
{
	uint64_t bytes = log->geo.block_bytes, need, area;
	struct rlog_checkpointer *c;

	if (!log->cfg.checkpoint_bytes || !log->geo.checkpoint_blocks)
		return 0;
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	log->checkpointer = c;
	area = log->geo.checkpoint_blocks * bytes;
	need = RLOG_CHECKPOINT_FIXED +
	       (uint64_t)rlog_geometry_zeros(log->geo.log_blocks) * RLOG_CHECKPOINT_ZERO;
	c->mem_bytes = area < PIECE_BYTES ? area : PIECE_BYTES;
	if (c->mem_bytes < need)
		c->mem_bytes = (need + bytes - 1) / bytes * bytes;
	c->mem = aligned_alloc(RLOG_MEM_ALIGN, (c->mem_bytes + RLOG_MEM_ALIGN - 1) /
						   RLOG_MEM_ALIGN * RLOG_MEM_ALIGN);
	return c->mem ? 0 : -ENOMEM;
}

void rlog_checkpoint_fini(struct sluice_rlog *log)
{
	if (!log->checkpointer)
		return;
	free(log->checkpointer->mem);
	free(log->checkpointer);
}

bool rlog_checkpoint_is_busy(const struct sluice_rlog *log)
{
	return log->checkpointer && log->checkpointer->is_busy;
}

static void end(struct sluice_rlog *log)
{
	log->checkpointer->is_busy = false;
	log->map.is_frozen = false;
	rlog_destage_pump(log);
	rlog_drop_pump(log);
	rlog_open_check_close(log);
}

static struct sluice_rlog *log_of(struct rlog_wait *w);

static void named(struct rlog_wait *w, int result)
{
	struct sluice_rlog *log = log_of(w);

	if (result == 0)
		log->n.checkpoints++;
	end(log);
}

static void synced(struct rlog_wait *w, int result)
{
	struct sluice_rlog *log = log_of(w);
	struct rlog_checkpointer *c = log->checkpointer;

	if (result) {
		end(log);
		return;
	}
	log->has_checkpoint = true;
	log->checkpoint_slot = c->area;
	log->checkpoint_seq = c->head.seq;
	log->checkpoint_bytes = c->written_bytes;
	log->checkpoint_crc = c->crc;
	w->fn = named;
	rlog_super_write(log, w);
}

static uint64_t put_head(struct sluice_rlog *log)
{
	struct rlog_checkpointer *c = log->checkpointer;
	const struct rlog_zeros *z = &log->map.zeros;
	uint64_t at = RLOG_CHECKPOINT_FIXED;

	for (uint32_t i = 0; i < z->count; i++) {
		struct rlog_checkpoint_zero x = {z->items[i].start, z->items[i].end,
						 z->items[i].pos, z->items[i].may_unmap};

		rlog_checkpoint_put_zero(c->mem + at, &x);
		at += RLOG_CHECKPOINT_ZERO;
	}
	c->head.zero_count = z->count;
	rlog_checkpoint_encode(&c->head, c->mem);
	return at;
}

static void write_piece(struct sluice_rlog *log);

static void piece_written(struct env_io *io)
{
	struct sluice_rlog *log = io->ctx;
	struct rlog_checkpointer *c = log->checkpointer;

	if (io->result)
		rlog_fail(log, io->result, "writing a checkpoint");
	if (log->is_failed) {
		end(log);
	} else if (c->next_slot < log->map.slot_count) {
		write_piece(log);
	} else {
		log->map.is_frozen = false;
		rlog_destage_pump(log);
		c->wait.fn = synced;
		if (RLOG_MUTATE(CHECKPOINT_NOT_SYNCED))
			rlog_fail_later(log, &c->wait, 0);
		else
			rlog_commit_sync(log, &c->wait);
	}
}

static void write_piece(struct sluice_rlog *log)
{
	struct rlog_checkpointer *c = log->checkpointer;
	uint64_t bytes = log->geo.block_bytes, at = 0, padded;
	uint64_t area = log->geo.checkpoint_start + (uint64_t)c->area * log->geo.checkpoint_blocks;

	if (c->written_bytes == 0)
		at = put_head(log);
	for (; c->next_slot < log->map.slot_count && at < c->mem_bytes; c->next_slot++) {
		const struct rlog_slot *s = &log->map.slots[c->next_slot];
		struct rlog_checkpoint_data d = {s->block, s->place - 1, s->crc};

		if (!s->place || rlog_map_age(&log->map, d.pos) >= c->limit)
			continue;
		rlog_checkpoint_put_data(c->mem + at, &d);
		at += RLOG_CHECKPOINT_DATA;
	}
	c->crc = rlog_crc(c->crc, c->mem, at);
	padded = (at + bytes - 1) / bytes * bytes;
	memset(c->mem + at, 0, padded - at);
	rlog_ring_plain(log, &c->io, ENV_IO_WRITE, area * bytes + c->written_bytes, padded, c->mem,
			piece_written);
	c->written_bytes += at;
}

void rlog_checkpoint_pump(struct sluice_rlog *log)
{
	struct rlog_checkpointer *c = log->checkpointer;

	if (!c || c->is_busy || log->appended_since_bytes < log->cfg.checkpoint_bytes ||
	    log->is_failed || log->is_closing || !log->is_ready || log->is_dropping)
		return;
	log->appended_since_bytes = 0;
	/* After a recovery there may be more ranges than an area takes, until the tail moves. */
	if (log->written.v == log->tail.v ||
	    log->map.zeros.count > rlog_geometry_zeros(log->geo.log_blocks))
		return;
	c->is_busy = true;
	log->map.is_frozen = true;
	c->head = (struct rlog_checkpoint){.seq = log->written.seq - 1,
					   .mark_seq = log->mark_seq,
					   .entry_seq = log->entry_seq,
					   .mark_value = log->mark_value,
					   .pos = rlog_ring_pos(log, log->written.v),
					   .epoch = log->written.epoch,
					   .prev_crc = log->written.crc};
	c->limit = rlog_map_age(&log->map, c->head.pos);
	c->next_slot = 0;
	c->written_bytes = 0;
	c->crc = log->log_seed;
	c->area = log->has_checkpoint ? !log->checkpoint_slot : 0;
	write_piece(log);
}

static struct sluice_rlog *log_of(struct rlog_wait *w)
{
	/* There is no way back from the checkpointer but through its I/O. */
	struct rlog_checkpointer *c =
	    (struct rlog_checkpointer *)((char *)w - offsetof(struct rlog_checkpointer, wait));

	return c->io.ctx;
}
