/* SPDX-License-Identifier: MIT */
/*
 * seq.c - the runs that are followed, and what follows from them. A table that is walked for each
 * I/O: 64 comparisons over eight cache lines.
 */
#include "seq.h"

#include <string.h>

void seq_init(struct seq *s, uint64_t cutoff_bytes)
{
	memset(s, 0, sizeof(*s));
	s->cutoff_bytes = cutoff_bytes;
}

void seq_set_cutoff(struct seq *s, uint64_t cutoff_bytes)
{
	s->cutoff_bytes = cutoff_bytes;
}

/* The run that offset carries on: the one whose end is nearest before it; SEQ_STREAMS: none. An
 * unused place ends at 0 with no bytes, so that carrying it on is the same as a new run. */
static uint32_t find_run(const struct seq *s, uint64_t offset_bytes)
{
	uint64_t nearest = SEQ_GAP_BYTES + 1;
	uint32_t found = SEQ_STREAMS;

	for (uint32_t i = 0; i < SEQ_STREAMS; i++) {
		uint64_t gap = offset_bytes - s->end_bytes[i]; /* huge when it is before the end */

		if (gap < nearest) {
			nearest = gap;
			found = i;
		}
	}
	return found;
}

/* A place for a new run: a clock's hand passes over those that were carried on since it last came.
 */
static uint32_t take_place(struct seq *s)
{
	for (;;) {
		uint32_t i = s->hand;

		s->hand = (s->hand + 1) % SEQ_STREAMS;
		if (!s->is_used[i]) {
			s->run_bytes[i] = 0;
			s->end_bytes[i] = 0;
			return i;
		}
		s->is_used[i] = false;
	}
}

enum seq_kind seq_note(struct seq *s, uint64_t offset_bytes, uint64_t len_bytes)
{
	uint64_t gap;
	uint32_t i;

	if (!s->cutoff_bytes || !len_bytes)
		return SEQ_RANDOM;
	i = find_run(s, offset_bytes);
	if (i == SEQ_STREAMS)
		i = take_place(s);
	else
		s->is_used[i] = true;
	/* What was left out counts against it: random I/O inside a hot region is no run. */
	gap = offset_bytes - s->end_bytes[i];
	s->run_bytes[i] -= gap < s->run_bytes[i] ? gap : s->run_bytes[i];
	s->run_bytes[i] += len_bytes;
	s->end_bytes[i] = offset_bytes + len_bytes;
	if (s->run_bytes[i] >= s->cutoff_bytes)
		return SEQ_STREAM;
	return s->run_bytes[i] >= SEQ_RUN_BYTES ? SEQ_RUN : SEQ_RANDOM;
}

enum cache_admit seq_admission(enum seq_kind kind, bool has_scan_admission, bool is_pinned)
{
	if (is_pinned || kind == SEQ_RANDOM)
		return CACHE_ADMIT;
	if (kind == SEQ_STREAM)
		return CACHE_REFRESH;
	return has_scan_admission ? CACHE_ADMIT_SEEN : CACHE_ADMIT;
}
