/* SPDX-License-Identifier: MIT */
/*
 * seal.c - secrets at rest: AES-256-GCM under a key in a file of its own, so that a copy of the
 * database alone (a backup, a support bundle) gives no CHAP secret away.
 *
 *   box = base64( version 1 | nonce, 12 | ciphertext | tag, 16 )     name is bound as further data
 *
 * A nonce is random; with one key that is safe for 2^32 boxes, and each change of a secret makes
 * one. The key is locked in memory, left out of core dumps, and zeroised at the end.
 *
 * Thread: any; a sealer is constant once it is open.
 */
#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "durable.h"
#include "log.h"
#include "reconciler.h"

#define KEY_BYTES   32u
#define NONCE_BYTES 12u
#define TAG_BYTES   16u
#define BOX_VERSION 1u
#define HEAD_BYTES  (1u + NONCE_BYTES)
#define CLEAR_MAX   (16u << 20) /* an answer that is kept may list a whole configuration */

struct sealer {
	uint8_t key[KEY_BYTES];
};

/* A page of its own, so that locking and advice concern the key alone. */
static struct sealer *make(struct err *err)
{
	struct sealer *s =
	    mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (s == MAP_FAILED) {
		err_set(err, ENOMEM, "", "no memory for the sealing key");
		return NULL;
	}
	if (mlock(s, sizeof(*s)) < 0)
		log_warn("the sealing key cannot be locked in memory (%s); it may be swapped out",
			 strerror(errno));
	if (madvise(s, sizeof(*s), MADV_DONTDUMP) < 0)
		log_warn("the sealing key cannot be left out of core dumps: %s", strerror(errno));
	return s;
}

void sealer_free(struct sealer *s)
{
	if (!s)
		return;
	OPENSSL_cleanse(s, sizeof(*s));
	munmap(s, sizeof(*s));
}

static int random_bytes(void *p, size_t len, struct err *err)
{
	if (getrandom(p, len, 0) != (ssize_t)len)
		return err_set(err, EIO, "", "the kernel gives no random bytes");
	return 0;
}

static int read_key(const char *path, struct sealer *s, struct err *err)
{
	char *data = NULL;
	size_t len = 0;
	struct stat st;
	int rc;

	if (stat(path, &st) < 0)
		return err_set(err, errno, "", "%s: %s", path, strerror(errno));
	if (st.st_mode & 077)
		return err_set(err, EPERM, "",
			       "%s may be read by others (mode %03o); make it 0600 and change the "
			       "secrets that it protects",
			       path, (unsigned)(st.st_mode & 0777));
	rc = durable_read(path, KEY_BYTES, &data, &len, err);
	if (rc == 0 && len == KEY_BYTES)
		memcpy(s->key, data, KEY_BYTES);
	else if (rc == 0 || rc == -EFBIG)
		rc = err_set(
		    err, EUCLEAN, "",
		    "%s is not a key of %u bytes; put its backup there, or remove it and set "
		    "all CHAP secrets anew",
		    path, KEY_BYTES);
	if (data)
		OPENSSL_cleanse(data, len);
	free(data);
	return rc;
}

int sealer_open(const char *path, bool may_make, struct sealer **out, struct err *err)
{
	struct sealer *s = make(err);
	int rc;

	if (!s)
		return -ENOMEM;
	rc = read_key(path, s, err);
	if (rc == -ENOENT && may_make) {
		rc = random_bytes(s->key, KEY_BYTES, err);
		if (rc == 0)
			rc = durable_write(path, s->key, KEY_BYTES, err);
	}
	if (rc < 0) {
		sealer_free(s);
		return rc;
	}
	*out = s;
	return 0;
}

/* ---------------------------------------------------------------- base64 */

static char *encode(const uint8_t *p, size_t len)
{
	char *text = malloc((len + 2) / 3 * 4 + 1);

	if (text)
		EVP_EncodeBlock((unsigned char *)text, p, (int)len);
	return text;
}

/* Bytes in *out, or -EKEYREJECTED. */
static int decode(const char *text, uint8_t **out, struct err *err)
{
	size_t len = strlen(text);
	uint8_t *p;
	int n;

	if (!len || len % 4 || len > (CLEAR_MAX + 64) * 2)
		return err_set(err, EKEYREJECTED, "", "this is no sealed secret");
	p = malloc(len / 4 * 3 + 1);
	if (!p)
		return err_set(err, ENOMEM, "", "no memory for a secret");
	n = EVP_DecodeBlock(p, (const unsigned char *)text, (int)len);
	if (n < 0) {
		free(p);
		return err_set(err, EKEYREJECTED, "", "this is no sealed secret");
	}
	if (text[len - 1] == '=')
		n--;
	if (text[len - 2] == '=')
		n--;
	*out = p;
	return n;
}

/* ---------------------------------------------------------------- boxes */

