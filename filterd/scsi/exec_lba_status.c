/* SPDX-License-Identifier: MIT */
/*
 * exec_lba_status.c - GET LBA STATUS from the holes that the chain knows.
 *
 * Runs of the same kind are joined; the answer ends where the initiator's buffer, our limit, or the
 * volume ends. A run that is a hole only in part of a block counts as mapped. Source: SBC-3 5.6.
 */
#include "bytes.h"
#include "task.h"

#define HEADER_BYTES     8u
#define DESCRIPTOR_BYTES 16u
#define DESCRIPTORS_MAX  64u
#define ANSWER_BYTES     (HEADER_BYTES + DESCRIPTORS_MAX * DESCRIPTOR_BYTES)
#define LOOKS_MAX        1024u /* extents asked for by one command */

#define STATUS_MAPPED      0
#define STATUS_DEALLOCATED 1

static void extent_done(struct job *j);

static void finish(struct task_state *s)
{
	put_be32(s->buf, 4 + s->count * DESCRIPTOR_BYTES);
	put_be32(s->buf + 4, 0);
	task_end_data(s, s->buf, HEADER_BYTES + s->count * DESCRIPTOR_BYTES, s->cdb.alloc_bytes);
}

static uint32_t descriptors_wanted(const struct task_state *s)
{
	uint32_t bytes = s->cdb.alloc_bytes;
	uint32_t count =
	    bytes < HEADER_BYTES + DESCRIPTOR_BYTES ? 1 : (bytes - HEADER_BYTES) / DESCRIPTOR_BYTES;

	return count < DESCRIPTORS_MAX ? count : DESCRIPTORS_MAX;
}

static void look(struct task_state *s)
{
	uint64_t end_bytes = lun_capacity_blocks(s->lun) * task_block_bytes(s);

	if (s->offset_bytes >= end_bytes || s->index++ == LOOKS_MAX)
		finish(s);
	else
		job_io(&s->job, SLUICE_OP_EXTENT, s->offset_bytes, end_bytes - s->offset_bytes,
		       NULL, 0, extent_done);
}

/* False: no room for it. */
static bool add_run(struct task_state *s, uint64_t lba, uint64_t blocks, uint8_t status)
{
	uint8_t *d = s->buf + HEADER_BYTES + (size_t)s->count * DESCRIPTOR_BYTES;

	if (s->count > 0) {
		uint8_t *last = d - DESCRIPTOR_BYTES;
		uint64_t joined = get_be32(last + 8) + blocks;

		if (last[12] == status && joined <= UINT32_MAX) {
			put_be32(last + 8, (uint32_t)joined);
			return true;
		}
	}
	if (s->count == descriptors_wanted(s))
		return false;
	put_be64(d, lba);
	put_be32(d + 8, (uint32_t)blocks);
	put_be32(d + 12, 0);
	d[12] = status;
	s->count++;
	return true;
}

static void extent_done(struct job *j)
{
	struct task_state *s = task_of(j);
	uint32_t block = task_block_bytes(s);
	uint64_t left_blocks = (lun_capacity_blocks(s->lun) * block - s->offset_bytes) / block;
	uint64_t blocks = j->extent_bytes / block;
	uint8_t status = j->is_hole && blocks > 0 ? STATUS_DEALLOCATED : STATUS_MAPPED;

	if (j->status) {
		task_end_status(s);
		return;
	}
	if (!j->is_hole && j->extent_bytes % block)
		blocks++;
	if (blocks == 0)
		blocks = 1;
	if (blocks > left_blocks)
		blocks = left_blocks;
	if (blocks > UINT32_MAX)
		blocks = UINT32_MAX;
	if (!add_run(s, s->offset_bytes / block, blocks, status)) {
		finish(s);
		return;
	}
	s->offset_bytes += blocks * block;
	look(s);
}

void exec_lba_status(struct task_state *s)
{
	if (task_buf(s, ANSWER_BYTES))
		look(s);
}
