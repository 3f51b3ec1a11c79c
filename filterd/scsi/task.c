/* SPDX-License-Identifier: MIT */
/* task.c - see task.h. */
#include "task.h"

#include <assert.h>
#include <string.h>

#include "mutate.h"

/* RING-3, I3: end() makes the status visible, and only then may an overlapping command run. After
 * end() the task's memory is the caller's; so the lock moves out of it first. */
void task_end(struct task_state *s)
{
	struct scsi_lun *l = s->lun;
	struct scsi_task *t = s->task;
	struct range_lock lock;

	if (s->buf)
		l->cfg.host->buf_put(l->cfg.host_ctx, s->buf, s->buf_bytes);
	s->buf = NULL;
	job_detach(&s->job, &lock);
	assert(l->tasks > 0);
	l->tasks--;
	t->end(t);
	job_release(&l->room, &lock);
}

void task_end_sense(struct task_state *s, enum sense_id id)
{
	s->task->in_actual_bytes = 0;
	sense_set(s->task, id);
	task_end(s);
}

void task_end_status(struct task_state *s)
{
	bool is_write = s->job.io_op != SLUICE_OP_READ && s->job.io_op != SLUICE_OP_EXTENT;

	assert(s->job.status != SLUICE_OK);
	s->task->in_actual_bytes = 0;
	sense_set_status(s->task, (enum sluice_status)s->job.status, is_write);
	task_end(s);
}

void task_end_data(struct task_state *s, const void *data, uint32_t bytes, uint32_t alloc_bytes)
{
	struct scsi_task *t = s->task;
	uint32_t actual = bytes < alloc_bytes ? bytes : alloc_bytes;
	uint32_t room = t->in_bytes < t->data_bytes ? t->in_bytes : t->data_bytes;

	if (room > actual)
		room = actual;
	if (room > 0)
		memcpy(t->data, data, room);
	t->in_actual_bytes = actual;
	task_end(s);
}

bool task_buf(struct task_state *s, uint32_t bytes)
{
	struct scsi_lun *l = s->lun;

	assert(!s->buf);
	s->buf = l->cfg.host->buf_get(l->cfg.host_ctx, bytes);
	s->buf_bytes = bytes;
	if (s->buf)
		return true;
	s->task->in_actual_bytes = 0;
	s->task->status = SCSI_BUSY;
	task_end(s);
	return false;
}

void task_lock(struct task_state *s, bool is_exclusive, job_step then)
{
	job_lock(&s->job, s->offset_bytes, s->offset_bytes + s->len_bytes, is_exclusive, then);
}

static uint16_t fua(const struct task_state *s)
{
	return s->cdb.is_fua ? SLUICE_IO_FUA : 0;
}

void task_read(struct task_state *s, uint64_t offset_bytes, uint32_t len_bytes, void *buf,
	       job_step then)
{
	job_io(&s->job, SLUICE_OP_READ, offset_bytes, len_bytes, buf, fua(s), then);
}

void task_write(struct task_state *s, uint64_t offset_bytes, uint32_t len_bytes, void *buf,
		job_step then)
{
	/* Nobody's turn can come between the end of the I/O and end(); so the fault lets go before
	 * it. */
	if (MUTATE(RING_UNLOCK_EARLY))
		job_unlock(&s->job);
	job_io(&s->job, SLUICE_OP_WRITE, offset_bytes, len_bytes, buf, fua(s), then);
}

bool task_take_out(struct task_state *s, uint64_t need_bytes, uint32_t *whole_bytes)
{
	struct scsi_task *t = s->task;
	uint64_t bytes = need_bytes < t->out_bytes ? need_bytes : t->out_bytes;

	assert(need_bytes <= UINT32_MAX);
	t->out_used_bytes = (uint32_t)need_bytes;
	*whole_bytes = (uint32_t)bytes;
	if (bytes % task_block_bytes(s) == 0)
		return true;
	task_end_sense(s, SENSE_INVALID_LENGTH_UNIT);
	return false;
}
