/* SPDX-License-Identifier: MIT */
/*
 * listener.c - who comes: accepted, known by its key, and handed to whoever it came for.
 *
 * Until then it is a guest. Anybody can be one, so there are few of them, each has five seconds and
 * a few hundred bytes, and when all places are taken the oldest guest goes: whoever only holds the
 * door open loses. Guests from the addresses of our peers have places of their own, which strangers
 * cannot take.
 *
 * Thread: main.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "clock.h"
#include "fd.h"
#include "greet.h"
#include "log.h"
#include "net_int.h"

#define STRANGERS_MAX    32u
#define KNOWN_MAX        64u
#define ACCEPTS_PER_TURN 8u
#define REST_MS          1000u /* after accept() found no descriptor or memory */

struct guest {
	struct list_node node;
	struct listener *listener;
	struct talk *talk;
	bool is_known;   /* it has come from a peer's address, or proved to be a peer */
	struct pin peer; /* once it has */
};

struct guests {
	struct list_node list; /* oldest first */
	uint32_t count, most;
};

struct listener {
	struct net *net;
	struct loop_fd watches[NET_LISTENERS_MAX];
	uint32_t count;
	struct loop_timer rest;
	struct guests strangers, known;
	struct log_limit limit;
};

/* ---------------------------------------------------------------- guests */

static struct guests *guests_of(struct listener *l, const struct guest *g)
{
	return g->is_known ? &l->known : &l->strangers;
}

/* The talk is somebody else's now, or closed. */
static void forget(struct guest *g)
{
	guests_of(g->listener, g)->count--;
	list_del(&g->node);
	free(g);
}

static void show_out(struct guest *g)
{
	talk_close(g->talk);
	forget(g);
}

static void refuse(struct guest *g, const char *why)
{
	char address[PINS_ADDRESS_BYTES];

	talk_address(g->talk, address, sizeof(address));
	if (log_limit_pass(&g->listener->limit, 5))
		log_info("peers: a connection from %s was refused: %s", address, why);
}

static void guest_ended(void *ctx, const char *why)
{
	refuse(ctx, why);
	show_out(ctx);
}

/* ---------------------------------------------------------------- a link */

static void answer(struct guest *g, uint8_t version, enum peer_status status, const char *text)
{
	struct peer_answer a;

	greet_answer(&a, version, status, text);
	if (talk_send(g->talk, &a, sizeof(a)) == 0)
		talk_finish(g->talk);
	else
		talk_close(g->talk);
	forget(g);
}

static void let_in(struct guest *g, struct net_link *l, uint8_t version)
{
	struct peer_answer a;
	SSL *ssl;
	int fd;

	greet_answer(&a, version, PEER_OK, "");
	if (talk_send_now(g->talk, &a, sizeof(a)) < 0) {
		link_end_drop(l);
		show_out(g);
		return;
	}
	ssl = talk_take(g->talk, &fd);
	dial_arrived(l);
	link_end_arrive(l, ssl, fd, false);
	forget(g);
}

static size_t hello_received(void *ctx, const uint8_t *data, size_t len)
{
	struct guest *g = ctx;
	struct peer_hello hello;
	struct net_link *l;
	uint8_t version = 0;
	char why[120];

	if (len < sizeof(hello))
		return 0;
	memcpy(&hello, data, sizeof(hello));
	if (greet_check_hello(&hello, &version, why, sizeof(why)) < 0) {
		refuse(g, why);
		answer(g, 0, PEER_REFUSED, why);
		return len;
	}
	l = link_end_find(g->listener->net, g->peer.name, hello.group_uuid, hello.channel);
	if (l)
		let_in(g, l, version);
	else
		answer(g, version, PEER_NOT_OPEN, "the group is not open there now");
	return len;
}

/* ---------------------------------------------------------------- who it is */

static void guest_ready(void *ctx)
{
	struct guest *g = ctx;
	struct net *n = g->listener->net;
	struct talk *t = g->talk;
	struct pin peer;

	if (strcmp(talk_alpn(t), PEER_ALPN_PAIR) == 0) {
		forget(g);
		pairing_accept(n, t);
		return;
	}
	if (!pins_by_fingerprint(&n->pins, talk_fingerprint(t), &peer)) {
		guest_ended(g, "its key is not one of a paired appliance");
		return;
	}
	if (strcmp(talk_alpn(t), PEER_ALPN_CALL) == 0) {
		forget(g);
		rpc_accept(n, t, &peer);
		return;
	}
	/* It may have come from an address that is not its own: then it was a stranger so far. */
	guests_of(g->listener, g)->count--;
	list_del(&g->node);
	g->is_known = true;
	g->peer = peer;
	list_push_back(&g->listener->known.list, &g->node);
	g->listener->known.count++;
}

