/* SPDX-License-Identifier: MIT */
/*
 * partial.c - changes that are not whole blocks of the journal: the local volume gets them first,
 * then the blocks they touch are read back and appended as a whole.
 *
 * Two such changes may share a block without overlapping. They come here one after the other, from
 * read to append, so that the newer content of a block is the later one in the journal.
 */
#include "group_int.h"

static bool overlaps(const struct repl_io *a, const struct repl_io *b)
{
	uint64_t mask = ~(LOG_BLOCK_BYTES - 1ull);
	uint64_t a_end = (a->offset_bytes + a->len_bytes - 1) & mask;
	uint64_t b_end = (b->offset_bytes + b->len_bytes - 1) & mask;

	return a->member == b->member && (a->offset_bytes & mask) <= b_end &&
	       (b->offset_bytes & mask) <= a_end;
}

static bool has_older(const struct repl_group *g, const struct repl_io *io)
{
	for (const struct repl_io *i = g->journal.parts; i && i != io; i = i->next_part) {
		if (overlaps(i, io))
			return true;
	}
	return false;
}

static void leave(struct repl_io *io)
{
	struct repl_io **at = &io->group->journal.parts;

	while (*at != io)
		at = &(*at)->next_part;
	*at = io->next_part;
	io->next_part = NULL;
}

static void read_next(struct repl_group *g);

static void only_noted(struct repl_io *io)
{
	bitmap_set(&io->group->bits[io->member], BITMAP_DIRTY, io->offset_bytes, io->len_bytes);
	leave(io);
	gate_leg_done(io, REPL_LEG_JOURNAL, SLUICE_OK);
}

static void read_back(struct repl_own *o)
{
	struct repl_io *io = o->ctx;
	struct repl_group *g = io->group;

	if (o->status != SLUICE_OK || g->track != TRACK_JOURNAL) {
		g->host.ops->buf_put(g->host.ctx, io->part_buf, io->part_bytes);
		io->part_buf = NULL;
		only_noted(io);
	} else {
		leave(io); /* entries take effect in the order of their appends */
		journal_append(io);
	}
	read_next(g);
}

/* Blocks at both ends, what lies between, and of a long ZERO the zeros too. */
static bool read_go(struct repl_io *io)
{
	struct repl_group *g = io->group;
	uint64_t from = io->offset_bytes & ~(LOG_BLOCK_BYTES - 1ull);
	uint64_t size = g->host.member_size_bytes[io->member];
	uint64_t end = io->offset_bytes + io->len_bytes;

	end = (end + LOG_BLOCK_BYTES - 1) & ~(LOG_BLOCK_BYTES - 1ull);
	io->part_bytes = end - from;
	if (io->part_bytes > REPL_PAYLOAD_MAX || end > size)
		return false;
	io->part_buf = g->host.ops->buf_get(g->host.ctx, io->part_bytes);
	if (!io->part_buf)
		return false;
	io->own = (struct repl_own){.op = SLUICE_OP_READ,
				    .flags = SLUICE_IO_URGENT,
				    .member = io->member,
				    .offset_bytes = from,
				    .len_bytes = io->part_bytes,
				    .buf = io->part_buf,
				    .fn = read_back,
				    .ctx = io};
	g->host.ops->own_submit(g->host.ctx, &io->own);
	return true;
}

static void read_next(struct repl_group *g)
{
	struct repl_io *io = g->journal.parts, *next;

	for (; io; io = next) {
		next = io->next_part;
		if (io->legs & REPL_LEG_BELOW || io->part_buf || has_older(g, io))
			continue;
		if (g->track == TRACK_JOURNAL && read_go(io))
			continue;
		only_noted(io);
		next = g->journal.parts;
	}
}

void partial_begin(struct repl_io *io)
{
	struct repl_io **at = &io->group->journal.parts;

	io->is_partial = true;
	while (*at)
		at = &(*at)->next_part;
	*at = io;
	if (!(io->legs & REPL_LEG_BELOW))
		read_next(io->group);
}

void partial_written(struct repl_io *io)
{
	struct repl_group *g = io->group;
	enum sluice_status status = (enum sluice_status)io->own.status;

	gate_leg_done(io, REPL_LEG_BELOW, status);
	read_next(g);
}
