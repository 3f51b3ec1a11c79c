/* SPDX-License-Identifier: MIT */
#include "net_rig.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "env_linux.h"
#include "fd.h"

struct rig_node rig[RIG_NODES];
const uint8_t rig_group[16] = "a-test-s-group!";

static void listen_on_loopback(struct rig_node *n)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(at);

	n->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_true(n->listen_fd >= 0);
	assert_int_equal(bind(n->listen_fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(n->listen_fd, 64), 0);
	assert_int_equal(getsockname(n->listen_fd, (struct sockaddr *)&at, &len), 0);
	n->port = ntohs(at.sin_port);
}

static void start(struct rig_node *n)
{
	struct net_cfg cfg = {.state_dir = n->dir};
	struct err err = {0};

	assert_int_equal(loop_create(&n->loop, &err), 0);
	assert_int_equal(env_linux_create(NULL, &n->env, &err), 0);
	cfg.loop = n->loop;
	if (net_create(&cfg, &n->net, &err) < 0)
		fail_msg("%s", err.text);
	assert_int_equal(net_listen(n->net, &n->listen_fd, 1, &err), 0);
}

static void stop(struct rig_node *n)
{
	net_stop(n->net);
	for (int i = 0; i < 3; i++)
		env_linux_turn(n->env, 0);
	net_free(n->net);
	env_linux_destroy(n->env);
	loop_free(n->loop);
}

void rig_begin(void)
{
	signal(SIGPIPE, SIG_IGN); /* as sluice-filterd does: OpenSSL's own socket writes raise it */
	for (uint32_t i = 0; i < RIG_NODES; i++) {
		struct rig_node *n = &rig[i];

		memset(n, 0, sizeof(*n));
		n->name[0] = (char)('a' + i);
		n->dir = strdup("/tmp/sl-net-XXXXXX");
		assert_non_null(mkdtemp(n->dir));
		listen_on_loopback(n);
		start(n);
	}
}

void rig_end(void)
{
	static const char *const files[] = {"net/identity.pem", "net/peers.json",
					    "net/witness.json", "net", ""};

	for (uint32_t i = 0; i < RIG_NODES; i++) {
		stop(&rig[i]);
		fd_close(&rig[i].listen_fd);
		for (size_t k = 0; k < sizeof(files) / sizeof(files[0]); k++) {
			char path[128];

			snprintf(path, sizeof(path), "%s/%s", rig[i].dir, files[k]);
			remove(path);
		}
		free(rig[i].dir);
	}
}

void rig_restart(uint32_t node)
{
	stop(&rig[node]);
	start(&rig[node]);
}

void rig_turn(void)
{
	for (uint32_t i = 0; i < RIG_NODES; i++) {
		loop_turn(rig[i].loop, 0);
		env_linux_turn(rig[i].env, i == 0 ? 200000 : 0);
	}
}

bool rig_until(bool (*is_true)(void *ctx), void *ctx, uint32_t ms)
{
	uint64_t end_ns = clock_now_ns() + ms * CLOCK_NS_PER_MS;

	while (!is_true(ctx)) {
		if (clock_now_ns() > end_ns)
			return false;
		rig_turn();
	}
	return true;
}

static bool never(void *ctx)
{
	return false;
}

void rig_for_ms(uint32_t ms)
{
	rig_until(never, NULL, ms);
}

/* ---------------------------------------------------------------- replies */

void rig_reply_fn(void *ctx, const struct err *err, json_t *more)
{
	struct rig_reply *r = ctx;

	assert_false(r->is_there);
	r->is_there = true;
	r->code = err ? err->code : 0;
	snprintf(r->text, sizeof(r->text), "%s", err ? err->text : "");
	r->more = more;
}

static bool is_there(void *ctx)
{
	return ((struct rig_reply *)ctx)->is_there;
}

void rig_wait(struct rig_reply *r)
{
	assert_true(rig_until(is_there, r, 20000));
}

void rig_reply_fini(struct rig_reply *r)
{
	json_decref(r->more);
	memset(r, 0, sizeof(*r));
}

void rig_pair_through(uint32_t offerer, uint32_t joiner, uint16_t port)
{
	struct rig_reply r = {0};
	json_t *offer;
	struct err err;

	assert_int_equal(net_offer(rig[offerer].net, rig[joiner].name, &offer, &err), 0);
	net_join(rig[joiner].net, rig[offerer].name, "127.0.0.1", port ? port : rig[offerer].port,
		 json_string_value(json_object_get(offer, "code")), rig_reply_fn, &r);
	rig_wait(&r);
	if (r.code)
		fail_msg("%s", r.text);
	json_decref(offer);
	rig_reply_fini(&r);
}

void rig_pair(uint32_t offerer, uint32_t joiner)
{
	rig_pair_through(offerer, joiner, 0);
}

