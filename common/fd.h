/* SPDX-License-Identifier: MIT */
/*
 * fd.h - descriptors: Unix sockets with descriptors in messages, peer credentials, eventfds.
 *
 * Thread: any. Every descriptor made here is close-on-exec and, unless said otherwise,
 * non-blocking. Owns:   a descriptor that is returned is the caller's; one that is sent stays the
 * sender's.
 */
#ifndef COMMON_FD_H
#define COMMON_FD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "err.h"

#define FD_MESSAGE_FDS_MAX 8u

struct fd_peer {
	pid_t pid;
	uid_t uid;
	gid_t gid;
};

/*
 * Listens on a Unix socket. type is SOCK_SEQPACKET, SOCK_STREAM or SOCK_DGRAM (which is only
 * bound). A stale socket file is replaced; one that somebody still answers on is not (-EADDRINUSE).
 * The file has its final mode from the moment at which a peer can connect.
 */
int fd_unix_listen(const char *path, int type, mode_t mode, struct err *err) must_check;

/*
 * Connects without blocking. A Unix socket connects at once or not at all.
 * Errors: -ENOENT, -ECONNREFUSED nobody there; -EAGAIN the listener's queue is full: try again
 * later; -ENAMETOOLONG.
 */
int fd_unix_connect(const char *path, int type) must_check;

/* Errors: -EAGAIN nobody waits. */
int fd_accept(int listener) must_check;

int fd_peer_get(int sock, struct fd_peer *out) must_check;

/*
 * One message with up to FD_MESSAGE_FDS_MAX descriptors; never raises SIGPIPE.
 * Returns the bytes sent (a stream socket may take fewer than len) or -errno.
 */
ssize_t fd_send(int sock, const void *buf, size_t len, const int *fds,
		unsigned fd_count) must_check;

/*
 * One message with at most *fd_count descriptors; *fd_count becomes how many came.
 * A message that does not fit in buf, or that has more descriptors than asked for, is refused as a
 * whole: -EMSGSIZE, and each of its descriptors is closed. fds and fd_count may be NULL: none
 * wanted. Returns bytes, 0 at the end (peer closed), or -errno; -EAGAIN: nothing there.
 */
ssize_t fd_recv(int sock, void *buf, size_t size, int *fds, unsigned *fd_count) must_check;

int fd_set_nonblock(int fd, bool is_nonblock) must_check;

/* Non-blocking, close-on-exec eventfd with the counter at 0, or -errno. */
int fd_event_create(void) must_check;
/* Adds 1. Never blocks: a counter at its limit is already signalled. */
void fd_event_signal(int fd);
/* Takes the whole counter; returns it, 0 when it was 0. */
uint64_t fd_event_take(int fd);

/* Closes and sets to -1; fine at -1. errno is kept. */
void fd_close(int *fd);

#endif
