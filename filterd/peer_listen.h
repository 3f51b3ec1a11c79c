/* SPDX-License-Identifier: MIT */
/*
 * peer_listen.h - the TCP sockets on which other appliances find this one. The watching parent
 * opens them and keeps them, so that a peer which connects while a child is replaced waits in the
 * backlog instead of being turned away.
 *
 * Thread: the parent's, at the start.
 */
#ifndef FILTERD_PEER_LISTEN_H
#define FILTERD_PEER_LISTEN_H

#include <stdint.h>

#include "err.h"

#define PEER_LISTEN_MAX 4u

struct peer_listen {
	const char
	    *addresses[PEER_LISTEN_MAX]; /* "192.0.2.1", "192.0.2.1:3262", "[2001:db8::1]:3262" */
	int fds[PEER_LISTEN_MAX];
	uint32_t count;
};

/* Notes one more; the text stays the caller's. -E2BIG */
int must_check peer_listen_add(struct peer_listen *p, const char *address, struct err *err);
/* All of them, or none. A port of its own is PEER_PORT's place where none is named. */
int must_check peer_listen_open(struct peer_listen *p, struct err *err);

#endif
