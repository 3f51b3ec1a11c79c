/* SPDX-License-Identifier: MIT */
/*
 * rlog_format_record.c - a record's header block.
 *
 *   0 magic u32, 4 version u8, 5 type u8, 6 extent_count u16, 8 crc u32, 12 prev_crc u32,
 *  16 epoch u32, 20 data_blocks u16, 22 zero u16, 24 seq, 32 durable_seq,
 *  40 extents of 16 bytes: block u64, then block_count in 56 bits and kind and flags in 8;
 *  from the end of the block downwards: one CRC32C u32 per data block. Between them zeros.
 */
#include <string.h>

#include "rlog_bytes.h"
#include "rlog_crc.h"
#include "rlog_format.h"
#include "rlog_mutate.h"
#include "sluice/rlog.h"

#define RECORD_MAGIC   0x43455257u
#define CRC_AT         8u
#define COUNT_MAX      (1ull << 56)
#define KIND_MASK      0x0fu
#define FLAG_MAY_UNMAP 0x10u

uint32_t rlog_seed_log(const uint8_t uuid[16])
{
	return rlog_crc(UINT32_MAX, uuid, 16);
}

uint32_t rlog_seed_record(uint32_t log_seed, uint32_t epoch, uint64_t seq)
{
	uint8_t id[12];

	if (RLOG_MUTATE(UNSEEDED))
		return log_seed;
	put_le32(id, epoch);
	put_le64(id + 4, seq);
	return rlog_crc(log_seed, id, sizeof(id));
}

uint32_t rlog_seed_mask(uint32_t record_seed, uint32_t block_bytes)
{
	return rlog_crc_zeros(record_seed, block_bytes);
}

void rlog_record_put_extent(uint8_t *header, uint32_t index, const struct rlog_extent *e)
{
	uint8_t *p = header + RLOG_RECORD_FIXED + (size_t)index * RLOG_EXTENT_BYTES;
	uint8_t kind = (uint8_t)(e->kind | (e->may_unmap ? FLAG_MAY_UNMAP : 0));

	put_le64(p, e->block);
	put_le64(p + 8, e->block_count | (uint64_t)kind << 56);
}

void rlog_record_put_crc(uint8_t *header, uint32_t block_bytes, uint32_t index, uint32_t crc)
{
	put_le32(header + block_bytes - (size_t)(index + 1) * RLOG_DATA_CRC_BYTES, crc);
}

/* The crc field itself counts as zero. */
static uint32_t header_crc(const uint8_t *header, uint32_t block_bytes, uint32_t seed)
{
	uint32_t crc = rlog_crc(seed, header, CRC_AT);

	crc = rlog_crc_zeros(crc, 4);
	return rlog_crc(crc, header + CRC_AT + 4, block_bytes - CRC_AT - 4);
}

void rlog_record_seal(uint8_t *h, uint32_t block_bytes, uint32_t log_seed, struct rlog_record *r)
{
	put_le32(h, RECORD_MAGIC);
	h[4] = RLOG_VERSION;
	h[5] = r->type;
	put_le16(h + 6, r->extent_count);
	put_le32(h + 12, r->prev_crc);
	put_le32(h + 16, r->epoch);
	put_le16(h + 20, r->data_blocks);
	put_le64(h + 24, r->seq);
	put_le64(h + 32, r->durable_seq);
	r->crc = header_crc(h, block_bytes, rlog_seed_record(log_seed, r->epoch, r->seq));
	put_le32(h + CRC_AT, r->crc);
}

uint32_t rlog_record_extents(const uint8_t *header)
{
	return get_le16(header + 6);
}

void rlog_record_extent(const uint8_t *header, uint32_t index, struct rlog_extent *e)
{
	const uint8_t *p = header + RLOG_RECORD_FIXED + (size_t)index * RLOG_EXTENT_BYTES;
	uint64_t word = get_le64(p + 8);

	e->block = get_le64(p);
	e->block_count = word & (COUNT_MAX - 1);
	e->kind = (uint8_t)(word >> 56) & KIND_MASK;
	e->may_unmap = word >> 56 & FLAG_MAY_UNMAP;
}

uint32_t rlog_record_crc(const uint8_t *header, uint32_t block_bytes, uint32_t index)
{
	return get_le32(header + block_bytes - (size_t)(index + 1) * RLOG_DATA_CRC_BYTES);
}

static bool extents_are_sane(const uint8_t *h, const struct rlog_record *r)
{
	uint64_t data = 0;

	for (uint32_t i = 0; i < r->extent_count; i++) {
		struct rlog_extent e;

		rlog_record_extent(h, i, &e);
		switch (e.kind) {
		case SLUICE_RLOG_DATA:
			data += e.block_count;
			if (e.block_count > UINT16_MAX)
				return false;
			break;
		case SLUICE_RLOG_ZERO:
			if (data)
				return false;
			break;
		case SLUICE_RLOG_MARK:
			if (e.block_count)
				return false;
			continue;
		default:
			return false;
		}
		if (e.block_count == 0 || e.block > UINT64_MAX - e.block_count)
			return false;
	}
	return data == r->data_blocks;
}

bool rlog_record_decode(const uint8_t *h, uint32_t block_bytes, uint32_t log_seed,
			struct rlog_record *r)
{
	if (get_le32(h) != RECORD_MAGIC || h[4] != RLOG_VERSION)
		return false;
	r->type = h[5];
	r->extent_count = get_le16(h + 6);
	r->crc = get_le32(h + CRC_AT);
	r->prev_crc = get_le32(h + 12);
	r->epoch = get_le32(h + 16);
	r->data_blocks = get_le16(h + 20);
	r->seq = get_le64(h + 24);
	r->durable_seq = get_le64(h + 32);
	if (r->type < RLOG_RECORD_ENTRIES || r->type > RLOG_RECORD_IDLE || get_le16(h + 22))
		return false;
	if ((uint64_t)r->extent_count * RLOG_EXTENT_BYTES +
		(uint64_t)r->data_blocks * RLOG_DATA_CRC_BYTES >
	    rlog_record_room(block_bytes))
		return false;
	if (r->crc != header_crc(h, block_bytes, rlog_seed_record(log_seed, r->epoch, r->seq)))
		return false;
	if (r->type != RLOG_RECORD_ENTRIES && r->extent_count)
		return false;
	return extents_are_sane(h, r);
}
