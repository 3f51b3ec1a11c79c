/* SPDX-License-Identifier: MIT */
/*
 * keys_feed.h - brings encrypted volumes their keys: a new one is formatted with the key that its
 * policy names, one that is locked after a start of filterd is unlocked, as soon as its key can be
 * had; one that is open and whose key was rotated, or whose policy names another key, is given the
 * new one (the volume's own key is wrapped anew; no data is touched).
 *
 *   keys_feed.c        the thread: which volumes want something, and what came of it
 *   keys_feed_give.c   keys from their providers to filterd
 *   keys_feed_key.c    which key, which version; what the database and people are told
 *
 *   sampler's figures: "locked" -> filter.command status -> key_get() at the provider
 *        -> pipe with the key -> filter.command format | unlock, with the pipe
 *
 * The key goes from the provider's worker into a pipe and from there into filterd; it is in no
 * buffer of this thread. What filterd has unlocked stays so, whatever becomes of the provider.
 *
 * Order of calls: start; stop (before keys_stop(): nothing is asked for any more); after that
 * keys_stop() and free. Thread: main's; the feeding is on a thread of its own.
 */
#ifndef POLICY_KEYS_FEED_H
#define POLICY_KEYS_FEED_H

#include "err.h"
#include "reconciler.h"

struct keys;
struct keys_feed;

/* cfg, keys and sampler outlive it. */
int must_check keys_feed_start(const struct apply_cfg *cfg, struct keys *keys,
			       struct sampler *sampler, struct keys_feed **out, struct err *err);
void keys_feed_stop(struct keys_feed *f); /* NULL is fine */
void keys_feed_free(struct keys_feed *f); /* NULL is fine */

#endif
