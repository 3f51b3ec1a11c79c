/* SPDX-License-Identifier: MIT */
#include "talk.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "clock.h"
#include "fd.h"

#define OUT_MAX_BYTES (2u << 20)
#define GROW_BYTES    4096u

enum talk_state { TALK_CONNECTING, TALK_SHAKING, TALK_OPEN, TALK_OVER };

struct bytes {
	uint8_t *data;
	size_t len, room;
};

struct talk {
	struct talk_cfg cfg;
	enum talk_state state;
	SSL *ssl;
	struct loop_fd watch;
	struct loop_timer timer;
	uint32_t events;
	struct bytes in, out;
	uint8_t fingerprint[32];
	char alpn[32];
	uint32_t depth;    /* of callbacks on the stack */
	bool is_closed;    /* to be freed when depth is 0 */
	bool is_finishing; /* talk_finish() */
};

/* ---------------------------------------------------------------- ends */

static void free_talk(struct talk *t)
{
	free(t->in.data);
	free(t->out.data);
	free(t);
}

static void leave(struct talk *t)
{
	if (--t->depth == 0 && t->is_closed)
		free_talk(t);
}

static void disarm(struct talk *t)
{
	loop_timer_cancel(t->cfg.loop, &t->timer);
	loop_remove(t->cfg.loop, &t->watch);
	t->state = TALK_OVER;
	t->is_closed = true;
}

void talk_close(struct talk *t)
{
	disarm(t);
	SSL_free(t->ssl);
	t->ssl = NULL;
	fd_close(&t->watch.fd);
	if (t->depth == 0)
		free_talk(t);
}

SSL *talk_take(struct talk *t, int *fd)
{
	SSL *ssl = t->ssl;

	disarm(t);
	*fd = t->watch.fd;
	t->ssl = NULL;
	t->watch.fd = -1;
	SSL_set_bio(ssl, NULL, NULL);
	if (t->depth == 0)
		free_talk(t);
	return ssl;
}

/* The last callback. */
static void end(struct talk *t, const char *why)
{
	if (t->state == TALK_OVER)
		return;
	t->state = TALK_OVER;
	loop_timer_cancel(t->cfg.loop, &t->timer);
	loop_remove(t->cfg.loop, &t->watch);
	if (t->is_finishing)
		talk_close(t);
	else
		t->cfg.ops->ended(t->cfg.ctx, why);
}

static void end_ssl(struct talk *t, int ret)
{
	char why[160];

	tls_why(t->ssl, ret, why, sizeof(why));
	end(t, why);
}

static void timed_out(struct loop_timer *timer)
{
	struct talk *t = timer->ctx;

	t->depth++;
	end(t, t->state == TALK_CONNECTING ? "the address does not answer"
	       : t->state == TALK_SHAKING  ? "TLS was not there in time"
					   : "the peer did not answer in time");
	leave(t);
}

void talk_deadline(struct talk *t, uint32_t ms)
{
	if (ms && t->state != TALK_OVER)
		loop_timer_set(t->cfg.loop, &t->timer, clock_now_ns() + ms * CLOCK_NS_PER_MS);
	else
		loop_timer_cancel(t->cfg.loop, &t->timer);
}

/* ---------------------------------------------------------------- steps */

static void want(struct talk *t, uint32_t events)
{
	if (t->is_finishing)
		events = EPOLLOUT; /* what it still says is not read any more */
	if (t->state != TALK_OVER && events != t->events) {
		t->events = events;
		loop_change(t->cfg.loop, &t->watch, events);
	}
}

/* What OpenSSL waits for; false: it failed. */
static bool waits(struct talk *t, int ret)
{
	switch (SSL_get_error(t->ssl, ret)) {
	case SSL_ERROR_WANT_READ:
		want(t, EPOLLIN);
		return true;
	case SSL_ERROR_WANT_WRITE:
		want(t, EPOLLIN | EPOLLOUT);
		return true;
	default:
		return false;
	}
}

