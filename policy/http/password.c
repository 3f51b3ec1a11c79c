/* SPDX-License-Identifier: MIT */
#include "password.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>

#define SALT_BYTES 16u
#define HASH_BYTES 32u
#define BLOCK      8u /* r */

static int scrypt(const char *password, const uint8_t *salt, uint32_t log_n,
		  uint8_t out[HASH_BYTES])
{
	uint64_t n = 1ull << log_n;
	/* the table of N blocks of 128 r bytes, and some */
	uint64_t most_bytes = 128ull * BLOCK * n + (1u << 20);

	if (EVP_PBE_scrypt(password, strlen(password), salt, SALT_BYTES, n, BLOCK, 1, most_bytes,
			   out, HASH_BYTES) != 1)
		return -ENOMEM;
	return 0;
}

static void format(uint32_t log_n, const uint8_t *salt, const uint8_t *hash,
		   char out[PASSWORD_HASH_MAX])
{
	unsigned char salt64[28], hash64[48];

	EVP_EncodeBlock(salt64, salt, SALT_BYTES);
	EVP_EncodeBlock(hash64, hash, HASH_BYTES);
	snprintf(out, PASSWORD_HASH_MAX, "scrypt$%u$%u$1$%s$%s", log_n, BLOCK, (char *)salt64,
		 (char *)hash64);
}

int password_hash(const char *password, uint32_t log_n, char out[PASSWORD_HASH_MAX])
{
	uint8_t salt[SALT_BYTES], hash[HASH_BYTES];

	if (RAND_bytes(salt, sizeof(salt)) != 1)
		return -EIO;
	if (scrypt(password, salt, log_n, hash) < 0)
		return -ENOMEM;
	format(log_n, salt, hash, out);
	OPENSSL_cleanse(hash, sizeof(hash));
	return 0;
}

bool password_verify(const char *password, const char *hash)
{
	unsigned char salt[48], wanted[64];
	char salt64[32], hash64[64];
	uint8_t found[HASH_BYTES];
	unsigned log_n;
	bool is_same;

	if (sscanf(hash, "scrypt$%u$8$1$%31[^$]$%63s", &log_n, salt64, hash64) != 3 || log_n < 4 ||
	    log_n > 20 || strlen(salt64) != 24 || strlen(hash64) != 44)
		return false;
	if (EVP_DecodeBlock(salt, (unsigned char *)salt64, 24) < 0 ||
	    EVP_DecodeBlock(wanted, (unsigned char *)hash64, 44) < 0)
		return false;
	if (scrypt(password, salt, log_n, found) < 0)
		return false;
	is_same = CRYPTO_memcmp(found, wanted, HASH_BYTES) == 0;
	OPENSSL_cleanse(found, sizeof(found));
	return is_same;
}

void password_nobody(uint32_t log_n, char out[PASSWORD_HASH_MAX])
{
	uint8_t salt[SALT_BYTES] = {0}, hash[HASH_BYTES];

	/* random, not the hash of anything */
	if (RAND_bytes(hash, sizeof(hash)) != 1)
		memset(hash, 0xff, sizeof(hash));
	format(log_n, salt, hash, out);
}
