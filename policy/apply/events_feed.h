/* SPDX-License-Identifier: MIT */
/*
 * events_feed.h - filterd's events into the table of events, each once, whichever side restarts.
 *
 * filterd numbers its events from 1 and forgets them when its watching parent ends; the place
 * reached (number and time of the last one taken) is kept in the database, in the same transaction
 * as the events. The next question asks for the last one again: comes another under its number, or
 * none, filterd has begun anew and all that it has is new.
 *
 * Thread: the sampler's.
 */
#ifndef POLICY_EVENTS_FEED_H
#define POLICY_EVENTS_FEED_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "err.h"

struct ctl_client;
struct store;

/* Asks filterd and notes what is new; *added: how many. Errors: filterd's, the store's. */
int must_check events_feed_pull(struct store *s, struct ctl_client *filterd, uint32_t *added,
				struct err *err);

/*
 * Which of events (filterd's answer to "after": place.number - 1) are new; pure. place: {"number",
 * "at_ms"}, NULL: nothing has been taken yet. *is_anew: filterd numbers from 1 again, and the
 * answer is of no use: ask for all.
 */
json_t *events_feed_new(const json_t *events, const json_t *place, bool *is_anew);

#endif
