/* SPDX-License-Identifier: MIT */
#include "cert.h"

#include <errno.h>
#include <gnutls/x509.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cert_make.h"
#include "cleanup.h"
#include "clock.h"
#include "durable.h"
#include "log.h"

#define CHAIN_MAX     8u
#define FILE_MAX      (256u << 10)
#define EXPIRY_WARN_S (30 * 24 * 3600)

struct pair {
	struct pair *next; /* replaced before it */
	uint64_t replaced_ns;
	gnutls_pcert_st chain[CHAIN_MAX];
	unsigned int chain_length;
	gnutls_privkey_t key;
	char fingerprint[CERT_FINGERPRINT_MAX];
};

static struct {
	char key_path[512], crt_path[512];
	struct pair *current, *replaced;
} store;

static void pair_free(struct pair *p)
{
	if (!p)
		return;
	for (unsigned int i = 0; i < p->chain_length; i++)
		gnutls_pcert_deinit(&p->chain[i]);
	if (p->key)
		gnutls_privkey_deinit(p->key);
	free(p);
}

static void fingerprint_make(const gnutls_datum_t *der, char out[CERT_FINGERPRINT_MAX])
{
	unsigned char digest[32];
	size_t size = sizeof(digest);

	out[0] = '\0';
	if (gnutls_fingerprint(GNUTLS_DIG_SHA256, der, digest, &size) < 0)
		return;
	for (size_t i = 0; i < size; i++)
		snprintf(out + 3 * i, 4, i + 1 < size ? "%02X:" : "%02X", digest[i]);
}

/* ---------------------------------------------------------------- a pair from its files */

static int load_chain(struct pair *p, const char *path, struct err *err)
{
	cleanup_free char *pem = NULL;
	gnutls_datum_t datum = {0};
	size_t size = 0;
	int rc = durable_read(path, FILE_MAX, &pem, &size, err);

	if (rc < 0)
		return rc;
	datum.data = (unsigned char *)pem;
	datum.size = (unsigned int)size;
	p->chain_length = CHAIN_MAX;
	rc = gnutls_pcert_list_import_x509_raw(p->chain, &p->chain_length, &datum,
					       GNUTLS_X509_FMT_PEM, 0);
	if (rc < 0) {
		p->chain_length = 0;
		return err_set(err, EINVAL, "tls.crt", "%s holds no certificate in PEM: %s", path,
			       gnutls_strerror(rc));
	}
	fingerprint_make(&p->chain[0].cert, p->fingerprint);
	return 0;
}

static int load_key(struct pair *p, const char *path, struct err *err)
{
	cleanup_free char *pem = NULL;
	gnutls_datum_t datum = {0};
	size_t size = 0;
	int rc = durable_read(path, FILE_MAX, &pem, &size, err);

	if (rc < 0)
		return rc;
	datum.data = (unsigned char *)pem;
	datum.size = (unsigned int)size;
	rc = gnutls_privkey_init(&p->key);
	if (rc == 0)
		rc = gnutls_privkey_import_x509_raw(p->key, &datum, GNUTLS_X509_FMT_PEM, NULL, 0);
	gnutls_memset(pem, 0, size);
	if (rc < 0)
		return err_set(err, EINVAL, "tls.key",
			       "%s holds no private key in PEM (without a passphrase): %s", path,
			       gnutls_strerror(rc));
	return 0;
}

/* The key is the certificate's: what it signs, the certificate verifies. */
static int check_fit(const struct pair *p, struct err *err)
{
	const gnutls_datum_t text = {(unsigned char *)"sluice", 6};
	gnutls_datum_t signature = {0};
	gnutls_sign_algorithm_t algorithm;
	int rc = -1;

	algorithm = gnutls_pk_to_sign(gnutls_pubkey_get_pk_algorithm(p->chain[0].pubkey, NULL),
				      GNUTLS_DIG_SHA256);
	if (algorithm == GNUTLS_SIGN_UNKNOWN) /* Ed25519 has no separate digest */
		algorithm = GNUTLS_SIGN_EDDSA_ED25519;
	if (gnutls_privkey_sign_data2(p->key, algorithm, 0, &text, &signature) == 0)
		rc =
		    gnutls_pubkey_verify_data2(p->chain[0].pubkey, algorithm, 0, &text, &signature);
	gnutls_free(signature.data);
	if (rc < 0)
		return err_set(err, EINVAL, "tls.key",
			       "%s is not the key of the certificate %s; put both there",
			       store.key_path, store.crt_path);
	return 0;
}

