/* SPDX-License-Identifier: MIT */
#include "rlog_crc.h"

#include <stdbool.h>
#include <string.h>

#include "sluice/crc32c.h"

#define POLY_REFLECTED 0x82f63b78u

/* One byte by two steps of four bits: small, and never used where speed matters. */
static const uint32_t nibble[16] = {
    0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d,
    0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9, 0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
};
_Static_assert(POLY_REFLECTED == 0x82f63b78u, "nibble[8] is the polynomial itself");

uint32_t rlog_crc_plain(uint32_t state, const void *data, size_t len_bytes)
{
	const uint8_t *p = data;

	for (; len_bytes; len_bytes--) {
		state ^= *p++;
		state = state >> 4 ^ nibble[state & 15];
		state = state >> 4 ^ nibble[state & 15];
	}
	return state;
}

#if defined(__x86_64__)

static bool has_instruction(void)
{
	return __builtin_cpu_supports("sse4.2");
}

__attribute__((target("sse4.2"))) static uint32_t crc_fast(uint32_t state, const void *data,
							   size_t len_bytes)
{
	const uint8_t *p = data;
	uint64_t s = state, word;

	for (; len_bytes >= 8; len_bytes -= 8, p += 8) {
		memcpy(&word, p, 8);
		s = __builtin_ia32_crc32di(s, word);
	}
	for (; len_bytes; len_bytes--)
		s = __builtin_ia32_crc32qi((uint32_t)s, *p++);
	return (uint32_t)s;
}

__attribute__((target("sse4.2"))) static uint32_t zeros_fast(uint32_t state, size_t len_bytes)
{
	uint64_t s = state;

	for (; len_bytes >= 8; len_bytes -= 8)
		s = __builtin_ia32_crc32di(s, 0);
	for (; len_bytes; len_bytes--)
		s = __builtin_ia32_crc32qi((uint32_t)s, 0);
	return (uint32_t)s;
}

#else

static bool has_instruction(void)
{
	return false;
}

static uint32_t crc_fast(uint32_t state, const void *data, size_t len_bytes)
{
	return rlog_crc_plain(state, data, len_bytes);
}

static uint32_t zeros_fast(uint32_t state, size_t len_bytes)
{
	return state;
}

#endif

uint32_t rlog_crc(uint32_t state, const void *data, size_t len_bytes)
{
	return has_instruction() ? crc_fast(state, data, len_bytes)
				 : rlog_crc_plain(state, data, len_bytes);
}

uint32_t sluice_crc32c(uint32_t crc, const void *data, size_t len_bytes)
{
	return ~rlog_crc(~crc, data, len_bytes);
}

uint32_t rlog_crc_zeros(uint32_t state, size_t len_bytes)
{
	static const uint8_t zeros[64];

	if (has_instruction())
		return zeros_fast(state, len_bytes);
	for (; len_bytes >= sizeof(zeros); len_bytes -= sizeof(zeros))
		state = rlog_crc_plain(state, zeros, sizeof(zeros));
	return rlog_crc_plain(state, zeros, len_bytes);
}
