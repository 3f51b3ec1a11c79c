/* SPDX-License-Identifier: MIT */
#include "stream.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "env_linux.h"
#include "fd.h"
#include "tls.h"
#include "tls_pipe.h"

#define STAGE_BYTES  16384u /* the most that one record holds */
#define RECORD_EXTRA 64u    /* header, type, tag, and some to spare */
#define IN_BYTES     (STREAM_UNREAD_BYTES + (128u << 10))
#define TURN_BYTES   (512u << 10) /* read per turn, so that one stream does not keep the worker */
/* Room for what a key update and a record need is never given away. */
#define OUT_SPARE 1024u
#define DEAD_MS   12000u /* bytes that are not acknowledged for so long */

struct stream {
	struct stream_cfg cfg;
	struct tls_pipe pipe;
	uint8_t *in;
	uint32_t in_first, in_end;
	uint32_t stage_len;
	uint32_t records_left; /* until the key changes */
	uint32_t events;
	struct env_msg msg;
	bool is_posted; /* msg is on its way */
	bool must_read; /* at the next msg: look for bytes, or offer unread ones again */
	bool is_paused; /* the unread buffer is full and nobody takes of it */
	bool is_short;  /* a send took less than it was given */
	bool is_broken; /* ended() is due or done */
	bool is_told;   /* ended() is done */
	bool is_freed;  /* the memory goes with the last message */
	uint32_t depth; /* of callbacks on the stack */
	struct stream_figures figures;
	char why[160];
	uint8_t stage[STAGE_BYTES];
};

/* ---------------------------------------------------------------- state */

static void post(struct stream *s)
{
	if (s->is_posted)
		return;
	s->is_posted = true;
	env_post(s->cfg.env, &s->msg);
}

static void break_off(struct stream *s, const char *why)
{
	if (s->is_broken)
		return;
	s->is_broken = true;
	snprintf(s->why, sizeof(s->why), "%s", why);
	env_linux_unwatch(s->cfg.env, s->cfg.fd);
	post(s);
}

void stream_break(struct stream *s, const char *why)
{
	break_off(s, why);
}

static void break_ssl(struct stream *s, int ret)
{
	char why[160];

	tls_why(s->cfg.ssl, ret, why, sizeof(why));
	break_off(s, why);
}

static void watch(struct stream *s)
{
	uint32_t events =
	    (s->is_paused ? 0 : EPOLLIN | EPOLLRDHUP) | (tls_pipe_unsent(&s->pipe) ? EPOLLOUT : 0);

	if (s->is_broken || events == s->events)
		return;
	s->events = events;
	if (env_linux_watch_events(s->cfg.env, s->cfg.fd, events) < 0)
		break_off(s, "the connection cannot be watched");
}

/* ---------------------------------------------------------------- out */

size_t stream_room(const struct stream *s)
{
	uint32_t used = tls_pipe_unsent(&s->pipe), left, records;

	if (s->is_broken)
		return 0;
	used += s->stage_len + RECORD_EXTRA + OUT_SPARE;
	if (used >= STREAM_OUT_BYTES)
		return 0;
	left = STREAM_OUT_BYTES - used;
	records = left / STAGE_BYTES + 1;
	return left > records * RECORD_EXTRA ? left - records * RECORD_EXTRA : 0;
}

static void seal(struct stream *s, const uint8_t *data, uint32_t len)
{
	int ret;

	if (s->records_left-- == 0) {
		s->records_left = s->cfg.key_records;
		if (SSL_key_update(s->cfg.ssl, SSL_KEY_UPDATE_NOT_REQUESTED) != 1) {
			break_off(s, "TLS: the key cannot be changed");
			return;
		}
	}
	ERR_clear_error();
	errno = 0;
	ret = SSL_write(s->cfg.ssl, data, (int)len);
	if (ret != (int)len) /* there was room, by stream_room() */
		break_ssl(s, ret);
}

