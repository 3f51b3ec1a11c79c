/* SPDX-License-Identifier: MIT */
/*
 * secret.h - memory for key material: pages of its own, locked, in no core dump, wiped at the end.
 *
 * Thread: any.
 */
#ifndef POLICY_KEYS_SECRET_H
#define POLICY_KEYS_SECRET_H

#include <stddef.h>
#include <stdint.h>

#define SECRET_KEY_BYTES 32u /* a KEK: AES-256 */

/* Zeroed; whole pages, so it is for few and long-lived things. NULL: no memory. That it could not
 * be locked is logged once and no error. */
void *secret_alloc(size_t size_bytes);
/* Wipes; NULL is fine. size_bytes as allocated. */
void secret_free(void *p, size_t size_bytes);
void secret_wipe(void *p, size_t size_bytes);
/* 0 or -EIO. */
int secret_random(void *p, size_t size_bytes) __attribute__((warn_unused_result));

#endif
