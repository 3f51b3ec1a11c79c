/* SPDX-License-Identifier: MIT */
#include "listen.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cleanup.h"
#include "parse.h"

static int split(const char *field, const char *text, char host[64], char port[8], struct err *err)
{
	const char *colon = strrchr(text, ':');
	size_t len = colon ? (size_t)(colon - text) : 0;
	uint64_t number;

	if (!len || len >= 64)
		return err_set(err, EINVAL, field,
			       "%s '%s': what is meant is ADDRESS:PORT, for example 0.0.0.0:8443",
			       field, text);
	if (text[0] == '[' && text[len - 1] == ']')
		snprintf(host, 64, "%.*s", (int)len - 2, text + 1);
	else
		snprintf(host, 64, "%.*s", (int)len, text);
	if (parse_u64(field, colon + 1, 1, 65535, &number, err) < 0)
		return -EINVAL;
	snprintf(port, 8, "%u", (unsigned)number);
	return 0;
}

int listen_tcp(const char *field, const char *text, struct err *err)
{
	struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV,
				 .ai_socktype = SOCK_STREAM};
	struct addrinfo *found = NULL;
	char host[64], port[8];
	cleanup_fd int fd = -1;
	int one = 1, zero = 0, rc;

	rc = split(field, text, host, port, err);
	if (rc < 0)
		return rc;
	rc = getaddrinfo(host, port, &hints, &found);
	if (rc != 0)
		return err_set(err, EINVAL, field, "%s: '%s' is no address of this machine", field,
			       host);
	fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0) {
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
		if (found->ai_family == AF_INET6)
			setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof(zero));
	}
	if (fd < 0 || bind(fd, found->ai_addr, found->ai_addrlen) < 0 || listen(fd, 128) < 0)
		rc = err_set(err, errno, field, "cannot listen on %s: %s", text, strerror(errno));
	freeaddrinfo(found);
	return rc < 0 ? rc : take_fd(&fd);
}
