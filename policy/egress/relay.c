/* SPDX-License-Identifier: MIT */
#include "relay.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "address.h"
#include "clock.h"
#include "ctl_frame.h"
#include "fd.h"
#include "json.h"

#define PIECE_BYTES 16384u
#define LINE_BYTES  1024u
#define END_MS      10000 /* one side has said its last */

struct relay {
	int near, far; /* policyd's and the server's */
	struct allow_entry to;
	uint64_t deadline_ns; /* of connecting */
};

/* One direction; what was read and not written yet. */
struct flow {
	int from, to;
	size_t begin, end;
	bool has_ended; /* from has sent its last, and to was told */
	uint8_t data[PIECE_BYTES];
};

static atomic_uint running;

/* ---------------------------------------------------------------- connecting */

/* Waits for it; 0 or the reason. */
static int finish_connect(int fd, uint64_t deadline_ns)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	uint64_t now_ns = clock_now_ns();
	socklen_t len = sizeof(int);
	int reason = 0;

	if (now_ns >= deadline_ns ||
	    poll(&p, 1, (int)((deadline_ns - now_ns) / CLOCK_NS_PER_MS) + 1) != 1)
		return ETIMEDOUT;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &reason, &len) < 0)
		return errno;
	return reason;
}

static int connect_one(const struct addrinfo *a, uint64_t deadline_ns, int *out)
{
	int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1;
	int reason = 0;

	if (fd < 0)
		return errno;
	if (connect(fd, a->ai_addr, a->ai_addrlen) < 0)
		reason = errno == EINPROGRESS ? finish_connect(fd, deadline_ns) : errno;
	if (reason) {
		fd_close(&fd);
		return reason;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	*out = fd;
	return 0;
}

/* The addresses one after the other. */
static int connect_any(struct relay *r, const struct addrinfo *list, struct err *err)
{
	int reason = 0;

	for (const struct addrinfo *a = list; a; a = a->ai_next) {
		if (!r->to.may_be_private && !address_is_public(a->ai_addr))
			return err_set(err, EACCES, "server",
				       "%s leads to an address that is not public; if that is "
				       "right, allow kmip://%s:%u!private",
				       r->to.host, r->to.host, r->to.port);
		reason = connect_one(a, r->deadline_ns, &r->far);
		if (reason == 0)
			return 0;
	}
	return err_set(err, reason ? reason : ENOENT, "server", "%s:%u cannot be reached: %s",
		       r->to.host, r->to.port, strerror(reason ? reason : ENOENT));
}

static int connect_to(struct relay *r, struct err *err)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
	struct addrinfo *list = NULL;
	char host[sizeof(r->to.host)], port[8];
	size_t len = strlen(r->to.host);
	int rc;

	/* an IPv6 address is written in brackets */
	if (r->to.host[0] == '[' && len > 2)
		snprintf(host, sizeof(host), "%.*s", (int)len - 2, r->to.host + 1);
	else
		snprintf(host, sizeof(host), "%s", r->to.host);
	snprintf(port, sizeof(port), "%u", r->to.port);
	rc = getaddrinfo(host, port, &hints, &list);
	if (rc)
		return err_set(err, ENOENT, "server", "the name %s is not known: %s", host,
			       gai_strerror(rc));
	rc = connect_any(r, list, err);
	freeaddrinfo(list);
	return rc;
}

/* ---------------------------------------------------------------- carrying */

static bool flow_read(struct flow *f)
{
	ssize_t n = recv(f->from, f->data, sizeof(f->data), 0);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	f->begin = 0;
	f->end = (size_t)n;
	if (n == 0) {
		f->has_ended = true;
		shutdown(f->to, SHUT_WR);
	}
	return true;
}

static bool flow_write(struct flow *f)
{
	ssize_t n = send(f->to, f->data + f->begin, f->end - f->begin, MSG_NOSIGNAL);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	f->begin += (size_t)n;
	return true;
}

