/* SPDX-License-Identifier: MIT */
/*
 * copy_results.h - how the last EXTENDED COPYs went, and RECEIVE COPY RESULTS, which asks.
 *
 * A small table per logical unit, by nexus and list identifier; the oldest ended one makes room.
 * Thread: owner worker.
 */
#ifndef FILTERD_SCSI_COPY_RESULTS_H
#define FILTERD_SCSI_COPY_RESULTS_H

#include "task.h"

/* The record of an operation that begins; NULL: all places are taken by running ones. is_busy: this
 * nexus has one running under this identifier. */
struct lun_copy_record *copy_results_begin(struct scsi_lun *l, uint64_t nexus_id, uint8_t list_id,
					   bool *is_busy);
/* It ended as the task says. */
void copy_results_end(struct lun_copy_record *r, const struct scsi_task *t);
void copy_results_forget(struct lun_copy_record *r);

#endif
