/* SPDX-License-Identifier: MIT */
/*
 * route.h - what webd itself must know of a path: who answers, how large a body may be, whether it
 * is an attempt to log in. Everything else is policyd's. Pure.
 */
#ifndef GATEWAY_ROUTE_H
#define GATEWAY_ROUTE_H

#include <stdbool.h>
#include <stdint.h>

#define ROUTE_BODY_BYTES     (1u << 20)
#define ROUTE_BIG_BODY_BYTES (16u << 20)

enum route_session { ROUTE_SESSION_NONE, ROUTE_SESSION_BEGINS, ROUTE_SESSION_ENDS };

struct route {
	bool is_forwarded; /* to policyd; else a static file */
	bool is_change;    /* by its method; must come from our own pages or none */
	bool is_attempt;   /* somebody shows a password */
	bool is_stream;    /* a volume's content: takes as long as it takes */
	uint64_t body_max; /* bytes */
	enum route_session session;
};

/* uri as check_uri() let it pass. False: a method that nothing here has. */
bool route_of(const char *method, const char *uri, struct route *out);

#endif
