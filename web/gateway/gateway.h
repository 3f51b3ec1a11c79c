/* SPDX-License-Identifier: MIT */
/*
 * gateway.h - webd's parts together: libmicrohttpd, libcurl, limits, on one event loop.
 *
 *   browser --TLS--> conns.c   accepts or not; how long a connection may be silent or slow
 *                    request.c one request: checks, then a file (static.c) or policyd (forward.c)
 *                    forward.c the same request to policyd, both bodies in pieces
 *
 * The model: libmicrohttpd with an epoll descriptor of its own and no thread (external polling),
 * libcurl's multi interface, both on common/loop; one thread in all. A connection that waits for
 * policyd, for room or for news is suspended and costs memory only, so that hundreds of open event
 * streams need no thread each, as thread-per-connection would; nothing is shared, so there is no
 * lock, as a pool of threads would need around the transfers. The price is that TLS has one core,
 * which is more than a management network asks for.
 *
 * Thread: main.
 */
#ifndef GATEWAY_GATEWAY_H
#define GATEWAY_GATEWAY_H

#include <microhttpd.h>
#include <stdbool.h>
#include <stdint.h>

#include "curl_loop.h"
#include "list.h"
#include "log.h"
#include "loop.h"
#include "ratelimit.h"

struct static_index;

struct gateway_cfg {
	struct loop *loop;
	int https_fd, http_fd; /* http_fd -1: no redirect; both stay the caller's */
	const char *https_port;
	const char *policyd_socket;
	const struct static_index *files;
	uint32_t connections_max, connections_per_address_max;
	uint32_t requests_per_s;    /* of one address; three seconds of it at once */
	uint32_t attempts_per_min;  /* to log in, of one address; as many at once */
	uint32_t header_timeout_ms; /* from a connection's begin to the end of its first headers */
	uint32_t body_timeout_ms;   /* of a body that is no volume's content */
	uint32_t answer_timeout_ms; /* of policyd, from the body's end to its answer's headers */
};

#define GATEWAY_IDLE_S           75u  /* between two requests of a connection, and inside a write */
#define GATEWAY_CONTENT_ANSWER_S 600u /* policyd's answer to a volume's whole content */

struct gateway {
	struct gateway_cfg cfg;
	struct MHD_Daemon *https, *http;
	struct loop_fd https_watch, http_watch;
	struct loop_timer tick;
	struct curl_loop *curl;
	struct list_node conns;
	uint32_t conn_count;
	struct list_node eased; /* forwards to which libcurl may go on: see forward_ease() */
	struct ratelimit *requests, *attempts;
	struct log_limit refusals;
	bool is_ending;
};

int must_check gateway_create(const struct gateway_cfg *cfg, struct gateway **out, struct err *err);
/* One wait and what it brought. */
void gateway_turn(struct gateway *g);
/* Ends every connection. */
void gateway_free(struct gateway *g);

#endif
