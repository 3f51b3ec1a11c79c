/* SPDX-License-Identifier: MIT */
/*
 * ring_claim.h - private to the ring: taking a slot, one by one or by a scan of the table.
 *
 * Thread: owner worker.
 */
#ifndef FILTERD_RING_CLAIM_H
#define FILTERD_RING_CLAIM_H

#include "ring_server.h"

/* What the queue named. A stale hint (the slot moved on, or is ours) is no error. Returns 0 or 1.
 */
uint32_t ring_claim_hint(struct ring_server *r, uint32_t slot, ring_take_fn take, void *ctx);
/* Every submitted slot in cmd_seq order. Returns the count. */
uint32_t ring_claim_scan(struct ring_server *r, ring_take_fn take, void *ctx);

/* The ring is not to be trusted any more. */
void ring_server_break(struct ring_server *r, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif
