/* SPDX-License-Identifier: MIT */
/*
 * seq.h - is this I/O part of a long sequential run, and may its blocks enter the cache. Pure: no
 * time, no SDK, no allocation.
 *
 * A backup reads everything once; cached, it would push out what is read often, and a disk is good
 * at it anyway. So runs are followed, several at once, and from cut-off on they go around the
 * cache: what is cached is still answered and refreshed, but nothing is admitted. Each I/O that
 * starts where a run ended (or up to SEQ_GAP_BYTES behind it) carries it on; any other starts a run
 * of its own in place of one that was not carried on lately. One detector follows a volume's
 * reads and writes alike.
 *
 * Thread: one. Order of calls: init; note for each I/O of an initiator, then admission.
 * Source: the idea of bcache's sequential_cutoff (Documentation/admin-guide/bcache.rst)
 */
#ifndef CACHE_SEQ_H
#define CACHE_SEQ_H

#include <stdbool.h>
#include <stdint.h>

#define SEQ_STREAMS   64u
#define SEQ_GAP_BYTES (512u << 10) /* commands in flight overtake each other so far */
#define SEQ_RUN_BYTES (256u << 10) /* from here on it looks like a scan */

enum seq_kind {
	SEQ_RANDOM,
	SEQ_RUN,    /* SEQ_RUN_BYTES or more in a row, less than the cut-off */
	SEQ_STREAM, /* the cut-off or more: it goes around the cache */
};

/* What may be done with blocks that were read or written; ram_fill_end(), ram_write_end(). */
enum cache_admit {
	CACHE_REFRESH,    /* only what the cache holds already */
	CACHE_ADMIT_SEEN, /* also what was asked for lately; the rest is remembered */
	CACHE_ADMIT,      /* everything */
};

struct seq {
	uint64_t cutoff_bytes;           /* 0: off */
	uint64_t end_bytes[SEQ_STREAMS]; /* where a run would be carried on */
	uint64_t run_bytes[SEQ_STREAMS]; /* 0: none */
	bool is_used[SEQ_STREAMS];       /* carried on since the hand last came by */
	uint32_t hand;
};

void seq_init(struct seq *s, uint64_t cutoff_bytes);
void seq_set_cutoff(struct seq *s, uint64_t cutoff_bytes); /* runs go on */
/* The kind of this I/O, itself included. Always RANDOM when off. */
enum seq_kind seq_note(struct seq *s, uint64_t offset_bytes, uint64_t len_bytes);
/* For a pinned volume all is admitted; without scan admission a RUN is. */
enum cache_admit seq_admission(enum seq_kind kind, bool has_scan_admission, bool is_pinned);

#endif
