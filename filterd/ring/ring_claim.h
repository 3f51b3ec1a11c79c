/* SPDX-License-Identifier: MIT */
/*
 * ring_claim.h - private to the ring: how slots become ours, from the queue and by a scan of the
 * table.
 *
 * Thread: owner worker.
 */
#ifndef FILTERD_RING_CLAIM_H
#define FILTERD_RING_CLAIM_H

#include "ring_server.h"

/*
 * Takes what the next queue entry names and moves the head. Usually that is the next command. If
 * not, a slot was cancelled and used again, and its old entry names the new command before its
 * turn: then all the waiting entries are taken at once, in cmd_seq order. Stale entries are no
 * error. Returns the count.
 */
uint32_t ring_claim_queue(struct ring_server *r, uint32_t waiting, ring_take_fn take, void *ctx);
/* Every submitted slot in cmd_seq order. Returns the count. */
uint32_t ring_claim_scan(struct ring_server *r, ring_take_fn take, void *ctx);

/* The ring is not to be trusted any more. */
void ring_server_break(struct ring_server *r, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif
