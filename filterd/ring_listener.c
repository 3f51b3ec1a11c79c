/* SPDX-License-Identifier: MIT */
#include "ring_listener.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "fd.h"
#include "log.h"
#include "manager.h"
#include "ring_map.h"

enum conn_state { CONN_NEW, CONN_ATTACHING, CONN_LIVE, CONN_DRAINING };

struct ring_conn {
	struct list_node node;
	struct ring_listener *listener;
	enum conn_state state;
	struct loop_fd watch; /* its fd is the socket */
	struct loop_timer hello_timer;
	struct fd_peer peer;
	struct ring_msg_hello hello;
	int fds[3]; /* memfd, kick, wake */
	struct mvolume *mv;
	struct worker_ring *ring; /* the worker's too, while attached */
	bool has_hup;             /* while ATTACHING */
	bool is_broken;
};

struct ring_listener {
	struct manager *manager;
	struct loop_fd watch;
	uid_t allowed_uid;
	struct list_node conns;
	uint32_t conn_count;
	struct log_limit limit;
};

static const char *volume_of(const struct ring_conn *c)
{
	return c->hello.volume[0] ? c->hello.volume : "?";
}

/* Not for a conn whose ring is attached. */
static void conn_close(struct ring_conn *c) ON_MAIN
{
	struct ring_listener *l = c->listener;

	loop_timer_cancel(l->manager->loop, &c->hello_timer);
	loop_remove(l->manager->loop, &c->watch);
	fd_close(&c->watch.fd);
	for (int i = 0; i < 3; i++)
		fd_close(&c->fds[i]);
	if (c->ring) {
		ring_map_close(&c->ring->map);
		worker_ring_release(c->ring);
	}
	list_del(&c->node);
	l->conn_count--;
	free(c);
}

static void rings_changed(const struct ring_conn *c) ON_MAIN
{
	manager_rings_changed(c->mv, ring_listener_count(c->listener, c->mv));
}

static void conn_refuse(struct ring_conn *c, bool may_retry, const char *text) ON_MAIN
{
	union ring_msg msg = {.refuse = {.type = RING_MSG_REFUSE,
					 .may_retry = may_retry,
					 .abi_newest = RING_ABI,
					 .abi_oldest = RING_ABI_OLDEST}};

	snprintf(msg.refuse.text, sizeof(msg.refuse.text), "%s", text);
	if (fd_send(c->watch.fd, &msg.refuse, sizeof(msg.refuse), NULL, 0) < 0)
		log_debug("ring of pid %d: the refusal could not be sent", (int)c->peer.pid);
	if (log_limit_pass(&c->listener->limit, 2))
		log_warn("ring of pid %d for volume %s refused: %s", (int)c->peer.pid, volume_of(c),
			 text);
	conn_close(c);
}

/* ---------------------------------------------------------------- attach */

static void conn_welcome(struct ring_conn *c)
{
	const struct worker_ring *r = c->ring;
	union ring_msg msg = {.welcome = {.type = RING_MSG_WELCOME,
					  .abi = RING_ABI,
					  .incarnation = r->incarnation,
					  .size_bytes = r->size_bytes,
					  .block_bytes = r->block_bytes,
					  .flags = (r->is_readonly ? RING_VOLUME_READONLY : 0) |
						   RING_VOLUME_THIN |
						   (r->is_wce ? RING_VOLUME_WCE : 0)}};

	memcpy(msg.welcome.uuid, r->uuid, sizeof(msg.welcome.uuid));
	if (fd_send(c->watch.fd, &msg.welcome, sizeof(msg.welcome), NULL, 0) < 0)
		log_warn("volume %s: WELCOME could not be sent to pid %d", volume_of(c),
			 (int)c->peer.pid);
}

static void conn_drain(struct ring_conn *c) ON_MAIN
{
	if (c->state != CONN_LIVE)
		return;
	c->state = CONN_DRAINING;
	/* An end that has happened would wake us for ever. */
	loop_remove(c->listener->manager->loop, &c->watch);
	worker_ring_drain(c->ring);
}

