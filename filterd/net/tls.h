/* SPDX-License-Identifier: MIT */
/*
 * tls.h - the rules of our TLS, in one place: 1.3 only, both sides with an Ed25519 certificate, no
 * tickets, no early data, no resumption; nothing may be replayed.
 *
 * Whose certificate it is, is not decided here: whoever holds the connection looks at
 * tls_peer_fingerprint() before it says or believes anything. That the peer has the key to it, TLS
 * has proved by then.
 *
 * Thread: any; an SSL belongs to one thread at a time.
 */
#ifndef NET_TLS_H
#define NET_TLS_H

#include <openssl/ssl.h>
#include <stdbool.h>

#include "credential.h"
#include "err.h"

struct tls {
	SSL_CTX *server, *client;
};

int must_check tls_init(struct tls *t, const struct credential *own, struct err *err);
void tls_fini(struct tls *t);

/* NULL: no memory. alpn: the client's wish; NULL on the server, which takes any of ours. */
SSL *tls_new(const struct tls *t, const char *alpn);

/* After the handshake. */
int must_check tls_peer_fingerprint(const SSL *ssl, uint8_t fingerprint[32]);
/* "" when none was agreed. */
void tls_alpn(const SSL *ssl, char *name, size_t size_bytes);

/* What went wrong last on this thread, for people; ret is of the SSL call that failed. */
void tls_why(const SSL *ssl, int ret, char *text, size_t size_bytes);

#endif
