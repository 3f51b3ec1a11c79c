/* SPDX-License-Identifier: MIT */
/*
 * exec_orwrite.c - ORWRITE(16): read, or, write, under an exclusive lock, in pieces.
 *
 * A replay does it again from the start: once or twice or-ed is the same.
 */
#include "task.h"

static void next_piece(struct task_state *s);

static uint32_t piece_bytes(const struct task_state *s)
{
	uint64_t left = s->len_bytes - s->done_bytes;

	return left < TASK_DATA_CHUNK_BYTES ? (uint32_t)left : TASK_DATA_CHUNK_BYTES;
}

static void piece_written(struct job *j)
{
	struct task_state *s = task_of(j);

	if (j->status) {
		task_end_status(s);
		return;
	}
	s->done_bytes += piece_bytes(s);
	next_piece(s);
}

static void piece_read(struct job *j)
{
	struct task_state *s = task_of(j);
	const uint8_t *data = s->task->data + s->done_bytes;
	uint32_t bytes = piece_bytes(s);

	if (j->status) {
		task_end_status(s);
		return;
	}
	for (uint32_t i = 0; i < bytes; i++)
		s->buf[i] |= data[i];
	task_write(s, s->offset_bytes + s->done_bytes, bytes, s->buf, piece_written);
}

static void next_piece(struct task_state *s)
{
	if (s->done_bytes == s->len_bytes)
		task_end(s);
	else
		task_read(s, s->offset_bytes + s->done_bytes, piece_bytes(s), s->buf, piece_read);
}

static void locked(struct job *j)
{
	struct task_state *s = task_of(j);

	if (j->status)
		task_end_status(s);
	else
		next_piece(s);
}

void exec_orwrite(struct task_state *s)
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
	if (task_buf(s, piece_bytes(s)))
		task_lock(s, true, locked);
}
