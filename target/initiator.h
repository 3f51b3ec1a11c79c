/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * initiator.h - is anybody still waiting for this command?
 *
 * After a logout or a lost connection tgtd keeps the session until the last of its commands has
 * ended, and tells nobody: no task management function comes any more. A command that filterd holds
 * for long (a hung filter, a stalled datastore) would keep session, LUN and target for as long
 * (RING-6). The loss of the nexus aborts its commands (SAM-5 6.4), so the module has to see it, and
 * tgtd's iSCSI part has it.
 */
#ifndef TARGET_INITIATOR_H
#define TARGET_INITIATOR_H

#include <stdbool.h>

struct scsi_cmd;

/* The command's connection is closed. False if that cannot be known: another transport, another
 * layout. */
bool initiator_is_gone(const struct scsi_cmd *cmd);

#endif
