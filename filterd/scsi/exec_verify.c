/* SPDX-License-Identifier: MIT */
/*
 * exec_verify.c - VERIFY and WRITE AND VERIFY: read back, in pieces, and compare where the CDB asks
 * for it.
 *
 * BYTCHK 0 reads only; 1 compares with as much data as there are blocks; 3 compares each block with
 * one. A difference is MISCOMPARE with the offset of its first byte in INFORMATION.
 */
#include <string.h>

#include "task.h"

static void verify_next(struct task_state *s);

/* First differing byte of a and b, or bytes. */
static uint32_t first_difference(const uint8_t *a, const uint8_t *b, uint32_t bytes)
{
	uint32_t i = 0;

	if (memcmp(a, b, bytes) == 0)
		return bytes;
	while (i < bytes && a[i] == b[i])
		i++;
	return i;
}

static uint32_t chunk_bytes(const struct task_state *s)
{
	uint64_t left = s->len_bytes - s->done_bytes;

	return left < TASK_DATA_CHUNK_BYTES ? (uint32_t)left : TASK_DATA_CHUNK_BYTES;
}

/* Compares the piece in buf; returns its length when it is the same. */
static uint32_t compare_piece(const struct task_state *s, uint32_t bytes)
{
	const uint8_t *data = s->task->data;
	uint32_t block = task_block_bytes(s);

	switch (s->cdb.bytchk) {
	case CDB_BYTCHK_ALL:
		return first_difference(data + s->done_bytes, s->buf, bytes);
	case CDB_BYTCHK_ONE_BLOCK:
		for (uint32_t at = 0; at < bytes; at += block) {
			uint32_t same = first_difference(data, s->buf + at, block);

			if (same < block)
				return at + same;
		}
		return bytes;
	default:
		return bytes;
	}
}

static void verify_read(struct job *j)
{
	struct task_state *s = task_of(j);
	uint32_t bytes = chunk_bytes(s), same;

	if (j->status) {
		task_end_status(s);
		return;
	}
	same = compare_piece(s, bytes);
	if (same < bytes) {
		sense_set_info(s->task, SENSE_MISCOMPARE, s->done_bytes + same);
		task_end(s);
		return;
	}
	s->done_bytes += bytes;
	verify_next(s);
}

static void verify_next(struct task_state *s)
{
	if (s->done_bytes == s->len_bytes)
		task_end(s);
	else
		task_read(s, s->offset_bytes + s->done_bytes, chunk_bytes(s), s->buf, verify_read);
}

static void verify_locked(struct job *j)
{
	struct task_state *s = task_of(j);

	if (j->status)
		task_end_status(s);
	else
		verify_next(s);
}

void exec_verify(struct task_state *s)
{
	uint64_t need = 0;
	uint32_t bytes;

	if (s->cdb.bytchk == CDB_BYTCHK_ALL)
		need = s->len_bytes;
	else if (s->cdb.bytchk == CDB_BYTCHK_ONE_BLOCK && s->len_bytes > 0)
		need = task_block_bytes(s);
	if (need > s->lun->cfg.max_transfer_bytes) {
		task_end_sense(s, SENSE_INVALID_FIELD_CDB);
		return;
	}
	if (!task_take_out(s, need, &bytes))
		return;
	if (bytes < need) { /* a comparison with less than all would say too much */
		task_end_sense(s, SENSE_INVALID_LENGTH_UNIT);
		return;
	}
	if (s->len_bytes == 0) {
		task_end(s);
		return;
	}
	if (task_buf(s, chunk_bytes(s)))
		task_lock(s, false, verify_locked);
}

/* ---------------------------------------------------------------- WRITE AND VERIFY */

static void written(struct job *j)
{
	verify_locked(j);
}

static void write_verify_locked(struct job *j)
{
	struct task_state *s = task_of(j);

	if (j->status)
		task_end_status(s);
	else
		task_write(s, s->offset_bytes, (uint32_t)s->len_bytes, s->task->data, written);
}

void exec_write_verify(struct task_state *s)
{
	uint32_t bytes;

	if (s->len_bytes > s->lun->cfg.max_transfer_bytes) {
		task_end_sense(s, SENSE_INVALID_FIELD_CDB);
		return;
	}
	if (!task_take_out(s, s->len_bytes, &bytes))
		return;
	s->len_bytes = bytes;
	if (bytes == 0) {
		task_end(s);
		return;
	}
	if (task_buf(s, chunk_bytes(s)))
		task_lock(s, true, write_verify_locked);
}
