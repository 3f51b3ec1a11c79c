/* SPDX-License-Identifier: MIT */
/*
 * net_host.h - what the chain asks of the network on behalf of filters (sluice/link.h); filterd/net
 * answers. A program without a network gives none, and filters hear that there is none.
 *
 * Thread: the worker of env, all of it; callbacks come on it, never from inside a call, but
 * received() may send.
 */
#ifndef FILTERD_NET_HOST_H
#define FILTERD_NET_HOST_H

#include <stddef.h>
#include <stdint.h>

#include "env.h"
#include "err.h"
#include "sluice/link.h"

struct net_link; /* one end of a link */

struct net_host {
	/* cfg is copied. -ENOENT no such peer, -EBUSY it is open already, -ENOMEM */
	int (*open)(void *ctx, struct env *env, const struct sluice_link_cfg *cfg,
		    struct net_link **out, struct err *err);
	void (*close)(struct net_link *l);
	size_t (*send)(struct net_link *l, const void *data, size_t len);
	size_t (*room)(const struct net_link *l);
	void (*read_on)(struct net_link *l);
	void (*reset)(struct net_link *l, const char *why);
	/* fn(fn_ctx, result, now) exactly once, within 3 s; see sluice_witness_submit(). */
	void (*witness)(void *ctx, struct env *env, const char *peer, const uint8_t group_uuid[16],
			const struct sluice_witness_call *call,
			void (*fn)(void *fn_ctx, int result,
				   const struct sluice_witness_register *now),
			void *fn_ctx);
	void (*own_uuid)(void *ctx, uint8_t uuid[16]);
	int (*peer_uuid)(void *ctx, const char *peer, uint8_t uuid[16]); /* 0, -ENOENT */
	void *ctx;
};

#endif
