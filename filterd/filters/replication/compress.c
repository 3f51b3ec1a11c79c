/* SPDX-License-Identifier: MIT */
#include "compress.h"

#include <lz4.h>
#include <stdlib.h>
#include <zstd.h>

/* After so many payloads in a row that did not shrink, one in so many is tried. */
#define MISSES_MAX 8u
#define TRY_ONE_OF 16u

#define ZSTD_LEVEL 1

struct compress {
	ZSTD_CCtx *zstd_out; /* made when first needed: a node that only receives needs none */
	ZSTD_DCtx *zstd_in;
	uint32_t misses; /* in a row */
	uint32_t skipped;
};

struct compress *compress_new(void)
{
	return calloc(1, sizeof(struct compress));
}

void compress_free(struct compress *c)
{
	if (!c)
		return;
	ZSTD_freeCCtx(c->zstd_out);
	ZSTD_freeDCtx(c->zstd_in);
	free(c);
}

/* Both libraries give up when the room ends, so what does not shrink costs little. 0: no gain. */
static uint32_t lz4_out(const void *plain, uint32_t raw_bytes, void *room, uint32_t most_bytes)
{
	int n = LZ4_compress_default(plain, room, (int)raw_bytes, (int)most_bytes);

	return n > 0 ? (uint32_t)n : 0;
}

static uint32_t zstd_out(struct compress *c, const void *plain, uint32_t raw_bytes, void *room,
			 uint32_t most_bytes)
{
	size_t n;

	if (!c->zstd_out)
		c->zstd_out = ZSTD_createCCtx();
	if (!c->zstd_out)
		return 0;
	n = ZSTD_compressCCtx(c->zstd_out, room, most_bytes, plain, raw_bytes, ZSTD_LEVEL);
	return ZSTD_isError(n) ? 0 : (uint32_t)n;
}

const void *compress_payload(struct compress *c, uint8_t comp, struct repl_header *h,
			     const void *plain, void *room)
{
	uint32_t most = (uint32_t)((uint64_t)h->raw_bytes * (100 - COMPRESS_GAIN_PCT) / 100);
	uint32_t n = 0;

	if (comp == REPL_COMP_NONE || h->raw_bytes < COMPRESS_MIN_BYTES)
		return plain;
	if (c->misses >= MISSES_MAX && ++c->skipped % TRY_ONE_OF != 0)
		return plain;
	if (comp == REPL_COMP_LZ4)
		n = lz4_out(plain, h->raw_bytes, room, most);
	else if (comp == REPL_COMP_ZSTD)
		n = zstd_out(c, plain, h->raw_bytes, room, most);
	if (n == 0) {
		c->misses++;
		return plain;
	}
	c->misses = 0;
	h->comp = comp;
	h->stored_bytes = n;
	return room;
}

static bool zstd_in(struct compress *c, const struct repl_header *h, const void *stored, void *room)
{
	if (!c->zstd_in)
		c->zstd_in = ZSTD_createDCtx();
	return c->zstd_in && ZSTD_decompressDCtx(c->zstd_in, room, h->raw_bytes, stored,
						 h->stored_bytes) == h->raw_bytes;
}

const void *compress_plain(struct compress *c, const struct frame *f, void *room)
{
	const struct repl_header *h = &f->header;
	const void *plain = room;
	bool is_whole = true;

	if (h->comp == REPL_COMP_LZ4)
		is_whole = LZ4_decompress_safe((const char *)f->stored, room, (int)h->stored_bytes,
					       (int)h->raw_bytes) == (int)h->raw_bytes;
	else if (h->comp == REPL_COMP_ZSTD)
		is_whole = zstd_in(c, h, f->stored, room);
	else
		plain = f->stored;
	return is_whole && frame_plain_is_right(h, plain) ? plain : NULL;
}
