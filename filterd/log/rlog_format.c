/* SPDX-License-Identifier: MIT */
/* rlog_format.c - geometry, superblock and checkpoint; records are in rlog_format_record.c. */
#include "rlog_format.h"

#include <string.h>

#include "rlog_bytes.h"
#include "rlog_crc.h"

#define SUPER_MAGIC      0x474f4c5543494c53ull /* "SLICULOG" in memory */
#define CHECKPOINT_MAGIC 0x4b43474fu
#define BIG_BLOCK_BYTES  4096u
#define SUPER_B_BIG      16u
#define ZEROS_MIN        16u
#define ZEROS_MAX        16384u
#define LOG_BLOCKS_MIN   8u

/* ---------------------------------------------------------------- geometry */

uint32_t rlog_geometry_zeros(uint32_t log_blocks)
{
	uint32_t n = log_blocks / 16;

	return n < ZEROS_MIN ? ZEROS_MIN : n > ZEROS_MAX ? ZEROS_MAX : n;
}

static uint64_t checkpoint_blocks(uint32_t block_bytes, uint32_t log_blocks)
{
	uint64_t bytes = RLOG_CHECKPOINT_FIXED +
			 (uint64_t)RLOG_CHECKPOINT_ZERO * rlog_geometry_zeros(log_blocks) +
			 (uint64_t)RLOG_CHECKPOINT_DATA * log_blocks;

	return (bytes + block_bytes - 1) / block_bytes;
}

static void geometry_front(struct rlog_geometry *g, uint32_t block_bytes)
{
	memset(g, 0, sizeof(*g));
	g->block_bytes = block_bytes;
	g->super_blocks = (RLOG_SUPER_BYTES + block_bytes - 1) / block_bytes;
	g->super_b = block_bytes >= BIG_BLOCK_BYTES ? SUPER_B_BIG : g->super_blocks;
	g->checkpoint_start = g->super_b + g->super_blocks;
}

uint64_t rlog_geometry_size(uint32_t block_bytes, uint32_t log_blocks, bool has_checkpoints)
{
	struct rlog_geometry g;
	uint64_t areas = has_checkpoints ? 2 * checkpoint_blocks(block_bytes, log_blocks) : 0;

	geometry_front(&g, block_bytes);
	return (g.checkpoint_start + areas + log_blocks) * block_bytes;
}

bool rlog_geometry_make(struct rlog_geometry *g, uint32_t block_bytes, uint64_t size_bytes,
			bool has_checkpoints)
{
	uint64_t total, low = 0, high;

	if (block_bytes < RLOG_BLOCK_BYTES_MIN || block_bytes > RLOG_BLOCK_BYTES_MAX ||
	    (block_bytes & (block_bytes - 1)))
		return false;
	geometry_front(g, block_bytes);
	total = size_bytes / block_bytes;
	if (total > UINT32_MAX || total < g->checkpoint_start + (uint64_t)LOG_BLOCKS_MIN)
		return false;
	/* The largest circle that fits together with its two checkpoints. */
	high = total - g->checkpoint_start;
	while (low < high) {
		uint64_t mid = (low + high + 1) / 2;

		if (rlog_geometry_size(block_bytes, (uint32_t)mid, has_checkpoints) <= size_bytes)
			low = mid;
		else
			high = mid - 1;
	}
	g->log_blocks = (uint32_t)low;
	if (has_checkpoints)
		g->checkpoint_blocks = (uint32_t)checkpoint_blocks(block_bytes, g->log_blocks);
	g->log_start = g->checkpoint_start + 2 * g->checkpoint_blocks;
	return g->log_blocks >= LOG_BLOCKS_MIN;
}

static bool geometry_is_sane(const struct rlog_geometry *g, uint64_t file_bytes)
{
	struct rlog_geometry front;
	uint64_t end = (uint64_t)g->log_start + g->log_blocks;
	uint64_t areas = 2 * (uint64_t)g->checkpoint_blocks;

	if (g->block_bytes < RLOG_BLOCK_BYTES_MIN || g->block_bytes > RLOG_BLOCK_BYTES_MAX ||
	    (g->block_bytes & (g->block_bytes - 1)))
		return false;
	geometry_front(&front, g->block_bytes);
	if (g->checkpoint_start < front.checkpoint_start || g->log_blocks < LOG_BLOCKS_MIN ||
	    g->checkpoint_start + areas > g->log_start || end * g->block_bytes > file_bytes)
		return false;
	return g->checkpoint_blocks == 0 ||
	       g->checkpoint_blocks >= checkpoint_blocks(g->block_bytes, g->log_blocks);
}

