/* SPDX-License-Identifier: MIT */
/*
 * tgt_client.h - tgtd's management socket: one connection per request, as tgtadm does it, without
 * a fork and without a secret on any command line.
 *
 * A request that was begun is always sent whole: tgtd 1.0.85 turns in circles on a connection that
 * ends early. tgtd serves all connections in the one thread that also moves the data, so each call
 * has a time limit, and nothing is asked for more often than needed.
 *
 * Thread: any; a client has no state but what tgt_client_ask() notes of the last answer.
 */
#ifndef POLICY_TGT_CLIENT_H
#define POLICY_TGT_CLIENT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "err.h"

/* Which life of tgtd answered; all that was ever put into another one is gone. */
struct tgt_life {
	pid_t pid; /* 0: none has answered yet */
	uint64_t socket_made_ns;
};

struct tgt_client {
	const char *path; /* outlives the client */
	uint32_t timeout_ms;
	struct tgt_life life; /* of the last answer */
};

enum tgt_mode {
	TGT_SYSTEM,
	TGT_TARGET,
	TGT_LUN,
	TGT_PORTAL,
	TGT_DRIVER,
	TGT_SESSION,
	TGT_CONNECTION,
	TGT_ACCOUNT,
};

enum tgt_op { TGT_NEW, TGT_DELETE, TGT_SHOW, TGT_BIND, TGT_UNBIND };

#define TGT_ALL_TARGETS (-1)

struct tgt_request {
	enum tgt_mode mode;
	enum tgt_op op;
	int32_t tid;
	uint64_t sid, lun;
	uint32_t cid;
	bool is_outgoing; /* of an account */
	const char *args; /* "targetname=...", may hold a secret; NULL: none */
};

/*
 * Owns:   *text is freed by the caller; NULL text: not wanted. Never NULL on success.
 * Errors: -ECONNREFUSED nobody there, -ETIMEDOUT, -ECONNRESET (tgt_client_is_gone());
 *         -ENOENT no such target, LUN, session, account, rule; -EEXIST; -EBUSY still in use;
 *         -EINVAL tgtd refuses it; -ENOMEM; -EBADMSG its answer makes no sense
 */
int must_check tgt_client_ask(struct tgt_client *c, const struct tgt_request *q, char **text,
			      struct err *err);

/* The error says that tgtd is not there or does not answer, not that it refused something. */
bool tgt_client_is_gone(const struct err *err);

/* tgtd's number of an error as errno and sentence; 0 and NULL for success. Pure. */
int tgt_client_errno(uint32_t tgt_error, const char **sentence);

bool tgt_life_equal(const struct tgt_life *a, const struct tgt_life *b);

#endif