size_t stream_send(struct stream *s, const void *data, size_t len)
{
	const uint8_t *from = data;
	size_t room = stream_room(s), left;

	if (len > room) {
		s->is_short = true;
		len = room;
	}
	for (left = len; left > 0 && !s->is_broken;) {
		uint32_t n = STAGE_BYTES - s->stage_len;

		if (n > left)
			n = (uint32_t)left;
		if (s->stage_len == 0 && n == STAGE_BYTES) {
			seal(s, from, n);
		} else {
			memcpy(s->stage + s->stage_len, from, n);
			s->stage_len += n;
			if (s->stage_len == STAGE_BYTES) {
				s->stage_len = 0;
				seal(s, s->stage, STAGE_BYTES);
			}
		}
		from += n;
		left -= n;
	}
	s->figures.sent_bytes += len;
	if (len)
		post(s);
	return len;
}

static void push(struct stream *s)
{
	int rc = tls_pipe_push(&s->pipe, s->cfg.fd);

	if (rc < 0)
		break_off(s, strerror(-rc));
	else
		watch(s);
}

static void flush(struct stream *s)
{
	uint32_t len = s->stage_len;

	if (s->is_broken)
		return;
	s->stage_len = 0;
	if (len)
		seal(s, s->stage, len);
	if (!s->is_broken)
		push(s);
}

static void tell_writable(struct stream *s)
{
	if (!s->is_short || s->is_broken || stream_room(s) < STREAM_OUT_BYTES / 4)
		return;
	s->is_short = false;
	s->cfg.ops->writable(s->cfg.ctx);
}

/* ---------------------------------------------------------------- in */

/* Once with all that is there. */
static void offer(struct stream *s)
{
	uint32_t len = s->in_end - s->in_first;
	size_t used;

	if (len == 0 || s->is_broken)
		return;
	used = s->cfg.ops->received(s->cfg.ctx, s->in + s->in_first, len);
	if (s->is_freed)
		return;
	s->in_first += (uint32_t)used;
	if (s->in_first == s->in_end)
		s->in_first = s->in_end = 0;
	if (used == 0 && len >= STREAM_UNREAD_BYTES)
		s->is_paused = true;
}

/* Room for one more record at the end of in. */
static void make_room(struct stream *s)
{
	if (IN_BYTES - s->in_end >= STAGE_BYTES)
		return;
	memmove(s->in, s->in + s->in_first, s->in_end - s->in_first);
	s->in_end -= s->in_first;
	s->in_first = 0;
}

/* Decrypts all that has come and fits. True: nothing whole is left. */
static bool unseal(struct stream *s)
{
	while (s->in_end - s->in_first < STREAM_UNREAD_BYTES) {
		int ret;

		make_room(s);
		ERR_clear_error();
		errno = 0;
		ret = SSL_read(s->cfg.ssl, s->in + s->in_end, (int)STAGE_BYTES);
		if (ret > 0) {
			s->in_end += (uint32_t)ret;
			s->figures.received_bytes += (uint64_t)ret;
			continue;
		}
		if (SSL_get_error(s->cfg.ssl, ret) == SSL_ERROR_WANT_READ)
			return true;
		break_ssl(s, ret);
		return false;
	}
	return false;
}

/* One recv(). 0: nothing there; < 0: over. */
static ssize_t fetch(struct stream *s)
{
	ssize_t n = tls_pipe_fetch(&s->pipe, s->cfg.fd);

	if (n == -ENODATA)
		break_off(s, "the peer has ended the connection");
	else if (n < 0)
		break_off(s, strerror((int)-n));
	return n;
}

static void read_some(struct stream *s)
{
	uint32_t got = 0;

	while (!s->is_broken && !s->is_paused) {
		bool is_drained = unseal(s);
		bool had_data = s->in_end > s->in_first;
		ssize_t n;

		if (!is_drained || had_data)
			offer(s);
		if (s->is_broken || s->is_freed || s->is_paused)
			break;
		if (!is_drained)
			continue;
		if (got >= TURN_BYTES) {
			s->must_read = true; /* the others' turn first */
			post(s);
			break;
		}
		n = fetch(s);
		if (n <= 0)
			break;
		got += (uint32_t)n;
	}
}

