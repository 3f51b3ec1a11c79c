/* SPDX-License-Identifier: MIT */
#include "xts.h"

#include <endian.h>
#include <errno.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "secret.h"

#define TWEAK_UNIT_SHIFT 9u
#define TWEAK_BYTES      16u

/*
 * One direction. Key and cipher stay in the context; per sector only the tweak is set, which is
 * what makes it fast. EVP_Cipher() is the whole data unit in one call, without what EVP_*Update()
 * does for streams.
 *
 * EVP_CipherInit_ex2() with nothing but a tweak asks the provider for parameters by their names,
 * 100 to 150 ns for each sector. The provider keeps the tweak in a place that it tells, so we write
 * it there; that this is where it is read is tried with each new context, and without it the slow
 * way is gone.
 */
struct direction {
	EVP_CIPHER_CTX *ctx;
	uint8_t *tweak; /* the context's own; NULL: the slow way */
};

struct xts {
	struct direction encrypt, decrypt;
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

static int one(struct direction *d, const uint8_t tweak[TWEAK_BYTES], uint8_t *to,
	       const uint8_t *from, uint32_t len_bytes)
{
	if (d->tweak)
		memcpy(d->tweak, tweak, TWEAK_BYTES);
	else if (EVP_CipherInit_ex2(d->ctx, NULL, NULL, tweak, -1, NULL) != 1)
		return -EIO;
	return EVP_Cipher(d->ctx, to, from, len_bytes) == (int)len_bytes ? 0 : -EIO;
}

static uint8_t *place_of_tweak(EVP_CIPHER_CTX *ctx)
{
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
	return EVP_CIPHER_CTX_iv_noconst(ctx);
#pragma GCC diagnostic pop
}

/* Both ways, with two tweaks, so that neither is what the other has left. */
static bool is_the_same_there(struct direction *d, uint8_t *place)
{
	static const uint8_t tweaks[2][TWEAK_BYTES] = {{1, 2, 3}, {0xff, 0, 7}};
	static const uint8_t from[32] = {5};
	uint8_t slow[2][32], fast[2][32];

	for (uint32_t i = 0; i < 2; i++) {
		d->tweak = NULL;
		if (one(d, tweaks[i], slow[i], from, sizeof(from)) < 0)
			return false;
	}
	d->tweak = place;
	for (uint32_t i = 0; i < 2; i++)
		if (one(d, tweaks[i], fast[i], from, sizeof(from)) < 0)
			return false;
	return memcmp(slow, fast, sizeof(slow)) == 0 && memcmp(fast[0], fast[1], 32) != 0;
}

static int direction_new(struct direction *d, const uint8_t *key, int is_encryption)
{
	static const uint8_t none[TWEAK_BYTES];
	uint8_t *place;

	d->ctx = EVP_CIPHER_CTX_new();
	if (!d->ctx || EVP_CipherInit_ex2(d->ctx, cipher, key, none, is_encryption, NULL) != 1)
		return -ENOMEM;
	place = place_of_tweak(d->ctx);
	if (!place || !is_the_same_there(d, place))
		d->tweak = NULL;
	return 0;
}

int xts_new(const uint8_t key[XTS_KEY_BYTES], uint32_t sector_bytes, struct xts **out)
{
	struct xts *x;
	int rc;

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
	rc = direction_new(&x->encrypt, key, 1);
	if (rc == 0)
		rc = direction_new(&x->decrypt, key, 0);
	secret_end();
	if (rc < 0) {
		xts_free(x);
		return rc;
	}
	*out = x;
	return 0;
}

void xts_free(struct xts *x)
{
	if (!x)
		return;
	EVP_CIPHER_CTX_free(x->encrypt.ctx);
	EVP_CIPHER_CTX_free(x->decrypt.ctx);
	free(x);
}

uint32_t xts_sector_bytes(const struct xts *x)
{
	return x->sector_bytes;
}

static void tweak_set(uint8_t tweak[TWEAK_BYTES], uint64_t offset_bytes)
{
	uint64_t number = htole64(offset_bytes >> TWEAK_UNIT_SHIFT);

	memcpy(tweak, &number, sizeof(number));
}

int xts_encrypt(struct xts *x, uint64_t offset_bytes, const void *from, void *to,
		uint64_t len_bytes)
{
	const uint8_t *in = from;
	uint8_t *out = to;
	uint8_t tweak[TWEAK_BYTES] = {0};

	for (uint64_t at = 0; at < len_bytes; at += x->sector_bytes) {
		tweak_set(tweak, offset_bytes + at);
		if (one(&x->encrypt, tweak, out + at, in + at, x->sector_bytes) < 0 ||
		    xts_is_hole(out + at, x->sector_bytes))
			return -EIO;
	}
	return 0;
}

int xts_decrypt(struct xts *x, uint64_t offset_bytes, void *buf, uint64_t len_bytes)
{
	uint8_t *p = buf;
	uint8_t tweak[TWEAK_BYTES] = {0};

	for (uint64_t at = 0; at < len_bytes; at += x->sector_bytes) {
		if (xts_is_hole(p + at, x->sector_bytes))
			continue;
		tweak_set(tweak, offset_bytes + at);
		if (one(&x->decrypt, tweak, p + at, p + at, x->sector_bytes) < 0)
			return -EIO;
	}
	return 0;
}

int xts_unit_encrypt(struct xts *x, const uint8_t tweak[XTS_TWEAK_BYTES], const void *from,
		     void *to, uint32_t len_bytes)
{
	return one(&x->encrypt, tweak, to, from, len_bytes);
}

int xts_unit_decrypt(struct xts *x, const uint8_t tweak[XTS_TWEAK_BYTES], void *buf,
		     uint32_t len_bytes)
{
	return one(&x->decrypt, tweak, buf, buf, len_bytes);
}
