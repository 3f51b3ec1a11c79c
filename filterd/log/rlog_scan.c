/* SPDX-License-Identifier: MIT */
/*
 * rlog_scan.c - replay has stopped before sequence s: is that the end of the log, or damage (W10)?
 *
 * If any valid header behind it says that s was durable, durable data is missing. Such a header
 * cannot be far: appends wait while too much is written and not flushed (rlog_commit_is_behind()),
 * so the first header that vouches for s comes before twice that distance; further back the
 * superblock's own durable_seq answers. So the scan need not read all that is free.
 */
#include "rlog_int.h"

static bool proves(const struct sluice_rlog *log, const uint8_t *header, uint64_t *seq)
{
	const struct rlog_recovery *r = log->recovery;
	struct rlog_record h;

	if (!rlog_record_decode(header, log->geo.block_bytes, log->log_seed, &h))
		return false;
	*seq = h.seq;
	/* Its epoch was durable in a superblock before it was written (W7): one has been lost. */
	if (h.epoch > r->super.epoch)
		return true;
	return h.seq >= r->at.seq && h.epoch >= r->at.epoch && h.durable_seq >= r->at.seq;
}

static void step(struct sluice_rlog *log)
{
	struct rlog_recovery *r = log->recovery;
	uint64_t seq = 0;

	for (; r->load_at < r->end_v; r->load_at++) {
		uint8_t *p = rlog_recover_blocks(log, r->load_at, 1, step);

		if (!p)
			return;
		if (proves(log, p, &seq)) {
			rlog_recover_scanned(log, true, seq);
			return;
		}
	}
	rlog_recover_scanned(log, false, 0);
}

void rlog_scan_begin(struct sluice_rlog *log)
{
	struct rlog_recovery *r = log->recovery;
	uint64_t limit = 2 * RLOG_UNFLUSHED_MAX_BYTES / log->geo.block_bytes;
	uint64_t full_v = log->tail.v + log->geo.log_blocks;

	r->load_at = r->at.v;
	r->end_v = full_v - r->at.v > limit ? r->at.v + limit : full_v;
	step(log);
}
