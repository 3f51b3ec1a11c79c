/* SPDX-License-Identifier: MIT */
/* identity.c - see identity.h. */
#include "identity.h"

#include <string.h>

#include "bytes.h"
#include "scsi.h"

#define COMPANY_ID   0x02534cu /* locally assigned: the U/L bit is set */
#define VENDOR_CHARS 8u
#define DIGEST_CHARS 12u

/* NAA 6: 4 bits of type, 24 of company, 100 of ours. The UUID's lower 100 bits, and its upper 28
 * mixed in. */
void identity_naa(const uint8_t uuid[16], uint8_t naa[16])
{
	uint64_t upper = get_be64(uuid), lower = get_be64(uuid + 8);
	uint64_t ours = upper & 0xfffffffffull; /* 36 bits */

	lower ^= upper >> 36;
	put_be64(naa, 6ull << 60 | (uint64_t)COMPANY_ID << 36 | ours);
	put_be64(naa + 8, lower);
}

void scsi_naa_from_uuid(const uint8_t uuid[16], uint8_t naa[16])
{
	identity_naa(uuid, naa);
}

void identity_serial(const uint8_t uuid[16], char serial[IDENTITY_SERIAL_CHARS + 1])
{
	static const char digits[] = "0123456789abcdef";

	for (uint32_t i = 0; i < 16; i++) {
		serial[2 * i] = digits[uuid[i] >> 4];
		serial[2 * i + 1] = digits[uuid[i] & 15];
	}
	serial[IDENTITY_SERIAL_CHARS] = 0;
}

/* 60 bits of FNV-1a over the UUID, mixed so that each of them depends on each byte; 5 bits a
 * character. */
void identity_t10(const uint8_t uuid[16], char id[IDENTITY_T10_CHARS + 1])
{
	static const char digits[] = "abcdefghijklmnopqrstuvwxyz234567";
	uint64_t digest = 0xcbf29ce484222325ull;

	for (uint32_t i = 0; i < 16; i++)
		digest = (digest ^ uuid[i]) * 0x100000001b3ull;
	digest ^= digest >> 33;
	digest *= 0xff51afd7ed558ccdull;
	digest ^= digest >> 33;
	memset(id, ' ', VENDOR_CHARS);
	memcpy(id, SCSI_VENDOR, strlen(SCSI_VENDOR));
	for (uint32_t i = 0; i < DIGEST_CHARS; i++)
		id[VENDOR_CHARS + i] = digits[digest >> (5 * i) & 31];
	id[IDENTITY_T10_CHARS] = 0;
}
