/* SPDX-License-Identifier: MIT */
#include "bitmap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_MIN_BYTES 4096u
#define PAGE_BITS       (BITMAP_PAGE_BYTES * 8u)
#define PAGE_WORDS      (BITMAP_PAGE_BYTES / 8u)

static uint64_t up(uint64_t n, uint64_t by)
{
	return (n + by - 1) / by;
}

int bitmap_init(struct bitmap *b, uint64_t size_bytes)
{
	uint64_t words;

	*b = (struct bitmap){.size_bytes = size_bytes, .block_bytes = BLOCK_MIN_BYTES};
	while (up(size_bytes, b->block_bytes) > (uint64_t)BITMAP_BYTES_MAX * 8)
		b->block_bytes *= 2;
	b->bit_count = up(size_bytes, b->block_bytes);
	b->page_count = up(b->bit_count, PAGE_BITS);
	words = b->page_count * PAGE_WORDS;
	b->stale = calloc(up(b->page_count, 64) + 1, sizeof(uint64_t));
	b->kept = calloc(up(b->page_count, 64) + 1, sizeof(uint64_t));
	for (uint32_t k = 0; k < BITMAP_KINDS; k++) {
		b->words[k] = calloc(words ? words : 1, sizeof(uint64_t));
		if (!b->words[k] || !b->stale || !b->kept) {
			bitmap_fini(b);
			return -ENOMEM;
		}
	}
	return 0;
}

void bitmap_fini(struct bitmap *b)
{
	for (uint32_t k = 0; k < BITMAP_KINDS; k++)
		free(b->words[k]);
	free(b->stale);
	free(b->kept);
	memset(b, 0, sizeof(*b));
}

int bitmap_grow(struct bitmap *b, uint64_t size_bytes)
{
	struct bitmap n;
	int r = bitmap_init(&n, size_bytes);

	if (r < 0)
		return r;
	for (uint32_t k = 0; k < BITMAP_KINDS; k++) {
		uint64_t at = 0, len;

		while (bitmap_next(b, BITMAP_BIT(k), b->size_bytes, &at, &len)) {
			bitmap_set(&n, (enum bitmap_kind)k, at, len);
			at += len;
		}
	}
	bitmap_fini(b);
	*b = n;
	return 0;
}

/* ---------------------------------------------------------------- words */

static bool bit_of(const uint64_t *words, uint64_t i)
{
	return words[i / 64] >> (i % 64) & 1;
}

/* The bits of word w that lie in [first, end). */
static uint64_t mask_of(uint64_t w, uint64_t first, uint64_t end)
{
	uint64_t mask = ~0ull;

	if (first > w * 64)
		mask &= ~0ull << (first - w * 64);
	if (end < w * 64 + 64)
		mask &= ~(~0ull << (end - w * 64));
	return mask;
}

static bool anywhere(const struct bitmap *b, uint64_t w, uint64_t mask)
{
	uint64_t all = 0;

	for (uint32_t k = 0; k < BITMAP_KINDS; k++)
		all |= b->words[k][w];
	return (all & mask) == mask;
}

static void make_stale(struct bitmap *b, uint64_t page)
{
	if (bit_of(b->stale, page))
		return;
	b->stale[page / 64] |= 1ull << (page % 64);
	b->stale_count++;
}

static void set_bits(struct bitmap *b, enum bitmap_kind kind, uint64_t first, uint64_t end)
{
	for (uint64_t w = first / 64; w * 64 < end; w++) {
		uint64_t mask = mask_of(w, first, end);

		if (!anywhere(b, w, mask))
			make_stale(b, w / PAGE_WORDS);
		b->set[kind] += (uint64_t)__builtin_popcountll(mask & ~b->words[kind][w]);
		b->words[kind][w] |= mask;
	}
}

void bitmap_set(struct bitmap *b, enum bitmap_kind kind, uint64_t offset_bytes, uint64_t len_bytes)
{
	uint64_t end = up(offset_bytes + len_bytes, b->block_bytes);

	if (len_bytes)
		set_bits(b, kind, offset_bytes / b->block_bytes,
			 end < b->bit_count ? end : b->bit_count);
}

void bitmap_clear(struct bitmap *b, enum bitmap_kind kind, uint64_t offset_bytes,
		  uint64_t len_bytes)
{
	uint64_t first = up(offset_bytes, b->block_bytes);
	uint64_t end = (offset_bytes + len_bytes) / b->block_bytes;

	if (offset_bytes + len_bytes >= b->size_bytes)
		end = b->bit_count;
	for (uint64_t w = first / 64; w * 64 < end; w++) {
		uint64_t mask = mask_of(w, first, end);

		b->set[kind] -= (uint64_t)__builtin_popcountll(mask & b->words[kind][w]);
		b->words[kind][w] &= ~mask;
	}
}

void bitmap_clear_all(struct bitmap *b, enum bitmap_kind kind)
{
	memset(b->words[kind], 0, b->page_count * BITMAP_PAGE_BYTES);
	b->set[kind] = 0;
}

