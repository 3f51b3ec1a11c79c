/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lun.h - what one of our LUNs looks like to tgtd: size, identity, attributes, unit attentions.
 *
 * struct lun is the module's part of a logical unit; tgtd allocates it behind its struct scsi_lu.
 * Thread: tgtd's loop.
 */
#ifndef TARGET_LUN_H
#define TARGET_LUN_H

#include <stdbool.h>

#include "conn_socket.h"
#include "tgt.h"

#define LUN_PR_ACTIONS 16u

struct conn;
struct pr_preempt;

struct lun {
	struct scsi_lu *lu;
	struct conn *conn; /* NULL: no volume opened */
	char socket_path[CONN_SOCKET_PATH_BYTES];
	bool was_welcomed; /* since bs_open */
	/* This LUN's copies of tgtd's service action tables, with what these lack. */
	struct service_action pr_in[LUN_PR_ACTIONS], pr_out[LUN_PR_ACTIONS];
	struct pr_preempt *preempts; /* PREEMPT AND ABORT that wait for the commands they abort */
};

static inline struct lun *lun_of(struct scsi_lu *lu)
{
	return (struct lun *)(lu + 1);
}

/* bs_init: fixed attributes, online and offline, no VPD pages of tgtd's. */
void lun_init(struct scsi_lu *lu);

/*
 * The volume answers: size, block size, identity; online if it is the first time since bs_open. A
 * later WELCOME with another size raises CAPACITY DATA HAS CHANGED. False: the volume cannot be the
 * one this LUN has shown so far (other UUID or block size), and must not be served.
 */
bool lun_welcome(struct scsi_lu *lu, const struct ring_msg_welcome *w);
void lun_notice(struct scsi_lu *lu, const struct ring_msg_notice *n);

/* A unit attention for every nexus of the LUN but one (0: for all), once, however often it is
 * raised unseen. */
void lun_unit_attention(struct scsi_lu *lu, uint64_t except_nexus_id, uint16_t asc);

#endif
