/* SPDX-License-Identifier: MIT */
/*
 * keyring.h - the secrets of all volumes, in one mapping that parent and child share.
 *
 * The parent makes it before it forks, so the next child finds in it what the last one had put
 * there, and serves encrypted volumes at once without asking anybody. The pages are locked (never
 * on swap) and left out of core files; nothing else in filterd's memory outlives a child.
 *
 *     slot: owner (volume, name) | current: 0, 1 or 2 | value 1 | value 2
 *
 * A put writes the value that is not current and then makes it current with one store, so a child
 * that is killed at any instruction leaves the old value or the new one, whole. What it did not
 * come to wipe is wiped by the next child's keyring_recover().
 *
 * From keyring_create() on, this process and its children leave no core files, one that is forced
 * out of them holds no page, and only root looks into them: keys in use, and data in clear, lie in
 * the child's own memory, too.
 *
 * Order: keyring_create() in the parent; keyring_recover() in each child before it has threads;
 * then the rest. Thread: any of the child; a lock of the child's own memory orders them, which
 * cannot be left behind locked by a child that dies.
 */
#ifndef FILTERD_KEYRING_H
#define FILTERD_KEYRING_H

#include <stddef.h>
#include <stdint.h>

#include "err.h"

#define KEYRING_SLOTS        2048u
#define KEYRING_SECRET_BYTES 256u
#define KEYRING_NAME_BYTES   112u /* "filter.name" with its zero */

struct keyring;

/*
 * Memory that may not be locked makes no error here, since filterd serves volumes without secrets
 * too: then keyring_put() refuses, and the reason is logged with the limit.
 */
int must_check keyring_create(struct keyring **out, struct err *err);
void keyring_free(struct keyring *k);
void keyring_recover(struct keyring *k);

/*
 * name: at most KEYRING_NAME_BYTES - 1 characters. The value of that name is replaced.
 * Errors: -EINVAL size; -ENOSPC the table is full; -EPERM the memory could not be locked
 */
int keyring_put(struct keyring *k, const uint8_t volume[16], const char *name, const void *secret,
		size_t size_bytes);
/* Errors: -ENOKEY; -ENOSPC room_bytes is too little */
int keyring_get(struct keyring *k, const uint8_t volume[16], const char *name, void *secret,
		size_t room_bytes, size_t *size_bytes);
void keyring_forget(struct keyring *k, const uint8_t volume[16], const char *name);
/* All of one volume: it is deleted. */
void keyring_forget_volume(struct keyring *k, const uint8_t volume[16]);
uint32_t keyring_count(struct keyring *k);

#endif
