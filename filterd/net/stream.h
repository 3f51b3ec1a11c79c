/* SPDX-License-Identifier: MIT */
/*
 * stream.h - an established TLS connection on a worker: bytes in, bytes out, few system calls.
 *
 *   send -> [stage 16 KiB] -> TLS record -> [pipe] -- one send() at the end of the turn --> socket
 *   socket -- one recv() --> [pipe] -> TLS records -> [in] -> received()
 *
 * What many small frames of one turn amount to is one record or few, and one system call. Records
 * stand between OpenSSL and the socket in our own buffers, so OpenSSL makes no system call at all.
 * Nothing is allocated after stream_new(); pages that are never used cost nothing.
 *
 * ended() comes once, never from inside a call of this file; stream_free() must follow, from inside
 * ended() or any other callback if wanted.
 *
 * Thread: the env's worker.
 */
#ifndef NET_STREAM_H
#define NET_STREAM_H

#include <openssl/ssl.h>
#include <stddef.h>
#include <stdint.h>

#include "env.h"
#include "err.h"

#define STREAM_UNREAD_BYTES (2u << 20) /* SLUICE_LINK_UNREAD_BYTES */
#define STREAM_OUT_BYTES    (1u << 20)
/* A key serves for so many records, below what RFC 8446 5.5 allows AES-GCM (2^24.5). */
#define STREAM_KEY_RECORDS (1u << 22)

struct stream;

struct stream_ops {
	size_t (*received)(void *ctx, const uint8_t *data, size_t len); /* see sluice/link.h */
	void (*writable)(void *ctx);
	void (*ended)(void *ctx, const char *why);
};

struct stream_cfg {
	struct env *env;
	SSL *ssl; /* after its handshake, without BIO; taken, on an error too */
	int fd;   /* non-blocking; taken likewise */
	const struct stream_ops *ops;
	void *ctx;
	uint32_t key_records; /* 0: STREAM_KEY_RECORDS */
};

struct stream_figures {
	uint64_t sent_bytes, received_bytes; /* plain */
	uint64_t sends, recvs, records;
};

int must_check stream_new(const struct stream_cfg *cfg, struct stream **out, struct err *err);
void stream_free(struct stream *s);

size_t stream_send(struct stream *s, const void *data, size_t len);
size_t stream_room(const struct stream *s);
void stream_read_on(struct stream *s);
/* ended(why) follows. */
void stream_break(struct stream *s, const char *why);
void stream_figures(const struct stream *s, struct stream_figures *out);

#endif
