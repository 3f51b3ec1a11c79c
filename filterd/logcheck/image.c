/* SPDX-License-Identifier: MIT */
#include "image.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rlog_crc.h"

int image_read(const struct image *m, uint64_t offset_bytes, uint64_t len_bytes, void *buf,
	       struct err *err)
{
	uint8_t *p = buf;

	while (len_bytes) {
		ssize_t n = pread(m->fd, p, len_bytes, (off_t)offset_bytes);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return err_set(err, n < 0 ? errno : EIO, "", "%s: reading at byte %llu: %s",
				       m->path, (unsigned long long)offset_bytes,
				       n < 0 ? strerror(errno) : "the file ends there");
		p += n;
		offset_bytes += (uint64_t)n;
		len_bytes -= (uint64_t)n;
	}
	return 0;
}

uint64_t image_offset(const struct image *m, uint32_t pos)
{
	return ((uint64_t)m->super->geo.log_start + pos) * m->super->geo.block_bytes;
}

/* ---------------------------------------------------------------- superblocks */

static int read_super(struct image *m, uint32_t which, uint64_t at, struct err *err)
{
	uint8_t block[RLOG_SUPER_BYTES];
	int rc;

	if (at + sizeof(block) > m->size_bytes) {
		m->is[which] = RLOG_SUPER_UNKNOWN;
		return 0;
	}
	rc = image_read(m, at, sizeof(block), block, err);
	if (rc == 0)
		m->is[which] = rlog_super_decode(block, m->size_bytes, &m->supers[which]);
	return rc;
}

/* A says where B is; without A every size of block is tried. */
static int find_supers(struct image *m, struct err *err)
{
	uint32_t first = RLOG_BLOCK_BYTES_MIN, last = RLOG_BLOCK_BYTES_MAX;
	int rc = read_super(m, 0, 0, err);

	if (m->is[0] == RLOG_SUPER_VALID)
		first = last = m->supers[0].geo.block_bytes;
	for (uint32_t b = last; rc == 0 && b >= first; b /= 2) {
		struct rlog_geometry g;

		if (!rlog_geometry_make(&g, b, 1ull << 30, false))
			continue;
		rc = read_super(m, 1, (uint64_t)g.super_b * b, err);
		if (m->is[1] == RLOG_SUPER_VALID && m->supers[1].geo.block_bytes == b)
			break;
	}
	for (uint32_t i = 0; i < 2; i++)
		if (m->is[i] == RLOG_SUPER_VALID &&
		    (!m->super || m->supers[i].sb_seq > m->super->sb_seq))
			m->super = &m->supers[i];
	return rc;
}

int image_open(struct image *m, const char *path, struct err *err)
{
	struct stat st;
	off_t size;
	int rc;

	memset(m, 0, sizeof(*m));
	m->path = path;
	m->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (m->fd < 0)
		return err_set(err, errno, "", "cannot open %s: %s", path, strerror(errno));
	size = lseek(m->fd, 0, SEEK_END);
	if (size < 0 || fstat(m->fd, &st) || (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode)))
		return err_set(err, EINVAL, "", "%s is neither a file nor a block device", path);
	m->size_bytes = (uint64_t)size;
	rc = find_supers(m, err);
	if (rc || !m->super)
		return rc;
	m->block_bytes = m->super->geo.block_bytes;
	m->seed = rlog_seed_log(m->super->uuid);
	m->record = malloc((1 + rlog_record_room(m->block_bytes) / RLOG_DATA_CRC_BYTES) *
			   (size_t)m->block_bytes);
	return m->record ? 0 : err_set(err, ENOMEM, "", "out of memory");
}

void image_close(struct image *m)
{
	free(m->record);
	if (m->fd >= 0)
		close(m->fd);
}

/* ---------------------------------------------------------------- the walk */

static int read_blocks(struct image *m, uint32_t pos, uint32_t blocks, uint8_t *to, struct err *err)
{
	uint32_t first = m->super->geo.log_blocks - pos;
	int rc;

	first = first < blocks ? first : blocks;
	rc = image_read(m, image_offset(m, pos), (uint64_t)first * m->block_bytes, to, err);
	if (rc || first == blocks)
		return rc;
	return image_read(m, image_offset(m, 0), (uint64_t)(blocks - first) * m->block_bytes,
			  to + (uint64_t)first * m->block_bytes, err);
}

static const char *why_not(const struct image_end *at, const struct rlog_record *h,
			   const struct rlog_super *s)
{
	if (h->seq != at->seq)
		return h->seq < at->seq ? "an older record lies there: the end of the log"
					: "a record with a later number lies there";
	if (h->epoch > s->epoch)
		return "a record of an epoch lies there that no superblock names";
	if (h->epoch < at->epoch)
		return "a record of an earlier epoch lies there, given up by a recovery";
	if (h->prev_crc != at->crc)
		return "a record lies there that follows another one than this";
	return NULL;
}

