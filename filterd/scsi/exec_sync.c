/* SPDX-License-Identifier: MIT */
/*
 * exec_sync.c - SYNCHRONIZE CACHE and START STOP UNIT: one flush of everything completed before.
 *
 * No lock: a flush promises nothing about what is still under way. With IMMED the status comes
 * after the flush as well: later than asked for, never sooner than true.
 */
#include "task.h"

static void flushed(struct job *j)
{
	struct task_state *s = task_of(j);

	if (j->status)
		task_end_status(s);
	else
		task_end(s);
}

void exec_sync_cache(struct task_state *s)
{
	job_io(&s->job, SLUICE_OP_FLUSH, 0, 0, NULL, 0, flushed);
}

/* A volume has no motor, and may have other initiators: a stop only flushes. Nothing can be
 * ejected. */
void exec_start_stop(struct task_state *s)
{
	bool is_stop = s->cdb.control == 0 && !s->cdb.is_start && !s->cdb.is_no_flush;

	if (s->cdb.is_loej)
		task_end_sense(s, SENSE_INVALID_FIELD_CDB);
	else if (is_stop && task_has_op(s, SLUICE_OP_FLUSH) && s->lun->room.state == SLUICE_OK)
		exec_sync_cache(s);
	else
		task_end(s);
}
