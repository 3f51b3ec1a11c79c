/* SPDX-License-Identifier: MIT */
/*
 * mclock_int.h - what the scheduler's files share, and the sizes behind mclock_bytes(). Not for
 * callers.
 *
 * All tags are start tags: what they say is true of whichever request is at the head, so cancelling
 * moves none, and a request's cost is charged when it goes.
 *
 *   R, L  real time in ns (mclock_tag.h)
 *   P     virtual time: a unit of 32 KiB moves it by MCLOCK_P_SCALE / shares. 64 bits last for 2^55
 *         units of one client at 200 shares: a hundred years at 10 million units a second.
 *
 * A client that has requests is in the L heap (a limit holds it), or else in its class's P heap
 * and, with a reservation, in the R heap too. A client without requests is in none.
 */
#ifndef IO_CONTROL_MCLOCK_INT_H
#define IO_CONTROL_MCLOCK_INT_H

#include "mclock.h"
#include "mclock_heap.h"
#include "mclock_mutate.h"
#include "mclock_tag.h"

#define MCLOCK_P_SCALE 65536u
#define MCLOCK_P_START (1u << 20) /* more than any credit, so that nothing falls below zero */

struct mclock_client {
	struct mclock_config cfg;
	struct mclock_tag r, l_iops, l_bytes;
	uint64_t burst_ns;
	uint64_t p, p_rest;
	uint32_t at[MCLOCK_KINDS]; /* place in each heap, or MCLOCK_NOWHERE */
	uint32_t queued;
	struct mclock_request *head, *tail;
	uint64_t served, served_bytes, served_by_reservation, waited_ns;
};

enum { MCLOCK_FOREGROUND, MCLOCK_BACKGROUND, MCLOCK_CLASSES };

struct mclock {
	uint64_t now_ns; /* never goes back */
	struct mclock_heap r, l;
	struct mclock_heap p[MCLOCK_CLASSES];
	uint64_t v[MCLOCK_CLASSES]; /* how far service by share has come: where newcomers begin */
	int64_t trickle_units;      /* what background has coming, see mclock.h */
	uint64_t reserved_iops;
	uint32_t clients, clients_max, queued;
	struct mclock_entry entries[]; /* of all heaps */
};

static inline struct mclock_heap *mclock_p_heap(struct mclock *m, const struct mclock_client *c)
{
	return &m->p[c->cfg.is_background];
}

/* Before this time a limit holds the client. */
static inline uint64_t mclock_limit_ns(const struct mclock_client *c)
{
	if (MCLOCK_MUTATE(BYTES_NOT_LIMITED))
		return c->l_iops.ns;
	return c->l_iops.ns > c->l_bytes.ns ? c->l_iops.ns : c->l_bytes.ns;
}

/* Time as the scheduler believes it. */
static inline uint64_t mclock_now(struct mclock *m, uint64_t now_ns)
{
	if (now_ns > m->now_ns || MCLOCK_MUTATE(CLOCK_BACK))
		m->now_ns = now_ns;
	return m->now_ns;
}

/* mclock_charge.c */
uint64_t mclock_units(uint64_t len_bytes);
/* An idle past counts for no more than the bounded credit. */
void mclock_share_floor(const struct mclock *m, struct mclock_client *c);
/* A request of c goes now: moves all its tags and its figures. Not its place in the heaps. */
void mclock_charge(struct mclock *m, struct mclock_client *c, uint64_t len_bytes, uint64_t now_ns,
		   bool is_reserved);

#endif
