/* SPDX-License-Identifier: GPL-2.0-only */
#include "initiator.h"

#define TGT_WITH_ISCSI
#include "tgt.h"

bool initiator_is_gone(const struct scsi_cmd *cmd)
{
	const struct iscsi_task *task = tgt_entry(cmd, struct iscsi_task, scmd);

	if (strcmp(tgt_drivers[cmd->c_target->lid]->name, "iscsi") != 0)
		return false;
	/* The tag stands in both; where they agree, the task is laid out as its header says. */
	if (task->tag != cmd->tag || !task->conn)
		return false;
	return task->conn->state == STATE_CLOSE;
}
