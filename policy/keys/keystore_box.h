/* SPDX-License-Identifier: MIT */
/*
 * keystore_box.h - bytes sealed by a passphrase or a key: keystore files and bundles.
 *
 *    0  magic, 8: "SLCSTORE" or "SLCBUNDL"
 *    8  format version, 2: 1     10  KDF, 2: 1 scrypt, 2 HKDF-SHA-256
 *   12  scrypt's log2 N, r, p, 4 each; 0 for HKDF
 *   24  salt, 32                 56  nonce, 12          68  length of what is sealed, 4
 *   72  AES-256-GCM of it, then the tag, 16; the 72 bytes before are bound as further data
 *
 * Numbers are in network order. The derived key is kept while the keystore is open, so a change
 * needs no passphrase; each writing has a nonce of its own, each new passphrase a salt of its own.
 *
 * Thread: any. scrypt takes half a second and 128 MiB.
 */
#ifndef POLICY_KEYS_KEYSTORE_BOX_H
#define POLICY_KEYS_KEYSTORE_BOX_H

#include <stddef.h>
#include <stdint.h>

#include "err.h"

#define BOX_HEAD_BYTES 72u
#define BOX_TAG_BYTES  16u
#define BOX_LOG_N      17u
#define BOX_SECRET_MIN 32u /* bytes of a key that opens without scrypt */

enum box_kind { BOX_STORE, BOX_BUNDLE };
enum box_kdf { BOX_SCRYPT = 1, BOX_HKDF = 2 };

/* What opens a box: how it was derived, and the key, in locked memory. */
struct box_lock {
	enum box_kdf kdf;
	uint32_t log_n, r, p;
	uint8_t salt[32];
	uint8_t *key; /* NULL: none */
};

/* A new one: its own salt. log_n 0: BOX_LOG_N; other numbers are for tests. */
int must_check box_lock_make(struct box_lock *l, enum box_kdf kdf, const void *secret,
			     size_t secret_len, uint32_t log_n, struct err *err);
/* The one that opens this box. Errors: -EUCLEAN no box of this kind, or damaged; -EPROTO of a newer
 * version. */
int must_check box_lock_read(struct box_lock *l, enum box_kind kind, const uint8_t *box, size_t len,
			     const void *secret, size_t secret_len, struct err *err);
void box_lock_fini(struct box_lock *l); /* wipes */
/* The KDF that a box wants. Errors as box_lock_read(). */
int must_check box_kdf_of(enum box_kind kind, const uint8_t *box, size_t len, enum box_kdf *out,
			  struct err *err);

/* box has room for BOX_HEAD_BYTES + len + BOX_TAG_BYTES. */
int must_check box_seal(const struct box_lock *l, enum box_kind kind, const uint8_t *clear,
			size_t len, uint8_t *box, struct err *err);
/* clear has room for the box's length less head and tag, which is what it returns.
 * -EKEYREJECTED: another secret, or damaged. */
long box_open(const struct box_lock *l, const uint8_t *box, size_t len, uint8_t *clear,
	      struct err *err);

#endif
