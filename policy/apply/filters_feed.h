/* SPDX-License-Identifier: MIT */
/*
 * filters_feed.h - what filters say of themselves, asked of filterd: for whole datastores each
 * time, in volumes' chains for a part of the volumes each time, since each is a question of its
 * own.
 *
 * Thread: the sampler's.
 */
#ifndef POLICY_FILTERS_FEED_H
#define POLICY_FILTERS_FEED_H

#include <jansson.h>
#include <stdint.h>

#include "err.h"

struct ctl_client;
struct store;

#define FILTERS_FEED_VOLUMES 32u    /* asked each time */
#define FILTERS_FEED_KEPT_MS 60000u /* an older answer is none */

struct filters_feed {   /* zeroed at first */
	json_t *chains; /* {volume: {"at_ms", "filters": {filter: status}}} */
	json_t *after;  /* the last one asked in turn */
};
void filters_feed_free(struct filters_feed *f);

/*
 * reconciler.h's documents (sampler_...()); what filterd does not answer is left out, and err says
 * why when it is worth a word. client that is not connected: nothing is asked. asked: {volume:
 * true}, before the turn. New references.
 */
json_t *filters_feed_datastores(struct store *s, struct ctl_client *client, struct err *err);
json_t *filters_feed_chains(struct filters_feed *f, struct store *s, struct ctl_client *client,
			    const json_t *asked, struct err *err);

#endif
