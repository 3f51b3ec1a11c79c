/* SPDX-License-Identifier: MIT */
/*
 * destage.h - when dirty data goes to the datastore, and how much at once; how is the log's
 * business.
 *
 * As late as the age and the fill allow, since what is overwritten meanwhile goes down once. As
 * background I/O, which io_control schedules behind initiators', unless somebody waits for it.
 *
 * Thread: owner worker.
 */
#ifndef CACHE_DESTAGE_H
#define CACHE_DESTAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "sluice/filter.h"
#include "sluice/rlog.h"

struct volume;

#define DESTAGE_IOS       64u /* at once, when writers wait or will soon */
#define DESTAGE_QUIET_IOS 8u

struct destage_io {
	struct sluice_own_io own;
	struct sluice_rlog_sink_io *sink;
	struct volume *v;
	struct destage_io *next;
};

struct destage {
	bool is_running; /* a window, or the flush before it, is under way */
	bool is_flushed; /* since nothing durable was there */
	bool is_failing; /* the last window did not go down */
	bool has_told;   /* the event */
	bool is_pressed; /* the log fills up */
	int last_error;
	uint64_t retry_ns;
	uint64_t begun_ns;
	uint64_t window_tail_blocks; /* dirty blocks before it */
	uint64_t bytes_per_s;        /* of the last windows */
	struct sluice_rlog_destage window;
	struct sluice_rlog_flush flush;
	struct sluice_rlog_sink sink;
	struct destage_io ios[DESTAGE_IOS], *free;
	uint32_t under_way;
	struct sluice_rlog_sink_io *waiting, **last; /* their turn; linked by ctx */
	struct sluice_timer timer;
};

void destage_init(struct volume *v);
void destage_end(struct volume *v);
/* Something has changed: begins a window if there is a reason for one. */
void destage_kick(struct volume *v);
/* Nothing is left in the log. */
bool destage_is_clean(const struct volume *v);
/* What failed before does not count any longer: the next window says how it is now. */
void destage_retry(struct volume *v);

#endif
