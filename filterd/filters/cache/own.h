/* SPDX-License-Identifier: MIT */
/*
 * own.h - the cache's own I/O below itself, when the host's pool is empty as well: then it waits
 * here, in order.
 *
 * Thread: owner worker.
 */
#ifndef CACHE_OWN_H
#define CACHE_OWN_H

#include "sluice/filter.h"

struct volume;

struct own_queue {
	struct sluice_own_io *first, **last; /* linked by host, which is free until submitted */
	struct sluice_timer timer;
};
void own_init(struct volume *v);
/* fn follows; before return only when it cannot be submitted at all. */
void own_go(struct volume *v, struct sluice_own_io *own);
/* Each fn calls this first: there may be room now. */
void own_pump(struct volume *v);
/* detach: the timer is cancelled; nothing waits. */
void own_end(struct volume *v);

#endif
