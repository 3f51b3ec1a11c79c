/* SPDX-License-Identifier: MIT */
#include "pair.h"

#include <ctype.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <string.h>
#include <sys/random.h>

/* Without I, L, O and U, which are read as 1, 1, 0 and V (Crockford). */
static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

static void group(const char chars[PAIR_CODE_CHARS], char code[PAIR_CODE_BYTES])
{
	size_t at = 0;

	for (unsigned i = 0; i < PAIR_CODE_CHARS; i++) {
		if (i && i % 5 == 0)
			code[at++] = '-';
		code[at++] = chars[i];
	}
	code[at] = '\0';
}

int pair_code_make(char code[PAIR_CODE_BYTES], struct err *err)
{
	char chars[PAIR_CODE_CHARS];
	uint8_t random[PAIR_CODE_CHARS];

	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return err_set(err, EIO, "", "no random numbers for a code");
	for (unsigned i = 0; i < PAIR_CODE_CHARS; i++)
		chars[i] = alphabet[random[i] & 31];
	group(chars, code);
	return 0;
}

static char readable(char c)
{
	c = (char)toupper((unsigned char)c);
	return c == 'O' ? '0' : c == 'I' || c == 'L' ? '1' : c;
}

int pair_code_normalise(const char *text, char code[PAIR_CODE_BYTES], struct err *err)
{
	char chars[PAIR_CODE_CHARS];
	unsigned n = 0;

	for (; *text; text++) {
		char c = readable(*text);

		if (c == '-' || c == ' ')
			continue;
		if (!strchr(alphabet, c) || n == PAIR_CODE_CHARS)
			return err_set(
			    err, EINVAL, "code",
			    "that is no pairing code; it has %u letters and digits, such as "
			    "7K3PQ-0ABCD-EFGH1-23456",
			    PAIR_CODE_CHARS);
		chars[n++] = c;
	}
	if (n < PAIR_CODE_CHARS)
		return err_set(err, EINVAL, "code",
			       "the pairing code has %u letters and digits, not %u",
			       PAIR_CODE_CHARS, n);
	group(chars, code);
	return 0;
}

int pair_key_derive(const char code[PAIR_CODE_BYTES], struct pair_key *out)
{
	static const unsigned char info[] = "sluice pairing 1";
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_id(EVP_PKEY_HKDF, NULL);
	size_t len = sizeof(out->k);
	bool is_well =
	    ctx && EVP_PKEY_derive_init(ctx) == 1 &&
	    EVP_PKEY_CTX_set_hkdf_md(ctx, EVP_sha256()) == 1 &&
	    EVP_PKEY_CTX_set1_hkdf_key(ctx, (const unsigned char *)code, (int)strlen(code)) == 1 &&
	    EVP_PKEY_CTX_add1_hkdf_info(ctx, info, (int)sizeof(info) - 1) == 1 &&
	    EVP_PKEY_derive(ctx, out->k, &len) == 1;

	EVP_PKEY_CTX_free(ctx);
	return is_well ? 0 : -EIO;
}

int pair_session_export(SSL *ssl, struct pair_session *s)
{
	static const char label[] = "EXPORTER-sluice-pairing";

	return SSL_export_keying_material(ssl, s->exported, sizeof(s->exported), label,
					  sizeof(label) - 1, NULL, 0, 0) == 1
		   ? 0
		   : -EIO;
}

/* All of a message but its proof. */
static size_t add(uint8_t *to, const struct peer_pair *m)
{
	struct peer_pair copy = *m;

	memset(copy.proof, 0, sizeof(copy.proof));
	memcpy(to, &copy, sizeof(copy));
	return sizeof(copy);
}

int pair_prove(const struct pair_key *k, const struct pair_session *s,
	       const struct peer_pair *first, const struct peer_pair *second, uint8_t proof[32])
{
	static const char *const who[] = {"sluice joiner 1", "sluice offerer"};
	uint8_t said[16 + sizeof(*s) + 2 * sizeof(*first)] = {0};
	unsigned int len = 32;
	size_t at = 16;

	memcpy(said, who[second != NULL], strlen(who[second != NULL]));
	memcpy(said + at, s, sizeof(*s));
	at += sizeof(*s);
	at += add(said + at, first);
	if (second)
		at += add(said + at, second);
	return HMAC(EVP_sha256(), k->k, sizeof(k->k), said, at, proof, &len) ? 0 : -EIO;
}

bool pair_is_proved(const struct pair_key *k, const struct pair_session *s,
		    const struct peer_pair *first, const struct peer_pair *second)
{
	const struct peer_pair *last = second ? second : first;
	uint8_t proof[32];

	return pair_prove(k, s, first, second, proof) == 0 &&
	       CRYPTO_memcmp(proof, last->proof, sizeof(proof)) == 0;
}