/* ---------------------------------------------------------------- superblock
 *
 *   0 magic, 8 version u16, 10 compatible u16, 12 read-only compatible u16, 14 incompatible u16,
 *  16 uuid, 32 owner, 48 generation, 56 sb_seq, 64 epoch u32, 68 tail_pos u32, 72 tail_epoch u32,
 *  76 tail_prev_crc u32, 80 tail_seq, 88 durable_seq, 96 head_seq, 104 flags u32, 108 block_bytes
 * u32, 112 checkpoint_start u32, 116 checkpoint_blocks u32, 120 log_start u32, 124 log_blocks u32,
 * 128 checkpoint_seq, 136 checkpoint_bytes, 144 checkpoint_crc u32, 152 mark_value, 252 crc u32
 */
#define FLAG_CLEAN      1u
#define FLAG_CHECKPOINT 2u
#define FLAG_SLOT_1     4u
#define SUPER_CRC_AT    252u

static uint32_t super_crc(const uint8_t *block)
{
	return rlog_crc(rlog_seed_log(block + 16), block, SUPER_CRC_AT);
}

void rlog_super_encode(const struct rlog_super *s, uint8_t *b)
{
	memset(b, 0, RLOG_SUPER_BYTES);
	put_le64(b, SUPER_MAGIC);
	put_le16(b + 8, RLOG_VERSION);
	memcpy(b + 16, s->uuid, 16);
	memcpy(b + 32, s->owner_uuid, 16);
	put_le64(b + 48, s->generation);
	put_le64(b + 56, s->sb_seq);
	put_le32(b + 64, s->epoch);
	put_le32(b + 68, s->tail_pos);
	put_le32(b + 72, s->tail_epoch);
	put_le32(b + 76, s->tail_prev_crc);
	put_le64(b + 80, s->tail_seq);
	put_le64(b + 88, s->durable_seq);
	put_le64(b + 96, s->head_seq);
	put_le32(b + 104, (s->is_clean ? FLAG_CLEAN : 0) |
			      (s->has_checkpoint ? FLAG_CHECKPOINT : 0) |
			      (s->checkpoint_slot ? FLAG_SLOT_1 : 0));
	put_le32(b + 108, s->geo.block_bytes);
	put_le32(b + 112, s->geo.checkpoint_start);
	put_le32(b + 116, s->geo.checkpoint_blocks);
	put_le32(b + 120, s->geo.log_start);
	put_le32(b + 124, s->geo.log_blocks);
	put_le64(b + 128, s->checkpoint_seq);
	put_le64(b + 136, s->checkpoint_bytes);
	put_le32(b + 144, s->checkpoint_crc);
	put_le64(b + 152, s->mark_value);
	put_le32(b + SUPER_CRC_AT, super_crc(b));
}

bool rlog_super_is_blank(const uint8_t *b, uint64_t len_bytes)
{
	for (uint64_t i = 0; i < len_bytes; i++)
		if (b[i])
			return false;
	return true;
}

bool rlog_super_may_be_cut(const uint8_t *b, uint64_t len_bytes)
{
	return rlog_super_is_blank(b + RLOG_SUPER_BYTES, len_bytes - RLOG_SUPER_BYTES);
}

static void super_fields(const uint8_t *b, struct rlog_super *s)
{
	uint32_t flags = get_le32(b + 104);

	memcpy(s->uuid, b + 16, 16);
	memcpy(s->owner_uuid, b + 32, 16);
	s->generation = get_le64(b + 48);
	s->sb_seq = get_le64(b + 56);
	s->epoch = get_le32(b + 64);
	s->tail_pos = get_le32(b + 68);
	s->tail_epoch = get_le32(b + 72);
	s->tail_prev_crc = get_le32(b + 76);
	s->tail_seq = get_le64(b + 80);
	s->durable_seq = get_le64(b + 88);
	s->head_seq = get_le64(b + 96);
	s->is_clean = flags & FLAG_CLEAN;
	s->has_checkpoint = flags & FLAG_CHECKPOINT;
	s->checkpoint_slot = (flags & FLAG_SLOT_1) != 0;
	s->geo.block_bytes = get_le32(b + 108);
	s->geo.checkpoint_start = get_le32(b + 112);
	s->geo.checkpoint_blocks = get_le32(b + 116);
	s->geo.log_start = get_le32(b + 120);
	s->geo.log_blocks = get_le32(b + 124);
	s->checkpoint_seq = get_le64(b + 128);
	s->checkpoint_bytes = get_le64(b + 136);
	s->checkpoint_crc = get_le32(b + 144);
	s->mark_value = get_le64(b + 152);
}

enum rlog_super_is rlog_super_decode(const uint8_t *b, uint64_t file_bytes, struct rlog_super *s)
{
	struct rlog_geometry front;
	uint64_t area_bytes;

