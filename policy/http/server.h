/* SPDX-License-Identifier: MIT */
/*
 * server.h - libmicrohttpd on two Unix sockets, run by main's event loop.
 *
 *   server.c      sockets, connections, time limits
 *   carrier.c     one request: head, body, answer
 *   stream.c      bodies that are not JSON, in and out, as fast as the other side takes them
 *
 * Limits stand before any parsing: connections, headers, body, time. A connection has 30 s for the
 * next request's head, then 60 s for body and answer; a stream and Server-Sent Events have their
 * own.
 *
 * Thread: main.
 */
#ifndef POLICY_SERVER_H
#define POLICY_SERVER_H

#include <sys/types.h>

#include "app.h"
#include "err.h"

#define SERVER_CONNECTIONS_MAX 320u /* of each socket; the gateway has up to 256 clients */
#define SERVER_HEADER_BYTES    (16u << 10)
#define SERVER_HEAD_S          30u
#define SERVER_ANSWER_S        60u

struct server_cfg {
	struct app *app;
	const char *local_path; /* NULL: none */
	const char *web_path;   /* NULL: none */
	uid_t web_uid;          /* owner of web_path's socket, beside root */
	gid_t web_gid;
	uint32_t head_s, answer_s; /* 0: as above; less in tests */
};

int must_check server_start(const struct server_cfg *cfg, struct http_server **out,
			    struct err *err);
/* Ends every connection, removes the sockets. */
void server_stop(struct http_server *s);

#endif