void stream_read_on(struct stream *s)
{
	s->is_paused = false;
	s->must_read = true;
	post(s);
}

/* ---------------------------------------------------------------- the worker's calls */

static void leave(struct stream *s)
{
	if (--s->depth == 0 && s->is_freed && !s->is_posted)
		free(s);
}

static void tell_ended(struct stream *s)
{
	if (s->is_told || s->is_freed)
		return;
	s->is_told = true;
	s->cfg.ops->ended(s->cfg.ctx, s->why);
}

static void on_message(struct env_msg *m)
{
	struct stream *s = m->ctx;

	s->is_posted = false;
	s->depth++;
	if (s->must_read && !s->is_freed) {
		s->must_read = false;
		offer(s);
		if (!s->is_freed)
			read_some(s);
	}
	if (!s->is_freed)
		flush(s);
	if (!s->is_freed && s->is_broken)
		tell_ended(s);
	else if (!s->is_freed)
		tell_writable(s);
	leave(s);
}

static void on_event(void *ctx, int fd, uint32_t events)
{
	struct stream *s = ctx;

	s->depth++;
	if (events & (EPOLLERR | EPOLLHUP))
		s->is_paused = false; /* nothing will follow: what is there, and then the end */
	if (events & EPOLLOUT)
		push(s);
	if (events & ~(uint32_t)EPOLLOUT)
		read_some(s);
	if (!s->is_freed)
		tell_writable(s);
	if (!s->is_freed)
		watch(s);
	leave(s);
}

/* ---------------------------------------------------------------- made and ended */

/* A peer whose machine is gone is noticed by TCP, too, in case that whoever uses the link waits. */
static void bear_silence(int fd)
{
	unsigned int dead_ms = DEAD_MS;
	int one = 1, idle_s = 5, every_s = 2, probes = 3;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &dead_ms, sizeof(dead_ms));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof(idle_s));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &every_s, sizeof(every_s));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof(probes));
	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
}

static void release(struct stream *s)
{
	SSL_free(s->cfg.ssl);
	s->cfg.ssl = NULL;
	fd_close(&s->cfg.fd);
	tls_pipe_fini(&s->pipe);
	free(s->in);
	s->in = NULL;
}

int stream_new(const struct stream_cfg *cfg, struct stream **out, struct err *err)
{
	struct stream *s = calloc(1, sizeof(*s));
	struct stream_cfg given = *cfg;

	if (!s) {
		SSL_free(given.ssl);
		fd_close(&given.fd);
		return err_set(err, ENOMEM, "", "no memory for a connection");
	}
	s->cfg = given;
	if (!s->cfg.key_records)
		s->cfg.key_records = STREAM_KEY_RECORDS;
	s->records_left = s->cfg.key_records;
	s->events = EPOLLIN | EPOLLRDHUP;
	s->msg.fn = on_message;
	s->msg.ctx = s;
	s->in = malloc(IN_BYTES);
	if (!s->in || tls_pipe_init(&s->pipe, s->cfg.ssl, STREAM_OUT_BYTES) < 0 ||
	    env_linux_watch(s->cfg.env, s->cfg.fd, on_event, s) < 0) {
		release(s);
		free(s);
		return err_set(err, ENOMEM, "", "no memory for a connection");
	}
	bear_silence(s->cfg.fd);
	s->must_read = true; /* OpenSSL may have taken in what follows the handshake */
	post(s);
	*out = s;
	return 0;
}

void stream_free(struct stream *s)
{
	if (!s->is_broken)
		env_linux_unwatch(s->cfg.env, s->cfg.fd);
	s->is_broken = s->is_freed = true;
	release(s);
	if (s->depth == 0 && !s->is_posted)
		free(s);
}

void stream_figures(const struct stream *s, struct stream_figures *out)
{
	*out = s->figures;
	out->sends = s->pipe.sends;
	out->recvs = s->pipe.recvs;
	out->records = s->pipe.records;
}
