/* SPDX-License-Identifier: MIT */
#include "kmip_tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <string.h>

#define CERTIFICATES_MAX 32u

/* ---------------------------------------------------------------- PEM */

/* A key that asks for a passphrase is not opened. */
static int no_passphrase(char *buf, int size, int is_writing, void *ctx)
{
	return -1;
}

static X509 *next_certificate(BIO *text)
{
	return PEM_read_bio_X509(text, NULL, no_passphrase, NULL);
}

/* All of a text, each given to add(), which owns it. Returns how many, -1: one was refused. */
static int certificates(const char *pem, bool (*add)(SSL_CTX *c, X509 *x, int index), SSL_CTX *c)
{
	BIO *text = BIO_new_mem_buf(pem, -1);
	X509 *x;
	int count = 0;

	while (text && count >= 0 && (x = next_certificate(text)))
		count = count < (int)CERTIFICATES_MAX && add(c, x, count) ? count + 1 : -1;
	BIO_free(text);
	ERR_clear_error(); /* the end of the text is one, too */
	return count;
}

static bool add_authority(SSL_CTX *c, X509 *x, int index)
{
	bool is_ok = X509_STORE_add_cert(SSL_CTX_get_cert_store(c), x) == 1;

	X509_free(x);
	return is_ok;
}

/* The first is ours, those behind it lead to its authority. */
static bool add_own(SSL_CTX *c, X509 *x, int index)
{
	bool is_ok =
	    index == 0 ? SSL_CTX_use_certificate(c, x) == 1 : SSL_CTX_add1_chain_cert(c, x) == 1;

	X509_free(x);
	return is_ok;
}

static int use_key(SSL_CTX *c, const char *pem, struct err *err)
{
	BIO *text = BIO_new_mem_buf(pem, -1);
	EVP_PKEY *key = text ? PEM_read_bio_PrivateKey(text, NULL, no_passphrase, NULL) : NULL;
	int rc = 0;

	if (!key)
		rc = err_set(err, EINVAL, "client_key",
			     "client_key must be the private key of client_certificate in PEM, "
			     "without a passphrase");
	else if (SSL_CTX_use_PrivateKey(c, key) != 1 || SSL_CTX_check_private_key(c) != 1)
		rc = err_set(err, EINVAL, "client_key",
			     "client_key is not the key of client_certificate");
	EVP_PKEY_free(key);
	BIO_free(text);
	ERR_clear_error();
	return rc;
}

static int fill(SSL_CTX *c, const char *ca_pem, const char *certificate_pem, const char *key_pem,
		struct err *err)
{
	if (certificates(ca_pem, add_authority, c) <= 0)
		return err_set(err, EINVAL, "ca_certificates",
			       "ca_certificates must be one or more certificates in PEM: those of "
			       "the authority that signed the key server's");
	if (certificates(certificate_pem, add_own, c) <= 0)
		return err_set(err, EINVAL, "client_certificate",
			       "client_certificate must be a certificate in PEM of at least 112 "
			       "bits of strength, with what leads to its authority behind it");
	return use_key(c, key_pem, err);
}

SSL_CTX *kmip_tls_context(const char *ca_pem, const char *certificate_pem, const char *key_pem,
			  struct err *err)
{
	SSL_CTX *c = SSL_CTX_new(TLS_client_method());

	if (!c || SSL_CTX_set_min_proto_version(c, TLS1_2_VERSION) != 1) {
		SSL_CTX_free(c);
		err_set(err, ENOMEM, "", "OpenSSL gives no TLS context");
		return NULL;
	}
	SSL_CTX_set_verify(c, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
	/* what was decrypted is wiped when it has been read: it may be a key */
	SSL_CTX_set_options(c, SSL_OP_CLEANSE_PLAINTEXT | SSL_OP_NO_RENEGOTIATION |
				   SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET);
	if (fill(c, ca_pem, certificate_pem, key_pem, err) < 0) {
		SSL_CTX_free(c);
		return NULL;
	}
	return c;
}

/* ---------------------------------------------------------------- errors */

/* An alert by which the server says that it does not want us. */
static bool is_refusal(int reason)
{
	static const int alerts[] = {
	    SSL_AD_BAD_CERTIFICATE,     SSL_AD_UNSUPPORTED_CERTIFICATE, SSL_AD_CERTIFICATE_REVOKED,
	    SSL_AD_CERTIFICATE_EXPIRED, SSL_AD_CERTIFICATE_UNKNOWN,     SSL_AD_UNKNOWN_CA,
	    SSL_AD_ACCESS_DENIED,       SSL_AD_CERTIFICATE_REQUIRED,    SSL_AD_HANDSHAKE_FAILURE};

	for (size_t i = 0; i < sizeof(alerts) / sizeof(alerts[0]); i++)
		if (reason == SSL_AD_REASON_OFFSET + alerts[i])
			return true;
	return false;
}

enum key_state kmip_tls_fault(const SSL *ssl, int result, const char *server, struct err *err)
{
	unsigned long code = ERR_get_error();
	int reason = ERR_GET_REASON(code);
	long verified = SSL_get_verify_result(ssl);
	const char *text = ERR_reason_error_string(code);

	ERR_clear_error();
	if (verified != X509_V_OK) {
		err_set(err, EACCES, "ca_certificates",
			"the certificate of the key server %s is not trusted: %s", server,
			X509_verify_cert_error_string(verified));
		return KEY_REFUSED;
	}
	if (result == SSL_ERROR_SSL && is_refusal(reason)) {
		err_set(err, EACCES, "client_certificate",
			"the key server %s does not accept our certificate: %s", server,
			text ? text : "no reason given");
		return KEY_REFUSED;
	}
	if (result == SSL_ERROR_ZERO_RETURN || result == SSL_ERROR_SYSCALL ||
	    reason == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
		err_set(err, ECONNRESET, "", "the key server %s closed the connection%s", server,
			SSL_is_init_finished(ssl) ? "" : " while it was set up");
		return KEY_UNREACHABLE;
	}
	err_set(err, EPROTO, "", "TLS with the key server %s fails: %s", server,
		text ? text : "no reason given");
	return KEY_UNREACHABLE;
}
