/* SPDX-License-Identifier: MIT */
#include "cert_make.h"

#include <errno.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"
#include "durable.h"
#include "log.h"

static int tls_error(int rc, const char *what, struct err *err)
{
	return rc < 0 ? err_set(err, EIO, "", "cannot make a certificate: %s: %s", what,
				gnutls_strerror(rc))
		      : 0;
}

/* ---------------------------------------------------------------- key */

static int key_new(gnutls_x509_privkey_t key, const char *path, struct err *err)
{
	gnutls_datum_t pem = {0};
	int rc = gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA,
					      GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);

	if (rc == 0)
		rc = gnutls_x509_privkey_export2(key, GNUTLS_X509_FMT_PEM, &pem);
	if (rc < 0)
		return tls_error(rc, "key", err);
	rc = durable_write(path, pem.data, pem.size, err);
	gnutls_memset(pem.data, 0, pem.size);
	gnutls_free(pem.data);
	return rc;
}

static int key_have(gnutls_x509_privkey_t key, const char *path, struct err *err)
{
	cleanup_free char *pem = NULL;
	gnutls_datum_t datum = {0};
	size_t size = 0;
	int rc = durable_read(path, 256u << 10, &pem, &size, err);

	if (rc == -ENOENT)
		return key_new(key, path, err);
	if (rc < 0)
		return rc;
	datum.data = (unsigned char *)pem;
	datum.size = (unsigned int)size;
	rc = gnutls_x509_privkey_import(key, &datum, GNUTLS_X509_FMT_PEM);
	gnutls_memset(pem, 0, size);
	return tls_error(rc, path, err);
}

/* ---------------------------------------------------------------- certificate */

static int add_address(gnutls_x509_crt_t crt, const struct sockaddr *a)
{
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;

	if (a->sa_family == AF_INET) {
		memcpy(&v4, a, sizeof(v4));
		return gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_IPADDRESS, &v4.sin_addr,
							    4, GNUTLS_FSAN_APPEND);
	}
	if (a->sa_family != AF_INET6)
		return 0;
	memcpy(&v6, a, sizeof(v6));
	if (IN6_IS_ADDR_LINKLOCAL(&v6.sin6_addr))
		return 0;
	return gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_IPADDRESS, &v6.sin6_addr, 16,
						    GNUTLS_FSAN_APPEND);
}

static int add_names(gnutls_x509_crt_t crt, const char *host)
{
	struct ifaddrs *all = NULL;
	int rc = gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_DNSNAME, "localhost", 9,
						      GNUTLS_FSAN_APPEND);

	if (rc == 0 && strcmp(host, "localhost") != 0)
		rc = gnutls_x509_crt_set_subject_alt_name(
		    crt, GNUTLS_SAN_DNSNAME, host, (unsigned int)strlen(host), GNUTLS_FSAN_APPEND);
	if (getifaddrs(&all) < 0) /* its names still serve */
		return rc;
	for (const struct ifaddrs *a = all; a && rc == 0; a = a->ifa_next)
		if (a->ifa_addr)
			rc = add_address(crt, a->ifa_addr);
	freeifaddrs(all);
	return rc;
}

static int fill(gnutls_x509_crt_t crt, gnutls_x509_privkey_t key)
{
	time_t now_s = (time_t)(clock_wall_ms() / 1000);
	unsigned char serial[16];
	char host[256] = "localhost";
	int rc;

	if (gethostname(host, sizeof(host) - 1) < 0 || !host[0])
		memcpy(host, "localhost", sizeof("localhost"));
	rc = gnutls_rnd(GNUTLS_RND_NONCE, serial, sizeof(serial));
	serial[0] &= 0x7f; /* a positive number */
	serial[0] |= 0x40;
	if (rc < 0 || (rc = gnutls_x509_crt_set_version(crt, 3)) < 0 ||
	    (rc = gnutls_x509_crt_set_serial(crt, serial, sizeof(serial))) < 0 ||
	    (rc = gnutls_x509_crt_set_key(crt, key)) < 0 ||
	    (rc = gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, host,
						(unsigned int)strnlen(host, 64))) < 0 ||
	    (rc = gnutls_x509_crt_set_activation_time(crt, now_s - 3600)) < 0 ||
	    (rc = gnutls_x509_crt_set_expiration_time(crt, now_s + (time_t)CERT_MAKE_DAYS * 24 *
								       3600)) < 0 ||
	    (rc = gnutls_x509_crt_set_basic_constraints(crt, 0, -1)) < 0 ||
	    (rc = gnutls_x509_crt_set_key_usage(crt, GNUTLS_KEY_DIGITAL_SIGNATURE)) < 0 ||
	    (rc = gnutls_x509_crt_set_key_purpose_oid(crt, GNUTLS_KP_TLS_WWW_SERVER, 0)) < 0 ||
	    (rc = add_names(crt, host)) < 0)
		return rc;
	return gnutls_x509_crt_sign2(crt, crt, key, GNUTLS_DIG_SHA256, 0);
}

int cert_make(const char *key_path, const char *crt_path, struct err *err)
{
	gnutls_x509_privkey_t key = NULL;
	gnutls_x509_crt_t crt = NULL;
	gnutls_datum_t pem = {0};
	int rc;

	if (gnutls_x509_privkey_init(&key) < 0 || gnutls_x509_crt_init(&crt) < 0)
		rc = err_set(err, ENOMEM, "", "no memory for a certificate");
	else
		rc = key_have(key, key_path, err);
	if (rc == 0)
		rc = tls_error(fill(crt, key), "fields", err);
	if (rc == 0)
		rc = tls_error(gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &pem), "PEM", err);
	if (rc == 0)
		rc = durable_write(crt_path, pem.data, pem.size, err);
	if (rc == 0)
		log_info("tls: made a self-signed certificate for %d days", CERT_MAKE_DAYS);
	gnutls_free(pem.data);
	if (crt)
		gnutls_x509_crt_deinit(crt);
	if (key)
		gnutls_x509_privkey_deinit(key);
	return rc;
}
