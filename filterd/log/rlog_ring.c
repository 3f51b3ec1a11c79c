/* SPDX-License-Identifier: MIT */
/* rlog_ring.c - I/O on the log's file: on the circle, where a range may go around its end, and
 * outside of it. */
#include "rlog_int.h"

uint32_t rlog_ring_pos(const struct sluice_rlog *log, uint64_t v)
{
	return (uint32_t)(v % log->geo.log_blocks);
}

uint64_t rlog_ring_v(const struct sluice_rlog *log, uint32_t pos)
{
	return log->tail.v + rlog_map_age(&log->map, pos);
}

static void part_done(struct env_io *io)
{
	struct rlog_ring_io *r = io->ctx;

	if (io->result && !r->result)
		r->result = io->result;
	if (--r->pending == 0)
		r->fn(r);
}

static void part_submit(struct rlog_ring_io *r, struct env_io *io, enum env_io_op op, uint32_t pos,
			uint32_t blocks, void *buf)
{
	const struct rlog_geometry *g = &r->log->geo;

	io->op = op;
	io->is_durable = op == ENV_IO_WRITE && r->is_durable;
	io->file = r->log->file;
	io->buf = buf;
	io->offset_bytes = ((uint64_t)g->log_start + pos) * g->block_bytes;
	io->len_bytes = (uint64_t)blocks * g->block_bytes;
	io->done = part_done;
	io->ctx = r;
	env_io_submit(r->log->env, io);
}

void rlog_ring_submit(struct rlog_ring_io *r, enum env_io_op op, uint64_t v, uint32_t blocks,
		      void *buf)
{
	uint32_t pos = rlog_ring_pos(r->log, v), first = r->log->geo.log_blocks - pos;

	if (first > blocks)
		first = blocks;
	r->result = 0;
	r->pending = first < blocks ? 2 : 1;
	part_submit(r, &r->io[0], op, pos, first, buf);
	if (first < blocks)
		part_submit(r, &r->io[1], op, 0, blocks - first,
			    (uint8_t *)buf + (uint64_t)first * r->log->geo.block_bytes);
}

void rlog_ring_plain(struct sluice_rlog *log, struct env_io *io, enum env_io_op op,
		     uint64_t offset_bytes, uint64_t len_bytes, void *buf,
		     void (*done)(struct env_io *io))
{
	io->op = op;
	io->is_durable = false;
	io->file = log->file;
	io->buf = buf;
	io->offset_bytes = offset_bytes;
	io->len_bytes = len_bytes;
	io->done = done;
	io->ctx = log;
	env_io_submit(log->env, io);
}
