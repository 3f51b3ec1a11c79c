/* SPDX-License-Identifier: MIT */
#include "credential.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "cleanup.h"
#include "durable.h"
#include "parse.h"

#define FILE_BYTES_MAX 16384u

int credential_fingerprint_of(const X509 *cert, uint8_t fingerprint[32])
{
	unsigned char *der = NULL;
	int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);
	int rc = -EINVAL;

	if (len > 0 && EVP_Digest(der, (size_t)len, fingerprint, NULL, EVP_sha256(), NULL) == 1)
		rc = 0;
	OPENSSL_free(der);
	return rc;
}

void credential_fini(struct credential *c)
{
	EVP_PKEY_free(c->key);
	X509_free(c->cert);
	memset(c, 0, sizeof(*c));
}

/* ---------------------------------------------------------------- made */

static int set_subject(X509 *cert, const uint8_t uuid[16])
{
	X509_NAME *name = X509_get_subject_name(cert);
	char word[37];

	parse_uuid_format(uuid, word);
	return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)word, -1,
					  -1, 0) == 1 &&
	       X509_set_issuer_name(cert, name) == 1;
}

static bool fill_cert(struct credential *c)
{
	return X509_set_version(c->cert, X509_VERSION_3) == 1 &&
	       ASN1_INTEGER_set(X509_get_serialNumber(c->cert), 1) == 1 &&
	       ASN1_TIME_set_string(X509_getm_notBefore(c->cert), "20000101000000Z") == 1 &&
	       ASN1_TIME_set_string(X509_getm_notAfter(c->cert), "99991231235959Z") == 1 &&
	       set_subject(c->cert, c->uuid) && X509_set_pubkey(c->cert, c->key) == 1 &&
	       X509_sign(c->cert, c->key, NULL) > 0;
}

static int make(struct credential *c, struct err *err)
{
	if (getrandom(c->uuid, 16, 0) != 16)
		return err_set(err, EIO, "", "no random numbers for this appliance's identity");
	c->uuid[6] = (uint8_t)((c->uuid[6] & 0x0f) | 0x40); /* version 4: random */
	c->uuid[8] = (uint8_t)((c->uuid[8] & 0x3f) | 0x80);
	c->key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	c->cert = X509_new();
	if (!c->key || !c->cert || !fill_cert(c))
		return err_set(err, EIO, "", "OpenSSL makes no key for this appliance");
	return 0;
}

static int save(const struct credential *c, const char *path, struct err *err)
{
	BIO *bio = BIO_new(BIO_s_secmem());
	char *text;
	long len;
	int rc;

	if (!bio || PEM_write_bio_PrivateKey(bio, c->key, NULL, NULL, 0, NULL, NULL) != 1 ||
	    PEM_write_bio_X509(bio, c->cert) != 1) {
		BIO_free(bio);
		return err_set(err, EIO, "", "OpenSSL does not write this appliance's key");
	}
	len = BIO_get_mem_data(bio, &text);
	rc = durable_write(path, text, (size_t)len, err);
	BIO_free(bio);
	return rc;
}

/* ---------------------------------------------------------------- loaded */

static int subject_uuid(X509 *cert, uint8_t uuid[16])
{
	char word[64];

	if (X509_NAME_get_text_by_NID(X509_get_subject_name(cert), NID_commonName, word,
				      sizeof(word)) != 36)
		return -EBADMSG;
	return parse_uuid("uuid", word, uuid, NULL);
}

static int load(struct credential *c, const char *path, const char *text, size_t len,
		struct err *err)
{
	BIO *bio = BIO_new_mem_buf(text, (int)len);

	if (bio) {
		c->key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
		c->cert = c->key ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
	}
	BIO_free(bio);
	if (!c->cert || X509_check_private_key(c->cert, c->key) != 1 ||
	    subject_uuid(c->cert, c->uuid) < 0)
		return err_set(
		    err, EBADMSG, "",
		    "%s, the key that peers know this appliance by, is damaged; restore it "
		    "from a backup, or remove it and pair every peer anew",
		    path);
	return 0;
}

int credential_load_or_make(const char *path, struct credential *out, struct err *err)
{
	char *text = NULL;
	size_t len = 0;
	int rc = durable_read(path, FILE_BYTES_MAX, &text, &len, err);

	memset(out, 0, sizeof(*out));
	if (rc == 0) {
		rc = load(out, path, text, len, err);
		explicit_bzero(text, len);
	} else if (rc == -ENOENT) {
		rc = make(out, err);
		if (rc == 0)
			rc = save(out, path, err);
	}
	free(text);
	if (rc == 0 && credential_fingerprint_of(out->cert, out->fingerprint) < 0)
		rc = err_set(err, EIO, "", "OpenSSL does not give the fingerprint of %s", path);
	if (rc)
		credential_fini(out);
	return rc;
}
