/* SPDX-License-Identifier: MIT */
/*
 * cdb.h - a CDB becomes an operation, a range and flags; everything that can be refused without
 * looking at the device is refused here. Pure: no device, no I/O, no clock.
 *
 * Obsolete and reserved bits that change nothing are let pass, as every target does; those that ask
 * for something that is not there (protection information, NACA, ANCHOR, LBDATA) are refused.
 */
#ifndef FILTERD_SCSI_CDB_H
#define FILTERD_SCSI_CDB_H

#include <stdbool.h>
#include <stdint.h>

#include "command.h"
#include "sense.h"

enum cdb_bytchk { CDB_BYTCHK_NONE = 0, CDB_BYTCHK_ALL = 1, CDB_BYTCHK_ONE_BLOCK = 3 };

struct cdb {
	const struct command *command;
	uint64_t lba;
	uint64_t blocks;      /* as the CDB says; READ(6) and WRITE(6) have 256 for 0 */
	uint32_t alloc_bytes; /* allocation or parameter list length */
	bool is_fua;
	bool is_immed;
	bool is_unmap;  /* WRITE SAME */
	bool is_atomic; /* WRITE ATOMIC(16) */
	bool is_ndob;   /* WRITE SAME(16) without data */
	uint8_t bytchk; /* enum cdb_bytchk */
	/* the rest means what its command means: */
	uint8_t page;    /* INQUIRY, MODE SENSE, LOG SENSE */
	uint8_t subpage; /* MODE SENSE, LOG SENSE */
	uint8_t control; /* MODE SENSE, LOG SENSE: page control; REPORT OPCODES: reporting options;
			    REPORT TARGET PORT GROUPS: parameter data format */
	uint8_t list_id; /* RECEIVE COPY RESULTS */
	uint8_t opcode_asked; /* REPORT OPCODES */
	uint16_t action_asked;
	bool is_evpd, is_dbd, is_long, is_rctd, is_pf, is_sp, is_start, is_loej, is_no_flush,
	    is_selftest;
};

/* SENSE_NONE: *out is filled. */
enum sense_id cdb_parse(const uint8_t *cdb, uint32_t cdb_bytes, struct cdb *out);

/* Does [lba, lba + blocks) lie within the capacity? Wrap-around of 2^64 does not. */
bool cdb_is_in_range(uint64_t lba, uint64_t blocks, uint64_t capacity_blocks);

#endif
