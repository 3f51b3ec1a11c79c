/* SPDX-License-Identifier: MIT */
#include "keystore_box.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <stdbool.h>
#include <string.h>

#include "bytes.h"
#include "secret.h"

#define VERSION    1u
#define MAGIC_LEN  8u
#define SALT_AT    24u
#define NONCE_AT   56u
#define LENGTH_AT  68u
#define MEMORY_MAX (1ull << 30) /* of scrypt: a file must not make us take all there is */

static const char *const magics[] = {[BOX_STORE] = "SLCSTORE", [BOX_BUNDLE] = "SLCBUNDL"};
static const char *const names[] = {[BOX_STORE] = "keystore", [BOX_BUNDLE] = "bundle of keys"};

/* ---------------------------------------------------------------- derivation */

static bool derive_scrypt(struct box_lock *l, const void *secret, size_t len)
{
	return EVP_PBE_scrypt(secret, len, l->salt, sizeof(l->salt), 1ull << l->log_n, l->r, l->p,
			      2 * MEMORY_MAX, l->key, SECRET_KEY_BYTES) == 1;
}

static bool derive_hkdf(struct box_lock *l, const void *secret, size_t len)
{
	static char digest[] = "SHA256", use[] = "sluice keystore";
	OSSL_PARAM params[] = {
	    OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
	    OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)(uintptr_t)secret, len),
	    OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, l->salt, sizeof(l->salt)),
	    OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, use, sizeof(use) - 1),
	    OSSL_PARAM_construct_end(),
	};
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	EVP_KDF_CTX *c = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
	bool is_ok = c && EVP_KDF_derive(c, l->key, SECRET_KEY_BYTES, params) == 1;

	EVP_KDF_CTX_free(c);
	EVP_KDF_free(kdf);
	return is_ok;
}

static int derive(struct box_lock *l, const void *secret, size_t len, struct err *err)
{
	bool is_ok;

	if (len == 0 || (l->kdf == BOX_HKDF && len < BOX_SECRET_MIN))
		return err_set(err, EINVAL, "", "a key that opens a keystore has at least %u bytes",
			       BOX_SECRET_MIN);
	l->key = secret_alloc(SECRET_KEY_BYTES);
	if (!l->key)
		return err_set(err, ENOMEM, "", "no memory for a keystore's key");
	is_ok = l->kdf == BOX_SCRYPT ? derive_scrypt(l, secret, len) : derive_hkdf(l, secret, len);
	if (is_ok)
		return 0;
	box_lock_fini(l);
	return err_set(err, ENOMEM, "", "a keystore's key cannot be derived: no memory for scrypt");
}

int box_lock_make(struct box_lock *l, enum box_kdf kdf, const void *secret, size_t secret_len,
		  uint32_t log_n, struct err *err)
{
	*l = (struct box_lock){.kdf = kdf};
	if (kdf == BOX_SCRYPT) {
		l->log_n = log_n ? log_n : BOX_LOG_N;
		l->r = 8;
		l->p = 1;
	}
	if (secret_random(l->salt, sizeof(l->salt)) < 0)
		return err_set(err, EIO, "", "the kernel gives no random bytes");
	return derive(l, secret, secret_len, err);
}

void box_lock_fini(struct box_lock *l)
{
	secret_free(l->key, SECRET_KEY_BYTES);
	memset(l, 0, sizeof(*l));
}

/* ---------------------------------------------------------------- the head */

static bool is_affordable(const struct box_lock *l)
{
	return l->log_n >= 1 && l->log_n <= 24 && l->r >= 1 && l->r <= 64 && l->p >= 1 &&
	       l->p <= 16 && 128ull * l->r << l->log_n <= MEMORY_MAX;
}

static int read_head(struct box_lock *l, enum box_kind kind, const uint8_t *box, size_t len,
		     struct err *err)
{
	if (len < BOX_HEAD_BYTES + BOX_TAG_BYTES || memcmp(box, magics[kind], MAGIC_LEN) != 0)
		return err_set(err, EUCLEAN, "", "this is no %s", names[kind]);
	if (get_be16(box + 8) != VERSION)
		return err_set(err, EPROTO, "", "this %s has format %u; this program knows %u",
			       names[kind], get_be16(box + 8), VERSION);
	*l = (struct box_lock){.kdf = (enum box_kdf)get_be16(box + 10),
			       .log_n = get_be32(box + 12),
			       .r = get_be32(box + 16),
			       .p = get_be32(box + 20)};
	memcpy(l->salt, box + SALT_AT, sizeof(l->salt));
	if (get_be32(box + LENGTH_AT) != len - BOX_HEAD_BYTES - BOX_TAG_BYTES)
		return err_set(err, EUCLEAN, "", "this %s is cut short or has something behind it",
			       names[kind]);
	if (l->kdf == BOX_HKDF || (l->kdf == BOX_SCRYPT && is_affordable(l)))
		return 0;
	return err_set(err, EUCLEAN, "",
		       "this %s is damaged: it is sealed in a way that is not known", names[kind]);
}

