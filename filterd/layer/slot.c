/* SPDX-License-Identifier: MIT */
#include "slot.h"

#include <errno.h>
#include <string.h>

#include "bytes.h"
#include "crc32c.h"
#include "layer_mutate.h"

#define MAGIC  0x534c554c41594552ull /* "SLULAYER" */
#define CRC_AT (SLOT_BYTES - 4u)

enum { AT_MAGIC = 0, AT_LAYER = 8, AT_BLOCKS = 12, AT_PAGE = 16, AT_GENERATION = 24 };

_Static_assert(SLOT_BITS_AT + LAYER_PAGE_BLOCKS / 4 <= CRC_AT, "a page fits its slot");

void slot_encode(uint8_t *out, uint32_t layer, uint64_t page, const struct slot_page *p)
{
	memset(out, 0, SLOT_BYTES);
	put_be64(out + AT_MAGIC, MAGIC);
	put_be32(out + AT_LAYER, layer);
	put_be32(out + AT_BLOCKS, LAYER_PAGE_BLOCKS);
	put_be64(out + AT_PAGE, page);
	put_be64(out + AT_GENERATION, p->generation);
	for (uint32_t i = 0; i < LAYER_PAGE_BLOCKS; i++)
		out[SLOT_BITS_AT + i / 4] |= (uint8_t)(p->state[i] << i % 4 * 2);
	put_be32(out + CRC_AT, crc32c(0, out, CRC_AT));
}

static bool is_valid(const uint8_t *slot, uint32_t layer, uint64_t page, uint32_t parity)
{
	if (get_be64(slot + AT_MAGIC) != MAGIC || get_be32(slot + AT_LAYER) != layer ||
	    get_be32(slot + AT_BLOCKS) != LAYER_PAGE_BLOCKS || get_be64(slot + AT_PAGE) != page)
		return false;
	if (get_be64(slot + AT_GENERATION) == 0 || get_be64(slot + AT_GENERATION) % 2 != parity)
		return LAYER_MUTATE(ONE_SLOT);
	if (get_be32(slot + CRC_AT) != crc32c(0, slot, CRC_AT) && !LAYER_MUTATE(SLOT_NOT_CHECKED))
		return false;
	for (uint32_t i = 0; i < LAYER_PAGE_BLOCKS; i++)
		if ((slot[SLOT_BITS_AT + i / 4] >> i % 4 * 2 & 3) > SLOT_ZERO)
			return false;
	return true;
}

static bool is_zero(const uint8_t *slot)
{
	return slot[0] == 0 && memcmp(slot, slot + 1, SLOT_BYTES - 1) == 0;
}

int slot_decode(const uint8_t *pair, uint32_t layer, uint64_t page, struct slot_page *out)
{
	const uint8_t *best = NULL;
	bool is_whole[2];
	uint32_t next;

	memset(out, 0, sizeof(*out));
	for (uint32_t i = 0; i < 2; i++) {
		const uint8_t *slot = pair + (size_t)i * SLOT_BYTES;

		is_whole[i] = is_valid(slot, layer, page, i);
		if (is_whole[i] &&
		    (!best || get_be64(slot + AT_GENERATION) > get_be64(best + AT_GENERATION)))
			best = slot;
	}
	out->generation = best ? get_be64(best + AT_GENERATION) : 0;
	next = (out->generation + 1) % 2;
	out->is_torn = !is_whole[next] && !is_zero(pair + (size_t)next * SLOT_BYTES);
	/* The first write of a page that was torn leaves one slot of zeros. */
	if (!best)
		return is_zero(pair) || is_zero(pair + SLOT_BYTES) ? 0 : -EBADMSG;
	for (uint32_t i = 0; i < LAYER_PAGE_BLOCKS; i++)
		out->state[i] = best[SLOT_BITS_AT + i / 4] >> i % 4 * 2 & 3;
	return 0;
}
