/* SPDX-License-Identifier: MIT */
/*
 * observe.h - both daemons' state in planner.h's running document, and what is remembered of them
 * between two looks: since when they are up or down, which life of them it is, which secrets that
 * life of tgtd was given.
 *
 * Thread: the reconciler's. A daemon that is down is a state here, never an error.
 */
#ifndef POLICY_OBSERVE_H
#define POLICY_OBSERVE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "filterd_client.h"
#include "reconciler.h"
#include "tgt_client.h"

enum observer_news { NEWS_NONE, NEWS_DOWN, NEWS_UP, NEWS_RESTARTED };

struct observer_daemon {
	const char *name; /* "sluice-filterd" */
	bool is_seen;     /* looked at once */
	bool is_up;
	uint64_t since_ms;       /* wall clock: of the last change between up and down */
	char text[384];          /* why it is down; "" up */
	enum observer_news news; /* not in the events yet; outcome takes it */
};

struct observer {
	struct filterd_client filterd_client;
	struct tgt_client tgt_client;
	struct observer_daemon filterd, tgtd;
	struct tgt_life life; /* that secrets and the last document are of */
	int64_t incarnation;  /* filterd's, that filters are of */
	json_t *secrets;      /* {user: changed_ms}, changed by apply */
	json_t *filters;      /* what filterd's "filters" answered; NULL: not asked yet */
	bool are_filters_new; /* not in the database yet; outcome takes it */
};

int must_check observer_init(struct observer *o, const struct apply_cfg *cfg, struct err *err);
void observer_fini(struct observer *o);

/*
 * Which secrets which life of tgtd was given, for the next policyd: without it that one would give
 * all of them again, and refuse logins meanwhile. Names and times, no secrets. It may be older than
 * the truth: then a secret is given once more. New reference.
 */
json_t *observer_memory(const struct observer *o);
void observer_remember(struct observer *o, const json_t *memory); /* NULL: nothing is known */

/* The running document, "observed_ms" added. New reference; NULL: no memory. */
json_t *observer_observe(struct observer *o);
/* Cheap: has a daemon come, gone or been replaced since the last observation? */
bool observer_has_news(struct observer *o);

#endif
