/* SPDX-License-Identifier: MIT */
#include "fd.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define LISTEN_BACKLOG 128

/* The kernel passes at most this many descriptors in one message (SCM_MAX_FD). */
#define KERNEL_FDS_MAX 253u

static int address_set(struct sockaddr_un *sa, const char *path)
{
	size_t len = strlen(path);

	if (len == 0)
		return -EINVAL;
	if (len >= sizeof(sa->sun_path))
		return -ENAMETOOLONG;
	memset(sa, 0, sizeof(*sa));
	sa->sun_family = AF_UNIX;
	memcpy(sa->sun_path, path, len);
	return 0;
}

int fd_unix_connect(const char *path, int type)
{
	struct sockaddr_un sa;
	int rc = address_set(&sa, path);
	int fd;

	if (rc)
		return rc;
	fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	do {
		rc = connect(fd, (struct sockaddr *)&sa, sizeof(sa));
	} while (rc && errno == EINTR);
	if (rc) {
		rc = -errno;
		close(fd);
		return rc;
	}
	return fd;
}

/* Removes a socket file that nobody answers on. */
static int stale_remove(const char *path, int type, struct err *err)
{
	struct stat st;
	int fd;

	if (lstat(path, &st))
		return errno == ENOENT
			   ? 0
			   : err_set(err, errno, "path", "%s: %s", path, strerror(errno));
	if (!S_ISSOCK(st.st_mode))
		return err_set(err, EEXIST, "path",
			       "%s exists and is not a socket; remove it or choose another path",
			       path);
	fd = fd_unix_connect(path, type);
	if (fd >= 0)
		close(fd);
	if (fd >= 0 || fd == -EAGAIN)
		return err_set(err, EADDRINUSE, "path",
			       "another process listens on %s; stop it first", path);
	if (unlink(path) && errno != ENOENT)
		return err_set(err, errno, "path", "cannot remove the stale socket %s: %s", path,
			       strerror(errno));
	return 0;
}

int fd_unix_listen(const char *path, int type, mode_t mode, struct err *err)
{
	struct sockaddr_un sa;
	int rc = address_set(&sa, path);
	int fd;

	if (rc)
		return err_set(err, -rc, "path",
			       "socket path \"%s\" has %zu characters; it may have 1 to %zu", path,
			       strlen(path), sizeof(sa.sun_path) - 1);
	rc = stale_remove(path, type, err);
	if (rc)
		return rc;
	fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_set(err, errno, "", "cannot make a Unix socket: %s", strerror(errno));
	if (bind(fd, (struct sockaddr *)&sa, sizeof(sa))) {
		rc = err_set(err, errno, "path", "cannot bind the socket %s: %s", path,
			     strerror(errno));
		goto close_fd;
	}
	/* Before listen(): until then every connect is refused, whatever the umask left open. */
	if (chmod(path, mode) || (type != SOCK_DGRAM && listen(fd, LISTEN_BACKLOG))) {
		rc = err_set(err, errno, "path", "cannot listen on %s: %s", path, strerror(errno));
		goto unlink_path;
	}
	return fd;

unlink_path:
	unlink(path);
close_fd:
	close(fd);
	return rc;
}

int fd_accept(int listener)
{
	int fd;

	do {
		fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	} while (fd < 0 && errno == EINTR);
	return fd < 0 ? -errno : fd;
}

int fd_peer_get(int sock, struct fd_peer *out)
{
	struct ucred uc;
	socklen_t len = sizeof(uc);

	if (getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &uc, &len))
		return -errno;
	out->pid = uc.pid;
	out->uid = uc.uid;
	out->gid = uc.gid;
	return 0;
}

ssize_t fd_send(int sock, const void *buf, size_t len, const int *fds, unsigned fd_count)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int) * FD_MESSAGE_FDS_MAX)];
	} control;
	struct iovec iov = {.iov_base = (void *)(uintptr_t)buf, .iov_len = len};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	ssize_t n;

	if (fd_count > FD_MESSAGE_FDS_MAX)
		return -EINVAL;
	if (fd_count > 0) {
		struct cmsghdr *c;

		memset(&control, 0, sizeof(control));
		msg.msg_control = control.bytes;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * fd_count);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * fd_count);
		memcpy(CMSG_DATA(c), fds, sizeof(int) * fd_count);
	}
	do {
		n = sendmsg(sock, &msg, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

/* Gathers the message's descriptors; what is more than max is closed at once. Returns how many
 * came. */
static unsigned fds_take(struct msghdr *msg, int *fds, unsigned max)
{
	unsigned came = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		size_t count;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS ||
		    c->cmsg_len < CMSG_LEN(0))
			continue;
		count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < count; i++, came++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
			if (came < max)
				fds[came] = fd;
			else
				close(fd);
		}
	}
	return came;
}

ssize_t fd_recv(int sock, void *buf, size_t size, int *fds, unsigned *fd_count)
{
	/* Room for all that the kernel passes, so that a surplus reaches us and can be closed and
	 * refused. */
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int) * KERNEL_FDS_MAX)];
	} control;
	struct iovec iov = {.iov_base = buf, .iov_len = size};
	struct msghdr msg = {
	    .msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = control.bytes,
	    .msg_controllen = sizeof(control.bytes),
	};
	unsigned max = fds && fd_count ? *fd_count : 0;
	unsigned came;
	ssize_t n;

	if (fd_count)
		*fd_count = 0;
	do {
		n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	came = fds_take(&msg, fds, max);
	if (came > max || (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC))) {
		for (unsigned i = 0; i < came && i < max; i++)
			close(fds[i]);
		return -EMSGSIZE;
	}
	if (fd_count)
		*fd_count = came;
	return n;
}

int fd_set_nonblock(int fd, bool is_nonblock)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0)
		return -errno;
	flags = is_nonblock ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
	return fcntl(fd, F_SETFL, flags) < 0 ? -errno : 0;
}

int fd_event_create(void)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	return fd < 0 ? -errno : fd;
}

void fd_event_signal(int fd)
{
	uint64_t one = 1;
	ssize_t n;

	do {
		n = write(fd, &one, sizeof(one));
	} while (n < 0 && errno == EINTR);
}

uint64_t fd_event_take(int fd)
{
	uint64_t count = 0;
	ssize_t n;

	do {
		n = read(fd, &count, sizeof(count));
	} while (n < 0 && errno == EINTR);
	return n == (ssize_t)sizeof(count) ? count : 0;
}

void fd_close(int *fd)
{
	int kept = errno;

	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	errno = kept;
}
