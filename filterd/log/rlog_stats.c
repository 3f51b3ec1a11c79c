/* SPDX-License-Identifier: MIT */
/*
 * rlog_stats.c - figures; and how old the oldest record is, from a few marks of (sequence, time)
 * that get further apart when there are too many.
 */
#include <stdio.h>
#include <string.h>

#include "rlog_int.h"

#define AGE_STEP_NS 10000000ull

void rlog_stats_wrote(struct sluice_rlog *log, uint64_t seq)
{
	uint64_t now = env_now_ns(log->env);
	uint32_t n = log->age_count;

	if (log->age_step_ns == 0)
		log->age_step_ns = AGE_STEP_NS;
	if (n && now < log->ages[n - 1].ns + log->age_step_ns)
		return;
	if (n == RLOG_AGE_MARKS) {
		for (n = 0; n < RLOG_AGE_MARKS / 2; n++)
			log->ages[n] = log->ages[2 * n];
		log->age_step_ns *= 2;
	}
	log->ages[n].seq = seq;
	log->ages[n].ns = now;
	log->age_count = n + 1;
}

/* Keeps the newest mark that is not younger than the tail. */
void rlog_stats_trimmed(struct sluice_rlog *log)
{
	uint32_t gone = 0;

	while (gone + 1 < log->age_count && log->ages[gone + 1].seq <= log->tail.seq)
		gone++;
	memmove(log->ages, log->ages + gone, (log->age_count - gone) * sizeof(log->ages[0]));
	log->age_count -= gone;
	if (log->tail.seq > log->written_seq)
		log->age_count = 0;
	if (log->age_count <= 1)
		log->age_step_ns = AGE_STEP_NS;
}

void sluice_rlog_stats(const struct sluice_rlog *log, struct sluice_rlog_stats *out)
{
	*out = (struct sluice_rlog_stats){
	    .capacity_blocks = log->geo.log_blocks,
	    .used_blocks = log->head_v - log->sb_tail_v,
	    .dirty_blocks = log->map.used,
	    .zero_blocks = log->map.zeros.block_count,
	    .oldest_ns = log->age_count ? log->ages[0].ns : 0,
	    .epoch = log->epoch,
	    .next_seq = log->next_seq,
	    .durable_seq = log->durable_seq,
	    .tail_seq = log->tail.seq,
	    .records = log->n.records,
	    .appended_blocks = log->n.appended_blocks,
	    .written_bytes = log->n.written_bytes,
	    .flushes = log->n.flushes,
	    .superblocks = log->n.superblocks,
	    .checkpoints = log->n.checkpoints,
	    .destaged_blocks = log->n.destaged_blocks,
	    .coalesced_blocks = log->n.coalesced_blocks,
	    .windows = log->n.windows,
	    .waiting_entries = log->waiting_count,
	    .map_bytes = rlog_map_bytes(&log->map),
	    .is_failed = log->is_failed,
	    .has_mark = log->mark_seq && log->mark_seq >= log->tail.seq,
	    .has_entries = log->entry_seq && log->entry_seq >= log->tail.seq,
	    .mark_value = log->mark_value,
	};
	snprintf(out->failed_text, sizeof(out->failed_text), "%s", log->failed_text);
}
