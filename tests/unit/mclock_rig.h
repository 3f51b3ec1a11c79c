/* SPDX-License-Identifier: MIT */
/*
 * mclock_rig.h - a scheduler with clients and requests for tests: memory, random numbers from a
 * seed, and clients that always have something queued.
 */
#ifndef TESTS_MCLOCK_RIG_H
#define TESTS_MCLOCK_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdbool.h>
#include <stdint.h>

#include "mclock.h"

#define RIG_CLIENTS 32
#define RIG_DEPTH   64 /* requests of each client */
#define MS          1000000ull
#define SEC         1000000000ull

struct rig_request {
	struct mclock_request q; /* first */
	uint32_t client;
};

struct rig {
	struct mclock *m;
	struct mclock_client *clients[RIG_CLIENTS];
	uint32_t count;
	uint64_t now_ns, random;
	/* Requests that go round: taken here, given back by rig_next(). */
	struct rig_request requests[RIG_CLIENTS][RIG_DEPTH];
	uint64_t units[RIG_CLIENTS], bytes[RIG_CLIENTS]; /* popped so far */
	uint64_t (*length)(uint64_t *random);            /* of each new request; NULL: 4096 */
};

struct rig *rig_new(uint64_t seed, uint64_t now_ns);
void rig_free(struct rig *r);
uint32_t rig_add(struct rig *r, struct mclock_config cfg);
/* Pushes so many requests of that client; each that pops is pushed again at once. */
void rig_flood(struct rig *r, uint32_t client, uint32_t depth);
/* Pops one, counts it and pushes it again with a new length; the client, or -1. */
int rig_next(struct rig *r, bool has_room, bool is_throttling);
/* As rig_next, but the request is kept out; NULL: nothing may go. */
struct rig_request *rig_pop(struct rig *r, bool has_room, bool is_throttling, enum mclock_why *why);
void rig_push(struct rig *r, struct rig_request *q, uint64_t len_bytes);
struct mclock_figures rig_figures(const struct rig *r, uint32_t client);

uint64_t rig_random(uint64_t *state);
uint64_t rig_below(uint64_t *state, uint64_t n);
uint64_t rig_units(uint64_t len_bytes);
/* 512 B to 1 MiB, each power of two as likely as the other. */
uint64_t rig_mixed_length(uint64_t *random);

#endif
