/* SPDX-License-Identifier: MIT */
/*
 * exec_caw.c - COMPARE AND WRITE: lock, read, compare, note, write. ATS, the lock of cluster file
 * systems.
 *
 * Atomic against every other command, of whichever ring, by the exclusive lock of one logical unit.
 * RING-3, I5: once compared, the slot says so before the first byte is written; a replay skips the
 * compare, since it would compare with its own data and report a miscompare that never was. Source:
 * SBC-3 5.2.
 */
#include <string.h>

#include "mutate.h"
#include "task.h"

static void write_done(struct job *j)
{
	struct task_state *s = task_of(j);

	if (j->status)
		task_end_status(s);
	else
		task_end(s);
}

/* The second half of the data, by way of scratch memory: I/O wants it aligned. */
static void write_new(struct task_state *s)
{
	memcpy(s->buf, s->task->data + s->len_bytes, s->len_bytes);
	task_write(s, s->offset_bytes, (uint32_t)s->len_bytes, s->buf, write_done);
}

static void compare(struct job *j)
{
	struct task_state *s = task_of(j);
	struct scsi_task *t = s->task;
	uint32_t at = 0;

	if (j->status) {
		task_end_status(s);
		return;
	}
	while (at < s->len_bytes && t->data[at] == s->buf[at])
		at++;
	if (at < s->len_bytes) {
		sense_set_info(t, SENSE_MISCOMPARE, at);
		task_end(s);
		return;
	}
	if (j->is_aborted) { /* nothing is written yet, so nothing need be noted */
		j->status = SLUICE_ERR_ABORTED;
		task_end_status(s);
		return;
	}
	if (!MUTATE(RING_NO_COMPARED))
		s->lun->cfg.host->note_compared(s->lun->cfg.host_ctx, t);
	write_new(s);
}

static void locked(struct job *j)
{
	struct task_state *s = task_of(j);

	if (j->status)
		task_end_status(s);
	else if (s->task->is_compared)
		write_new(s);
	else
		task_read(s, s->offset_bytes, (uint32_t)s->len_bytes, s->buf, compare);
}

void exec_compare_write(struct task_state *s)
{
	struct scsi_task *t = s->task;

	if (s->cdb.blocks > LUN_CAW_BLOCKS_MAX ||
	    2 * s->len_bytes > s->lun->cfg.max_transfer_bytes) {
		task_end_sense(s, SENSE_INVALID_FIELD_CDB);
		return;
	}
	t->out_used_bytes = (uint32_t)(2 * s->len_bytes);
	if (t->out_bytes != t->out_used_bytes) {
		task_end_sense(s, SENSE_INVALID_FIELD_CDB);
		return;
	}
	if (s->len_bytes == 0) {
		task_end(s);
		return;
	}
	if (task_buf(s, (uint32_t)s->len_bytes))
		task_lock(s, true, locked);
}
