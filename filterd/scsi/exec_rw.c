/* SPDX-License-Identifier: MIT */
/*
 * exec_rw.c - READ and WRITE of all lengths. The data goes to and from the ring's memory, without a
 * copy.
 *
 * An initiator may take or send less than the CDB says. A READ then delivers the beginning; a WRITE
 * writes the blocks that came. Both answer GOOD, and the residual tells. A WRITE that ends in the
 * middle of a block writes nothing.
 */
#include <string.h>

#include "task.h"

/* ---------------------------------------------------------------- READ */

static void read_tail_done(struct job *j)
{
	struct task_state *s = task_of(j);
	struct scsi_task *t = s->task;
	uint32_t block = task_block_bytes(s);
	uint32_t whole = t->in_bytes / block * block;

	if (j->status) {
		task_end_status(s);
		return;
	}
	memcpy(t->data + whole, s->buf, t->in_bytes - whole);
	task_end(s);
}

static void read_done(struct job *j)
{
	struct task_state *s = task_of(j);
	struct scsi_task *t = s->task;
	uint32_t block = task_block_bytes(s);

	if (j->status) {
		task_end_status(s);
		return;
	}
	if (t->in_actual_bytes <= t->in_bytes || t->in_bytes % block == 0) {
		task_end(s);
		return;
	}
	/* Part of a last block is wanted. */
	if (!task_buf(s, block))
		return;
	task_read(s, s->offset_bytes + t->in_bytes / block * block, block, s->buf, read_tail_done);
}

static void read_locked(struct job *j)
{
	struct task_state *s = task_of(j);
	struct scsi_task *t = s->task;
	uint32_t block = task_block_bytes(s);
	uint64_t whole = s->len_bytes;

	if (j->status) {
		task_end_status(s);
		return;
	}
	if (whole > t->in_bytes)
		whole = t->in_bytes / block * block;
	if (whole > 0)
		task_read(s, s->offset_bytes, (uint32_t)whole, t->data, read_done);
	else
		read_done(j);
}

void exec_read(struct task_state *s)
{
	struct scsi_task *t = s->task;

	if (s->len_bytes > s->lun->cfg.max_transfer_bytes) {
		task_end_sense(s, SENSE_INVALID_FIELD_CDB);
		return;
	}
	t->in_actual_bytes = (uint32_t)s->len_bytes;
	if (s->len_bytes == 0 || t->in_bytes == 0)
		task_end(s);
	else
		task_lock(s, false, read_locked);
}

/* ---------------------------------------------------------------- WRITE */

static void write_done(struct job *j)
{
	struct task_state *s = task_of(j);

	if (j->status)
		task_end_status(s);
	else
		task_end(s);
}

static void write_locked(struct job *j)
{
	struct task_state *s = task_of(j);

	if (j->status)
		task_end_status(s);
	else
		task_write(s, s->offset_bytes, (uint32_t)s->len_bytes, s->task->data, write_done);
}

void exec_write(struct task_state *s)
{
	const struct scsi_lun_cfg *cfg = &s->lun->cfg;
	uint32_t bytes;

	if (s->len_bytes > (s->cdb.is_atomic ? cfg->atomic_bytes : cfg->max_transfer_bytes)) {
		task_end_sense(s, SENSE_INVALID_FIELD_CDB);
		return;
	}
	if (!task_take_out(s, s->len_bytes, &bytes))
		return;
	if (s->cdb.is_atomic && bytes < s->len_bytes) { /* a part of it would not be all of it */
		task_end_sense(s, SENSE_INVALID_LENGTH_UNIT);
		return;
	}
	s->len_bytes = bytes;
	if (bytes == 0)
		task_end(s);
	else
		task_lock(s, true, write_locked);
}
