/* SPDX-License-Identifier: MIT */
/*
 * talk.h - one TLS connection on main's loop, from TCP's first step to the last byte: what begins
 * links, pairs appliances and carries calls. All that strangers can reach runs in here, so it is
 * slow, careful and small: a deadline for every step, and memory only for what has come.
 *
 *     talk_dial / talk_accept -> ready -> received ... -> ended, or talk_close(), or talk_take()
 *
 * Callbacks may call anything of this file for this talk, talk_close() and talk_take() too.
 *
 * OpenSSL writes to the socket itself here, so the process ignores SIGPIPE.
 *
 * Thread: main.
 */
#ifndef NET_TALK_H
#define NET_TALK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "err.h"
#include "loop.h"
#include "tls.h"

#define TALK_STEP_MS 5000u /* for TCP and TLS together, and for what follows unless it says so */

struct talk;

struct talk_ops {
	/* TLS stands; who it is: talk_fingerprint(). */
	void (*ready)(void *ctx);
	/* All that has come and is not used; returns how much of it is used now. */
	size_t (*received)(void *ctx, const uint8_t *data, size_t len);
	/* Over: the peer, the network or the deadline ended it. Once; talk_close() must follow. */
	void (*ended)(void *ctx, const char *why);
};

struct talk_cfg {
	struct loop *loop;
	const struct tls *tls;
	const struct talk_ops *ops;
	void *ctx;
	uint32_t in_max_bytes; /* what may be there unused */
};

/* Errors: -EHOSTUNREACH and the like; nothing is kept. ended() never comes before return. */
int must_check talk_dial(const struct talk_cfg *cfg, const char *address, uint16_t port,
			 const char *alpn, struct talk **out, struct err *err);
/* Takes fd, on an error too. */
int must_check talk_accept(const struct talk_cfg *cfg, int fd, struct talk **out, struct err *err);
/* Of a talk whose first bytes told who shall have it. */
void talk_hand_over(struct talk *t, const struct talk_ops *ops, void *ctx, uint32_t in_max_bytes);

/* Sends it, or keeps it to be sent. -ENOBUFS: the peer does not read. */
int must_check talk_send(struct talk *t, const void *data, size_t len);
/* At once and whole, or an error: for a few bytes on a connection that was silent so far. */
int must_check talk_send_now(struct talk *t, const void *data, size_t len);
void talk_deadline(struct talk *t, uint32_t ms); /* from now on; 0: none */
/* Ends it when all is sent, within the deadline; no callback follows. */
void talk_finish(struct talk *t);
void talk_close(struct talk *t);
/* The connection without its talk, which is gone; nothing is unread or unsent in the talk. */
SSL *talk_take(struct talk *t, int *fd);

const uint8_t *talk_fingerprint(const struct talk *t); /* from ready() on */
const char *talk_alpn(const struct talk *t);
SSL *talk_ssl(struct talk *t);
/* The peer's address as text: "" when it cannot be told. */
void talk_address(const struct talk *t, char *text, size_t size_bytes);

#endif
