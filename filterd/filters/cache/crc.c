/* SPDX-License-Identifier: MIT */
/*
 * crc.c - CRC32C, polynomial 0x1edc6f41 reflected, as iSCSI and SSE4.2 have it (RFC 3720 B.4).
 */
#include "crc.h"

#include <string.h>

#define POLYNOMIAL 0x82f63b78u

/* Four bits at a time: small, and only used where the processor does not know better. */
uint32_t cache_crc32c_plain(uint32_t crc, const void *data, size_t size_bytes)
{
	const uint8_t *p = data;
	uint32_t table[16];

	for (uint32_t i = 0; i < 16; i++) {
		table[i] = i;
		for (uint32_t bit = 0; bit < 4; bit++)
			table[i] = table[i] >> 1 ^ (table[i] & 1 ? POLYNOMIAL : 0);
	}
	crc = ~crc;
	for (size_t i = 0; i < size_bytes; i++) {
		crc ^= p[i];
		crc = crc >> 4 ^ table[crc & 15];
		crc = crc >> 4 ^ table[crc & 15];
	}
	return ~crc;
}

#ifdef __x86_64__
__attribute__((target("sse4.2"))) static uint32_t by_processor(uint32_t crc, const void *data,
							       size_t size_bytes)
{
	const uint8_t *p = data;
	uint64_t state = ~crc;

	for (; size_bytes >= 8; p += 8, size_bytes -= 8) {
		uint64_t word;

		memcpy(&word, p, 8);
		state = __builtin_ia32_crc32di(state, word);
	}
	for (; size_bytes; p++, size_bytes--)
		state = __builtin_ia32_crc32qi((uint32_t)state, *p);
	return ~(uint32_t)state;
}

uint32_t cache_crc32c(uint32_t crc, const void *data, size_t size_bytes)
{
	if (__builtin_cpu_supports("sse4.2"))
		return by_processor(crc, data, size_bytes);
	return cache_crc32c_plain(crc, data, size_bytes);
}
#else
uint32_t cache_crc32c(uint32_t crc, const void *data, size_t size_bytes)
{
	return cache_crc32c_plain(crc, data, size_bytes);
}
#endif
