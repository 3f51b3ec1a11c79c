/* SPDX-License-Identifier: MIT */
#include "tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdio.h>
#include <string.h>

#include "wire/peer.h"

#define CERT_BYTES_MAX 4096 /* a peer's, on the wire; ours has about 300 */

static const char *const protocols[] = {PEER_ALPN_LINK, PEER_ALPN_CALL, PEER_ALPN_PAIR};

/* Any certificate: who it is, is looked up afterwards. */
static int accept_certificate(X509_STORE_CTX *store, void *ctx)
{
	return 1;
}

static bool is_ours(const unsigned char *name, size_t len)
{
	for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++)
		if (len == strlen(protocols[i]) && memcmp(name, protocols[i], len) == 0)
			return true;
	return false;
}

static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_len,
			   const unsigned char *in, unsigned int in_len, void *ctx)
{
	for (unsigned int at = 0; at + 1 <= in_len; at += 1u + in[at]) {
		if (at + 1u + in[at] <= in_len && is_ours(in + at + 1, in[at])) {
			*out = in + at + 1;
			*out_len = in[at];
			return SSL_TLSEXT_ERR_OK;
		}
	}
	return SSL_TLSEXT_ERR_ALERT_FATAL;
}

static bool rule(SSL_CTX *c, const struct credential *own)
{
	SSL_CTX_set_options(c, SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
	SSL_CTX_set_mode(c, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_verify(c, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	SSL_CTX_set_cert_verify_callback(c, accept_certificate, NULL);
	SSL_CTX_set_max_cert_list(c, CERT_BYTES_MAX);
	SSL_CTX_set_quiet_shutdown(c, 1);
	return SSL_CTX_set_min_proto_version(c, TLS1_3_VERSION) == 1 &&
	       SSL_CTX_set_max_proto_version(c, TLS1_3_VERSION) == 1 &&
	       SSL_CTX_set_num_tickets(c, 0) == 1 && SSL_CTX_set_max_early_data(c, 0) == 1 &&
	       SSL_CTX_set_ciphersuites(c, "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:"
					   "TLS_CHACHA20_POLY1305_SHA256") == 1 &&
	       SSL_CTX_set1_groups_list(c, "X25519:P-256") == 1 &&
	       SSL_CTX_set1_sigalgs_list(c, "ed25519") == 1 &&
	       SSL_CTX_set1_client_sigalgs_list(c, "ed25519") == 1 &&
	       SSL_CTX_use_certificate(c, own->cert) == 1 &&
	       SSL_CTX_use_PrivateKey(c, own->key) == 1;
}

int tls_init(struct tls *t, const struct credential *own, struct err *err)
{
	t->server = SSL_CTX_new(TLS_server_method());
	t->client = SSL_CTX_new(TLS_client_method());
	if (!t->server || !t->client || !rule(t->server, own) || !rule(t->client, own)) {
		tls_fini(t);
		return err_set(err, EIO, "", "TLS 1.3 with Ed25519 cannot be set up: %s",
			       ERR_reason_error_string(ERR_peek_last_error()) ?: "no memory");
	}
	SSL_CTX_set_alpn_select_cb(t->server, choose_protocol, NULL);
	return 0;
}

void tls_fini(struct tls *t)
{
	SSL_CTX_free(t->server);
	SSL_CTX_free(t->client);
	t->server = t->client = NULL;
}

SSL *tls_new(const struct tls *t, const char *alpn)
{
	SSL *ssl = SSL_new(alpn ? t->client : t->server);
	unsigned char wish[64];
	size_t len = alpn ? strlen(alpn) : 0;

	if (!ssl || !alpn) {
		if (ssl)
			SSL_set_accept_state(ssl);
		return ssl;
	}
	wish[0] = (unsigned char)len;
	memcpy(wish + 1, alpn, len);
	SSL_set_connect_state(ssl);
	if (SSL_set_alpn_protos(ssl, wish, (unsigned int)len + 1) != 0) { /* 0 is success here */
		SSL_free(ssl);
		return NULL;
	}
	return ssl;
}

int tls_peer_fingerprint(const SSL *ssl, uint8_t fingerprint[32])
{
	const X509 *cert = SSL_get0_peer_certificate(ssl);

	return cert ? credential_fingerprint_of(cert, fingerprint) : -ENOENT;
}

void tls_alpn(const SSL *ssl, char *name, size_t size_bytes)
{
	const unsigned char *chosen = NULL;
	unsigned int len = 0;

	SSL_get0_alpn_selected(ssl, &chosen, &len);
	snprintf(name, size_bytes, "%.*s", (int)len, chosen ? (const char *)chosen : "");
}

void tls_why(const SSL *ssl, int ret, char *text, size_t size_bytes)
{
	int saved = errno, what = SSL_get_error(ssl, ret);
	unsigned long code = ERR_peek_error();

	if (what == SSL_ERROR_ZERO_RETURN || (what == SSL_ERROR_SYSCALL && !code && !saved))
		snprintf(text, size_bytes, "the peer has ended the connection");
	else if (what == SSL_ERROR_SYSCALL && !code)
		snprintf(text, size_bytes, "%s", strerror(saved));
	else if (ERR_GET_REASON(code) == SSL_R_UNEXPECTED_EOF_WHILE_READING)
		snprintf(text, size_bytes, "the peer has ended the connection");
	else
		snprintf(text, size_bytes, "TLS: %s", ERR_reason_error_string(code) ?: "failed");
	ERR_clear_error();
}
