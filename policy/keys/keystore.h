/* SPDX-License-Identifier: MIT */
/*
 * keystore.h - the native provider's file: KEKs, sealed as a whole (keystore_box.h), and bundles of
 * them for another appliance.
 *
 *   sealed: count, 4, zeros, 4; then for each key, 168 bytes:
 *    0  id, 16 (UUID)    16  state, 4          20  zeros, 4
 *   24  created_ms, 8    32  changed_ms, 8     40  name, 96, zeros behind    136  key, 32
 *
 * Each change writes the whole file anew, durably, and keeps the one before as <path>.bak. A
 * destroyed key stays as a row without a key, so that an old bundle does not bring it back.
 *
 * Thread: one at a time.
 */
#ifndef POLICY_KEYS_KEYSTORE_H
#define POLICY_KEYS_KEYSTORE_H

#include <stdbool.h>

#include "err.h"
#include "key_state.h"
#include "keystore_box.h"
#include "secret.h"

#define KEYSTORE_KEYS_MAX   4096u
#define KEYSTORE_ID_BYTES   37u
#define KEYSTORE_NAME_BYTES 96u

struct keystore;

/* What opens it. */
struct keystore_secret {
	enum box_kdf kdf; /* of a new one: BOX_SCRYPT for a passphrase, BOX_HKDF for a key */
	const void *data;
	size_t len;
	uint32_t log_n; /* 0: the usual; for tests */
};

/* Makes the file. -EEXIST: there is one; it is not touched. */
int must_check keystore_make(const char *path, const struct keystore_secret *s,
			     struct keystore **out, struct err *err);
/* Errors: -ENOENT no file; -EKEYREJECTED another secret; -EUCLEAN damaged: the sentence says what
 * to do. */
int must_check keystore_open(const char *path, const struct keystore_secret *s,
			     struct keystore **out, struct err *err);
void keystore_close(struct keystore *k); /* wipes; NULL is fine */
/* Another secret from now on. The copy before stays with the old one. */
int must_check keystore_reseal(struct keystore *k, const struct keystore_secret *s,
			       struct err *err);
uint32_t keystore_count(const struct keystore *k); /* that are not destroyed */

/* A new key of this name, or the one that has it: done twice it is one key. */
int must_check keystore_add(struct keystore *k, const char *name, char id[KEYSTORE_ID_BYTES],
			    struct err *err);
/* Retired ones, too. */
enum key_state keystore_get(const struct keystore *k, const char *id, uint8_t key[SECRET_KEY_BYTES],
			    struct err *err);
/* Only old data need it any more. -ENOKEY. */
int must_check keystore_retire(struct keystore *k, const char *id, struct err *err);
/* Gone is gone, also from the copy before. One that is not there is fine. */
int must_check keystore_destroy(struct keystore *k, const char *id, struct err *err);

/* ---------------------------------------------------------------- keystore_bundle.c */

/* All keys in a new file at path, under a passphrase of its own. -EEXIST. */
int must_check keystore_export(struct keystore *k, const char *path,
			       const struct keystore_secret *s, struct err *err);
/* Adds what is not there; returns how many keys, or -errno and nothing was changed. */
int keystore_import(struct keystore *k, const char *path, const struct keystore_secret *s,
		    struct err *err);

#endif
