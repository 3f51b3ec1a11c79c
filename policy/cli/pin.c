/* SPDX-License-Identifier: MIT */
/*
 * pin.c - a certificate known by its fingerprint: the one that sluice-webd prints and browsers
 * show. What signs it does not matter then, nor its name; nothing else is let through.
 *
 * A file of its own because it talks to OpenSSL below libcurl.
 */
#include "http.h"

#include <curl/curl.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* "AB:CD:..." or "abcd..." */
static bool from_hex(const char *text, uint8_t out[32])
{
	for (int i = 0; i < 32; i++) {
		int high, low;

		if (i && *text == ':')
			text++;
		high = hex_digit(text[0]);
		low = high < 0 ? -1 : hex_digit(text[1]);
		if (low < 0)
			return false;
		out[i] = (uint8_t)(high << 4 | low);
		text += 2;
	}
	return *text == '\0';
}

static int is_the_one(X509_STORE_CTX *store, void *ctx)
{
	X509 *certificate = X509_STORE_CTX_get0_cert(store);
	uint8_t sha256[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	if (certificate && X509_digest(certificate, EVP_sha256(), sha256, &len) == 1 && len == 32 &&
	    CRYPTO_memcmp(sha256, ctx, 32) == 0)
		return 1;
	X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
	return 0;
}

static CURLcode context_made(CURL *curl, void *ssl_context, void *sha256)
{
	SSL_CTX_set_cert_verify_callback(ssl_context, is_the_one, sha256);
	return CURLE_OK;
}

int pin_set(void *curl, const char *fingerprint, uint8_t sha256[32], struct err *err)
{
	if (!from_hex(fingerprint, sha256))
		return err_set(err, EINVAL, "--fingerprint",
			       "--fingerprint: '%.100s' is not a SHA-256 of 64 hex digits",
			       fingerprint);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
	if (curl_easy_setopt(curl, CURLOPT_SSL_CTX_FUNCTION, context_made) != CURLE_OK ||
	    curl_easy_setopt(curl, CURLOPT_SSL_CTX_DATA, sha256) != CURLE_OK)
		return err_set(err, ENOTSUP, "--fingerprint",
			       "this libcurl cannot pin a certificate; use --cacert");
	return 0;
}
