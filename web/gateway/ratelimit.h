/* SPDX-License-Identifier: MIT */
/*
 * ratelimit.h - a token bucket for each client address, in a table of fixed size. Pure: time is an
 * argument.
 *
 * A bucket is one number: when it will be full again. Taking a token moves that time on by
 * token_ns; what would move it further than burst tokens away from now is refused. A bucket whose
 * time has passed says nothing and its place may be taken, so no address can push out another one's
 * state; addresses that find no place share one bucket.
 *
 * An IPv6 client has a whole /64, so that is what counts as its address.
 */
#ifndef GATEWAY_RATELIMIT_H
#define GATEWAY_RATELIMIT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "err.h"

struct ratelimit_key {
	uint8_t bytes[16]; /* IPv4 as ::ffff:a.b.c.d */
};

struct ratelimit_cfg {
	uint64_t token_ns; /* time in which a bucket gains one token */
	uint32_t burst;    /* tokens of a full bucket */
	uint32_t entries;  /* addresses that are told apart at one time */
	uint64_t seed;     /* random: nobody outside can tell which addresses collide */
};

struct ratelimit;

/* NULL: no memory. */
struct ratelimit *ratelimit_create(const struct ratelimit_cfg *cfg);
void ratelimit_free(struct ratelimit *r);
/* False: not now; *wait_ns says how long until there is a token. */
bool ratelimit_take(struct ratelimit *r, const struct ratelimit_key *key, uint64_t now_ns,
		    uint64_t *wait_ns);
struct ratelimit_key ratelimit_key_of(const struct sockaddr *address);

#endif
