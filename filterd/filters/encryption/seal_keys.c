/* SPDX-License-Identifier: MIT */
#include "seal_keys.h"

#include <endian.h>
#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <string.h>

#include "secret.h"

#define MAGIC       "SLSEAL01"
#define LABEL       "sluice: wraps the keys that seal what filters keep of this volume"
#define WRAP_BYTES  32u /* of a wrapping key */
#define NONCE_BYTES 12u
#define TAG_BYTES   16u

/* On the medium. */
struct wrap {
	uint8_t nonce[NONCE_BYTES], tag[TAG_BYTES];
	uint8_t keys[sizeof(struct seal_keys)];
};

struct wrapped {
	char magic[8];
	uint32_t count; /* little-endian */
	uint32_t reserved;
	struct wrap wraps[SEAL_DEKS_MAX];
};

_Static_assert(sizeof(struct wrapped) <= SLUICE_SEAL_WRAP_BYTES, "fits");
#define HEAD_BYTES offsetof(struct wrapped, wraps)

int seal_keys_make(struct seal_keys *k)
{
	return RAND_priv_bytes((unsigned char *)k, sizeof(*k)) == 1 ? 0 : -EIO;
}

/* Fetched before secret_begin(): what OpenSSL remembers of it for ever is no secret. */
struct tools {
	EVP_KDF *kdf;
	EVP_MD *md;
	EVP_CIPHER *gcm;
};

static int tools_get(struct tools *t)
{
	t->kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	t->md = EVP_MD_fetch(NULL, "SHA256", NULL);
	t->gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
	return t->kdf && t->md && t->gcm ? 0 : -EIO;
}

static void tools_put(struct tools *t)
{
	EVP_KDF_free(t->kdf);
	EVP_MD_free(t->md);
	EVP_CIPHER_free(t->gcm);
}

static int derive(const struct tools *t, const uint8_t dek[LUKS_DEK_BYTES], uint8_t out[WRAP_BYTES])
{
	EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(t->kdf);
	char digest[] = "SHA256", label[] = LABEL;
	OSSL_PARAM params[] = {
	    OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
	    OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)(uintptr_t)dek,
					      LUKS_DEK_BYTES),
	    OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, label, sizeof(label) - 1),
	    OSSL_PARAM_construct_end()};
	int rc = ctx && EVP_KDF_derive(ctx, out, WRAP_BYTES, params) == 1 ? 0 : -EIO;

	EVP_KDF_CTX_free(ctx);
	return rc;
}

/* The head is authenticated with it. */
static int gcm(const struct tools *t, const uint8_t key[WRAP_BYTES], int is_wrapping,
	       const void *head, struct wrap *w, struct seal_keys *k)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	const uint8_t *from = is_wrapping ? (const uint8_t *)k : w->keys;
	uint8_t *to = is_wrapping ? w->keys : (uint8_t *)k;
	int n = 0, rc = -EIO;

	if (!ctx || EVP_CipherInit_ex2(ctx, t->gcm, key, w->nonce, is_wrapping, NULL) != 1)
		goto out;
	if (!is_wrapping && EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG_BYTES, w->tag) != 1)
		goto out;
	if (EVP_CipherUpdate(ctx, NULL, &n, head, (int)HEAD_BYTES) != 1 ||
	    EVP_CipherUpdate(ctx, to, &n, from, (int)sizeof(*k)) != 1)
		goto out;
	rc = EVP_CipherFinal_ex(ctx, to + n, &n) == 1 ? 0 : -EKEYREJECTED;
	if (rc == 0 && is_wrapping &&
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG_BYTES, w->tag) != 1)
		rc = -EIO;
out:
	EVP_CIPHER_CTX_free(ctx);
	return rc;
}

static int with(const uint8_t dek[LUKS_DEK_BYTES], int is_wrapping, const void *head,
		struct wrap *w, struct seal_keys *k)
{
	uint8_t *key = secret_alloc(WRAP_BYTES);
	struct tools t;
	int rc = tools_get(&t);

	if (!key)
		rc = -ENOMEM;
	if (rc == 0) {
		secret_begin();
		rc = derive(&t, dek, key);
		if (rc == 0)
			rc = gcm(&t, key, is_wrapping, head, w, k);
		secret_end();
	}
	secret_free(key);
	tools_put(&t);
	return rc;
}

int seal_keys_wrap(const struct seal_keys *k, const struct seal_deks *deks, void *wrapped,
		   size_t *size_bytes)
{
	struct wrapped out = {.magic = MAGIC, .count = htole32(deks->count)};
	struct seal_keys *plain = (struct seal_keys *)(uintptr_t)k; /* only read */
	int rc = deks->count && deks->count <= SEAL_DEKS_MAX ? 0 : -EIO;

	for (uint32_t i = 0; i < deks->count && rc == 0; i++) {
		struct wrap *w = &out.wraps[i];

		if (RAND_bytes(w->nonce, NONCE_BYTES) != 1)
			rc = -EIO;
		else
			rc = with(deks->deks[i], 1, &out, w, plain);
	}
	if (rc < 0)
		return rc;
	*size_bytes = HEAD_BYTES + deks->count * sizeof(struct wrap);
	memcpy(wrapped, &out, *size_bytes);
	return 0;
}

int seal_keys_unwrap(const void *wrapped, size_t size_bytes, const struct seal_deks *deks,
		     struct seal_keys *k)
{
	struct wrapped in = {.count = 0};
	uint32_t count;
	int rc = -EKEYREJECTED;

	if (size_bytes < HEAD_BYTES || size_bytes > sizeof(in))
		return -EINVAL;
	memcpy(&in, wrapped, size_bytes);
	count = le32toh(in.count);
	if (memcmp(in.magic, MAGIC, sizeof(in.magic)) != 0 || count == 0 || count > SEAL_DEKS_MAX ||
	    size_bytes != HEAD_BYTES + count * sizeof(struct wrap))
		return -EINVAL;
	for (uint32_t i = 0; i < count; i++)
		for (uint32_t d = 0; d < deks->count; d++) {
			rc = with(deks->deks[d], 0, &in, &in.wraps[i], k);
			if (rc != -EKEYREJECTED)
				return rc;
		}
	explicit_bzero(k, sizeof(*k));
	return rc;
}