static void ring_attached(struct worker_ring *r) ON_MAIN
{
	struct ring_conn *c = r->ctx;

	if (r->result) {
		conn_refuse(c, r->result == -EAGAIN || r->result == -EBUSY, r->err.text);
		return;
	}
	c->state = CONN_LIVE;
	log_info("volume %s: ring of tgtd pid %d attached, generation %llu", volume_of(c),
		 (int)c->peer.pid, (unsigned long long)c->hello.generation);
	rings_changed(c);
	if (!c->is_broken)
		conn_welcome(c);
	if (c->has_hup || c->is_broken)
		conn_drain(c);
}

static void ring_broken(struct worker_ring *r) ON_MAIN
{
	struct ring_conn *c = r->ctx;

	if (log_limit_pass(&c->listener->limit, 2))
		log_error("volume %s: ring of pid %d is closed, it holds garbage: %s", volume_of(c),
			  (int)c->peer.pid, r->broken_text);
	manager_event(c->listener->manager, volume_of(c), "", "ring_broken", r->broken_text);
	c->is_broken = true; /* while ATTACHING: the drain waits for attached() */
	conn_drain(c);
}

static void ring_gone(struct worker_ring *r) ON_MAIN
{
	struct ring_conn *c = r->ctx;

	log_info("volume %s: ring of tgtd pid %d closed", volume_of(c), (int)c->peer.pid);
	c->state = CONN_NEW; /* counts no more */
	rings_changed(c);
	/* The client waits for this. The tie's reference to the socket may outlast our close(). */
	shutdown(c->watch.fd, SHUT_RDWR);
	conn_close(c);
}

/* What waits in the ring was meant for the volume that it has served, whatever has its name now. */
static bool is_for_another(const struct ring_conn *c)
{
	static const uint8_t none[sizeof(c->hello.uuid)];

	return memcmp(c->hello.uuid, none, sizeof(none)) != 0 &&
	       memcmp(c->hello.uuid, c->mv->plan->uuid, sizeof(none)) != 0;
}

/* The text of a refusal, or NULL; *may_retry with it. */
static const char *find_volume(struct ring_conn *c, bool *may_retry, char *text,
			       size_t text_bytes) ON_MAIN
{
	struct manager *m = c->listener->manager;

	*may_retry = true;
	c->mv = manager_find(m, c->hello.volume);
	if (m->is_stopping)
		return "sluice-filterd is stopping";
	if (!c->mv)
		snprintf(text, text_bytes,
			 "there is no volume %.80s; make it with: sluice-filterctl volume create",
			 c->hello.volume);
	else if (c->mv->state != VOLUME_SERVING)
		snprintf(text, text_bytes, "volume %.80s is %s%s%.120s", c->hello.volume,
			 volume_state_word(c->mv->state), c->mv->reason[0] ? ": " : "",
			 c->mv->reason);
	else if (is_for_another(c))
		snprintf(
		    text, text_bytes,
		    "volume %.80s is not the one that this LUN has served so far, which had the same "
		    "name; delete the LUN and make it anew",
		    c->hello.volume);
	else
		return NULL;
	return text;
}

static void conn_attach(struct ring_conn *c) ON_MAIN
{
	struct worker_ring *r = calloc(1, sizeof(*r));
	struct ring_map map = {0};
	struct err err = {0};
	char text[240];
	bool may_retry;
	const char *refusal = find_volume(c, &may_retry, text, sizeof(text));

	if (refusal || !r) {
		free(r);
		conn_refuse(c, true, refusal ? refusal : "no memory");
		return;
	}
	if (ring_map_open(&map, c->fds[0], &err) < 0) {
		free(r);
		conn_refuse(c, false, err.text);
		return;
	}
	r->worker = c->mv->worker;
	r->volume = c->mv->volume;
	r->map = map;
	r->sock_fd = c->watch.fd;
	r->kick_fd = c->fds[1];
	r->wake_fd = c->fds[2];
	r->attached = ring_attached;
	r->broken = ring_broken;
	r->gone = ring_gone;
	r->ctx = c;
	c->ring = r;
	c->state = CONN_ATTACHING;
	worker_ring_attach(r);
}

/* ---------------------------------------------------------------- the socket */

