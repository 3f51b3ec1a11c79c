/* SPDX-License-Identifier: MIT */
/*
 * slot.h - a page of a layer's map as bytes: what layers.md calls a slot. Pure. Thread: any.
 */
#ifndef LAYER_SLOT_H
#define LAYER_SLOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SLOT_BYTES 4096u
#define SLOT_PAIR  (2u * SLOT_BYTES)
#ifndef SLOT_BITS_AT
#define SLOT_BITS_AT 64u /* tests put them into another sector than the head */
#endif
#ifndef LAYER_PAGE_BLOCKS
#define LAYER_PAGE_BLOCKS 8192u
#endif

enum slot_state { SLOT_ABSENT, SLOT_DATA, SLOT_ZERO };

struct slot_page {
	uint64_t generation; /* 0: nothing was ever written */
	/* Read: where the next generation goes there are parts of one that did not get there whole.
	 * They go first: the same generation, torn too, could complete them. */
	bool is_torn;
	uint8_t state[LAYER_PAGE_BLOCKS]; /* enum slot_state */
};

/* out: SLOT_BYTES. */
void slot_encode(uint8_t *out, uint32_t layer, uint64_t page, const struct slot_page *p);
/* Of both slots the valid one of the higher generation. -EBADMSG: neither is, and they are not
 * empty. */
int slot_decode(const uint8_t *pair, uint32_t layer, uint64_t page, struct slot_page *out);

#endif
