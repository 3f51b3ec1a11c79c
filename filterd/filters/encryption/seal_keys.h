/* SPDX-License-Identifier: MIT */
/*
 * seal_keys.h - the keys behind a sluice_seal, and their wrapped form. Pure: knows nothing of
 * volumes, so wrapping, damage and foreign keys are tested alone.
 *
 *     volume's key (DEK) --HKDF-SHA256, label--> wrapping key --AES-256-GCM, random nonce--> wrap
 *
 * So what is wrapped says nothing about the DEK, and is authenticated: another key's, or a changed
 * one, is refused rather than opened to noise. The sealing keys themselves are random and stay the
 * same while the volume's key changes; only the wrap is made anew.
 *
 * Thread: any, one at a time. Memory for keys is secret.h's.
 */
#ifndef ENCRYPTION_SEAL_KEYS_H
#define ENCRYPTION_SEAL_KEYS_H

#include <stddef.h>
#include <stdint.h>

#include "luks.h"
#include "sluice/seal.h"
#include "xts.h"

#define SEAL_DEKS_MAX 2u /* a deep rekey has two */

/* Secret memory. */
struct seal_keys {
	uint8_t keys[SLUICE_SEAL_KEYS][XTS_KEY_BYTES];
};

struct seal_deks {
	uint32_t count;
	uint8_t deks[SEAL_DEKS_MAX][LUKS_DEK_BYTES];
};

/* Random ones. 0 or -EIO. */
int seal_keys_make(struct seal_keys *k);
/* By each of deks, at least one. wrapped: SLUICE_SEAL_WRAP_BYTES. 0 or -EIO. */
int seal_keys_wrap(const struct seal_keys *k, const struct seal_deks *deks, void *wrapped,
		   size_t *size_bytes);
/* Errors: -EINVAL no wrapped keys; -EKEYREJECTED none of deks opens them, or they were changed */
int seal_keys_unwrap(const void *wrapped, size_t size_bytes, const struct seal_deks *deks,
		     struct seal_keys *k);

#endif
