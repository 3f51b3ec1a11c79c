/* SPDX-License-Identifier: MIT */
/* server_int.h - what server.c, carrier.c and stream.c share. Thread: main. */
#ifndef POLICY_SERVER_INT_H
#define POLICY_SERVER_INT_H

#include <microhttpd.h>

#include "exchange.h"
#include "list.h"
#include "server.h"
#include "sse.h"

struct http_server;

/* One listening socket and its MHD. */
struct listener {
	struct http_server *server;
	struct MHD_Daemon *mhd;
	const char *path;
	bool is_local;
	struct loop_fd epoll; /* MHD's own epoll, readable when there is something to do */
	struct loop_timer timer;
	bool has_resumed; /* a connection, since MHD ran last */
};

struct http_server {
	struct server_cfg cfg;
	struct listener local, web;
	struct list_node suspended; /* struct carrier */
	bool is_stopping;
};

struct conn {
	struct listener *listener;
	int fd;
	uid_t uid;
	struct loop_timer deadline;
};

enum carrier_state {
	CARRIER_HEAD,
	CARRIER_BODY,
	CARRIER_REFUSED, /* by its head; there is no body, the answer goes at the end */
	CARRIER_STREAM_IN,
	CARRIER_WAIT,
	CARRIER_READY
};

/* One request as MHD sees it. */
struct carrier {
	struct listener *listener;
	struct conn *conn;
	struct MHD_Connection *mhd;
	struct list_node node; /* in suspended */
	bool is_suspended;
	enum carrier_state state;
	char *target, method[16];
	char *body;
	size_t body_bytes, body_size;
	bool is_too_large, is_ended, is_whole;
	struct exchange x;
	struct sse_client *sse;
	struct loop_fd stream; /* body_fd, while it has to be waited for */
	uint64_t streamed_bytes;
};

void carrier_suspend(struct carrier *c);
void carrier_resume(struct carrier *c);
void conn_deadline(struct conn *conn, uint32_t seconds); /* 0: none */

/* MHD's callbacks. */
enum MHD_Result carrier_access(void *cls, struct MHD_Connection *mhd, const char *url,
			       const char *method, const char *version, const char *upload,
			       size_t *upload_bytes, void **con_cls);
void *carrier_begin(void *cls, const char *uri, struct MHD_Connection *mhd);
void carrier_end(void *cls, struct MHD_Connection *mhd, void **con_cls,
		 enum MHD_RequestTerminationCode toe);

/* stream.c */
/* Takes what body_fd takes of upload; suspends when it takes no more now. false: it is broken. */
bool stream_in(struct carrier *c, const char *upload, size_t *upload_bytes);
struct MHD_Response *stream_out(struct carrier *c);
struct MHD_Response *stream_sse(struct carrier *c);
void stream_end(struct carrier *c, bool is_whole);

#endif
