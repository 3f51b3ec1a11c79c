/* SPDX-License-Identifier: GPL-2.0-only */
#include "conn_socket.h"

#include <errno.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static bool has_trusted_uid;
static uid_t trusted_uid;

void conn_socket_set_trusted_user(const char *name)
{
	FILE *f = fopen("/etc/passwd", "re");
	struct passwd *p;

	has_trusted_uid = false;
	if (!f)
		return;
	while ((p = fgetpwent(f)) != NULL)
		if (strcmp(p->pw_name, name) == 0) {
			trusted_uid = p->pw_uid;
			has_trusted_uid = true;
			break;
		}
	fclose(f);
}

static int check_peer(int fd)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
		return -errno;
	if (cred.uid == 0 || cred.uid == geteuid() || (has_trusted_uid && cred.uid == trusted_uid))
		return 0;
	return -EACCES;
}

int conn_socket_connect(const char *path)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	size_t len = strlen(path);
	int fd, rc = 0;

	if (len == 0 || len >= sizeof(sa.sun_path))
		return -ENAMETOOLONG;
	memcpy(sa.sun_path, path, len + 1);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	/* Without blocking, a Unix socket connects at once or says EAGAIN. */
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0)
		rc = -errno;
	if (rc == 0)
		rc = check_peer(fd);
	if (rc) {
		close(fd);
		return rc;
	}
	return fd;
}

int conn_socket_hello(int fd, const struct ring_msg_hello *hello, const struct conn_memory *m)
{
	int fds[3] = {m->memfd, m->kick_fd, m->wake_fd};
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(fds))];
	} control = {0};
	struct iovec iov = {.iov_base = (void *)hello, .iov_len = sizeof(*hello)};
	struct msghdr mh = {.msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = &control,
			    .msg_controllen = sizeof(control.bytes)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&mh);
	ssize_t n;

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(fds));
	memcpy(CMSG_DATA(c), fds, sizeof(fds));
	n = sendmsg(fd, &mh, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0)
		return -errno;
	return n == (ssize_t)sizeof(*hello) ? 0 : -EIO;
}

void conn_socket_bye(int fd, uint64_t generation)
{
	struct ring_msg_bye bye = {.type = RING_MSG_BYE, .generation = generation};
	ssize_t n = send(fd, &bye, sizeof(bye), MSG_DONTWAIT | MSG_NOSIGNAL);

	(void)n;
}

static size_t size_of(uint32_t type)
{
	switch (type) {
	case RING_MSG_WELCOME:
		return sizeof(struct ring_msg_welcome);
	case RING_MSG_REFUSE:
		return sizeof(struct ring_msg_refuse);
	case RING_MSG_NOTICE:
		return sizeof(struct ring_msg_notice);
	default:
		return 0;
	}
}

int conn_socket_receive(int fd, union ring_msg *msg)
{
	ssize_t n;

	memset(msg, 0, sizeof(*msg));
	do {
		/* No control buffer: descriptors that nobody asked for are dropped by the kernel.
		 */
		n = recv(fd, msg, sizeof(*msg), MSG_DONTWAIT | MSG_TRUNC);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -ECONNRESET;
	if (n == 0)
		return -ECONNRESET;
	if ((size_t)n < sizeof(msg->type) || size_of(msg->type) == 0 ||
	    (size_t)n != size_of(msg->type))
		return -EPROTO;
	if (msg->type == RING_MSG_REFUSE)
		msg->refuse.text[sizeof(msg->refuse.text) - 1] = '\0';
	return 1;
}
