/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ops.h - a command's way through the module: from tgtd's op table onto the ring, and back.
 *
 * tgtd copies its op table into each LUN before bs_init, so this LUN's copy is ours to change.
 * Every opcode goes to filterd as a CDB, except what belongs to an I_T nexus, or to the list of
 * LUNs, inside tgtd: REPORT LUNS, REQUEST SENSE, RESERVE/RELEASE(6), PERSISTENT RESERVE IN/OUT
 * (pr.h). Thread: tgtd's loop.
 */
#ifndef TARGET_OPS_H
#define TARGET_OPS_H

#include "ring_client.h"
#include "tgt.h"

/* bs_init: replaces the op table. */
void ops_init(struct scsi_lu *lu);

/* What any command of this LUN does; also bs_cmd_submit's body. Returns a SAM status, or sets the
 * command async. */
int ops_perform(int host_no, struct scsi_cmd *cmd);

/* The ring's answer. cmd may be freed when it returns. */
void ops_complete(struct scsi_cmd *cmd, const struct ring_client_result *result);

/* CHECK CONDITION of our own making, without data. */
int ops_sense(struct scsi_cmd *cmd, uint8_t key, uint16_t asc);

#endif