/* ---------------------------------------------------------------- links */

static void up(void *ctx)
{
	struct rig_link *l = ctx;

	assert_false(l->is_up);
	l->is_up = true;
	l->ups++;
}

static void down(void *ctx, const char *why)
{
	struct rig_link *l = ctx;

	assert_true(l->is_up);
	l->is_up = false;
	l->downs++;
	snprintf(l->why, sizeof(l->why), "%s", why);
}

static size_t received(void *ctx, const uint8_t *data, size_t len)
{
	struct rig_link *l = ctx;

	assert_true(l->is_up);
	l->offered = len;
	if (l->is_deaf)
		return 0;
	if (l->len + len > l->room) {
		l->room = (l->len + len) * 2;
		l->data = realloc(l->data, l->room);
		assert_non_null(l->data);
	}
	memcpy(l->data + l->len, data, len);
	l->len += len;
	return len;
}

static void writable(void *ctx)
{
	((struct rig_link *)ctx)->writables++;
}

int rig_link_open(struct rig_link *l, uint32_t node, uint32_t peer, enum sluice_link_channel ch)
{
	struct err err;

	memset(l, 0, sizeof(*l));
	l->node = &rig[node];
	l->cfg = (struct sluice_link_cfg){.peer = rig[peer].name,
					  .channel = ch,
					  .up = up,
					  .received = received,
					  .writable = writable,
					  .down = down,
					  .ctx = l};
	memcpy(l->cfg.group_uuid, rig_group, 16);
	return net_host(l->node->net)->open(l->node->net, l->node->env, &l->cfg, &l->end, &err);
}

void rig_link_close(struct rig_link *l)
{
	net_host(l->node->net)->close(l->end);
	free(l->data);
	l->data = NULL;
	l->end = NULL;
}

bool rig_link_is_up(void *l)
{
	return ((struct rig_link *)l)->is_up;
}

bool rig_link_is_down(void *l)
{
	return !rig_link_is_up(l);
}

void rig_link_say(struct rig_link *l, const void *data, size_t len)
{
	const uint8_t *from = data;

	while (len > 0) {
		size_t n = net_host(l->node->net)->send(l->end, from, len);

		assert_true(l->is_up);
		from += n;
		len -= n;
		if (n == 0)
			rig_turn();
	}
}

struct hearing {
	struct rig_link *link;
	size_t len;
};

static bool has_heard(void *ctx)
{
	struct hearing *h = ctx;

	return h->link->len >= h->len;
}

bool rig_link_hears(struct rig_link *l, size_t len, uint32_t ms)
{
	struct hearing h = {.link = l, .len = len};

	return rig_until(has_heard, &h, ms);
}

/* ---------------------------------------------------------------- bare connections */

static void spoke_ready(void *ctx)
{
	((struct rig_spoke *)ctx)->is_ready = true;
}

static size_t spoke_received(void *ctx, const uint8_t *data, size_t len)
{
	struct rig_spoke *s = ctx;
	size_t room = sizeof(s->in) - s->len;

	memcpy(s->in + s->len, data, len < room ? len : room);
	s->len += len < room ? len : room;
	return len;
}

static void spoke_ended(void *ctx, const char *why)
{
	struct rig_spoke *s = ctx;

	snprintf(s->why, sizeof(s->why), "%s", why);
	s->is_over = true;
	talk_close(s->talk);
	s->talk = NULL;
}

void rig_spoke_dial(struct rig_spoke *s, uint32_t from, uint16_t port, const char *alpn)
{
	static const struct talk_ops ops = {
	    .ready = spoke_ready, .received = spoke_received, .ended = spoke_ended};
	struct talk_cfg cfg = {.loop = rig[from].loop,
			       .tls = &rig[from].net->tls,
			       .ops = &ops,
			       .ctx = s,
			       .in_max_bytes = sizeof(s->in)};
	struct err err;

	memset(s, 0, sizeof(*s));
	assert_int_equal(talk_dial(&cfg, "127.0.0.1", port, alpn, &s->talk, &err), 0);
}

bool rig_spoke_is_ready(void *s)
{
	return ((struct rig_spoke *)s)->is_ready;
}

bool rig_spoke_is_over(void *s)
{
	return ((struct rig_spoke *)s)->is_over;
}

struct spoken {
	struct rig_spoke *spoke;
	size_t len;
};

static bool has_spoken(void *ctx)
{
	struct spoken *h = ctx;

	return h->spoke->len >= h->len;
}

bool rig_spoke_hears(struct rig_spoke *s, size_t len)
{
	struct spoken h = {.spoke = s, .len = len};

	return rig_until(has_spoken, &h, 10000);
}

void rig_spoke_close(struct rig_spoke *s)
{
	if (s->talk)
		talk_close(s->talk);
	s->talk = NULL;
}