	memset(s, 0, sizeof(*s));
	if (get_le64(b) != SUPER_MAGIC)
		return rlog_super_is_blank(b, RLOG_SUPER_BYTES) ? RLOG_SUPER_BLANK
								: RLOG_SUPER_UNKNOWN;
	if (get_le32(b + SUPER_CRC_AT) != super_crc(b))
		return RLOG_SUPER_DAMAGED;
	if (get_le16(b + 8) != RLOG_VERSION || get_le16(b + 12) || get_le16(b + 14))
		return RLOG_SUPER_NEWER;
	super_fields(b, s);
	if (!geometry_is_sane(&s->geo, file_bytes) || s->tail_pos >= s->geo.log_blocks ||
	    s->tail_epoch > s->epoch || s->tail_seq == 0)
		return RLOG_SUPER_DAMAGED;
	geometry_front(&front, s->geo.block_bytes);
	s->geo.super_blocks = front.super_blocks;
	s->geo.super_b = front.super_b;
	area_bytes = (uint64_t)s->geo.checkpoint_blocks * s->geo.block_bytes;
	if (s->has_checkpoint &&
	    (s->checkpoint_bytes > area_bytes || s->checkpoint_bytes < RLOG_CHECKPOINT_FIXED))
		return RLOG_SUPER_DAMAGED;
	return RLOG_SUPER_VALID;
}

/* ---------------------------------------------------------------- checkpoints */

void rlog_checkpoint_encode(const struct rlog_checkpoint *c, uint8_t *out)
{
	memset(out, 0, RLOG_CHECKPOINT_FIXED);
	put_le32(out, CHECKPOINT_MAGIC);
	put_le32(out + 4, c->zero_count);
	put_le64(out + 8, c->seq);
	put_le32(out + 16, c->pos);
	put_le32(out + 20, c->epoch);
	put_le32(out + 24, c->prev_crc);
	put_le64(out + 32, c->mark_seq);
	put_le64(out + 40, c->entry_seq);
	put_le64(out + 48, c->mark_value);
}

bool rlog_checkpoint_decode(const uint8_t *in, uint64_t total_bytes, uint32_t log_blocks,
			    struct rlog_checkpoint *c)
{
	uint64_t rest;

	if (total_bytes < RLOG_CHECKPOINT_FIXED || get_le32(in) != CHECKPOINT_MAGIC)
		return false;
	c->zero_count = get_le32(in + 4);
	c->seq = get_le64(in + 8);
	c->pos = get_le32(in + 16);
	c->epoch = get_le32(in + 20);
	c->prev_crc = get_le32(in + 24);
	c->mark_seq = get_le64(in + 32);
	c->entry_seq = get_le64(in + 40);
	c->mark_value = get_le64(in + 48);
	rest = total_bytes - RLOG_CHECKPOINT_FIXED;
	return c->pos < log_blocks && c->zero_count <= rlog_geometry_zeros(log_blocks) &&
	       (uint64_t)c->zero_count * RLOG_CHECKPOINT_ZERO <= rest &&
	       (rest - (uint64_t)c->zero_count * RLOG_CHECKPOINT_ZERO) % RLOG_CHECKPOINT_DATA ==
		   0 &&
	       (rest - (uint64_t)c->zero_count * RLOG_CHECKPOINT_ZERO) / RLOG_CHECKPOINT_DATA <=
		   log_blocks;
}

void rlog_checkpoint_put_data(uint8_t *out, const struct rlog_checkpoint_data *d)
{
	put_le64(out, d->block);
	put_le32(out + 8, d->pos);
	put_le32(out + 12, d->crc);
}

bool rlog_checkpoint_get_data(const uint8_t *in, uint32_t log_blocks,
			      struct rlog_checkpoint_data *d)
{
	d->block = get_le64(in);
	d->pos = get_le32(in + 8);
	d->crc = get_le32(in + 12);
	return d->pos < log_blocks;
}

void rlog_checkpoint_put_zero(uint8_t *out, const struct rlog_checkpoint_zero *z)
{
	memset(out, 0, RLOG_CHECKPOINT_ZERO);
	put_le64(out, z->start);
	put_le64(out + 8, z->end);
	put_le32(out + 16, z->pos);
	put_le32(out + 20, z->may_unmap);
}

bool rlog_checkpoint_get_zero(const uint8_t *in, uint32_t log_blocks,
			      struct rlog_checkpoint_zero *z)
{
	z->start = get_le64(in);
	z->end = get_le64(in + 8);
	z->pos = get_le32(in + 16);
	z->may_unmap = get_le32(in + 20) & 1;
	return z->start < z->end && z->pos < log_blocks;
}
