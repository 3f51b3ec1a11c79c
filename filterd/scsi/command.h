/* SPDX-License-Identifier: MIT */
/*
 * command.h - the table of commands: what the parser accepts, REPORT SUPPORTED OPERATION CODES
 * tells and the dispatcher runs. One row a command, so that the three cannot disagree.
 *
 * Pure. Source: SPC-4 6, SBC-3 5.
 */
#ifndef FILTERD_SCSI_COMMAND_H
#define FILTERD_SCSI_COMMAND_H

#include <stdbool.h>
#include <stdint.h>

enum command_op {
	COMMAND_NONE, /* answered inside tgtd: only advertised */
	COMMAND_TEST_UNIT_READY,
	COMMAND_INQUIRY,
	COMMAND_MODE_SENSE,
	COMMAND_MODE_SELECT,
	COMMAND_START_STOP,
	COMMAND_SEND_DIAGNOSTIC,
	COMMAND_PREVENT_ALLOW,
	COMMAND_READ_CAPACITY_10,
	COMMAND_READ_CAPACITY_16,
	COMMAND_LOG_SENSE,
	COMMAND_REPORT_OPCODES,
	COMMAND_REPORT_TARGET_PORT_GROUPS,
	COMMAND_READ,
	COMMAND_WRITE,
	COMMAND_WRITE_VERIFY,
	COMMAND_VERIFY,
	COMMAND_PREFETCH,
	COMMAND_SYNC_CACHE,
	COMMAND_WRITE_SAME,
	COMMAND_UNMAP,
	COMMAND_COMPARE_WRITE,
	COMMAND_ORWRITE,
	COMMAND_GET_LBA_STATUS,
	COMMAND_READ_DEFECTS,
	COMMAND_EXTENDED_COPY,
	COMMAND_RECEIVE_COPY_RESULTS,
	COMMAND_COUNT
};

#define COMMAND_IS_MEDIUM 1u  /* needs a medium that serves */
#define COMMAND_IS_WRITE  2u  /* refused on a write-protected medium */
#define COMMAND_HAS_SA    4u  /* has a service action */
#define COMMAND_HAS_RANGE 8u  /* names blocks: checked against the capacity */
#define COMMAND_IS_THIN   16u /* only where the chain can unmap */

/* In an op mask, above the chain's ops: the medium writes all or nothing. */
#define COMMAND_NEEDS_ATOMIC 0x80u

#define COMMAND_CDB_MAX 16u

struct command {
	uint8_t opcode;
	uint8_t service_action;
	uint8_t cdb_bytes;
	uint8_t op; /* enum command_op */
	uint8_t flags;
	uint8_t ops_needed; /* SLUICE_OP_BIT()s that the chain must serve; and NEEDS_ATOMIC */
	uint8_t usage[COMMAND_CDB_MAX]; /* the bits that the device server looks at; byte 0 is the
					   opcode */
};

/* The row of a CDB, or NULL. has_opcode: the opcode is known, if not with this service action. */
const struct command *command_find(const uint8_t *cdb, bool *has_opcode);
/* Rows one by one; NULL behind the last. */
const struct command *command_at(uint32_t index);
/* What the chain can serve decides what is there. Commands of tgtd are always there. */
bool command_is_supported(const struct command *c, uint32_t op_mask);

#endif
