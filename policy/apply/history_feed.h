/* SPDX-License-Identifier: MIT */
/*
 * history_feed.h - each ten seconds a sample of every volume into the history. Rates and
 * percentiles are of the whole ten seconds, not of their last one.
 *
 * Thread: the sampler's.
 */
#ifndef POLICY_HISTORY_FEED_H
#define POLICY_HISTORY_FEED_H

#include "figures.h"
#include "store.h"

struct history_feed {
	struct history *history;
	struct figures figures;
	int64_t last_slot; /* of HISTORY_STEP_S; 0: none yet */
	json_t *known;     /* {id as text: true} of the volumes that there were last time */
};

int must_check history_feed_open(struct history_feed *h, const char *path, struct err *err);
void history_feed_close(struct history_feed *h);
/* A new slot has begun. */
bool history_feed_is_due(const struct history_feed *h, int64_t wall_ms);
/* volumes: filterd's counters; rows: of the table volumes. For when it is due. */
int must_check history_feed_step(struct history_feed *h, const json_t *volumes, const json_t *rows,
				 uint64_t now_ns, int64_t wall_ms, struct err *err);

#endif