static void shake(struct talk *t)
{
	int ret;

	ERR_clear_error();
	errno = 0;
	ret = SSL_do_handshake(t->ssl);
	if (ret != 1) {
		if (!waits(t, ret))
			end_ssl(t, ret);
		return;
	}
	tls_alpn(t->ssl, t->alpn, sizeof(t->alpn));
	if (!t->alpn[0] || tls_peer_fingerprint(t->ssl, t->fingerprint) < 0) {
		end(t, "the peer speaks TLS, but none of our protocols");
		return;
	}
	t->state = TALK_OPEN;
	want(t, EPOLLIN);
	talk_deadline(t, TALK_STEP_MS);
	t->cfg.ops->ready(t->cfg.ctx);
}

static void connected(struct talk *t)
{
	int error = 0;
	socklen_t len = sizeof(error);

	if (getsockopt(t->watch.fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		error = errno;
	if (error) {
		end(t, strerror(error));
		return;
	}
	t->state = TALK_SHAKING;
	shake(t);
}

static void flush(struct talk *t)
{
	while (t->state == TALK_OPEN && t->out.len > 0) {
		int ret;

		ERR_clear_error();
		errno = 0;
		ret = SSL_write(t->ssl, t->out.data, (int)t->out.len);
		if (ret <= 0) {
			if (!waits(t, ret))
				end_ssl(t, ret);
			return;
		}
		t->out.len -= (size_t)ret;
		memmove(t->out.data, t->out.data + ret, t->out.len);
	}
	if (t->state != TALK_OPEN)
		return;
	want(t, EPOLLIN);
	if (t->is_finishing)
		talk_close(t);
}

static bool has_room(struct bytes *b, size_t more, size_t max)
{
	size_t room = b->room ? b->room : GROW_BYTES;
	uint8_t *data;

	if (b->len + more > max)
		return false;
	while (room < b->len + more)
		room *= 2;
	if (room == b->room)
		return true;
	data = realloc(b->data, room);
	if (!data)
		return false;
	b->data = data;
	b->room = room;
	return true;
}

static void hand_on(struct talk *t)
{
	size_t used;

	while (t->state == TALK_OPEN && t->in.len > 0 && !t->is_finishing) {
		used = t->cfg.ops->received(t->cfg.ctx, t->in.data, t->in.len);
		if (t->state != TALK_OPEN || used == 0)
			return;
		t->in.len -= used;
		memmove(t->in.data, t->in.data + used, t->in.len);
	}
}

static void take_in(struct talk *t)
{
	while (t->state == TALK_OPEN && !t->is_finishing) {
		size_t left = t->cfg.in_max_bytes - t->in.len;
		int ret;

		if (left == 0 ||
		    !has_room(&t->in, left < GROW_BYTES ? left : GROW_BYTES, t->cfg.in_max_bytes)) {
			end(t, "the peer says more than it may");
			return;
		}
		if (left > t->in.room - t->in.len)
			left = t->in.room - t->in.len;
		ERR_clear_error();
		errno = 0;
		ret = SSL_read(t->ssl, t->in.data + t->in.len, (int)left);
		if (ret <= 0) {
			if (!waits(t, ret))
				end_ssl(t, ret);
			return;
		}
		t->in.len += (size_t)ret;
		hand_on(t);
	}
}

static void on_event(struct loop_fd *w, uint32_t events)
{
	struct talk *t = w->ctx;

	t->depth++;
	if (t->state == TALK_CONNECTING)
		connected(t);
	else if (t->state == TALK_SHAKING)
		shake(t);
	if (t->state == TALK_OPEN)
		flush(t);
	if (t->state == TALK_OPEN)
		take_in(t);
	if (t->state == TALK_OPEN && t->out.len > 0)
		want(t, EPOLLIN | EPOLLOUT);
	leave(t);
}

/* ---------------------------------------------------------------- begin */

static int begin(const struct talk_cfg *cfg, int fd, const char *alpn, enum talk_state state,
		 struct talk **out, struct err *err)
{
	struct talk *t = calloc(1, sizeof(*t));
	int one = 1;

	if (!t || !(t->ssl = tls_new(cfg->tls, alpn)) || SSL_set_fd(t->ssl, fd) != 1) {
		SSL_free(t ? t->ssl : NULL);
		free(t);
		close(fd);
		return err_set(err, ENOMEM, "", "no memory for a connection");
	}
	t->cfg = *cfg;
	t->state = state;
	t->events = EPOLLIN | EPOLLOUT;
	t->watch = (struct loop_fd){.fd = fd, .fn = on_event, .ctx = t};
	t->timer = (struct loop_timer){.fn = timed_out, .ctx = t};
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (loop_add(cfg->loop, &t->watch, t->events) < 0) {
		talk_close(t);
		return err_set(err, ENOMEM, "", "no memory for a connection");
	}
	talk_deadline(t, TALK_STEP_MS);
	*out = t;
	return 0;
}

static socklen_t fill_address(const char *address, uint16_t port, struct sockaddr_storage *out)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)out;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;

	memset(out, 0, sizeof(*out));
	if (inet_pton(AF_INET, address, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		return sizeof(*v4);
	}
	if (inet_pton(AF_INET6, address, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(port);
		return sizeof(*v6);
	}
	return 0;
}

int talk_dial(const struct talk_cfg *cfg, const char *address, uint16_t port, const char *alpn,
	      struct talk **out, struct err *err)
{
	struct sockaddr_storage to;
	socklen_t len = fill_address(address, port, &to);
	int fd, code;

	if (!len)
		return err_set(err, EINVAL, "address", "'%.60s' is no IP address", address);
	fd = socket(to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_set(err, errno, "", "no socket: %s", strerror(errno));
	if (connect(fd, (struct sockaddr *)&to, len) < 0 && errno != EINPROGRESS) {
		code = errno;
		close(fd);
		return err_set(err, code, "address", "%s port %u: %s", address, port,
			       strerror(code));
	}
	return begin(cfg, fd, alpn, TALK_CONNECTING, out, err);
}

int talk_accept(const struct talk_cfg *cfg, int fd, struct talk **out, struct err *err)
{
	return begin(cfg, fd, NULL, TALK_SHAKING, out, err);
}

void talk_hand_over(struct talk *t, const struct talk_ops *ops, void *ctx, uint32_t in_max_bytes)
{
	t->cfg.ops = ops;
	t->cfg.ctx = ctx;
	t->cfg.in_max_bytes = in_max_bytes;
}

/* ---------------------------------------------------------------- use */

int talk_send(struct talk *t, const void *data, size_t len)
{
	if (t->state != TALK_OPEN)
		return -ENOTCONN;
	if (!has_room(&t->out, len, OUT_MAX_BYTES))
		return -ENOBUFS;
	memcpy(t->out.data + t->out.len, data, len);
	t->out.len += len;
	want(t, EPOLLIN | EPOLLOUT); /* goes out when the loop comes round: no callback from here */
	return 0;
}

int talk_send_now(struct talk *t, const void *data, size_t len)
{
	if (t->state != TALK_OPEN || t->out.len > 0)
		return -EAGAIN;
	ERR_clear_error();
	return SSL_write(t->ssl, data, (int)len) == (int)len ? 0 : -EIO;
}

void talk_finish(struct talk *t)
{
	if (t->out.len == 0 || t->state != TALK_OPEN) {
		talk_close(t);
		return;
	}
	t->is_finishing = true;
	talk_deadline(t, TALK_STEP_MS);
}

const uint8_t *talk_fingerprint(const struct talk *t)
{
	return t->fingerprint;
}

const char *talk_alpn(const struct talk *t)
{
	return t->alpn;
}

SSL *talk_ssl(struct talk *t)
{
	return t->ssl;
}

void talk_address(const struct talk *t, char *text, size_t size_bytes)
{
	struct sockaddr_storage from;
	socklen_t len = sizeof(from);
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&from;

	text[0] = '\0';
	if (getpeername(t->watch.fd, (struct sockaddr *)&from, &len) < 0)
		return;
	if (from.ss_family == AF_INET)
		inet_ntop(AF_INET, &((const struct sockaddr_in *)&from)->sin_addr, text,
			  (socklen_t)size_bytes);
	else if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) /* by a listener for both */
		inet_ntop(AF_INET, &v6->sin6_addr.s6_addr[12], text, (socklen_t)size_bytes);
	else
		inet_ntop(AF_INET6, &v6->sin6_addr, text, (socklen_t)size_bytes);
}
