/* SPDX-License-Identifier: MIT */
/*
 * ring_listener.h - the socket where modules hand over their rings: who may, which volume, what is
 * refused and why, and the end of a ring when its tgtd dies.
 *
 *   accepted --HELLO, 3 descriptors--> ATTACHING --worker: admitted--> LIVE --HUP, BYE, garbage-->
 * DRAINING |  5 s, garbage                     | refused                              |
 *      +---------------> closed <---REFUSE-+<-------------------------------------+ last command
 * ended
 *
 * A client's HUP means that it is gone; ours is what tells it that our process and its I/O have
 * ended, so a socket whose ring was live is closed only after the ring has drained.
 *
 * Thread: main.
 */
#ifndef FILTERD_RING_LISTENER_H
#define FILTERD_RING_LISTENER_H

#include <jansson.h>
#include <stdint.h>
#include <sys/types.h>

#include "err.h"
#include "loop.h"
#include "role.h"
#include "wire/ring.h"

#define RING_LISTENER_HELLO_MS  5000u
#define RING_LISTENER_CONNS_MAX 1024u

struct manager;
struct mvolume;
struct ring_listener;

/* listen_fd stays the caller's. allowed_uid: one more user than root and ours; (uid_t)-1: none. */
int must_check ring_listener_create(struct manager *m, int listen_fd, uid_t allowed_uid,
				    struct ring_listener **out, struct err *err);
/* No ring is live or draining any more. */
void ring_listener_free(struct ring_listener *l) ON_MAIN;

/* Rings of a volume that are attached, draining ones too. */
uint32_t ring_listener_count(const struct ring_listener *l, const struct mvolume *mv);
uint32_t ring_listener_total(const struct ring_listener *l);
/* To every live ring of a volume. */
void ring_listener_notice(struct ring_listener *l, const struct mvolume *mv,
			  enum ring_notice notice, uint64_t value);
json_t *ring_listener_to_json(const struct ring_listener *l, const struct mvolume *mv);

#endif
