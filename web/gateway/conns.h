/* SPDX-License-Identifier: MIT */
/*
 * conns.h - the connections, so that one client cannot have them all, and none lasts by being slow.
 *
 * libmicrohttpd ends a connection that is silent; one that sends a byte now and then it keeps. So
 * each has a deadline here until its headers are there, and again between two requests. A suspended
 * connection is not read from; whether its client has gone is asked once a second.
 *
 * Thread: main.
 */
#ifndef GATEWAY_CONNS_H
#define GATEWAY_CONNS_H

#include <microhttpd.h>
#include <netinet/in.h>

#include "gateway.h"

struct request;

struct conn {
	struct list_node node;
	int fd;
	char address[INET6_ADDRSTRLEN];
	struct ratelimit_key key;
	uint64_t deadline_ns; /* 0: none */
	struct request *request;
};

/* cls: struct gateway */
enum MHD_Result conns_accept(void *cls, const struct sockaddr *address, socklen_t len);
void conns_notify(void *cls, struct MHD_Connection *mhd, void **context,
		  enum MHD_ConnectionNotificationCode code);
/* NULL: no memory was left when it came. */
struct conn *conns_of(struct MHD_Connection *mhd);
void conns_tick(struct gateway *g, uint64_t now_ns);
void conns_cut_all(struct gateway *g);

#endif