static void take_hello(struct ring_conn *c, const union ring_msg *msg, ssize_t len,
		       unsigned fd_count) ON_MAIN
{
	char text[240];

	if (len != (ssize_t)sizeof(msg->hello) || msg->type != RING_MSG_HELLO || fd_count != 3) {
		snprintf(
		    text, sizeof(text),
		    "the first message must be a HELLO of %zu bytes with 3 descriptors, not %zd with %u",
		    sizeof(msg->hello), len, fd_count);
		conn_refuse(c, false, text);
		return;
	}
	c->hello = msg->hello;
	if (!memchr(c->hello.volume, '\0', sizeof(c->hello.volume)) || !c->hello.volume[0]) {
		c->hello.volume[0] = '\0';
		conn_refuse(c, false, "the volume's name has no end, or is empty");
		return;
	}
	if (c->hello.abi_oldest > RING_ABI || c->hello.abi_newest < RING_ABI_OLDEST) {
		snprintf(
		    text, sizeof(text),
		    "the module speaks ring ABI %u to %u, sluice-filterd %u to %u; update the older one",
		    c->hello.abi_oldest, c->hello.abi_newest, RING_ABI_OLDEST, RING_ABI);
		conn_refuse(c, false, text);
		return;
	}
	loop_timer_cancel(c->listener->manager->loop, &c->hello_timer);
	conn_attach(c);
}

static void conn_ended(struct ring_conn *c) ON_MAIN
{
	switch (c->state) {
	case CONN_NEW:
		conn_close(c);
		return;
	case CONN_ATTACHING:
		c->has_hup = true;
		loop_remove(c->listener->manager->loop, &c->watch);
		return;
	case CONN_LIVE:
		log_info("volume %s: tgtd pid %d is gone; its commands are finished first",
			 volume_of(c), (int)c->peer.pid);
		conn_drain(c);
		return;
	case CONN_DRAINING:
		return;
	}
}

static void conn_ready(struct loop_fd *w, uint32_t events) ON_MAIN
{
	struct ring_conn *c = w->ctx;
	union ring_msg msg;
	unsigned fd_count = 3;
	int fds[3] = {-1, -1, -1};
	ssize_t n = fd_recv(w->fd, &msg, sizeof(msg), fds, &fd_count);

	if (n == -EAGAIN || n == -EINTR)
		return;
	if (n > 0 && c->state == CONN_NEW) {
		memcpy(c->fds, fds, sizeof(fds));
		take_hello(c, &msg, n, fd_count);
		return;
	}
	for (int i = 0; i < 3; i++)
		fd_close(&fds[i]);
	if (n == (ssize_t)sizeof(msg.bye) && msg.type == RING_MSG_BYE && c->state == CONN_LIVE) {
		conn_drain(c);
		return;
	}
	if (n > 0 && log_limit_pass(&c->listener->limit, 2))
		log_warn("volume %s: pid %d sent a message that makes no sense; its ring is closed",
			 volume_of(c), (int)c->peer.pid);
	conn_ended(c);
}

static void hello_timer_fired(struct loop_timer *t) ON_MAIN
{
	conn_refuse(t->ctx, true, "no HELLO came in time");
}

static void conn_open(struct ring_listener *l, int fd) ON_MAIN
{
	struct ring_conn *c = calloc(1, sizeof(*c));

	if (!c || fd_peer_get(fd, &c->peer) < 0) {
		free(c);
		fd_close(&fd);
		return;
	}
	c->listener = l;
	c->watch = (struct loop_fd){.fd = fd, .fn = conn_ready, .ctx = c};
	c->hello_timer = (struct loop_timer){.fn = hello_timer_fired, .ctx = c};
	for (int i = 0; i < 3; i++)
		c->fds[i] = -1;
	list_push_back(&l->conns, &c->node);
	l->conn_count++;
	if (c->peer.uid != 0 && c->peer.uid != getuid() && c->peer.uid != l->allowed_uid)
		conn_refuse(
		    c, false,
		    "this user may not hand over rings: root, sluice-filterd's own user and --ring-uid may");
	else if (l->conn_count > RING_LISTENER_CONNS_MAX)
		conn_refuse(c, true, "too many rings");
	else if (loop_add(l->manager->loop, &c->watch, EPOLLIN) < 0)
		conn_close(c);
	else
		loop_timer_set(l->manager->loop, &c->hello_timer,
			       clock_now_ns() + RING_LISTENER_HELLO_MS * CLOCK_NS_PER_MS);
}

