/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pr.h - persistent reservations: what tgtd lacks or does against the standard.
 *
 * Registrations and reservation stay tgtd's, with its other service actions.
 *   pr.c           PREEMPT AND ABORT: tgtd's PREEMPT, then the commands of the nexuses that lost
 * their registration are aborted; it ends when the last of them has ended, because a node that
 *                  fences another one by it relies on no later write of that one
 *   pr_register.c  REGISTER, RELEASE: unit attentions for the right nexuses
 *   pr_status.c    READ FULL STATUS
 * Source: SPC-4 5.13.11 and 6.16.
 * Thread: tgtd's loop.
 */
#ifndef TARGET_PR_H
#define TARGET_PR_H

#include <stdbool.h>

#include "tgt.h"

/* bs_init: this LUN's service action tables. */
void pr_init(struct scsi_lu *lu);
/* bs_exit: nothing waits any more, as no command is active. */
void pr_exit(struct scsi_lu *lu);

/* A PREEMPT AND ABORT waits for the end of that command. */
bool pr_wants_abort(struct scsi_cmd *cmd);
/* That command is about to be completed. */
void pr_command_ended(struct scsi_lu *lu, const struct scsi_cmd *cmd);
/* Completes each PREEMPT AND ABORT that waits no longer. */
void pr_finish(struct scsi_lu *lu);

/* Service actions, as tgtd calls them. */
int pr_register(int host_no, struct scsi_cmd *cmd);
int pr_release(int host_no, struct scsi_cmd *cmd);
int pr_read_full_status(int host_no, struct scsi_cmd *cmd);

#endif