/* box: HEAD_BYTES with version and nonce in place, then room for clear and tag. */
static int encrypt(const struct sealer *s, const char *name, const char *clear, size_t len,
		   uint8_t *box)
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	uint8_t *text = box + HEAD_BYTES;
	int n = 0;
	bool is_ok =
	    c && EVP_EncryptInit_ex(c, EVP_aes_256_gcm(), NULL, s->key, box + 1) == 1 &&
	    EVP_EncryptUpdate(c, NULL, &n, box, 1) == 1 &&
	    EVP_EncryptUpdate(c, NULL, &n, (const uint8_t *)name, (int)strlen(name)) == 1 &&
	    EVP_EncryptUpdate(c, text, &n, (const uint8_t *)clear, (int)len) == 1 &&
	    EVP_EncryptFinal_ex(c, text + n, &n) == 1 &&
	    EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_GET_TAG, TAG_BYTES, text + len) == 1;

	EVP_CIPHER_CTX_free(c);
	return is_ok ? 0 : -EIO;
}

static int decrypt(const struct sealer *s, const char *name, uint8_t *box, size_t len, char *clear)
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	int n = 0;
	bool is_ok =
	    c && EVP_DecryptInit_ex(c, EVP_aes_256_gcm(), NULL, s->key, box + 1) == 1 &&
	    EVP_DecryptUpdate(c, NULL, &n, box, 1) == 1 &&
	    EVP_DecryptUpdate(c, NULL, &n, (const uint8_t *)name, (int)strlen(name)) == 1 &&
	    EVP_DecryptUpdate(c, (uint8_t *)clear, &n, box + HEAD_BYTES, (int)len) == 1 &&
	    EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_SET_TAG, TAG_BYTES, box + HEAD_BYTES + len) == 1 &&
	    EVP_DecryptFinal_ex(c, (uint8_t *)clear + n, &n) == 1;

	EVP_CIPHER_CTX_free(c);
	return is_ok ? 0 : -EKEYREJECTED;
}

char *sealer_seal(const struct sealer *s, const char *name, const char *clear, struct err *err)
{
	size_t len = strlen(clear), box_len = HEAD_BYTES + len + TAG_BYTES;
	cleanup_free uint8_t *box = NULL;
	char *text;

	if (len > CLEAR_MAX) {
		err_set(err, ERANGE, "", "what is sealed has at most %u bytes", CLEAR_MAX);
		return NULL;
	}
	box = malloc(box_len);
	if (!box || random_bytes(box + 1, NONCE_BYTES, err) < 0) {
		err_set(err, ENOMEM, "", "a secret cannot be sealed: no memory or no randomness");
		return NULL;
	}
	box[0] = BOX_VERSION;
	if (encrypt(s, name, clear, len, box) < 0) {
		err_set(err, EIO, "", "a secret cannot be sealed: the cipher fails");
		return NULL;
	}
	text = encode(box, box_len);
	if (!text)
		err_set(err, ENOMEM, "", "no memory for a secret");
	return text;
}

char *sealer_open_box(const struct sealer *s, const char *name, const char *box, struct err *err)
{
	cleanup_free uint8_t *bytes = NULL;
	int n = decode(box, &bytes, err);
	size_t len = n > 0 ? (size_t)n : 0;
	char *clear;

	if (n < 0)
		return NULL;
	if (len < HEAD_BYTES + TAG_BYTES || bytes[0] != BOX_VERSION) {
		err_set(err, EKEYREJECTED, "", "%s: this is no sealed secret", name);
		return NULL;
	}
	len -= HEAD_BYTES + TAG_BYTES;
	clear = malloc(len + 1);
	if (!clear) {
		err_set(err, ENOMEM, "", "no memory for a secret");
		return NULL;
	}
	if (decrypt(s, name, bytes, len, clear) < 0) {
		OPENSSL_cleanse(clear, len);
		free(clear);
		err_set(err, EKEYREJECTED, "",
			"the secret %s was sealed with another key, or for another place; set it "
			"anew, or put the key of its time back",
			name);
		return NULL;
	}
	clear[len] = 0;
	return clear;
}

/* The key of the prints is made of the other one: no key serves two ciphers. */
int sealer_print(const struct sealer *s, const void *data, size_t len, char hex[65],
		 struct err *err)
{
	static const unsigned char use[] = "print";
	uint8_t key[32], print[32];
	bool is_ok = HMAC(EVP_sha256(), s->key, KEY_BYTES, use, sizeof(use), key, NULL) &&
		     HMAC(EVP_sha256(), key, sizeof(key), data, len, print, NULL);

	OPENSSL_cleanse(key, sizeof(key));
	if (!is_ok)
		return err_set(err, EIO, "", "HMAC-SHA-256 does not work");
	for (size_t i = 0; i < sizeof(print); i++)
		snprintf(hex + 2 * i, 3, "%02x", print[i]);
	return 0;
}
