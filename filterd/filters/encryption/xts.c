/* SPDX-License-Identifier: MIT */
#include "xts.h"

#include <errno.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "secret.h"

#define TWEAK_UNIT_SHIFT 9u
#define TWEAK_BYTES      16u

struct xts {
	EVP_CIPHER_CTX *encrypt, *decrypt;
	uint32_t sector_bytes;
};

static EVP_CIPHER *cipher; /* const once fetched */

static void fetch(void)
{
	cipher = EVP_CIPHER_fetch(NULL, "AES-256-XTS", NULL);
}

int xts_set_up(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, fetch);
	return cipher ? 0 : -EOPNOTSUPP;
}

/*
 * Key and cipher stay in it; per sector only the tweak is set, which is what makes it fast.
 * EVP_Cipher() is the whole data unit in one call, without what EVP_*Update() does for streams.
 */
static EVP_CIPHER_CTX *context_new(const uint8_t *key, int is_encryption)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();

	if (ctx && EVP_CipherInit_ex2(ctx, cipher, key, NULL, is_encryption, NULL) != 1) {
		EVP_CIPHER_CTX_free(ctx);
		return NULL;
	}
	return ctx;
}

int xts_new(const uint8_t key[XTS_KEY_BYTES], uint32_t sector_bytes, struct xts **out)
{
	struct xts *x;

	if (sector_bytes != 512 && sector_bytes != 4096)
		return -EINVAL;
	if (memcmp(key, key + XTS_KEY_BYTES / 2, XTS_KEY_BYTES / 2) == 0)
		return -EKEYREJECTED;
	if (xts_set_up() < 0)
		return -EINVAL;
	x = calloc(1, sizeof(*x));
	if (!x)
		return -ENOMEM;
	x->sector_bytes = sector_bytes;
	secret_begin();
	x->encrypt = context_new(key, 1);
	x->decrypt = context_new(key, 0);
	secret_end();
	if (!x->encrypt || !x->decrypt) {
		xts_free(x);
		return -ENOMEM;
	}
	*out = x;
	return 0;
}

void xts_free(struct xts *x)
{
	if (!x)
		return;
	EVP_CIPHER_CTX_free(x->encrypt);
	EVP_CIPHER_CTX_free(x->decrypt);
	free(x);
}

uint32_t xts_sector_bytes(const struct xts *x)
{
	return x->sector_bytes;
}

static void tweak_set(uint8_t tweak[TWEAK_BYTES], uint64_t offset_bytes)
{
	uint64_t number = offset_bytes >> TWEAK_UNIT_SHIFT;

	for (uint32_t i = 0; i < 8; i++)
		tweak[i] = (uint8_t)(number >> (8 * i));
}

/* Data differs within the first words nearly always, so a full look is rare. */
static bool is_zero(const uint8_t *p, uint32_t len_bytes)
{
	uint64_t first;

	memcpy(&first, p, sizeof(first));
	return first == 0 && memcmp(p, p + sizeof(first), len_bytes - sizeof(first)) == 0;
}

int xts_encrypt(struct xts *x, uint64_t offset_bytes, const void *from, void *to,
		uint64_t len_bytes)
{
	const uint8_t *in = from;
	uint8_t *out = to;
	uint8_t tweak[TWEAK_BYTES] = {0};

	for (uint64_t at = 0; at < len_bytes; at += x->sector_bytes) {
		tweak_set(tweak, offset_bytes + at);
		if (EVP_EncryptInit_ex2(x->encrypt, NULL, NULL, tweak, NULL) != 1 ||
		    EVP_Cipher(x->encrypt, out + at, in + at, x->sector_bytes) !=
			(int)x->sector_bytes ||
		    is_zero(out + at, x->sector_bytes))
			return -EIO;
	}
	return 0;
}

int xts_decrypt(struct xts *x, uint64_t offset_bytes, void *buf, uint64_t len_bytes)
{
	uint8_t *p = buf;
	uint8_t tweak[TWEAK_BYTES] = {0};

	for (uint64_t at = 0; at < len_bytes; at += x->sector_bytes) {
		if (is_zero(p + at, x->sector_bytes))
			continue;
		tweak_set(tweak, offset_bytes + at);
		if (EVP_DecryptInit_ex2(x->decrypt, NULL, NULL, tweak, NULL) != 1 ||
		    EVP_Cipher(x->decrypt, p + at, p + at, x->sector_bytes) != (int)x->sector_bytes)
			return -EIO;
	}
	return 0;
}
