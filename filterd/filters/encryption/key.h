/* SPDX-License-Identifier: MIT */
/*
 * key.h - whether the volume is locked, and what the host's keyring keeps.
 *
 * The keyring has the DEK with what is needed to serve without looking at the header; so the next
 * child serves at once. Everything that holds keys is secret memory (secret.h).
 *
 * Thread: owner worker.
 */
#ifndef ENCRYPTION_KEY_H
#define ENCRYPTION_KEY_H

#include "encryption.h"

/* In the keyring. */
struct kept {
	uint32_t version;
	uint32_t sector_bytes;
	uint8_t dek[LUKS_DEK_BYTES];
};

/* With the kept key, if there is one: UNLOCKED; else LOCKED. */
void key_begin(struct encryption *e, struct kept *room);
void key_end(struct encryption *e);
/* What the keyring keeps; false: nothing that fits. */
bool key_kept(struct encryption *e, struct kept *room);

/* The keyring's key and the one in use. 0 or -errno: as before. */
int key_replace(struct encryption *e, struct kept *kept);
void key_stamp(struct kept *kept); /* what every kept key has */
/* The volume is served as it is. */
void key_clear(struct encryption *e);
/* There is no header, and there never was. */
bool key_is_unformatted(struct encryption *e);
/* As far as this disk knows, the volume is not in clear. */
bool key_is_needed(struct encryption *e);
/* It had a header, which was destroyed: what lies on the datastore is noise. */
bool key_is_erased(const struct encryption *e);
bool key_fits(const struct encryption *e, uint32_t sector_bytes);
/* To the keyring first: what cannot be served again after a crash is not served. On an error it is
 * LOCKED, and text says why. */
int key_open(struct encryption *e, struct kept *kept, char text[LUKS_TEXT_BYTES]);
/* Anything but UNLOCKED. */
void key_close(struct encryption *e, enum state s, const char *text);
void key_forget(struct encryption *e);
/* So that a header that is lost is told from one that was never made. */
void key_note_formatted(struct encryption *e, bool is_formatted);
/* What a first look at the header has found: 0 with out filled, or luks.h's error with text. */
void key_looked(struct encryption *e, int result, const struct luks_info *out, bool was_restored,
		char text[LUKS_TEXT_BYTES]);

#endif
