/* SPDX-License-Identifier: MIT */
/*
 * link_end.c - one end of a link on its worker: open, up, down, close.
 *
 *     open --> wanted (main dials, or waits for the peer) --> arrival: up --> down --> wanted ...
 *
 * A second connection takes the first one's place: its peer would not have made it if it still had
 * the first. Only one that we dialed ourselves while the peer's came in gives way, unless we are
 * the side that dials.
 *
 * Thread: the link's worker, but for what says main.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fd.h"
#include "net_int.h"
#include "stream.h"

#define NS_PER_MS 1000000ull

struct arrival {
	struct env_msg msg;
	struct net_link *link;
	SSL *ssl;
	int fd;
	bool is_dialed;
};

void link_end_hold(struct net_link *l)
{
	atomic_fetch_add(&l->refs, 1);
}

void link_end_drop(struct net_link *l)
{
	if (atomic_fetch_sub(&l->refs, 1) == 1)
		free(l);
}

/* ---------------------------------------------------------------- main knows */

static void want(struct net_link *l, uint64_t lasted_ms)
{
	atomic_store(&l->lasted_ms, lasted_ms);
	if (atomic_exchange(&l->is_want_posted, true))
		return;
	link_end_hold(l);
	loop_post(l->net->cfg.loop, &l->want_msg);
}

/* ---------------------------------------------------------------- up and down */

static void drop_stream(struct net_link *l)
{
	struct stream_figures f;

	stream_figures(l->stream, &f);
	atomic_fetch_add(&l->sent_bytes, f.sent_bytes);
	atomic_fetch_add(&l->received_bytes, f.received_bytes);
	stream_free(l->stream);
	l->stream = NULL;
	atomic_store(&l->is_up, false);
}

static size_t stream_received(void *ctx, const uint8_t *data, size_t len)
{
	struct net_link *l = ctx;

	return l->cfg.received(l->cfg.ctx, data, len);
}

static void stream_writable(void *ctx)
{
	struct net_link *l = ctx;

	if (l->cfg.writable)
		l->cfg.writable(l->cfg.ctx);
}

static void go_down(struct net_link *l, const char *why)
{
	uint64_t lasted_ms = (env_now_ns(l->env) - l->up_ns) / NS_PER_MS;
	char text[160];

	snprintf(text, sizeof(text), "%s", why); /* the stream's, which goes */
	drop_stream(l);
	want(l, lasted_ms);
	l->cfg.down(l->cfg.ctx, text);
}

static void stream_ended(void *ctx, const char *why)
{
	go_down(ctx, why);
}

static bool gives_way(const struct net_link *l, bool is_dialed)
{
	struct pin peer;

	return l->stream && is_dialed && pins_by_name(&l->net->pins, l->peer, &peer) &&
	       memcmp(peer.uuid, l->net->own.uuid, 16) < 0;
}

static void go_up(struct net_link *l, struct arrival *a)
{
	static const struct stream_ops ops = {
	    .received = stream_received, .writable = stream_writable, .ended = stream_ended};
	struct stream_cfg cfg = {.env = l->env, .ssl = a->ssl, .fd = a->fd, .ops = &ops, .ctx = l};
	struct err err;

	if (stream_new(&cfg, &l->stream, &err) < 0) {
		want(l, 0);
		return;
	}
	l->up_ns = env_now_ns(l->env);
	atomic_store(&l->is_up, true);
	l->cfg.up(l->cfg.ctx);
}

static void arrived(struct env_msg *m)
{
	struct arrival *a = m->ctx;
	struct net_link *l = a->link;

	if (l->is_closed || gives_way(l, a->is_dialed)) {
		SSL_free(a->ssl);
		fd_close(&a->fd);
	} else {
		if (l->stream)
			go_down(l, "the peer has made a new connection");
		if (l->is_closed) { /* by down() */
			SSL_free(a->ssl);
			fd_close(&a->fd);
		} else {
			go_up(l, a);
		}
	}
	free(a);
	link_end_drop(l);
}

void link_end_arrive(struct net_link *l, SSL *ssl, int fd, bool is_dialed)
{
	struct arrival *a = calloc(1, sizeof(*a));

	if (!a) {
		SSL_free(ssl);
		fd_close(&fd);
		link_end_drop(l);
		return;
	}
	*a = (struct arrival){.msg = {.fn = arrived, .ctx = a},
			      .link = l,
			      .ssl = ssl,
			      .fd = fd,
			      .is_dialed = is_dialed};
	env_post(l->env, &a->msg);
}

struct breaking {
	struct env_msg msg;
	struct net_link *link;
	char why[80];
};

static void broken_off(struct env_msg *m)
{
	struct breaking *b = m->ctx;

	if (b->link->stream)
		stream_break(b->link->stream, b->why);
	link_end_drop(b->link);
	free(b);
}

