/* SPDX-License-Identifier: MIT */
/*
 * history.h - a day of figures per volume, one sample every 10 s in a ring of 8,640 slots; in a
 * file of its own (history.db, synchronous=OFF): losing a sample costs a gap in a chart, and the
 * database's backups stay small.
 *
 * Thread: the sampler writes; every thread may open one of its own to read. A damaged file is put
 * aside and begun anew.
 */
#ifndef DB_HISTORY_H
#define DB_HISTORY_H

#include <jansson.h>
#include <stdint.h>

#include "err.h"

#define HISTORY_STEP_S 10u
#define HISTORY_SLOTS  8640u

struct history;

struct history_sample {
	int64_t volume_id;
	uint32_t read_iops, write_iops;
	uint64_t read_bytes_per_s, write_bytes_per_s;
	uint32_t read_p50_us, read_p99_us, write_p50_us, write_p99_us;
	uint64_t allocated_bytes;
	uint32_t cache_reads_per_s, cache_hits_per_s; /* what a cache saw, and what it answered */
	uint64_t dirty_bytes, lag_ms;
};

int must_check history_open(const char *path, struct history **out, struct err *err);
void history_close(struct history *h);
/* One transaction. at_ms is rounded down to the step. */
int must_check history_add(struct history *h, int64_t at_ms, const struct history_sample *samples,
			   uint32_t count, struct err *err);
/* [{"at_ms", "read_iops", ...}] upwards, at most max_points of them, each the mean (p99,
 * dirty_bytes and lag_ms: the greatest) of the samples that it stands for; "read_hit_pct" is null
 * where no cache saw a read. volume_id 0: the sum of all volumes. */
json_t *history_get(struct history *h, int64_t volume_id, int64_t from_ms, int64_t to_ms,
		    uint32_t max_points, struct err *err);
int must_check history_forget(struct history *h, int64_t volume_id, struct err *err);

#endif
