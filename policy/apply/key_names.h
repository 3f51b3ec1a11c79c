/* SPDX-License-Identifier: MIT */
/*
 * key_names.h - keys by their names in the database, and on their way: which version of which
 * provider is meant, and how a key comes out of a provider into a pipe. Used by those who bring
 * volumes their keys by themselves (keys_feed.h) and because somebody asked
 * (transfer_encryption.c).
 *
 * Thread: any, each with a store of its own.
 */
#ifndef POLICY_KEY_NAMES_H
#define POLICY_KEY_NAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "err.h"
#include "store.h"

#define KEY_NAME_BYTES 81u
#define KEY_ID_BYTES   160u

/* "name" or "name:version" as a header and a rule have it; version 0: not named. */
bool key_names_split(const char *key_id, char name[KEY_NAME_BYTES], int64_t *version);
/* The provider's names of this version; *version 0 becomes the newest. -ENOKEY, -ENOENT. */
int must_check key_names_find(struct store *s, const char *key, int64_t *version,
			      char provider[KEY_NAME_BYTES], char id[KEY_ID_BYTES],
			      struct err *err);
/* Notes that the volume needs it, before there is a header, so that nobody deletes the key in
 * between. A transaction of its own. -EBUSY: the key is not active. */
int must_check key_names_claim(struct store *s, int64_t volume_id, const char *key, int64_t version,
			       struct err *err);

/* Both keys one behind the other in one pipe, and in no buffer of ours. The reading end, or -errno.
 */
int must_check key_names_join(int first, int second, struct err *err);

#endif