void link_end_break_all(struct net *n, const char *peer, const char *why)
{
	struct list_node *at;

	pthread_mutex_lock(&n->lock);
	list_for_each (at, &n->links) {
		struct net_link *l = list_entry(at, struct net_link, node);
		struct breaking *b = strcmp(l->peer, peer) == 0 ? calloc(1, sizeof(*b)) : NULL;

		if (!b)
			continue;
		link_end_hold(l);
		b->msg = (struct env_msg){.fn = broken_off, .ctx = b};
		b->link = l;
		snprintf(b->why, sizeof(b->why), "%s", why);
		env_post(l->env, &b->msg);
	}
	pthread_mutex_unlock(&n->lock);
}

/* ---------------------------------------------------------------- open and close */

static bool is_same(const struct net_link *l, const uint8_t group_uuid[16], uint8_t channel)
{
	return l->cfg.channel == channel && memcmp(l->cfg.group_uuid, group_uuid, 16) == 0;
}

static bool list_link(struct net_link *l)
{
	struct net *n = l->net;
	struct list_node *at;
	bool is_free = true;

	pthread_mutex_lock(&n->lock);
	list_for_each (at, &n->links)
		is_free = is_free && !is_same(list_entry(at, struct net_link, node),
					      l->cfg.group_uuid, (uint8_t)l->cfg.channel);
	if (is_free)
		list_push_back(&n->links, &l->node);
	pthread_mutex_unlock(&n->lock);
	return is_free;
}

struct net_link *link_end_find(struct net *n, const char *peer, const uint8_t group_uuid[16],
			       uint8_t channel)
{
	struct net_link *found = NULL;
	struct list_node *at;

	pthread_mutex_lock(&n->lock);
	list_for_each (at, &n->links) {
		struct net_link *l = list_entry(at, struct net_link, node);

		if (is_same(l, group_uuid, channel) && strcmp(l->peer, peer) == 0)
			found = l;
	}
	if (found)
		link_end_hold(found);
	pthread_mutex_unlock(&n->lock);
	return found;
}

static int end_open(void *ctx, struct env *env, const struct sluice_link_cfg *cfg,
		    struct net_link **out, struct err *err)
{
	struct net *n = ctx;
	struct net_link *l;

	if (!pins_by_name(&n->pins, cfg->peer, NULL))
		return err_set(err, ENOENT, "peer", "no peer named '%.80s' is paired", cfg->peer);
	l = calloc(1, sizeof(*l));
	if (!l)
		return err_set(err, ENOMEM, "", "no memory for a link");
	l->net = n;
	l->env = env;
	l->cfg = *cfg;
	snprintf(l->peer, sizeof(l->peer), "%s", cfg->peer);
	l->cfg.peer = l->peer;
	l->refs = 1;
	list_init(&l->dial_node);
	l->want_msg = (struct loop_msg){.fn = dial_wanted, .ctx = l};
	l->close_msg = (struct loop_msg){.fn = dial_closed, .ctx = l};
	if (!list_link(l)) {
		free(l);
		return err_set(err, EBUSY, "group", "the link of this group is open already");
	}
	want(l, UINT64_MAX);
	*out = l;
	return 0;
}

static void end_close(struct net_link *l)
{
	pthread_mutex_lock(&l->net->lock);
	list_del(&l->node);
	pthread_mutex_unlock(&l->net->lock);
	l->is_closed = true;
	if (l->stream)
		drop_stream(l);
	loop_post(l->net->cfg.loop, &l->close_msg); /* has our hold */
}

/* ---------------------------------------------------------------- use */

static size_t end_send(struct net_link *l, const void *data, size_t len)
{
	return l->stream ? stream_send(l->stream, data, len) : 0;
}

static size_t end_room(const struct net_link *l)
{
	return l->stream ? stream_room(l->stream) : 0;
}

static void end_read_on(struct net_link *l)
{
	if (l->stream)
		stream_read_on(l->stream);
}

static void end_reset(struct net_link *l, const char *why)
{
	if (l->stream)
		stream_break(l->stream, why);
}

static void own_uuid(void *ctx, uint8_t uuid[16])
{
	const struct net *n = ctx;

	memcpy(uuid, n->own.uuid, 16);
}

static int peer_uuid(void *ctx, const char *peer, uint8_t uuid[16])
{
	struct net *n = ctx;
	struct pin pin;

	if (!pins_by_name(&n->pins, peer, &pin))
		return -ENOENT;
	memcpy(uuid, pin.uuid, 16);
	return 0;
}

void link_end_host(struct net *n)
{
	n->host = (struct net_host){.open = end_open,
				    .close = end_close,
				    .send = end_send,
				    .room = end_room,
				    .read_on = end_read_on,
				    .reset = end_reset,
				    .witness = witness_ask,
				    .own_uuid = own_uuid,
				    .peer_uuid = peer_uuid,
				    .ctx = n};
}
