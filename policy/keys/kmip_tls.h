/* SPDX-License-Identifier: MIT */
/* kmip_tls.h - OpenSSL as kmip_link.c wants it: contexts out of PEM texts, and its errors in
 * sentences. Thread: any. */
#ifndef POLICY_KEYS_KMIP_TLS_H
#define POLICY_KEYS_KMIP_TLS_H

#include <openssl/ssl.h>

#include "err.h"
#include "key_state.h"

/* A client's context: TLS 1.2 and 1.3, the server's certificate is demanded, ours is shown.
 * NULL with err: -EINVAL and the field of the text that is not right. */
SSL_CTX *kmip_tls_context(const char *ca_pem, const char *certificate_pem, const char *key_pem,
			  struct err *err);
/* Why OpenSSL gave up on a connection to server; result is SSL_get_error()'s. */
enum key_state kmip_tls_fault(const SSL *ssl, int result, const char *server, struct err *err);

#endif
