/* SPDX-License-Identifier: MIT */
/*
 * rlog_load.c - the checkpoint that the superblock names is read into the map, and replay goes on
 * behind it. It was made while the log went on: what it says of places behind its own end is left
 * to replay, and what has been trimmed since is left out.
 */
#include "rlog_crc.h"
#include "rlog_int.h"

static void read_next(struct sluice_rlog *log);

static uint64_t area_offset(const struct sluice_rlog *log)
{
	uint64_t block =
	    log->geo.checkpoint_start + (uint64_t)log->checkpoint_slot * log->geo.checkpoint_blocks;

	return block * log->geo.block_bytes;
}

static bool is_live(const struct sluice_rlog *log, uint32_t pos)
{
	return RLOG_MUTATE(CHECKPOINT_STALE_KEPT) ||
	       rlog_map_age(&log->map, pos) < log->recovery->load_limit;
}

/* The first bytes; 0: it cannot be used. */
static uint64_t take_head(struct sluice_rlog *log)
{
	struct rlog_recovery *r = log->recovery;

	if (!rlog_checkpoint_decode(r->mem, r->super.checkpoint_bytes, log->geo.log_blocks,
				    &r->checkpoint) ||
	    r->checkpoint.seq != r->super.checkpoint_seq)
		return 0;
	r->load_limit = rlog_map_age(&log->map, r->checkpoint.pos);
	return r->load_limit ? RLOG_CHECKPOINT_FIXED : 0;
}

static uint64_t take_zero(struct sluice_rlog *log, const uint8_t *p)
{
	struct rlog_checkpoint_zero z;

	if (!rlog_checkpoint_get_zero(p, log->geo.log_blocks, &z))
		return 0;
	if (is_live(log, z.pos)) {
		struct rlog_zero zero = {z.start, z.end, z.pos, z.may_unmap};

		if (!rlog_zeros_has_room(&log->map.zeros, 1))
			return 0;
		rlog_zeros_insert(&log->map.zeros, &zero);
	}
	return RLOG_CHECKPOINT_ZERO;
}

static uint64_t take_data(struct sluice_rlog *log, const uint8_t *p)
{
	struct rlog_checkpoint_data d;

	if (!rlog_checkpoint_get_data(p, log->geo.log_blocks, &d))
		return 0;
	if (is_live(log, d.pos))
		rlog_map_put(&log->map, d.block, d.pos, d.crc);
	return RLOG_CHECKPOINT_DATA;
}

/* False: it cannot be used. */
static bool take_piece(struct sluice_rlog *log, uint64_t len)
{
	struct rlog_recovery *r = log->recovery;
	uint64_t at = 0, used, zeros_end;

	while (at < len) {
		zeros_end = RLOG_CHECKPOINT_FIXED +
			    (uint64_t)r->checkpoint.zero_count * RLOG_CHECKPOINT_ZERO;
		if (r->load_at + at == 0)
			used = take_head(log);
		else if (r->load_at + at < zeros_end)
			used = take_zero(log, r->mem + at);
		else
			used = take_data(log, r->mem + at);
		if (used == 0)
			return false;
		at += used;
	}
	return true;
}

static void piece_read(struct env_io *io)
{
	struct sluice_rlog *log = io->ctx;
	struct rlog_recovery *r = log->recovery;
	uint64_t left = r->super.checkpoint_bytes - r->load_at;
	uint64_t len = left < io->len_bytes ? left : io->len_bytes;

	r->is_busy = false;
	if (log->is_closing) {
		rlog_open_check_close(log);
		return;
	}
	r->load_crc = rlog_crc(r->load_crc, r->mem, len);
	if (io->result || !take_piece(log, len)) {
		rlog_recover_loaded(log, false);
		return;
	}
	r->load_at += len;
	if (r->load_at < r->super.checkpoint_bytes)
		read_next(log);
	else
		rlog_recover_loaded(log, r->load_crc == r->super.checkpoint_crc ||
					     RLOG_MUTATE(CHECKPOINT_TORN_TRUSTED));
}

static void read_next(struct sluice_rlog *log)
{
	struct rlog_recovery *r = log->recovery;
	uint64_t bytes = log->geo.block_bytes, left = r->super.checkpoint_bytes - r->load_at;
	uint64_t len = r->mem_blocks * bytes;

	if (left < len)
		len = (left + bytes - 1) / bytes * bytes;
	r->is_busy = true;
	rlog_ring_plain(log, &r->io, ENV_IO_READ, area_offset(log) + r->load_at, len, r->mem,
			piece_read);
}

void rlog_load_begin(struct sluice_rlog *log)
{
	struct rlog_recovery *r = log->recovery;

	/* What was trimmed past its end says nothing any more. */
	if (!r->super.has_checkpoint || r->super.checkpoint_seq < r->super.tail_seq) {
		r->at = log->tail;
		rlog_walk_begin(log);
		return;
	}
	r->load_at = 0;
	r->load_crc = log->log_seed;
	read_next(log);
}