static void listen_ready(struct loop_fd *w, uint32_t events) ON_MAIN
{
	struct ring_listener *l = w->ctx;
	int fd = fd_accept(w->fd);

	if (fd >= 0)
		conn_open(l, fd);
	else if (fd != -EAGAIN && log_limit_pass(&l->limit, 1))
		log_warn("a ring's connection could not be accepted: %s", strerror(-fd));
}

int ring_listener_create(struct manager *m, int listen_fd, uid_t allowed_uid,
			 struct ring_listener **out, struct err *err)
{
	struct ring_listener *l = calloc(1, sizeof(*l));
	int rc;

	if (!l)
		return err_set(err, ENOMEM, "", "no memory for the ring socket");
	l->manager = m;
	l->allowed_uid = allowed_uid;
	list_init(&l->conns);
	l->watch = (struct loop_fd){.fd = listen_fd, .fn = listen_ready, .ctx = l};
	rc = loop_add(m->loop, &l->watch, EPOLLIN);
	if (rc) {
		free(l);
		return err_set(err, -rc, "", "the ring socket cannot be watched: %s",
			       strerror(-rc));
	}
	*out = l;
	return 0;
}

void ring_listener_free(struct ring_listener *l)
{
	if (!l)
		return;
	while (!list_is_empty(&l->conns)) {
		struct ring_conn *c = list_entry(l->conns.next, struct ring_conn, node);

		assert(c->state == CONN_NEW || c->state == CONN_ATTACHING);
		conn_close(c);
	}
	loop_remove(l->manager->loop, &l->watch);
	free(l);
}

/* ---------------------------------------------------------------- questions */

static bool is_attached(const struct ring_conn *c)
{
	return c->state == CONN_LIVE || c->state == CONN_DRAINING;
}

uint32_t ring_listener_count(const struct ring_listener *l, const struct mvolume *mv)
{
	struct list_node *n;
	uint32_t count = 0;

	if (!l)
		return 0;
	list_for_each (n, &l->conns) {
		const struct ring_conn *c = list_entry(n, struct ring_conn, node);

		count += c->mv == mv && c->state != CONN_NEW;
	}
	return count;
}

uint32_t ring_listener_total(const struct ring_listener *l)
{
	struct list_node *n;
	uint32_t count = 0;

	list_for_each (n, &l->conns) {
		count += list_entry(n, struct ring_conn, node)->state != CONN_NEW;
	}
	return count;
}

void ring_listener_notice(struct ring_listener *l, const struct mvolume *mv,
			  enum ring_notice notice, uint64_t value)
{
	const union ring_msg msg = {
	    .notice = {.type = RING_MSG_NOTICE, .notice = (uint32_t)notice, .value = value}};
	struct list_node *n;

	if (!l)
		return;
	list_for_each (n, &l->conns) {
		struct ring_conn *c = list_entry(n, struct ring_conn, node);

		if (c->mv == mv && c->state == CONN_LIVE &&
		    fd_send(c->watch.fd, &msg.notice, sizeof(msg.notice), NULL, 0) < 0)
			log_warn("volume %s: a notice could not be sent to pid %d", volume_of(c),
				 (int)c->peer.pid);
	}
}

json_t *ring_listener_to_json(const struct ring_listener *l, const struct mvolume *mv)
{
	json_t *a = json_array();
	struct list_node *n;

	list_for_each (n, &l->conns) {
		const struct ring_conn *c = list_entry(n, struct ring_conn, node);

		if (c->mv == mv && is_attached(c))
			json_array_append_new(
			    a, json_pack("{s:i, s:I, s:s}", "tgtd_pid", (int)c->peer.pid,
					 "generation", (json_int_t)c->hello.generation, "state",
					 c->state == CONN_LIVE ? "live" : "draining"));
	}
	return a;
}