static int check_time(const struct pair *p, struct err *err)
{
	int64_t now_s = (int64_t)(clock_wall_ms() / 1000);
	gnutls_x509_crt_t crt = NULL;
	int64_t until_s = 0;

	if (gnutls_pcert_export_x509((gnutls_pcert_st *)&p->chain[0], &crt) == 0) {
		until_s = gnutls_x509_crt_get_expiration_time(crt);
		gnutls_x509_crt_deinit(crt);
	}
	if (until_s < now_s + EXPIRY_WARN_S)
		log_warn("tls: the certificate %s; put another one in place and send SIGHUP, or "
			 "remove both files and restart for one of our own",
			 until_s < now_s ? "has expired" : "expires within 30 days");
	return 0;
}

static int pair_load(struct pair **out, struct err *err)
{
	struct pair *p = calloc(1, sizeof(*p));
	int rc;

	if (!p)
		return err_set(err, ENOMEM, "", "no memory for a certificate");
	rc = load_chain(p, store.crt_path, err);
	if (rc == 0)
		rc = load_key(p, store.key_path, err);
	if (rc == 0)
		rc = check_fit(p, err);
	if (rc == 0)
		rc = check_time(p, err);
	if (rc < 0) {
		pair_free(p);
		return rc;
	}
	*out = p;
	return 0;
}

/* ---------------------------------------------------------------- the store */

static int set_paths(const char *state_dir, struct err *err)
{
	int a = snprintf(store.key_path, sizeof(store.key_path), "%s/tls.key", state_dir);
	int b = snprintf(store.crt_path, sizeof(store.crt_path), "%s/tls.crt", state_dir);

	if (a >= (int)sizeof(store.key_path) || b >= (int)sizeof(store.crt_path))
		return err_set(err, ENAMETOOLONG, "--state-dir", "the folder's name is too long");
	return 0;
}

int cert_open(const char *state_dir, struct err *err)
{
	int rc = set_paths(state_dir, err);

	if (rc == 0 && access(store.crt_path, F_OK) < 0 && errno == ENOENT)
		rc = cert_make(store.key_path, store.crt_path, err);
	if (rc == 0)
		rc = pair_load(&store.current, err);
	if (rc == 0)
		log_info("tls: certificate's SHA-256 fingerprint %s", store.current->fingerprint);
	return rc;
}

int cert_reload(uint64_t now_ns, struct err *err)
{
	struct pair *p;
	int rc = pair_load(&p, err);

	if (rc < 0)
		return rc;
	store.current->replaced_ns = now_ns;
	store.current->next = store.replaced;
	store.replaced = store.current;
	store.current = p;
	return 0;
}

/* The newest replaced comes first. */
void cert_tick(uint64_t now_ns)
{
	struct pair **at = &store.replaced;

	while (*at && now_ns - (*at)->replaced_ns < CERT_RETIRED_S * CLOCK_NS_PER_S)
		at = &(*at)->next;
	while (*at) {
		struct pair *old = *at;

		*at = old->next;
		pair_free(old);
	}
}

void cert_close(void)
{
	cert_tick(UINT64_MAX);
	pair_free(store.current);
	store.current = NULL;
}

const gnutls_datum_t *cert_der(void)
{
	return store.current ? &store.current->chain[0].cert : NULL;
}

const char *cert_fingerprint(void)
{
	return store.current->fingerprint;
}

int cert_retrieve(gnutls_session_t session, const gnutls_datum_t *req_ca_rdn, int nreqs,
		  const gnutls_pk_algorithm_t *pk_algos, int pk_algos_length,
		  gnutls_pcert_st **pcert, unsigned int *pcert_length, gnutls_privkey_t *pkey)
{
	*pcert = store.current->chain;
	*pcert_length = store.current->chain_length;
	*pkey = store.current->key;
	return 0;
}

int cert_file_fingerprint(const char *state_dir, char out[CERT_FINGERPRINT_MAX], struct err *err)
{
	struct pair *p = calloc(1, sizeof(*p));
	int rc;

	if (!p)
		return err_set(err, ENOMEM, "", "no memory");
	rc = set_paths(state_dir, err);
	if (rc == 0)
		rc = load_chain(p, store.crt_path, err);
	if (rc == 0)
		memcpy(out, p->fingerprint, CERT_FINGERPRINT_MAX);
	pair_free(p);
	return rc;
}
