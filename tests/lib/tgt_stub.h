/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tgt_stub.h - as much of tgtd as the module calls, so that its files can run inside a test
 * program, where the sanitizers see them. The loop, the queue of a LUN and the order of calls are
 * tgtd's; iSCSI is not there.
 *
 * Order of calls: stub_start, stub_lun_open, stub_send ... stub_run_until, stub_lun_close,
 * stub_stop. The program's main() calls stub_answer_version() first: the module asks the running
 * program for its version. Thread: one, the caller's.
 */
#ifndef TGT_STUB_H
#define TGT_STUB_H

#include <stdbool.h>
#include <stdint.h>

#include "tgt.h"

#define STUB_DATA_BYTES (1u << 20)

/* A command from an initiator that does not exist. */
struct stub_cmd {
	struct scsi_cmd scmd;
	uint8_t cdb[16];
	uint8_t *data; /* STUB_DATA_BYTES */
	bool is_over;
	int status;
};

/* True: the program was asked for its version and has answered; main() returns 0. */
bool stub_answer_version(int argc, char **argv);

/* Loads the module as tgtd does. False: it did not register. */
bool stub_start(void);
void stub_stop(void);

/* bs_init, bs_open, lu_online. NULL: one of them failed. */
struct scsi_lu *stub_lun_open(const char *volume, const char *socket_path);
/* tgtd's order, and its refusal while commands are active: false. */
bool stub_lun_close(struct scsi_lu *lu);

struct stub_cmd *stub_cmd_new(void);
void stub_cmd_free(struct stub_cmd *c);
/* One command of nexus_id; data goes out of c->data or comes in there. */
void stub_send(struct scsi_lu *lu, struct stub_cmd *c, uint64_t nexus_id, const uint8_t *cdb,
	       unsigned cdb_bytes, uint32_t out_bytes, uint32_t in_bytes);
/* A task management function for it, as tgtd notes it. Returns the request; its busy is 0 when it
 * was answered. */
struct mgmt_req *stub_abort(struct stub_cmd *c);

/* Turns of tgtd's loop until *flag or the time is over. Returns *flag. */
bool stub_run_until(const bool *flag, unsigned limit_ms);
void stub_run(unsigned ms);

/* Unit attentions raised for other nexuses so far, and the last one's code. */
unsigned stub_unit_attentions(uint16_t *last_asc);

#endif
