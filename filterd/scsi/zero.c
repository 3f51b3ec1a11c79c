/* SPDX-License-Identifier: MIT */
/* zero.c - see zero.h. */
#include "zero.h"

#include <assert.h>
#include <string.h>

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

uint32_t zero_buf_bytes(const struct task_state *s, uint64_t bytes)
{
	return task_has_op(s, SLUICE_OP_WRITE_ZEROES)
		   ? 0
		   : (uint32_t)least(bytes, TASK_DATA_CHUNK_BYTES);
}

uint64_t zero_piece(struct task_state *s, uint64_t offset_bytes, uint64_t bytes, bool may_unmap,
		    job_step then)
{
	uint64_t piece;

	if (task_has_op(s, SLUICE_OP_WRITE_ZEROES)) {
		piece = least(bytes, TASK_ZERO_CHUNK_BYTES);
		job_io(&s->job, SLUICE_OP_WRITE_ZEROES, offset_bytes, piece, NULL,
		       may_unmap ? SLUICE_IO_MAY_UNMAP : 0, then);
		return piece;
	}
	piece = least(bytes, TASK_DATA_CHUNK_BYTES);
	assert(s->buf && s->buf_bytes >= piece);
	memset(s->buf, 0, piece);
	task_write(s, offset_bytes, (uint32_t)piece, s->buf, then);
	return piece;
}