static bool flow_turn(struct flow *f, short from, short to)
{
	if (f->begin < f->end)
		return !(to & (POLLOUT | POLLERR | POLLHUP)) || flow_write(f);
	return f->has_ended || !(from & (POLLIN | POLLERR | POLLHUP)) || flow_read(f);
}

static short wants(const struct flow *out, const struct flow *in)
{
	return (short)((out->begin == out->end && !out->has_ended ? POLLIN : 0) |
		       (in->begin < in->end ? POLLOUT : 0));
}

static void carry(struct flow flows[2])
{
	struct pollfd p[2];

	flows[1].from = flows[0].to;
	flows[1].to = flows[0].from;
	while (!flows[0].has_ended || !flows[1].has_ended) {
		p[0] = (struct pollfd){.fd = flows[0].from, .events = wants(&flows[0], &flows[1])};
		p[1] = (struct pollfd){.fd = flows[1].from, .events = wants(&flows[1], &flows[0])};
		/* whoever has hung up is not waited for; what is left for him goes nowhere */
		if (p[0].events == 0)
			p[0].fd = -1;
		if (p[1].events == 0)
			p[1].fd = -1;
		if (poll(p, 2,
			 flows[0].has_ended || flows[1].has_ended ? END_MS : (int)RELAY_IDLE_MS) <=
		    0)
			return;
		if (!flow_turn(&flows[0], p[0].revents, p[1].revents) ||
		    !flow_turn(&flows[1], p[1].revents, p[0].revents))
			return;
	}
}

/* ---------------------------------------------------------------- the thread */

static bool tell(int fd, const struct err *err)
{
	cleanup_json json_t *line =
	    err->code ? json_pack("{s:{s:s, s:s, s:s}}", "error", "code", ctl_errno_name(err->code),
				  "field", err->field, "text", err->text)
		      : json_pack("{s:b}", "ok", 1);
	char text[LINE_BYTES];
	size_t len = line ? json_dumpb(line, text, sizeof(text) - 1, JSON_COMPACT) : 0;

	if (len == 0 || len > sizeof(text) - 1)
		return false;
	text[len++] = '\n';
	return send(fd, text, len, MSG_NOSIGNAL) == (ssize_t)len;
}

static void *run(void *arg)
{
	struct relay *r = arg;
	struct flow *flows = calloc(2, sizeof(*flows));
	struct err err = {0};

	if (!flows)
		err_set(&err, ENOMEM, "", "no memory to carry a connection");
	if (flows && connect_to(r, &err) == 0 && tell(r->near, &err)) {
		flows[0].from = r->near;
		flows[0].to = r->far;
		carry(flows);
	} else if (err.code) {
		tell(r->near, &err);
	}
	fd_close(&r->near);
	fd_close(&r->far);
	free(flows);
	free(r);
	atomic_fetch_sub(&running, 1);
	return NULL;
}

int relay_start(int fd, const struct allow_entry *to, uint32_t timeout_ms, struct err *err)
{
	struct relay *r;
	pthread_t thread;
	int rc;

	if (atomic_load(&running) >= RELAYS_MAX)
		return err_set(err, EAGAIN, "", "%u connections to key servers are open already",
			       RELAYS_MAX);
	r = calloc(1, sizeof(*r));
	if (!r || fd_set_nonblock(fd, true) < 0) {
		free(r);
		return err_set(err, ENOMEM, "", "no memory to carry a connection");
	}
	*r = (struct relay){.near = fd,
			    .far = -1,
			    .to = *to,
			    .deadline_ns = clock_now_ns() + timeout_ms * CLOCK_NS_PER_MS};
	atomic_fetch_add(&running, 1);
	rc = pthread_create(&thread, NULL, run, r);
	if (rc) {
		atomic_fetch_sub(&running, 1);
		free(r);
		return err_set(err, rc, "", "no thread to carry a connection: %s", strerror(rc));
	}
	pthread_detach(thread);
	return 0;
}

uint32_t relay_count(void)
{
	return atomic_load(&running);
}
