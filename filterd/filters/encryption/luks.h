/* SPDX-License-Identifier: MIT */
/*
 * luks.h - the LUKS2 header beside a volume, through libcryptsetup, so that the stock tools read
 * what we write.
 *
 *     header    detached: two copies of the metadata, key slots, a token with the KEK's id;
 *               its UUID is the volume's, its data begins at 0 of the image
 *     backup    the same bytes again, since there is only one copy of the key slots in a header
 *
 * The key that encrypts the data (DEK) is never stored but in the slots, wrapped by the KEK. The
 * KEK is random, not a password, so the slots' PBKDF2 has the least cost that the format allows.
 *
 * A header is made beside its place and renamed, and a rekey adds the new slot, proves that it
 * opens and only then destroys the old one: a kill at any moment leaves a header that the old or
 * the new KEK opens, and the same call again ends the work.
 *
 * Thread: helpers (everything here blocks). One at a time in a process: libcryptsetup's set-up is
 * not made for more.
 * Errors: -ENOENT no header; -EBADMSG it is no LUKS2 header, or damaged; -EKEYREJECTED the KEK
 * opens no slot; -EXDEV it belongs to another volume; -ENOTSUP another cipher; else -errno. text
 * gets a sentence.
 */
#ifndef ENCRYPTION_LUKS_H
#define ENCRYPTION_LUKS_H

#include <stddef.h>
#include <stdint.h>

#define LUKS_PATH_BYTES    4096u
#define LUKS_KEK_BYTES     32u
#define LUKS_DEK_BYTES     64u
#define LUKS_KEY_ID_BYTES  129u /* visible ASCII without " and \, and the zero */
#define LUKS_TEXT_BYTES    256u
#define LUKS_ORIGINS_BYTES 1024u
#define LUKS_DIGEST_BYTES  96u

struct luks {
	char header[LUKS_PATH_BYTES];
	char backup[LUKS_PATH_BYTES];
	char fresh[LUKS_PATH_BYTES]; /* a header that is not in its place yet */
	char
	    data[LUKS_PATH_BYTES]; /* stands for the image while a header is made, and is removed */
	uint8_t uuid[16];
	/* Volumes that this one is a clone of: the header may still be theirs. UUIDs as text. */
	char origins[LUKS_ORIGINS_BYTES];
	char text[LUKS_TEXT_BYTES]; /* of the last error */
};

struct luks_info {
	uint32_t sector_bytes;
	uint32_t slots; /* in use */
	char key_id[LUKS_KEY_ID_BYTES];
	char digest[LUKS_DIGEST_BYTES]; /* of the DEK, salted: tells one from another, no more */
};

/* What can be known without a key. A damaged header is put right from its backup: was_restored. */
int luks_look(struct luks *l, struct luks_info *out, int *was_restored);
/* A random DEK, wrapped by kek. Errors: -EEXIST there is a header already */
int luks_format(struct luks *l, const uint8_t kek[LUKS_KEK_BYTES], const char *key_id,
		uint32_t sector_bytes, uint8_t dek[LUKS_DEK_BYTES]);
/* The digest in the header proves that it is the right one. */
int luks_open(struct luks *l, const uint8_t kek[LUKS_KEK_BYTES], uint8_t dek[LUKS_DEK_BYTES]);
/* The DEK stays; only new_kek opens it afterwards. May be repeated. */
int luks_rekey(struct luks *l, const uint8_t old_kek[LUKS_KEK_BYTES],
	       const uint8_t new_kek[LUKS_KEK_BYTES], const char *key_id);
/*
 * The header as it stands at the beginning of an export, LUKS_ATTACHED_BYTES long with the zeros
 * behind it; dek proves that it is the right one. The caller frees *out. See luks_attach.c.
 */
#define LUKS_ATTACHED_BYTES (16u << 20) /* what cryptsetup itself leaves for a header */
int luks_attach(struct luks *l, const uint8_t dek[LUKS_DEK_BYTES], void **out);
/* Header and backup are overwritten and removed; it reads them again to be sure. */
int luks_erase(struct luks *l);

#endif
