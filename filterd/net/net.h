/* SPDX-License-Identifier: MIT */
/*
 * net.h - this appliance among others, as the rest of filterd sees it: who it is, who is paired
 * with it, links for filters, calls between the daemons, the witness.
 *
 *   main                                                worker
 *   listener --+                                        +-- link_end --- stream === TLS === peer
 *   dial ------+--> talk (TLS, hello) --the connection->+
 *              +--> pairing, rpc (calls, witness)
 *
 * Everything up to the moment at which a connection is known to be a certain peer's for a certain
 * group and channel happens on main; then the worker of that group's filter has it alone.
 *
 *   net_create -> net_listen -> ... -> net_stop (nothing new) -> workers end -> net_free
 *
 * Thread: main; net_host()'s functions say theirs.
 */
#ifndef FILTERD_NET_H
#define FILTERD_NET_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "err.h"
#include "loop.h"
#include "net_host.h"

#define NET_LISTENERS_MAX 4u

struct net;

struct net_cfg {
	struct loop *loop;
	const char *state_dir; /* a folder "net" is made in it */
	/* About a peer, for the administrator; may be NULL. */
	void (*event)(void *ctx, const char *kind, const char *text);
	void *ctx;
};

/* err is NULL when it went well; more may be NULL, and is the callee's. Exactly once. */
typedef void (*net_fn)(void *ctx, const struct err *err, json_t *more);

int must_check net_create(const struct net_cfg *cfg, struct net **out, struct err *err);
/* Accepts peers there; fds stay the caller's, and are non-blocking. */
int must_check net_listen(struct net *n, const int *fds, uint32_t count, struct err *err);
void net_stop(struct net *n);
void net_free(struct net *n);

const struct net_host *net_host(struct net *n);

/* ---------------------------------------------------------------- peers */

/* {"uuid", "fingerprint", "port"} */
json_t *net_identity(const struct net *n);
/* {"peers": [{..., "links": [...]}], "offer": {...} or null} */
json_t *net_peers(struct net *n);
/* Only what is named changes; what is NULL or -1 stays. A new address ends the connections, which
 * are made there anew. */
struct net_change {
	const char *address; /* "": not known any more */
	int32_t port;
	const char *dials;
};
int must_check net_set_peer(struct net *n, const char *name, const struct net_change *c,
			    struct err *err);
/* Its links go down, and it is a stranger from now on. */
int must_check net_forget_peer(struct net *n, const char *name, struct err *err);

/*
 * A code that lets one appliance become our peer under that name, once, for ten minutes; an earlier
 * offer ends. {"code", "expires_in_s", "fingerprint"}
 */
int must_check net_offer(struct net *n, const char *name, json_t **out, struct err *err);
void net_withdraw(struct net *n);
/* Pairs with the appliance there, which has made the code; it will be called name here. more is
 * {"peer": {...}}. */
void net_join(struct net *n, const char *name, const char *address, uint16_t port, const char *code,
	      net_fn fn, void *ctx);

/* ---------------------------------------------------------------- calls
 *
 * A request that the peer's policy plane answers. filterd carries it and does not look into it.
 */

/* more is {"answer": object} */
void net_call(struct net *n, const char *peer, const json_t *body, uint32_t timeout_ms, net_fn fn,
	      void *ctx);
/* Waits for the next call from a peer: {"call": id, "peer": name, "body": object}, or
 * {"call": null} when none has come in time. At most one waits; another one takes its place.
 * is_there: whoever asked still listens, so that no call is given to nobody. */
void net_take_call(struct net *n, uint32_t wait_ms, bool (*is_there)(void *ctx), net_fn fn,
		   void *ctx);
/* answer: {"ok": ...} or {"error": ...}, as the caller shall see it. -ENOENT: nobody waits for it.
 */
int must_check net_answer_call(struct net *n, uint64_t call, const json_t *answer, struct err *err);

/* ---------------------------------------------------------------- witness */

/* {"registers": [{"group", "term", "primary", "insync", "lease_left_ms", "members"}]} */
json_t *net_witness_list(struct net *n);
int must_check net_witness_forget(struct net *n, const uint8_t group_uuid[16], struct err *err);

#endif
