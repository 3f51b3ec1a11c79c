/* SPDX-License-Identifier: MIT */
/*
 * request.h - one request of a client, from its first line to its end.
 *
 * libmicrohttpd's order of calls: request_first_line (the address as it was sent), then
 * request_handle: once with the headers, for each piece of the body, once at its end, and once more
 * after each request_wake(); request_completed at last, whatever happened.
 *
 * Thread: main.
 */
#ifndef GATEWAY_REQUEST_H
#define GATEWAY_REQUEST_H

#include <microhttpd.h>
#include <stdbool.h>

#include "conns.h"
#include "gateway.h"
#include "headers.h"
#include "route.h"

struct forward;

/* Of a body that nobody wants any more so much is read, for the sake of an orderly answer. */
#define REQUEST_DISCARD_BYTES (8u << 20)

struct request {
	struct gateway *gateway;
	struct MHD_Connection *mhd;
	struct conn *conn;
	char *uri; /* NULL: no memory */
	struct route route;
	struct headers headers;
	struct forward *forward; /* NULL: answered here */
	bool has_begun;          /* the headers were seen */
	bool is_answered;
	bool is_suspended;
	bool waits_for_go; /* the body may not come yet: policyd has not said that it takes it */
	uint64_t body_bytes, discarded_bytes;
	int refusal; /* a status that is due at the body's end; 0: none */
};

void *request_first_line(void *cls, const char *uri, struct MHD_Connection *mhd);
enum MHD_Result request_handle(void *cls, struct MHD_Connection *mhd, const char *url,
			       const char *method, const char *version, const char *data,
			       size_t *size, void **context);
void request_completed(void *cls, struct MHD_Connection *mhd, void **context,
		       enum MHD_RequestTerminationCode why);

/* Something it waited for is there: libmicrohttpd goes on with it at the next turn. */
void request_wake(struct request *r);
void request_suspend(struct request *r);
bool request_is_suspended(const struct request *r);
void request_tick(struct request *r, uint64_t now_ns);
/* Its connection was cut. */
void request_drop(struct request *r);

#endif