static uint32_t first_bad(const struct image *m, const struct rlog_record *h)
{
	uint32_t seed = rlog_seed_record(m->seed, h->epoch, h->seq);

	for (uint32_t i = 0; i < h->data_blocks; i++)
		if (rlog_crc(seed, m->record + (i + 1ull) * m->block_bytes, m->block_bytes) !=
		    rlog_record_crc(m->record, m->block_bytes, i))
			return i;
	return UINT32_MAX;
}

int image_walk(struct image *m,
	       void (*fn)(void *ctx, const struct image *m, const struct image_record *r),
	       void *ctx, struct image_end *e, struct err *err)
{
	const struct rlog_super *s = m->super;
	int rc;

	*e = (struct image_end){.pos = s->tail_pos,
				.seq = s->tail_seq,
				.epoch = s->tail_epoch,
				.crc = s->tail_prev_crc};
	for (;;) {
		struct image_record r = {.header = m->record, .pos = e->pos};

		rc = read_blocks(m, e->pos, 1, m->record, err);
		if (rc)
			return rc;
		if (!rlog_record_decode(m->record, m->block_bytes, m->seed, &r.head)) {
			e->reason = "no record begins there";
			return 0;
		}
		e->reason = why_not(e, &r.head, s);
		if (e->reason)
			return 0;
		e->is_over_full = e->blocks + 1 + r.head.data_blocks >= s->geo.log_blocks;
		if (e->is_over_full) {
			e->reason = "the next record has no room before the tail";
			return 0;
		}
		rc = read_blocks(m, e->pos, 1u + r.head.data_blocks, m->record, err);
		if (rc)
			return rc;
		r.bad_block = first_bad(m, &r.head);
		if (fn)
			fn(ctx, m, &r);
		if (r.bad_block != UINT32_MAX) {
			e->has_bad_data = true;
			e->bad_block = r.bad_block;
			e->reason = "the record's data does not match its checksums";
			return 0;
		}
		e->records++;
		e->data_blocks += r.head.data_blocks;
		e->blocks += 1u + r.head.data_blocks;
		e->pos = (e->pos + 1u + r.head.data_blocks) % s->geo.log_blocks;
		e->seq++;
		e->epoch = r.head.epoch;
		e->crc = r.head.crc;
	}
}

/* ---------------------------------------------------------------- proofs and checkpoints */

int image_scan(struct image *m, const struct image_end *end, struct image_proof *proof,
	       struct err *err)
{
	const struct rlog_super *s = m->super;
	struct rlog_record h;
	int rc;

	*proof = (struct image_proof){0};
	if (end->seq <= s->durable_seq || (s->is_clean && end->seq <= s->head_seq)) {
		*proof =
		    (struct image_proof){.is_found = true, .is_superblock = true, .seq = s->sb_seq};
		return 0;
	}
	for (uint64_t i = 0; i + end->blocks < s->geo.log_blocks; i++) {
		uint32_t pos = (uint32_t)((end->pos + i) % s->geo.log_blocks);

		rc = read_blocks(m, pos, 1, m->record, err);
		if (rc)
			return rc;
		if (!rlog_record_decode(m->record, m->block_bytes, m->seed, &h))
			continue;
		if (h.epoch <= s->epoch &&
		    (h.seq < end->seq || h.epoch < end->epoch || h.durable_seq < end->seq))
			continue;
		*proof = (struct image_proof){.is_found = true, .seq = h.seq, .pos = pos};
		return 0;
	}
	return 0;
}

int image_checkpoint(struct image *m, struct image_checkpoint *c, struct err *err)
{
	const struct rlog_super *s = m->super;
	uint64_t at = ((uint64_t)s->geo.checkpoint_start +
		       (uint64_t)s->checkpoint_slot * s->geo.checkpoint_blocks) *
		      m->block_bytes;
	uint64_t left = s->checkpoint_bytes, piece = m->block_bytes;
	uint32_t crc = m->seed;
	bool is_first = true;
	int rc;

	*c = (struct image_checkpoint){.is_there = s->has_checkpoint};
	while (c->is_there && left) {
		piece = left < m->block_bytes ? left : m->block_bytes;
		rc = image_read(m, at, piece, m->record, err);
		if (rc)
			return rc;
		if (is_first && !rlog_checkpoint_decode(m->record, s->checkpoint_bytes,
							s->geo.log_blocks, &c->head)) {
			c->reason = "its head is damaged";
			return 0;
		}
		is_first = false;
		crc = rlog_crc(crc, m->record, piece);
		at += piece;
		left -= piece;
	}
	c->is_good = c->is_there && crc == s->checkpoint_crc && c->head.seq == s->checkpoint_seq;
	c->is_used = c->is_good && s->checkpoint_seq >= s->tail_seq;
	c->entries = c->is_good ? (s->checkpoint_bytes - RLOG_CHECKPOINT_FIXED -
				   (uint64_t)c->head.zero_count * RLOG_CHECKPOINT_ZERO) /
				      RLOG_CHECKPOINT_DATA
				: 0;
	if (c->is_there && !c->is_good)
		c->reason = "its checksum is wrong";
	return 0;
}
