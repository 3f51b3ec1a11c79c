/* SPDX-License-Identifier: MIT */
/*
 * host.h - filterd as processes: a watching parent, which holds the listening socket, and one
 * serving child at a time, which is what is killed, hangs and is started again. The child is the
 * real code from serve down.
 *
 * Thread: one.
 */
#ifndef SIM_HOST_H
#define SIM_HOST_H

#include "env_sim.h"
#include "list.h"

struct serve_ring;
struct tgtd;
struct instance;
struct host;

/* One connection of the ring socket. The parent's backlog keeps it until a child accepts it. */
struct conn {
	struct list_node node; /* of the host's backlog or of the instance's connections */
	struct tgtd *tgtd;
	struct instance *owner; /* NULL: in the backlog */
	struct serve_ring *ring;
	bool is_client_gone;
	bool is_draining;
};

extern const uint8_t host_uuid[16];

struct host *host_new(struct world *w);
/* Starts the first child, with a new volume. */
void host_begin(struct host *h);

/* The client's side of the socket and its kick eventfd. */
struct conn *host_connect(struct host *h, struct tgtd *t);
void host_client_gone(struct host *h, struct conn *c);
void host_kick(struct host *h);

/* Faults. */
void host_kill(struct host *h, uint64_t hold_ns);
/* Kills it later, in the middle of a turn: died() is called then and has to call host_kill(). */
void host_doom(struct host *h, uint32_t calls, void (*died)(void *ctx), void *ctx);
void host_pause(struct host *h, bool is_paused); /* the parent sees to it that it is not for ever */
bool host_has_backoff(const struct host *h);     /* it died too often to be started at once */
void host_power_cut(struct host *h);
bool host_is_serving(const struct host *h);
bool host_is_child(const struct host *h, const struct instance *i); /* the one that lives */
bool host_is_failed(const struct host *h);                          /* fail-stop of the backend */

#endif
