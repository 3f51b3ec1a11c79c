/* SPDX-License-Identifier: MIT */
/*
 * exchange.h - one request from its head to its answer, without the library that carries it.
 *
 *   exchange.c   head: route, who asks, rights; body; reading routes; the answer
 *   change.c     routes that change something: transaction, idempotency, dry run, audit row
 *   trail.c      audit rows; what of a body may stand in them
 *
 * Order of calls: exchange_begin() with the head; then, when it says EXCHANGE_BODY, exchange_run()
 * with the whole body; exchange_ready() when the password threads are through; exchange_free().
 *
 * Thread: main.
 */
#ifndef POLICY_EXCHANGE_H
#define POLICY_EXCHANGE_H

#include <sys/types.h>

#include "rest.h"
#include "router.h"
#include "slow.h"
#include "url.h"

enum exchange_next {
	EXCHANGE_ANSWER,     /* x->answer is to be sent */
	EXCHANGE_BODY,       /* read a body of at most body_max_bytes, then exchange_run() */
	EXCHANGE_STREAM_IN,  /* the body goes into q.reply's body_fd, then exchange_streamed() */
	EXCHANGE_STREAM_OUT, /* head as in answer, then what comes from r.body_fd */
	EXCHANGE_SSE,        /* events of topics r.text */
	EXCHANGE_WAIT,       /* done() is called when the password threads are through */
};

struct answer {
	int status;
	char *text; /* owned; NULL: no body */
	size_t text_bytes;
	const char *content_type;
	char etag[32], location[256], allow[48];
	unsigned retry_after_s;
	bool is_bearer_asked; /* WWW-Authenticate */
};

struct exchange {
	struct app *app;
	bool is_local; /* came by the local socket */
	uid_t uid;     /* of the peer */
	const char *method, *target;
	const char *(*header)(const struct exchange *x, const char *name);
	void (*done)(struct exchange *x); /* after EXCHANGE_WAIT: call exchange_ready() */
	void *carrier;

	struct url url;
	struct router_match match;
	struct request q;
	struct reply r;
	struct slow slow;
	uint64_t body_max_bytes;
	const char *body_text; /* of the carrier; stays until the end */
	size_t body_bytes;
	struct answer answer;
};

/* method, target, header, carrier, app, is_local and uid are set; the rest is zero. */
enum exchange_next exchange_begin(struct exchange *x);
enum exchange_next exchange_run(struct exchange *x, const char *body, size_t body_bytes);
enum exchange_next exchange_ready(struct exchange *x);
/* STREAM_IN: all went into body_fd (is_whole), or not. The answer stands after it. */
void exchange_streamed(struct exchange *x, bool is_whole);
void exchange_free(struct exchange *x);

/* For the carrier: an answer that is a problem; it is noted if the request would have changed
 * something. */
void exchange_refuse(struct exchange *x, int status, const char *code, const struct err *err);

/* ---------------------------------------------------------------- between the files */

bool exchange_is_change(const struct exchange *x);
/* r's content into answer. */
int must_check exchange_render(struct exchange *x, struct err *err);
enum exchange_next change_run(struct exchange *x);
/* Within the change's transaction. */
int must_check trail_add(struct exchange *x, int status, struct err *err);
/* In a transaction of its own; failing is only logged. */
void trail_add_refused(struct exchange *x, int status);

#endif
