/* SPDX-License-Identifier: MIT */
/*
 * settle.h - bringing everything down: before a change of the volume (settle, then drain), and for
 * an administrator's flush.
 *
 *     settle(BEGIN)   what was dirty then goes down, and from then on only a little may be dirty
 *     drain(begin)    the rest; the chain is held up until it is down
 *     settle(END)     as before
 *
 * A drain without a settle leaves the data where it is; it only waits for the window under way.
 *
 * Thread: owner worker.
 */
#ifndef CACHE_SETTLE_H
#define CACHE_SETTLE_H

#include <stdbool.h>
#include <stdint.h>

#include "sluice/filter.h"

struct volume;

struct settle {
	bool is_on;      /* between BEGIN and END */
	bool is_pending; /* sluice_settled() is due */
	bool is_held;    /* sluice_drain_hold() */
	bool is_flush;   /* the command "flush" waits */
	uint64_t seq;    /* what was appended before this has to be down */
	uint64_t flush_seq;
};

int settle_settle(struct sluice_filter *f, enum sluice_settle phase, struct sluice_error *err);
/* A change has come: in a drain it may need windows, and after a settle it goes down before its
 * end.
 */
void settle_changes(struct volume *v);
void settle_drain(struct volume *v, bool begin);
/* 0: nothing is dirty; SLUICE_PENDING: sluice_command_done() follows; -errno. */
int settle_flush(struct volume *v, struct sluice_error *err);
/* A window has ended, well or not; or the state has changed. */
void settle_check(struct volume *v);
/* All that is dirty has to go down now. */
bool settle_wants_all(const struct volume *v);
/* So few blocks may be dirty meanwhile. */
uint64_t settle_limit_blocks(const struct volume *v);

#endif
