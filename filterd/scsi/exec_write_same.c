/* SPDX-License-Identifier: MIT */
/*
 * exec_write_same.c - WRITE SAME(10) and (16): one block, many times, of any length.
 *
 * With UNMAP the blocks are given back and read as zeros, whatever block came along: so do the
 * targets that initiators know. Without it, zeros become WRITE ZEROES, and any other block is
 * written out in pieces. No blocks means up to the end.
 *
 * Source: SBC-3 5.42.
 */
#include <string.h>

#include "task.h"
#include "zero.h"

static void next_piece(struct job *j);

static bool is_zero(const uint8_t *p, uint32_t bytes)
{
	return p[0] == 0 && memcmp(p, p + 1, bytes - 1) == 0;
}

static uint32_t pattern_bytes(const struct task_state *s)
{
	uint64_t left = s->len_bytes - s->done_bytes;

	return left < s->buf_bytes ? (uint32_t)left : s->buf_bytes;
}

/* done_bytes counts what was asked for; a failed piece ends the command, so nobody counts on it. */
static void next_piece(struct job *j)
{
	struct task_state *s = task_of(j);
	uint64_t at = s->offset_bytes + s->done_bytes;
	uint64_t left = s->len_bytes - s->done_bytes;

	if (j->status) {
		task_end_status(s);
		return;
	}
	if (left == 0) {
		task_end(s);
		return;
	}
	if (s->count) { /* a pattern */
		uint32_t piece = pattern_bytes(s);

		s->done_bytes += piece;
		task_write(s, at, piece, s->buf, next_piece);
		return;
	}
	s->done_bytes += zero_piece(s, at, left, s->cdb.is_unmap, next_piece);
}

static bool prepare_pattern(struct task_state *s)
{
	uint32_t block = task_block_bytes(s);
	uint64_t bytes =
	    s->len_bytes < TASK_DATA_CHUNK_BYTES ? s->len_bytes : TASK_DATA_CHUNK_BYTES;

	if (!task_buf(s, (uint32_t)bytes))
		return false;
	memcpy(s->buf, s->task->data, block);
	for (uint32_t at = block; at < s->buf_bytes; at += block)
		memcpy(s->buf + at, s->buf, block);
	s->count = 1;
	return true;
}

static bool prepare_zeroes(struct task_state *s)
{
	uint32_t bytes = zero_buf_bytes(s, s->len_bytes);

	s->count = 0;
	return bytes == 0 || task_buf(s, bytes);
}

/* The data: one block; none with NDOB, or when nothing but unmapping is asked for. */
static bool take_block(struct task_state *s, bool *has_data)
{
	uint32_t got = s->task->out_bytes;

	*has_data = !s->cdb.is_ndob && got > 0;
	if (s->cdb.is_ndob || (got == 0 && s->cdb.is_unmap))
		return true;
	s->task->out_used_bytes = task_block_bytes(s);
	if (got == task_block_bytes(s))
		return true;
	task_end_sense(s, SENSE_LIST_LENGTH);
	return false;
}

void exec_write_same(struct task_state *s)
{
	bool has_data, is_ready;

	if (s->cdb.is_unmap && !lun_is_thin(s->lun)) {
		task_end_sense(s, SENSE_INVALID_FIELD_CDB);
		return;
	}
	if (s->cdb.blocks == 0) {
		s->cdb.blocks = lun_capacity_blocks(s->lun) - s->cdb.lba;
		s->len_bytes = s->cdb.blocks * task_block_bytes(s);
	}
	if (s->cdb.blocks > LUN_WRITE_SAME_BLOCKS_MAX) {
		task_end_sense(s, SENSE_INVALID_FIELD_CDB);
		return;
	}
	if (!take_block(s, &has_data))
		return;
	if (has_data && !s->cdb.is_unmap && !is_zero(s->task->data, task_block_bytes(s)))
		is_ready = prepare_pattern(s);
	else
		is_ready = prepare_zeroes(s);
	if (is_ready)
		task_lock(s, true, next_piece);
}
