/* SPDX-License-Identifier: MIT */
/*
 * warm.c - the list's encoding, and the plan of reading it again. warm_file.c keeps it in a file.
 *
 * All numbers are little-endian. The header is checked before its count is believed, and a list
 * never makes us allocate more than WARM_BLOCKS_MAX numbers.
 */
#include "warm.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "crc.h"

#define MAGIC        0x4d524157454c4353ull /* "SCLEWARM" */
#define VERSION      1u
#define HEADER_BYTES 48u
#define VARINT_MAX   9u /* bytes of a number below 2^63 */

static void put_u32(uint8_t *p, uint32_t v)
{
	for (uint32_t i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> i * 8);
}

static void put_u64(uint8_t *p, uint64_t v)
{
	put_u32(p, (uint32_t)v);
	put_u32(p + 4, (uint32_t)(v >> 32));
}

static uint32_t get_u32(const uint8_t *p)
{
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint64_t get_u64(const uint8_t *p)
{
	return get_u32(p) | (uint64_t)get_u32(p + 4) << 32;
}

/*
 * 0 magic, 8 version, 12 CRC32C of all but these four bytes, 16 volume, 32 count, 40 bytes of the
 * pieces
 */
static void put_header(uint8_t *p, const uint8_t uuid[16], size_t count, size_t payload_bytes)
{
	put_u64(p, MAGIC);
	put_u32(p + 8, VERSION);
	memcpy(p + 16, uuid, 16);
	put_u64(p + 32, count);
	put_u64(p + 40, payload_bytes);
}

static uint32_t crc_of(const uint8_t *data, size_t size_bytes)
{
	return cache_crc32c(cache_crc32c(0, data, 12), data + 16, size_bytes - 16);
}

/* ---------------------------------------------------------------- encode */

static int by_number(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static uint8_t *put_number(uint8_t *p, uint64_t v)
{
	for (; v > 127; v >>= 7)
		*p++ = (uint8_t)(v | 128);
	*p++ = (uint8_t)v;
	return p;
}

/* In ascending order; each as the difference to the one before. */
static uint8_t *put_piece(uint8_t *p, uint64_t *blocks, size_t count)
{
	uint64_t last = 0;

	qsort(blocks, count, sizeof(*blocks), by_number);
	for (size_t i = 0; i < count; i++) {
		p = put_number(p, blocks[i] - last);
		last = blocks[i];
	}
	return p;
}

int warm_encode(const uint8_t volume_uuid[16], uint64_t *blocks, size_t count, uint8_t **data,
		size_t *size_bytes)
{
	uint8_t *start, *p, *fit;

	if (count > WARM_BLOCKS_MAX)
		return -EINVAL;
	start = calloc(1, HEADER_BYTES + count * VARINT_MAX);
	if (!start)
		return -ENOMEM;
	p = start + HEADER_BYTES;
	for (size_t at = 0; at < count; at += WARM_PIECE_BLOCKS) {
		size_t left = count - at;

		p = put_piece(p, blocks + at, left < WARM_PIECE_BLOCKS ? left : WARM_PIECE_BLOCKS);
	}
	*size_bytes = (size_t)(p - start);
	put_header(start, volume_uuid, count, *size_bytes - HEADER_BYTES);
	put_u32(start + 12, crc_of(start, *size_bytes));
	fit = realloc(start, *size_bytes);
	*data = fit ? fit : start;
	return 0;
}

/* ---------------------------------------------------------------- decode */

static int check_header(const uint8_t volume_uuid[16], const uint8_t *data, size_t size_bytes)
{
	if (size_bytes < HEADER_BYTES || get_u64(data) != MAGIC)
		return -EBADMSG;
	if (get_u32(data + 8) != VERSION)
		return -ENOTSUP;
	if (get_u32(data + 12) != crc_of(data, size_bytes))
		return -EBADMSG;
	if (memcmp(data + 16, volume_uuid, 16) != 0)
		return -EXDEV;
	if (get_u64(data + 32) > WARM_BLOCKS_MAX || get_u64(data + 40) != size_bytes - HEADER_BYTES)
		return -EBADMSG;
	return 0;
}

/* Where it ends; NULL: it is cut off or too long. */
static const uint8_t *get_number(const uint8_t *p, const uint8_t *end, uint64_t *v)
{
	*v = 0;
	for (uint32_t i = 0; i < VARINT_MAX && p < end; i++) {
		*v |= (uint64_t)(*p & 127) << i * 7;
		if (*p++ < 128)
			return p;
	}
	return NULL;
}

static int get_pieces(const uint8_t *p, const uint8_t *end, size_t count, uint64_t volume_blocks,
		      struct warm_list *out)
{
	uint64_t last = 0, step;

	for (size_t i = 0; i < count; i++) {
		if (i % WARM_PIECE_BLOCKS == 0)
			last = 0;
		p = get_number(p, end, &step);
		if (!p || step > UINT64_MAX - last)
			return -EBADMSG;
		last += step;
		if (last < volume_blocks)
			out->blocks[out->count++] = last;
	}
	return p == end ? 0 : -EBADMSG;
}

int warm_decode(const uint8_t volume_uuid[16], uint64_t volume_blocks, const uint8_t *data,
		size_t size_bytes, struct warm_list *out)
{
	int result = check_header(volume_uuid, data, size_bytes);
	size_t count;

	*out = (struct warm_list){0};
	if (result)
		return result;
	count = get_u64(data + 32);
	out->blocks = calloc(count + 1, sizeof(*out->blocks));
	if (!out->blocks)
		return -ENOMEM;
	result = get_pieces(data + HEADER_BYTES, data + size_bytes, count, volume_blocks, out);
	if (result)
		warm_list_free(out);
	return result;
}

void warm_list_free(struct warm_list *l)
{
	free(l->blocks);
	*l = (struct warm_list){0};
}

/* ---------------------------------------------------------------- reading again */

void warm_plan_init(struct warm_plan *p, const struct warm_list *list,
		    bool (*is_there)(void *ctx, uint64_t block), void *ctx)
{
	*p = (struct warm_plan){.list = list, .is_there = is_there, .ctx = ctx};
}

static bool is_to_read(const struct warm_plan *p, uint64_t block)
{
	return !p->is_there || !p->is_there(p->ctx, block);
}

bool warm_plan_next(struct warm_plan *p, uint64_t *block, uint64_t *count)
{
	const struct warm_list *l = p->list;

	while (p->next < l->count && !is_to_read(p, l->blocks[p->next]))
		p->next++;
	if (p->next == l->count)
		return false;
	*block = l->blocks[p->next++];
	for (*count = 1; *count < WARM_BATCH_BLOCKS && p->next < l->count; ++*count, p->next++)
		if (l->blocks[p->next] != *block + *count || !is_to_read(p, *block + *count))
			break;
	return true;
}

size_t warm_plan_done(const struct warm_plan *p)
{
	return p->next;
}
