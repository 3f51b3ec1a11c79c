/* SPDX-License-Identifier: MIT */
/*
 * link.h - authenticated byte streams between the same group of two paired appliances, for filters
 * that replicate.
 *
 * The host listens, connects, and keeps trying: TLS 1.3, both sides known by the pins that pairing
 * left. A filter names a peer, a group and a channel and is told when there is a connection and
 * when it is gone; who of the two connects is the host's business. A connection that is lost takes
 * with it what was in its buffers: what must arrive is sent again on the next one.
 *
 * Thread: owner worker of the filter. Callbacks come on it, never before the call that causes them
 *         has returned, except received() calling send().
 */
#ifndef SLUICE_LINK_H
#define SLUICE_LINK_H

#include <stddef.h>
#include <stdint.h>

#include "sluice/filter.h"

struct sluice_link; /* one end, open from sluice_link_open() to sluice_link_close() */

enum sluice_link_channel {
	SLUICE_LINK_DATA = 0,
	SLUICE_LINK_CONTROL = 1, /* so that a full data window never delays a heartbeat */
	SLUICE_LINK_CHANNELS
};

struct sluice_link_cfg {
	const char *peer;       /* name of a paired appliance */
	uint8_t group_uuid[16]; /* the same on both */
	enum sluice_link_channel channel;
	/* A connection is there. Both ends hear it, once per connection. */
	void (*up)(void *ctx);
	/*
	 * The stream's next bytes; returns how many of them were used. The rest comes again
	 * together with what follows, at most SLUICE_LINK_UNREAD_BYTES of it; who then uses none
	 * gets nothing more until sluice_link_read_on().
	 */
	size_t (*received)(void *ctx, const uint8_t *data, size_t len);
	/* There is room again, after a send that took less than it was given. */
	void (*writable)(void *ctx);
	/* The connection is gone, once after each up(). why is a sentence for people. */
	void (*down)(void *ctx, const char *why);
	void *ctx;
};

#define SLUICE_LINK_UNREAD_BYTES (2u << 20)

/* Errors: NULL with err filled: no such peer, (group, channel) is open already, no memory. */
struct sluice_link *sluice_link_open(struct sluice_filter *f, const struct sluice_link_cfg *cfg,
				     struct sluice_error *err);
/* No callback after it. */
void sluice_link_close(struct sluice_link *l);

/* Copies as much as there is room for and returns that; what is copied goes out at the end of this
 * turn of the worker's loop at the latest. 0 when there is no connection. */
size_t sluice_link_send(struct sluice_link *l, const void *data, size_t len);
/* Bytes that send() would take now. */
size_t sluice_link_room(const struct sluice_link *l);
void sluice_link_read_on(struct sluice_link *l);
/* Ends the present connection (the peer broke the protocol, or is silent); down() follows, and
 * another one is tried after a pause that grows from 100 ms to 5 s. */
void sluice_link_reset(struct sluice_link *l, const char *why);

/* ---------------------------------------------------------------- witness
 *
 * A third appliance keeps one small durable register per group: who is primary, at which term, who
 * is in sync. It changes by compare-and-swap, and a primary renews a lease there.
 */
struct sluice_witness_register {
	uint64_t term;            /* grows with each change; 0: never written */
	uint8_t primary_uuid[16]; /* an appliance's */
	uint8_t insync;           /* bit 0: the primary, bit 1: the other */
	uint64_t
	    lease_left_ms; /* results: of the primary's lease, as the witness sees it; 0: over */
};

enum sluice_witness_op {
	SLUICE_WITNESS_READ,
	SLUICE_WITNESS_RENEW, /* of the lease, by the primary of that very term */
	SLUICE_WITNESS_SWAP,  /* expected.term -> wanted, and a new lease for wanted.primary_uuid; a
				 new primary only when the old one's lease is over */
};

struct sluice_witness_call {
	enum sluice_witness_op op;
	uint64_t expected_term;
	struct sluice_witness_register wanted; /* SWAP */
	uint64_t lease_ms;                     /* RENEW, SWAP */
	int result; /* 0; -ESTALE: the register is at another term, see now; -EBUSY: a lease runs;
		       -ETIMEDOUT, -EHOSTUNREACH: unknown whether it was done */
	struct sluice_witness_register now; /* with 0 and -ESTALE and -EBUSY */
	void (*fn)(struct sluice_witness_call *c);
	void *ctx;
	uint64_t host[16]; /* host's */
};
/* The caller owns c, which must stay until fn; fn exactly once, at the latest after 3 s. */
void sluice_witness_submit(struct sluice_filter *f, const char *witness_peer,
			   const uint8_t group_uuid[16], struct sluice_witness_call *c);

/* This appliance's own uuid, and a paired peer's. 0 or -ENOENT. */
void sluice_appliance_uuid(const struct sluice_filter *f, uint8_t uuid[16]);
int sluice_peer_uuid(const struct sluice_filter *f, const char *peer, uint8_t uuid[16]);

#endif
