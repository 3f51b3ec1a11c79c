/* SPDX-License-Identifier: MIT */
/*
 * initiator.h - one iSCSI session to one LUN, for the test tools, on libiscsi.
 *
 * Thread: one thread per session.
 * Order:  initiator_open; initiator_run or (initiator_start, initiator_poll)...; initiator_close.
 *
 * CDBs are built here (cdb.h) rather than by libiscsi, so that a test may send what a well-behaved
 * client would not. libiscsi's own reconnecting is off: it would hide what the tests look for.
 */
#ifndef TOOLS_INITIATOR_H
#define TOOLS_INITIATOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <iscsi/iscsi.h>
#include <iscsi/scsi-lowlevel.h>

#include "cdb.h"

struct initiator {
	struct iscsi_context *iscsi;
	int lun;
	uint32_t block_bytes; /* from READ CAPACITY (16) at open */
	uint64_t blocks;
	bool is_broken; /* the connection is gone; only initiator_close() is left */
	bool has_connected;
	int connect_status;
	char error[256]; /* why the last call failed */
};

/* A command's end, in the terms of the tests. */
struct outcome {
	int status; /* enum scsi_status; SCSI_STATUS_TIMEOUT, _CANCELLED, _ERROR are the transport's
		     */
	uint8_t key, asc, ascq;
	bool has_information;
	uint64_t information;
	const uint8_t *data; /* data-in; belongs to the task */
	size_t data_len;
};

/*
 * Connects, logs in, waits until TEST UNIT READY is good (unit attentions are taken off), reads the
 * capacity. name: the initiator's IQN, NULL for a default. 0 or -1 with error set.
 */
int initiator_open(struct initiator *in, const char *url, const char *name, int limit_ms);
/* As open, but sends no command: unit attentions stay, the LUN need not be ready. */
int initiator_login(struct initiator *in, const char *url, const char *name, int limit_ms);
void initiator_close(struct initiator *in);
/* Says goodbye first. 0 when the target answered within the limit. */
int initiator_logout(struct initiator *in, int limit_ms);

/* Sends; cb is called once, from initiator_poll() or initiator_close(). NULL: not sent. */
struct scsi_task *initiator_start(struct initiator *in, const struct cdb *cdb, iscsi_command_cb cb,
				  void *priv);
/* Waits up to wait_ms for network events of all n sessions and handles them. */
void initiator_poll(struct initiator **in, int n, int wait_ms);

/*
 * Sends and waits. 0: *out tells how it ended and task_free must be called on *task afterwards;
 * -1: no answer within the limit or no connection.
 */
int initiator_run(struct initiator *in, const struct cdb *cdb, int limit_ms,
		  struct scsi_task **task, struct outcome *out);
/* initiator_run and free; unit attentions are taken off by repeating. Returns out.status, -1 as
 * above. */
int initiator_simple(struct initiator *in, const struct cdb *cdb, int limit_ms,
		     struct outcome *out);

void outcome_of(struct scsi_task *task, int status, struct outcome *out);
/* "good", "check 5/20/00", "busy", "conflict", "full", "aborted", "timeout", "transport". */
const char *outcome_text(const struct outcome *out, char *buf, size_t size);

#endif
