/* SPDX-License-Identifier: MIT */
#include "rlog_crc.h"

#include <stdbool.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

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

#define TARGET __attribute__((target("sse4.2,pclmul")))

/*
 * The instruction takes three cycles, and one may begin in each: three lanes of a chunk go side by
 * side. LANE_BYTES: three of them and 16 are 4,096.
 */
#define LANE_BYTES 1360u
#define LANE_WORDS (LANE_BYTES / 8)
/* x^(8 * LANE_BYTES - 33) modulo the polynomial, bits reversed (Gopal et al., Fast CRC
 * Computation for iSCSI Polynomial Using CRC32 Instruction, 2011). */
#define LANE_SHIFT 0x3f70cc6f

static bool has_instruction(void)
{
	return __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("pclmul");
}

/* The register after LANE_BYTES zeros. */
TARGET static uint64_t shift(uint64_t state)
{
	__m128i product = _mm_clmulepi64_si128(_mm_cvtsi64_si128((int64_t)state),
					       _mm_cvtsi32_si128(LANE_SHIFT), 0);

	return _mm_crc32_u64(0, (uint64_t)_mm_cvtsi128_si64(product));
}

static uint64_t word_at(const uint8_t *p)
{
	uint64_t word;

	memcpy(&word, p, sizeof(word));
	return word;
}

TARGET static uint64_t crc_of_chunk(uint64_t s, const uint8_t *p)
{
	uint64_t second = 0, third = 0;

	for (uint32_t i = 0; i < LANE_WORDS; i++, p += 8) {
		s = _mm_crc32_u64(s, word_at(p));
		second = _mm_crc32_u64(second, word_at(p + LANE_BYTES));
		third = _mm_crc32_u64(third, word_at(p + 2 * LANE_BYTES));
	}
	return shift(shift(s) ^ second) ^ third;
}

TARGET static uint32_t crc_fast(uint32_t state, const void *data, size_t len_bytes)
{
	const uint8_t *p = data;
	uint64_t s = state;

	for (; len_bytes >= 3 * LANE_BYTES; len_bytes -= 3 * LANE_BYTES, p += 3 * LANE_BYTES)
		s = crc_of_chunk(s, p);
	for (; len_bytes >= 8; len_bytes -= 8, p += 8)
		s = _mm_crc32_u64(s, word_at(p));
	for (; len_bytes; len_bytes--)
		s = _mm_crc32_u8((uint32_t)s, *p++);
	return (uint32_t)s;
}

TARGET static uint32_t zeros_fast(uint32_t state, size_t len_bytes)
{
	uint64_t s = state;

	for (; len_bytes >= LANE_BYTES; len_bytes -= LANE_BYTES)
		s = shift(s);
	for (; len_bytes >= 8; len_bytes -= 8)
		s = _mm_crc32_u64(s, 0);
	for (; len_bytes; len_bytes--)
		s = _mm_crc32_u8((uint32_t)s, 0);
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
