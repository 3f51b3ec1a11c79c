/* SPDX-License-Identifier: MIT */
/*
 * verify.c - what a verify leaves out: blocks whose newest change is on its way to the peer.
 *
 * Their digests differ, and nothing is wrong. To repair one would put a change on the replica
 * before others that are older, which are in the journal still: it would be no point in time
 * (REPL-9). resync_slot.c asks here; what is noted is of the range of one slot.
 */
#include "group_int.h"

static uint32_t block_of(const struct resync_slot *s)
{
	return (uint32_t)s->g->bits[s->member].block_bytes;
}

bool verify_is_on_way(const struct resync_slot *s, uint64_t i)
{
	return s->on_way[i / 64] >> i % 64 & 1;
}

static void note(struct resync_slot *s, uint64_t offset_bytes, uint64_t len_bytes)
{
	uint64_t end = offset_bytes + len_bytes, last = s->offset_bytes + s->len_bytes;
	uint64_t from = offset_bytes > s->offset_bytes ? offset_bytes - s->offset_bytes : 0;

	end = (end < last ? end : last) - s->offset_bytes;
	for (uint64_t i = from / block_of(s); i * block_of(s) < end; i++)
		s->on_way[i / 64] |= 1ull << i % 64;
}

/* After an unclean end whole extents count as journaled: the log knows which blocks are. */
static bool is_in_journal(const struct resync_slot *s, uint64_t offset_bytes)
{
	uint64_t count = block_of(s) / LOG_BLOCK_BYTES;
	struct sluice_rlog_run run;

	if (s->g->track != TRACK_JOURNAL || !s->g->journal.is_open)
		return true;
	sluice_rlog_lookup(s->g->journal.log, log_block_of(s->member, offset_bytes), count, &run);
	return run.what != SLUICE_RLOG_ABSENT || run.block_count < count;
}

void verify_find_on_way(struct resync_slot *s)
{
	const struct bitmap *b = &s->g->bits[s->member];
	uint64_t end = s->offset_bytes + s->len_bytes;

	for (const struct repl_io *io = s->g->running.first; io; io = io->next) {
		if (io->lsn && io->member == s->member && io->offset_bytes < end &&
		    s->offset_bytes < io->offset_bytes + io->len_bytes)
			note(s, io->offset_bytes, io->len_bytes);
	}
	if (s->g->track == TRACK_DIRECT)
		return; /* what bits are left say nothing: the two are equal but for what runs */
	for (uint64_t at = s->offset_bytes; at < end; at += block_of(s)) {
		if (bitmap_has(b, BITMAP_ALL & ~BITMAP_BIT(BITMAP_JOURNALED), at) ||
		    (bitmap_has(b, BITMAP_BIT(BITMAP_JOURNALED), at) && is_in_journal(s, at)))
			note(s, at, 1);
	}
}

void verify_disturb(struct resync_slot *s, uint64_t offset_bytes, uint64_t len_bytes)
{
	note(s, offset_bytes, len_bytes);
}

bool verify_is_overtaken(const struct resync_slot *s)
{
	uint64_t end = s->at_bytes + s->part_bytes;

	for (uint64_t i = s->at_bytes / block_of(s); i * block_of(s) < end; i++) {
		if (verify_is_on_way(s, i))
			return true;
	}
	return false;
}
