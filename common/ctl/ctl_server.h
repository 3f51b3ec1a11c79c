/* SPDX-License-Identifier: MIT */
/*
 * ctl_server.h - the control socket's server: connections, frames, answers. What a request means is
 * the handler's business.
 *
 * A client that sends garbage, stays inside a frame for too long or does not read its answers loses
 * its connection, and nobody else notices.
 *
 * Thread: main.
 */
#ifndef FILTERD_CTL_SERVER_H
#define FILTERD_CTL_SERVER_H

#include <jansson.h>
#include <stdint.h>
#include <sys/types.h>

#include "err.h"
#include "loop.h"

#define CTL_CLIENTS_MAX   64u
#define CTL_OUT_BYTES_MAX (8u << 20) /* answers that a client has not read */
#define CTL_PENDING_MAX   64u        /* requests of one client under way */

struct ctl_server;

/* One request; the handler answers it exactly once, at once or later. */
struct ctl_call {
	struct ctl_conn *conn; /* NULL: the client has gone, the answer goes nowhere */
	struct list_node node;
	uint32_t request_id;
	json_t *body;        /* an object */
	const char *request; /* its "request" */
	uid_t uid;           /* who asks, for the log */
	int fd; /* a descriptor that came along, or -1; the call's: take_fd() keeps it */
};

typedef void (*ctl_handler_fn)(void *ctx, struct ctl_call *call);

struct ctl_server_cfg {
	struct loop *loop;
	int listen_fd; /* stays the caller's */
	ctl_handler_fn handler;
	void *ctx;
	uint32_t frame_timeout_ms; /* 0: CTL_FRAME_TIMEOUT_MS */
};

int must_check ctl_server_create(const struct ctl_server_cfg *cfg, struct ctl_server **out,
				 struct err *err);
/* Ends every connection. Calls under way may still be answered, to nobody. */
void ctl_server_free(struct ctl_server *s);
uint32_t ctl_server_clients(const struct ctl_server *s);
/* Bytes that are still to be sent, of all clients. */
uint64_t ctl_server_unsent_bytes(const struct ctl_server *s);

/* {"ok": true, ...members of more}. Owns: takes more (may be NULL) and ends call. */
void ctl_answer(struct ctl_call *call, json_t *more);
void ctl_answer_error(struct ctl_call *call, const struct err *err);

#endif
