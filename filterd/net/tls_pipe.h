/* SPDX-License-Identifier: MIT */
/*
 * tls_pipe.h - what stands between OpenSSL and a socket: two buffers. OpenSSL writes records into
 * one and reads them from the other, and makes no system call; many records go with one send(), and
 * come with one recv().
 *
 * Thread: the SSL's.
 */
#ifndef NET_TLS_PIPE_H
#define NET_TLS_PIPE_H

#include <openssl/ssl.h>
#include <stdint.h>
#include <sys/types.h>

#include "err.h"

struct tls_pipe {
	uint8_t *out, *in;
	uint32_t out_bytes; /* its size */
	uint32_t out_first, out_end;
	uint32_t in_first, in_end;
	uint64_t sends, recvs, records;
};

/* ssl uses p from now on, until it is freed. -ENOMEM */
int must_check tls_pipe_init(struct tls_pipe *p, SSL *ssl, uint32_t out_bytes);
void tls_pipe_fini(struct tls_pipe *p); /* ssl is freed */

static inline uint32_t tls_pipe_unsent(const struct tls_pipe *p)
{
	return p->out_end - p->out_first;
}

/* As much as the socket takes. 0 or -errno. */
int must_check tls_pipe_push(struct tls_pipe *p, int fd);
/* One recv(): bytes; 0 nothing there; -ENODATA the peer has ended it; -errno. Only when OpenSSL has
 * read all that can be read. */
ssize_t must_check tls_pipe_fetch(struct tls_pipe *p, int fd);

#endif