int box_kdf_of(enum box_kind kind, const uint8_t *box, size_t len, enum box_kdf *out,
	       struct err *err)
{
	struct box_lock l;
	int rc = read_head(&l, kind, box, len, err);

	if (rc == 0)
		*out = l.kdf;
	return rc;
}

int box_lock_read(struct box_lock *l, enum box_kind kind, const uint8_t *box, size_t len,
		  const void *secret, size_t secret_len, struct err *err)
{
	int rc = read_head(l, kind, box, len, err);

	if (rc < 0) {
		memset(l, 0, sizeof(*l));
		return rc;
	}
	if (secret_len == 0 || (l->kdf == BOX_HKDF && secret_len < BOX_SECRET_MIN))
		return err_set(err, EKEYREJECTED, "passphrase", "this does not open the %s",
			       names[kind]);
	return derive(l, secret, secret_len, err);
}

static void write_head(const struct box_lock *l, enum box_kind kind, size_t len, uint8_t *box)
{
	memcpy(box, magics[kind], MAGIC_LEN);
	put_be16(box + 8, VERSION);
	put_be16(box + 10, (uint16_t)l->kdf);
	put_be32(box + 12, l->log_n);
	put_be32(box + 16, l->r);
	put_be32(box + 20, l->p);
	memcpy(box + SALT_AT, l->salt, sizeof(l->salt));
	put_be32(box + LENGTH_AT, (uint32_t)len);
}

/* ---------------------------------------------------------------- AES-256-GCM */

int box_seal(const struct box_lock *l, enum box_kind kind, const uint8_t *clear, size_t len,
	     uint8_t *box, struct err *err)
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	uint8_t *text = box + BOX_HEAD_BYTES;
	int n = 0;
	bool is_ok;

	write_head(l, kind, len, box);
	is_ok = c && secret_random(box + NONCE_AT, LENGTH_AT - NONCE_AT) == 0 &&
		EVP_EncryptInit_ex(c, EVP_aes_256_gcm(), NULL, l->key, box + NONCE_AT) == 1 &&
		EVP_EncryptUpdate(c, NULL, &n, box, BOX_HEAD_BYTES) == 1 &&
		EVP_EncryptUpdate(c, text, &n, clear, (int)len) == 1 &&
		EVP_EncryptFinal_ex(c, text + n, &n) == 1 &&
		EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_GET_TAG, BOX_TAG_BYTES, text + len) == 1;
	EVP_CIPHER_CTX_free(c);
	return is_ok ? 0 : err_set(err, EIO, "", "a keystore cannot be sealed: the cipher fails");
}

long box_open(const struct box_lock *l, const uint8_t *box, size_t len, uint8_t *clear,
	      struct err *err)
{
	size_t text_len = len - BOX_HEAD_BYTES - BOX_TAG_BYTES;
	const uint8_t *text = box + BOX_HEAD_BYTES;
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	int n = 0;
	bool is_ok = c &&
		     EVP_DecryptInit_ex(c, EVP_aes_256_gcm(), NULL, l->key, box + NONCE_AT) == 1 &&
		     EVP_DecryptUpdate(c, NULL, &n, box, BOX_HEAD_BYTES) == 1 &&
		     EVP_DecryptUpdate(c, clear, &n, text, (int)text_len) == 1 &&
		     EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_SET_TAG, BOX_TAG_BYTES,
					 (void *)(uintptr_t)(text + text_len)) == 1 &&
		     EVP_DecryptFinal_ex(c, clear + n, &n) == 1;

	EVP_CIPHER_CTX_free(c);
	if (is_ok)
		return (long)text_len;
	secret_wipe(clear, text_len);
	return err_set(err, EKEYREJECTED, "passphrase",
		       "this passphrase or key does not open it, or it is damaged");
}
