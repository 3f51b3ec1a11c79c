/* SPDX-License-Identifier: MIT */
/*
 * rlog_walk.c - replay: from the tail or the checkpoint on, record by record, as long as each is
 * exactly the one that must follow (W8). What is accepted goes into the map.
 */
#include "rlog_crc.h"
#include "rlog_int.h"

static bool follows(const struct sluice_rlog *log, const struct rlog_record *h)
{
	const struct rlog_recovery *r = log->recovery;

	if (RLOG_MUTATE(UNSEEDED))
		return h->seq >= r->at.seq;
	if (h->seq != r->at.seq || h->epoch > r->super.epoch)
		return false;
	if (RLOG_MUTATE(NO_ANCHOR) && r->is_first)
		return true;
	return h->epoch >= r->at.epoch && h->prev_crc == r->at.crc;
}

static bool data_is_good(const struct sluice_rlog *log, const uint8_t *header,
			 const struct rlog_record *h)
{
	uint32_t bytes = log->geo.block_bytes;
	uint32_t seed = rlog_seed_record(log->log_seed, h->epoch, h->seq);

	for (uint32_t i = 0; i < h->data_blocks && !RLOG_MUTATE(NO_DATA_CRC); i++)
		if (rlog_crc(seed, header + (i + 1ull) * bytes, bytes) !=
		    rlog_record_crc(header, bytes, i))
			return false;
	return true;
}

static void accept(struct sluice_rlog *log, const uint8_t *header, const struct rlog_record *h)
{
	struct rlog_recovery *r = log->recovery;
	uint32_t mask =
	    rlog_seed_mask(rlog_seed_record(log->log_seed, h->epoch, h->seq), log->geo.block_bytes);

	rlog_record_apply(log, header, h, r->at.v, mask);
	r->last = *h;
	r->before_last = r->at;
	r->at = (struct rlog_anchor){
	    .v = r->at.v + 1 + h->data_blocks, .seq = h->seq + 1, .epoch = h->epoch, .crc = h->crc};
	r->is_first = false;
}

static uint32_t zero_ranges(const uint8_t *header, const struct rlog_record *h)
{
	uint32_t n = 0;
	struct rlog_extent x;

	for (uint32_t i = 0; i < h->extent_count; i++) {
		rlog_record_extent(header, i, &x);
		n += x.kind == SLUICE_RLOG_ZERO;
	}
	return n;
}

/* A map that was forged so that it has more than the circle could hold, or more ranges of zeros
 * than appends ever leave there (rlog_space_has_zeros()). */
static bool is_over_full(const struct sluice_rlog *log, const uint8_t *header,
			 const struct rlog_record *h)
{
	return (uint64_t)log->map.used + h->data_blocks > log->geo.log_blocks ||
	       !rlog_zeros_has_room(&log->map.zeros, zero_ranges(header, h));
}

static void step(struct sluice_rlog *log)
{
	struct rlog_recovery *r = log->recovery;
	struct rlog_record h;
	uint8_t *p;

	while (r->at.v < r->end_v) {
		p = rlog_recover_blocks(log, r->at.v, 1, step);
		if (!p)
			return;
		if (!rlog_record_decode(p, log->geo.block_bytes, log->log_seed, &h) ||
		    !follows(log, &h) || 1u + h.data_blocks > r->mem_blocks)
			break;
		/* One block is always left empty; so the tail that we know is not the last one. */
		if (1ull + h.data_blocks >= r->end_v - r->at.v) {
			r->is_over_full = true;
			break;
		}
		p = rlog_recover_blocks(log, r->at.v, 1u + h.data_blocks, step);
		if (!p)
			return;
		if (!data_is_good(log, p, &h))
			break;
		if (is_over_full(log, p, &h)) {
			r->is_over_full = true;
			break;
		}
		accept(log, p, &h);
	}
	rlog_recover_walked(log);
}

void rlog_walk_begin(struct sluice_rlog *log)
{
	struct rlog_recovery *r = log->recovery;

	r->is_first = true;
	r->end_v = log->tail.v + log->geo.log_blocks;
	r->mem_count = 0;
	step(log);
}
