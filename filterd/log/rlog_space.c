/* SPDX-License-Identifier: MIT */
/*
 * rlog_space.c - which blocks of the circle may be written (W1, W2, W15).
 *
 * Free is what lies between the head and the oldest block that must stay: the tail that a durable
 * superblock names, or a block that a read still looks at. One block stays empty, so that a full
 * circle is not taken for an empty one; the reserve is left to EPOCH records, of which each
 * recovery needs one before anything can be destaged.
 */
#include "rlog_int.h"

uint32_t rlog_space_free(const struct sluice_rlog *log, bool is_epoch)
{
	uint64_t limit = RLOG_MUTATE(REUSE_BEFORE_SUPERBLOCK) ? log->tail.v : log->sb_tail_v;
	uint64_t pinned = rlog_read_pinned_v(log);
	uint64_t kept = is_epoch || RLOG_MUTATE(NO_RESERVE) ? 1 : 1 + (uint64_t)log->reserve_blocks;
	uint64_t used, open = log->open_buf ? 1 + log->open_buf->rec.data_blocks : 0;

	if (pinned < limit && !RLOG_MUTATE(READ_NOT_PINNED))
		limit = pinned;
	used = log->head_v + open - limit + kept;
	return used >= log->geo.log_blocks ? 0 : (uint32_t)(log->geo.log_blocks - used);
}

/* A journal or a stage is emptied by nobody while a window comes: all of that must fit. */
uint32_t rlog_space_max_zeros(const struct sluice_rlog *log)
{
	uint32_t n = rlog_geometry_zeros(log->geo.log_blocks);

	return log->geo.checkpoint_blocks || n > SLUICE_RLOG_RANGES ? n : SLUICE_RLOG_RANGES;
}

/* Ranges that left the map with the old tail count until the superblock with the new one is
 * durable: a replay would find them, and what took their room. */
bool rlog_space_has_zeros(const struct sluice_rlog *log)
{
	return log->map.zeros.count + log->zeros_gone + 2ull * (log->zeros_pending + 1) <=
	       rlog_space_max_zeros(log);
}

/* Those that were gone may be cut in pieces by what came later, with one piece more for each range
 * of that; and while a record is taken, each of its ranges counts for two. */
uint32_t rlog_space_replay_zeros(const struct sluice_rlog *log)
{
	uint32_t in_record = rlog_record_room(log->geo.block_bytes) / RLOG_EXTENT_BYTES;

	return 2 * rlog_space_max_zeros(log) + 2 * in_record;
}

static void want_space(struct env_msg *m)
{
	struct sluice_rlog *log = m->ctx;

	log->is_want_space_posted = false;
	if (log->is_short_of_space && log->want_space_fn && !log->is_closing) {
		log->calling++;
		log->want_space_fn(log->want_space_ctx);
		log->calling--;
	}
	rlog_open_check_close(log);
}

void rlog_space_want(struct sluice_rlog *log)
{
	log->is_short_of_space = true;
	if (log->is_want_space_posted)
		return;
	log->is_want_space_posted = true;
	log->want_space_msg.fn = want_space;
	log->want_space_msg.ctx = log;
	env_post(log->env, &log->want_space_msg);
}

void sluice_rlog_on_want_space(struct sluice_rlog *log, void (*fn)(void *ctx), void *ctx)
{
	log->want_space_fn = fn;
	log->want_space_ctx = ctx;
}
