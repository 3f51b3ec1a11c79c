/* SPDX-License-Identifier: MIT */
/*
 * backlog.h - writers wait, first come first served, while too much of the log is dirty. They
 * are slowed down and never refused, but when the chain drains and the datastore takes nothing.
 *
 * Thread: owner worker.
 */
#ifndef CACHE_BACKLOG_H
#define CACHE_BACKLOG_H

#include <stdbool.h>
#include <stdint.h>

#include "request.h"

struct backlog {
	struct requests waiting;
	uint64_t appending_blocks; /* let in, not acknowledged yet */
	uint64_t waits;            /* how many had to */
	bool was_full;             /* told since it was last not */
	uint64_t moved_ns;         /* when the log last ended one, or got the first of several */
	bool is_slow_told;
};

void backlog_init(struct volume *v);
/* r->go(r) follows, maybe before return. */
void backlog_enter(struct request *r);
/* It has been acknowledged, or has failed. */
void backlog_leave(struct request *r);
/* Called every second: says so when the flash answers nothing. */
void backlog_watch(struct volume *v);
/* There may be room. */
void backlog_pump(struct volume *v);
void backlog_fail(struct volume *v, enum sluice_status status);
/* So much may be dirty now. */
uint64_t backlog_limit_blocks(const struct volume *v);

#endif
