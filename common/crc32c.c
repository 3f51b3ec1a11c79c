/* SPDX-License-Identifier: MIT */
#include "crc32c.h"

#include <stdbool.h>
#include <string.h>

#define POLYNOMIAL 0x82f63b78u /* its bits reversed */

/* Bit by bit: for processors without the instruction, and small. */
static uint32_t by_hand(uint32_t state, const uint8_t *p, size_t len_bytes)
{
	while (len_bytes--) {
		state ^= *p++;
		for (uint32_t bit = 0; bit < 8; bit++)
			state = state >> 1 ^ (state & 1 ? POLYNOMIAL : 0);
	}
	return state;
}

#ifdef __x86_64__

__attribute__((target("sse4.2"))) static uint32_t by_processor(uint32_t state, const uint8_t *p,
							       size_t len_bytes)
{
	uint64_t wide = state, word;

	for (; len_bytes >= sizeof(word); p += sizeof(word), len_bytes -= sizeof(word)) {
		memcpy(&word, p, sizeof(word));
		wide = __builtin_ia32_crc32di(wide, word);
	}
	state = (uint32_t)wide;
	while (len_bytes--)
		state = __builtin_ia32_crc32qi(state, *p++);
	return state;
}

static bool has_instruction(void)
{
	return __builtin_cpu_supports("sse4.2");
}

#else

static uint32_t by_processor(uint32_t state, const uint8_t *p, size_t len_bytes)
{
	return by_hand(state, p, len_bytes);
}

static bool has_instruction(void)
{
	return false;
}

#endif

uint32_t crc32c(uint32_t crc, const void *data, size_t len_bytes)
{
	return ~(has_instruction() ? by_processor : by_hand)(~crc, data, len_bytes);
}
