/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * conn_socket.h - the SEQPACKET socket to sluice-filterd: connect, send, receive, all without
 * blocking. Knows nothing of tgtd. Thread: any.
 */
#ifndef TARGET_CONN_SOCKET_H
#define TARGET_CONN_SOCKET_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "conn_memory.h"
#include "wire/ring.h"

#define CONN_SOCKET_PATH_BYTES 108u /* of struct sockaddr_un */

/* Who may serve besides root and our own user: the user "sluice" of /etc/passwd, looked up once
 * (only in that file: a directory service could block). */
void conn_socket_set_trusted_user(const char *name);

/*
 * A connected, non-blocking socket whose other end is trusted. -errno: -ENOENT or -ECONNREFUSED
 * nobody listens, -EAGAIN the listener's queue is full, -EACCES the listener is neither root,
 * "sluice", nor us.
 */
int conn_socket_connect(const char *path) __attribute__((warn_unused_result));

/* HELLO with its three descriptors. 0 or -errno. */
int conn_socket_hello(int fd, const struct ring_msg_hello *hello, const struct conn_memory *m)
    __attribute__((warn_unused_result));
/* Best effort: who is gone needs no farewell. */
void conn_socket_bye(int fd, uint64_t generation);

/*
 * One message, checked for length and zero-terminated texts. 1: received; 0: nothing there now;
 * -ECONNRESET: the other end is gone; -EPROTO: not a message of this protocol.
 */
int conn_socket_receive(int fd, union ring_msg *msg) __attribute__((warn_unused_result));

#endif
