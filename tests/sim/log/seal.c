// SPDX-License-Identifier: MIT
/*
 * seal.c - a log whose owner seals its blocks (struct sluice_rlog_seal), as little as will do: the
 * last word of a block on the medium is mixed with the log, the block's number and its place. So
 * whatever is opened for another number or place than it was sealed for, not at all, or twice, is
 * no version any more; and the watch can still tell a version by the other words.
 *
 * Thread: one.
 */
#include <string.h>

#include "lab.h"

#define WORDS (LAB_BLOCK_BYTES / 8)

static void mix(const struct lab_seal *s, uint64_t block, uint32_t place, void *data)
{
	uint64_t x = (block << 40 ^ (uint64_t)place << 8 ^ s->which) + 0x9e3779b97f4a7c15ull, word;
	uint8_t *last = (uint8_t *)data + LAB_BLOCK_BYTES - sizeof(word);

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
	memcpy(&word, last, sizeof(word));
	word ^= x ^ x >> 27;
	memcpy(last, &word, sizeof(word));
}

static int seal(void *ctx, uint64_t block, uint32_t place, const void *from, void *to)
{
	memcpy(to, from, LAB_BLOCK_BYTES);
	mix(ctx, block, place, to);
	return 0;
}

static int open(void *ctx, uint64_t block, uint32_t place, void *buf)
{
	mix(ctx, block, place, buf);
	return 0;
}

const struct sluice_rlog_seal *lab_seal_of(struct lab *l, enum log_env_device which)
{
	struct lab_seal *s = &l->seals[which];

	if (!l->opt.is_sealed)
		return NULL;
	*s = (struct lab_seal){.hooks = {.seal = seal, .open = open, .ctx = s},
			       .which = (uint32_t)which};
	return &s->hooks;
}

uint32_t lab_medium_version(const struct lab *l, const void *data, uint32_t block)
{
	uint64_t words[WORDS];

	memcpy(words, data, sizeof(words));
	if (l->opt.is_sealed)
		words[WORDS - 1] = words[0];
	return oracle_version(words, LAB_BLOCK_BYTES, block);
}