static bool is_peers_address(const struct net *n, const char *address)
{
	for (uint32_t i = 0; i < n->pins.count; i++)
		if (strcmp(n->pins.peers[i].address, address) == 0)
			return true;
	return false;
}

static void welcome(struct listener *l, int fd)
{
	static const struct talk_ops ops = {
	    .ready = guest_ready, .received = hello_received, .ended = guest_ended};
	struct guest *g = calloc(1, sizeof(*g));
	struct talk_cfg cfg = {.loop = l->net->cfg.loop,
			       .tls = &l->net->tls,
			       .ops = &ops,
			       .ctx = g,
			       .in_max_bytes = sizeof(struct peer_hello)};
	char address[PINS_ADDRESS_BYTES];
	struct guests *place;
	struct err err;

	if (!g) {
		fd_close(&fd);
		return;
	}
	g->listener = l;
	if (talk_accept(&cfg, fd, &g->talk, &err) < 0) {
		free(g);
		return;
	}
	talk_address(g->talk, address, sizeof(address));
	g->is_known = is_peers_address(l->net, address);
	place = guests_of(l, g);
	if (place->count == place->most) {
		struct guest *oldest = list_entry(place->list.next, struct guest, node);

		refuse(oldest, "it said nothing while others waited");
		show_out(oldest);
	}
	list_push_back(&place->list, &g->node);
	place->count++;
}

/* ---------------------------------------------------------------- sockets */

static void rested(struct loop_timer *t)
{
	struct listener *l = t->ctx;

	for (uint32_t i = 0; i < l->count; i++)
		loop_change(l->net->cfg.loop, &l->watches[i], EPOLLIN);
}

static void rest(struct listener *l)
{
	for (uint32_t i = 0; i < l->count; i++)
		loop_change(l->net->cfg.loop, &l->watches[i], 0);
	loop_timer_set(l->net->cfg.loop, &l->rest, clock_now_ns() + REST_MS * CLOCK_NS_PER_MS);
}

static void on_event(struct loop_fd *w, uint32_t events)
{
	struct listener *l = w->ctx;

	for (uint32_t i = 0; i < ACCEPTS_PER_TURN; i++) {
		int fd = fd_accept(w->fd);

		if (fd >= 0) {
			welcome(l, fd);
			continue;
		}
		if (fd == -EMFILE || fd == -ENFILE || fd == -ENOMEM || fd == -ENOBUFS)
			rest(l);
		return;
	}
}

int listener_create(struct net *n, const int *fds, uint32_t count, struct listener **out,
		    struct err *err)
{
	struct listener *l = calloc(1, sizeof(*l));

	if (!l)
		return err_set(err, ENOMEM, "", "no memory for the peers' listener");
	l->net = n;
	l->rest = (struct loop_timer){.fn = rested, .ctx = l};
	list_init(&l->strangers.list);
	list_init(&l->known.list);
	l->strangers.most = STRANGERS_MAX;
	l->known.most = KNOWN_MAX;
	for (uint32_t i = 0; i < count && i < NET_LISTENERS_MAX; i++) {
		l->watches[i] = (struct loop_fd){.fd = fds[i], .fn = on_event, .ctx = l};
		if (loop_add(n->cfg.loop, &l->watches[i], EPOLLIN) < 0) {
			listener_free(l);
			return err_set(err, EIO, "", "the peers' listener cannot be watched");
		}
		l->count++;
	}
	*out = l;
	return 0;
}

static void show_all_out(struct guests *all)
{
	while (!list_is_empty(&all->list))
		show_out(list_entry(all->list.next, struct guest, node));
}

void listener_free(struct listener *l)
{
	if (!l)
		return;
	for (uint32_t i = 0; i < l->count; i++)
		loop_remove(l->net->cfg.loop, &l->watches[i]);
	loop_timer_cancel(l->net->cfg.loop, &l->rest);
	show_all_out(&l->strangers);
	show_all_out(&l->known);
	free(l);
}
