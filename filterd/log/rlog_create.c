/* SPDX-License-Identifier: MIT */
/*
 * rlog_create.c - a new log: all of it is written once with zeros, so that later writes change no
 * metadata of the file system; flush; one superblock, flush; the other one, flush. A crash in
 * between leaves superblock A blank, which open takes for "nothing there yet".
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rlog_int.h"

#define WRITE_BYTES (256u << 10) /* at once */

static uint64_t write_bytes(const struct sluice_rlog *log)
{
	uint64_t room = (uint64_t)log->recovery->mem_blocks * log->geo.block_bytes;

	return room < WRITE_BYTES ? room : WRITE_BYTES;
}

static void failed(struct sluice_rlog *log, int result)
{
	rlog_open_end(log, result, SLUICE_RLOG_IO, "%s: writing the new log failed: %s", log->path,
		      strerror(-result));
}

/* False: the log is being closed, or the I/O failed; nothing more is done. */
static bool goes_on(struct sluice_rlog *log, const struct env_io *io)
{
	log->recovery->is_busy = false;
	if (log->is_closing)
		rlog_open_check_close(log);
	else if (io->result)
		failed(log, io->result);
	else
		return true;
	return false;
}

static void super_durable(struct env_io *io);

static void super_written(struct env_io *io)
{
	struct sluice_rlog *log = io->ctx;

	if (!goes_on(log, io))
		return;
	log->recovery->is_busy = true;
	rlog_ring_plain(log, io, ENV_IO_SYNC, 0, 0, NULL, super_durable);
}

static void super_write(struct sluice_rlog *log)
{
	log->recovery->is_busy = true;
	rlog_super_fill(log, &log->super);
	memset(log->super_mem, 0, rlog_super_len(log));
	rlog_super_encode(&log->super, log->super_mem);
	rlog_ring_plain(log, &log->recovery->io, ENV_IO_WRITE,
			rlog_super_offset(log, log->super.sb_seq), rlog_super_len(log),
			log->super_mem, super_written);
}

static void super_durable(struct env_io *io)
{
	struct sluice_rlog *log = io->ctx;

	if (!goes_on(log, io))
		return;
	log->n.superblocks++;
	if (log->super.sb_seq < 2)
		super_write(log);
	else
		rlog_open_end(log, 0, SLUICE_RLOG_NEW, NULL);
}

static void zeros_durable(struct env_io *io)
{
	struct sluice_rlog *log = io->ctx;
	struct rlog_super s = {.geo = log->geo,
			       .generation = log->cfg.generation,
			       .epoch = 1,
			       .tail_epoch = 1,
			       .tail_seq = 1};
	int rc;

	if (!goes_on(log, io))
		return;
	memcpy(s.owner_uuid, log->cfg.owner_uuid, 16);
	for (uint32_t i = 0; i < 16; i += 8) {
		uint64_t random = env_random_u64(log->env);

		memcpy(s.uuid + i, &random, 8);
	}
	rc = rlog_recover_adopt(log, &s, &log->opened.err);
	if (rc)
		rlog_open_end(log, rc, SLUICE_RLOG_IO, NULL);
	else
		super_write(log);
}

static void zeros_write(struct sluice_rlog *log);

static void zeros_written(struct env_io *io)
{
	if (goes_on(io->ctx, io))
		zeros_write(io->ctx);
}

static void zeros_write(struct sluice_rlog *log)
{
	struct rlog_recovery *r = log->recovery;
	uint64_t left =
	    log->file->size_bytes / log->geo.block_bytes * log->geo.block_bytes - r->create_at;
	uint64_t len = write_bytes(log);
	uint64_t at = r->create_at;

	r->is_busy = true;
	if (left == 0) {
		rlog_ring_plain(log, &r->io, ENV_IO_SYNC, 0, 0, NULL, zeros_durable);
		return;
	}
	len = left < len ? left : len;
	r->create_at += len;
	rlog_ring_plain(log, &r->io, ENV_IO_WRITE, at, len, r->mem, zeros_written);
}

static void begin(struct sluice_rlog *log)
{
	struct rlog_recovery *r = log->recovery;

	if (!rlog_geometry_make(&log->geo, log->cfg.block_bytes, log->file->size_bytes,
				log->cfg.checkpoint_bytes != 0)) {
		rlog_open_end(log, -EINVAL, SLUICE_RLOG_IO, "%s has %llu bytes, too few for a log",
			      log->path, (unsigned long long)log->file->size_bytes);
		return;
	}
	memset(r->mem, 0, write_bytes(log));
	r->create_at = 0;
	zeros_write(log);
}

static void resized(struct env_io *io)
{
	if (goes_on(io->ctx, io))
		begin(io->ctx);
}

void rlog_create_begin(struct sluice_rlog *log)
{
	struct env_file *f = log->file;

	if (f->is_block_device || f->size_bytes == log->cfg.size_bytes) {
		begin(log);
		return;
	}
	/* Cut off while it was being made. */
	log->recovery->is_busy = true;
	rlog_ring_plain(log, &log->recovery->io, ENV_IO_RESIZE, log->cfg.size_bytes, 0, NULL,
			resized);
}
