/* SPDX-License-Identifier: MIT */
/*
 * ring_set.h - the rings of one worker, of which only the busy ones cost anything in a turn.
 *
 *        kicked, or the rescan found something
 *     RESTING ------------------------------> BUSY   polled, kicked, told of sleep and waking
 *             <------------------------------        each turn
 *        nothing for RING_SET_GRACE_NS, none of its commands runs
 *
 * A ring that rests has its doorbell armed all the time: its client rings, and the worker's loop
 * hears that. What a lost doorbell or a lost entry of its queue hides is found by the rescan, which
 * looks at each busy ring every time and at RING_SET_RESCAN resting ones, in turn.
 *
 * A file of its own, because it needs no thread and no descriptor: a test plays the loop.
 *
 * Order of calls: init; add for each ring, once it is prepared; per turn poll, then [before_sleep,
 * awake], kicked for each bell that was rung, kick; remove before the ring is closed. Thread: owner
 * worker, all of it.
 */
#ifndef FILTERD_RING_SET_H
#define FILTERD_RING_SET_H

#include <stdbool.h>
#include <stdint.h>

#include "env.h"
#include "list.h"
#include "serve.h"

/* A client that waits for one answer before it asks again is back much earlier. */
#define RING_SET_GRACE_NS 5000000ull
/* At the 100 ms of a rescan, 1,024 resting rings are looked at within 3.2 s. */
#define RING_SET_RESCAN 32u

struct ring_set {
	struct env *env;
	struct list_node busy, resting; /* struct ring_member */
};

struct ring_member {
	struct list_node node;
	struct serve_ring *ring;
	uint64_t active_ns; /* when it last had something to do */
	bool is_resting;
};

void ring_set_init(struct ring_set *s, struct env *env);
/* m lies with the caller until ring_set_remove(). A new ring is busy. */
void ring_set_add(struct ring_set *s, struct ring_member *m, struct serve_ring *ring);
void ring_set_remove(struct ring_member *m);

/* The client of m has rung. */
void ring_set_kicked(struct ring_set *s, struct ring_member *m);
/* Takes up to budget commands of each busy ring. Returns how many. */
uint32_t ring_set_poll(struct ring_set *s, uint32_t budget);
void ring_set_kick(struct ring_set *s);
void ring_set_rescan(struct ring_set *s);
/* True: there is work after all, do not sleep. */
bool ring_set_before_sleep(struct ring_set *s);
void ring_set_awake(struct ring_set *s);

#endif