void bitmap_move(struct bitmap *b, enum bitmap_kind from, enum bitmap_kind to)
{
	if (b->set[from] == 0)
		return;
	for (uint64_t w = 0; w < b->page_count * PAGE_WORDS; w++) {
		uint64_t more = b->words[from][w] & ~b->words[to][w];

		b->words[to][w] |= more;
		b->set[to] += (uint64_t)__builtin_popcountll(more);
	}
	bitmap_clear_all(b, from);
}

bool bitmap_has(const struct bitmap *b, uint32_t kinds, uint64_t offset_bytes)
{
	uint64_t i = offset_bytes / b->block_bytes;

	for (uint32_t k = 0; k < BITMAP_KINDS; k++) {
		if (kinds & BITMAP_BIT(k) && i < b->bit_count && bit_of(b->words[k], i))
			return true;
	}
	return false;
}

uint64_t bitmap_bytes(const struct bitmap *b, enum bitmap_kind kind)
{
	uint64_t bytes = b->set[kind] * b->block_bytes;

	return bytes < b->size_bytes ? bytes : b->size_bytes;
}

static uint64_t word_of(const struct bitmap *b, uint32_t kinds, uint64_t w)
{
	uint64_t word = 0;

	for (uint32_t k = 0; k < BITMAP_KINDS; k++) {
		if (kinds & BITMAP_BIT(k))
			word |= b->words[k][w];
	}
	return word;
}

/* The first bit at or after i that is on (or off); bit_count: none. */
static uint64_t seek(const struct bitmap *b, uint32_t kinds, uint64_t i, uint64_t end, bool is_on)
{
	while (i < end) {
		uint64_t word = word_of(b, kinds, i / 64);

		if (!is_on)
			word = ~word;
		word &= ~0ull << (i % 64);
		if (word) {
			i = i / 64 * 64 + (uint64_t)__builtin_ctzll(word);
			return i < end ? i : end;
		}
		i = (i / 64 + 1) * 64;
	}
	return end;
}

bool bitmap_next(const struct bitmap *b, uint32_t kinds, uint64_t max_bytes, uint64_t *offset_bytes,
		 uint64_t *len_bytes)
{
	uint64_t max = max_bytes / b->block_bytes;
	uint64_t first, end, last;

	if (*offset_bytes >= b->size_bytes)
		return false;
	first = seek(b, kinds, *offset_bytes / b->block_bytes, b->bit_count, true);
	if (first >= b->bit_count)
		return false;
	if (max == 0)
		max = 1;
	end = b->bit_count - first > max ? first + max : b->bit_count;
	end = seek(b, kinds, first, end, false);
	last = end * b->block_bytes;
	if (last > b->size_bytes)
		last = b->size_bytes;
	if (first * b->block_bytes > *offset_bytes)
		*offset_bytes = first * b->block_bytes;
	*len_bytes = last - *offset_bytes;
	return true;
}

/* ---------------------------------------------------------------- pages */

static void keep(struct bitmap *b, uint64_t page, bool is_on)
{
	uint64_t bit = 1ull << (page % 64);

	if (is_on)
		b->kept[page / 64] |= bit;
	else
		b->kept[page / 64] &= ~bit;
}

void bitmap_refresh(struct bitmap *b)
{
	for (uint64_t page = 0; page < b->page_count; page++) {
		if (bit_of(b->kept, page))
			make_stale(b, page);
	}
}

uint64_t bitmap_page_of(const struct bitmap *b, uint64_t offset_bytes)
{
	return offset_bytes / b->block_bytes / PAGE_BITS;
}

bool bitmap_page_is_stale(const struct bitmap *b, uint64_t page)
{
	return bit_of(b->stale, page);
}

void bitmap_page_get(struct bitmap *b, uint64_t page, void *data)
{
	uint64_t *out = data, any = 0;

	for (uint64_t w = 0; w < PAGE_WORDS; w++) {
		out[w] = word_of(b, BITMAP_ALL, page * PAGE_WORDS + w);
		any |= out[w];
	}
	keep(b, page, any != 0);
	if (bit_of(b->stale, page)) {
		b->stale[page / 64] &= ~(1ull << (page % 64));
		b->stale_count--;
	}
}

void bitmap_page_failed(struct bitmap *b, uint64_t page)
{
	keep(b, page, true);
	make_stale(b, page);
}

void bitmap_page_put(struct bitmap *b, uint64_t page, const void *data, enum bitmap_kind kind)
{
	const uint64_t *in = data;

	keep(b, page, true);
	for (uint64_t w = 0; w < PAGE_WORDS; w++) {
		uint64_t at = page * PAGE_WORDS + w;
		uint64_t mask = at * 64 < b->bit_count ? mask_of(at, 0, b->bit_count) : 0;
		uint64_t more = in[w] & mask & ~b->words[kind][at];

		b->words[kind][at] |= more;
		b->set[kind] += (uint64_t)__builtin_popcountll(more);
	}
}
