/* SPDX-License-Identifier: MIT */
/*
 * xts.h - AES-256-XTS with the tweak "plain64" of dm-crypt, sector by sector. Pure: knows nothing
 * of volumes, so it is tested against published vectors and measured alone.
 *
 * The tweak is the sector's number in units of 512 bytes, little-endian, whatever sector_bytes is:
 * that is what dm-crypt does unless it is given iv_large_sectors, which LUKS2 never gives. So a
 * 4096-byte sector has the tweaks 0, 8, 16, ...
 *
 * A sector of nothing but zeros is a hole: what was never written or was unmapped. It is read as
 * zeros, not decrypted. No data is mistaken for one: ciphertext of all zeros is what one plaintext
 * in 2^4096 gives (in 2^32768 for 4096 bytes), which nobody who lacks the key can choose; and
 * xts_encrypt() would refuse it.
 *
 * Thread: one at a time; a context per key and direction lives in it.
 * Source: IEEE 1619-2007; Linux Documentation/admin-guide/device-mapper/dm-crypt.rst
 */
#ifndef ENCRYPTION_XTS_H
#define ENCRYPTION_XTS_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define XTS_KEY_BYTES 64u /* AES-256: data key, then tweak key */

struct xts;

/* Fetches the cipher, once in the life of the process. 0 or -EOPNOTSUPP. */
int xts_set_up(void);
/*
 * sector_bytes: 512 or 4096.
 * Errors: -EINVAL; -ENOMEM; -EKEYREJECTED the key's halves are equal, which XTS forbids
 */
int xts_new(const uint8_t key[XTS_KEY_BYTES], uint32_t sector_bytes, struct xts **out);
void xts_free(struct xts *x);
uint32_t xts_sector_bytes(const struct xts *x);

/*
 * offset_bytes and len_bytes are multiples of sector_bytes. from and to are the same or do not
 * overlap.
 * Errors: -EIO
 */
int xts_encrypt(struct xts *x, uint64_t offset_bytes, const void *from, void *to,
		uint64_t len_bytes);
/* In place; holes stay zeros. */
int xts_decrypt(struct xts *x, uint64_t offset_bytes, void *buf, uint64_t len_bytes);

/* Whether ciphertext is a hole: all zeros. len_bytes >= 8. */
static inline bool xts_is_hole(const uint8_t *p, uint64_t len_bytes)
{
	uint64_t first; /* data differs here nearly always, so a full look is rare */

	memcpy(&first, p, sizeof(first));
	return first == 0 && memcmp(p, p + sizeof(first), len_bytes - sizeof(first)) == 0;
}

/*
 * One data unit of 16 bytes or more with a tweak of the caller's: no sector, and no holes.
 * Errors: -EIO
 */
#define XTS_TWEAK_BYTES 16u
int xts_unit_encrypt(struct xts *x, const uint8_t tweak[XTS_TWEAK_BYTES], const void *from,
		     void *to, uint32_t len_bytes);
int xts_unit_decrypt(struct xts *x, const uint8_t tweak[XTS_TWEAK_BYTES], void *buf,
		     uint32_t len_bytes);

#endif
