/* SPDX-License-Identifier: MIT */
#include "peer_listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fd.h"
#include "parse.h"
#include "wire/peer.h"

#define BACKLOG 64

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

/* "[v6]:port", "v4:port", either without a port, the first without brackets then. */
static int split(const char *text, char *host, size_t host_bytes, uint16_t *port, struct err *err)
{
	const char *end = text[0] == '[' ? strchr(text, ']') : NULL;
	const char *colon = end ? (end[1] == ':' ? end + 1 : NULL) : strrchr(text, ':');
	const char *from = end ? text + 1 : text;
	uint64_t number = PEER_PORT;
	size_t len;

	if (!end && colon && strchr(text, ':') != colon)
		colon = NULL; /* an IPv6 address as it is */
	len = end ? (size_t)(end - from) : colon ? (size_t)(colon - from) : strlen(from);
	if (len >= host_bytes)
		return err_set(err, EINVAL, "--peer-listen", "'%.80s' is no address", text);
	memcpy(host, from, len);
	host[len] = '\0';
	if (colon && parse_u64("--peer-listen", colon + 1, 1, UINT16_MAX, &number, err) < 0)
		return -EINVAL;
	*port = (uint16_t)number;
	return 0;
}

static int parse(const char *text, union address *out, socklen_t *len, struct err *err)
{
	char host[64];
	uint16_t port;
	int rc = split(text, host, sizeof(host), &port, err);

	memset(out, 0, sizeof(*out));
	if (rc)
		return rc;
	if (inet_pton(AF_INET, host, &out->v4.sin_addr) == 1) {
		out->v4.sin_family = AF_INET;
		out->v4.sin_port = htons(port);
		*len = sizeof(out->v4);
		return 0;
	}
	if (inet_pton(AF_INET6, host, &out->v6.sin6_addr) == 1) {
		out->v6.sin6_family = AF_INET6;
		out->v6.sin6_port = htons(port);
		*len = sizeof(out->v6);
		return 0;
	}
	return err_set(err, EINVAL, "--peer-listen",
		       "'%.80s' is no address to listen on; say 0.0.0.0:%u, or [::]:%u", text,
		       PEER_PORT, PEER_PORT);
}

static int listen_on(const char *text, int *out, struct err *err)
{
	union address at;
	socklen_t len = 0;
	int one = 1, fd, code, rc = parse(text, &at, &len, err);

	if (rc)
		return rc;
	fd = socket(at.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_set(err, errno, "--peer-listen", "no socket: %s", strerror(errno));
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
	    bind(fd, &at.any, len) < 0 || listen(fd, BACKLOG) < 0) {
		code = errno;
		close(fd);
		return err_set(err, code, "--peer-listen", "cannot listen on %s: %s", text,
			       strerror(code));
	}
	*out = fd;
	return 0;
}

int peer_listen_add(struct peer_listen *p, const char *address, struct err *err)
{
	if (p->count == PEER_LISTEN_MAX)
		return err_set(err, E2BIG, "", "--peer-listen may stand %u times", PEER_LISTEN_MAX);
	p->addresses[p->count++] = address;
	return 0;
}

int peer_listen_open(struct peer_listen *p, struct err *err)
{
	for (uint32_t i = 0; i < PEER_LISTEN_MAX; i++)
		p->fds[i] = -1;
	for (uint32_t i = 0; i < p->count; i++) {
		int rc = listen_on(p->addresses[i], &p->fds[i], err);

		if (rc == 0)
			continue;
		while (i-- > 0)
			fd_close(&p->fds[i]);
		return rc;
	}
	return 0;
}
