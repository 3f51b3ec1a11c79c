/* SPDX-License-Identifier: MIT */
/*
 * egress.h - what policyd may ask: which destinations are allowed, posts to them, and connections
 * to key servers.
 *
 *   {"request": "allow", "hosts": ["hooks.example.com:443", ...]}   replaces the list; empty at
 * start
 *   {"request": "http.post", "url", "headers": {name: value}, "body", "timeout_ms"}
 *        -> {"status": 200, "ms": 12, "is_cut": false}; a status of any kind is an answer, not an
 * error
 *   {"request": "connect", "server": "kmip://host:port", "timeout_ms"} with a Unix stream socket
 *        -> {}: allowed; what comes of it is told on the socket, relay.h
 *   {"request": "status"} -> {"allowed", "running", "waiting", "relays"}
 *
 * A few posts run at once, some more wait their turn, and the rest is refused with EAGAIN.
 *
 * Order of calls: create, then the control server's handler; free. Thread: main.
 */
#ifndef EGRESS_EGRESS_H
#define EGRESS_EGRESS_H

#include "ctl_server.h"
#include "loop.h"

#define EGRESS_RUNNING_MAX 16u
#define EGRESS_WAITING_MAX 240u

struct egress;

int must_check egress_create(struct loop *loop, const char *ca_file, struct egress **out,
			     struct err *err);
/* Answers what is under way with ESHUTDOWN. */
void egress_free(struct egress *e);
void egress_handle(void *ctx, struct ctl_call *call); /* a ctl_handler_fn; ctx: struct egress */

#endif
