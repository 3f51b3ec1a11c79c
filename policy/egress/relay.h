/* SPDX-License-Identifier: MIT */
/*
 * relay.h - one {"request": "connect"}: bytes carried between policyd and a key server.
 *
 * What passes here is TLS, whose keys only policyd and the server have: egressd sees no key and no
 * certificate's private part. policyd keeps to Unix sockets; a TCP descriptor handed to it could be
 * connected to anywhere else.
 *
 * The descriptor that came with the request first gets one line, {"ok": true} or {"error": {...}}
 * as in an answer; after the first kind it is the connection.
 *
 * Thread: start: main. Each relay runs on a thread of its own, since getaddrinfo() blocks; they
 * share nothing but a counter.
 */
#ifndef EGRESS_RELAY_H
#define EGRESS_RELAY_H

#include "allow.h"

#define RELAYS_MAX               32u
#define RELAY_IDLE_MS            (5u * 60u * 1000u)
#define RELAY_TIMEOUT_DEFAULT_MS 5000u
#define RELAY_TIMEOUT_MAX_MS     60000u

/* Owns: takes fd iff 0 is returned. Errors: -EAGAIN too many run; -ENOMEM. */
int must_check relay_start(int fd, const struct allow_entry *to, uint32_t timeout_ms,
			   struct err *err);
uint32_t relay_count(void);

#endif
