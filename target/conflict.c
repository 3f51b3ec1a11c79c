/* SPDX-License-Identifier: GPL-2.0-only */
#include "conflict.h"

static bool is_read(uint8_t opcode)
{
	switch (opcode) {
	case 0x08: /* READ(6) */
	case 0x1a: /* MODE SENSE(6) */
	case 0x1c: /* RECEIVE DIAGNOSTIC RESULTS */
	case 0x28: /* READ(10) */
	case 0x2f: /* VERIFY(10) */
	case 0x34: /* PRE-FETCH(10) */
	case 0x37: /* READ DEFECT DATA(10) */
	case 0x3c: /* READ BUFFER */
	case 0x5a: /* MODE SENSE(10) */
	case 0x84: /* RECEIVE COPY RESULTS */
	case 0x88: /* READ(16) */
	case 0x8c: /* READ ATTRIBUTE */
	case 0x8f: /* VERIFY(16) */
	case 0x90: /* PRE-FETCH(16) */
	case 0xa8: /* READ(12) */
	case 0xaf: /* VERIFY(12) */
	case 0xb7: /* READ DEFECT DATA(12) */
		return true;
	default:
		return false;
	}
}

static bool is_write(uint8_t opcode)
{
	switch (opcode) {
	case 0x04: /* FORMAT UNIT */
	case 0x07: /* REASSIGN BLOCKS */
	case 0x0a: /* WRITE(6) */
	case 0x15: /* MODE SELECT(6) */
	case 0x1d: /* SEND DIAGNOSTIC */
	case 0x2a: /* WRITE(10) */
	case 0x2e: /* WRITE AND VERIFY(10) */
	case 0x35: /* SYNCHRONIZE CACHE(10) */
	case 0x3b: /* WRITE BUFFER */
	case 0x3e: /* READ LONG(10) */
	case 0x3f: /* WRITE LONG(10) */
	case 0x41: /* WRITE SAME(10) */
	case 0x42: /* UNMAP */
	case 0x48: /* SANITIZE */
	case 0x4c: /* LOG SELECT */
	case 0x55: /* MODE SELECT(10) */
	case 0x83: /* EXTENDED COPY */
	case 0x89: /* COMPARE AND WRITE */
	case 0x8a: /* WRITE(16) */
	case 0x8b: /* ORWRITE(16) */
	case 0x8d: /* WRITE ATTRIBUTE */
	case 0x8e: /* WRITE AND VERIFY(16) */
	case 0x91: /* SYNCHRONIZE CACHE(16) */
	case 0x93: /* WRITE SAME(16) */
	case 0x9c: /* WRITE ATOMIC(16) */
	case 0x9f: /* SERVICE ACTION OUT(16) */
	case 0xa4: /* MAINTENANCE OUT */
	case 0xaa: /* WRITE(12) */
	case 0xae: /* WRITE AND VERIFY(12) */
		return true;
	default:
		return false;
	}
}

enum conflict conflict_of_opcode(uint8_t opcode)
{
	switch (opcode) {
	case 0x1b: /* START STOP UNIT */
	case 0x1e: /* PREVENT ALLOW MEDIUM REMOVAL */
	case 0x7f: /* variable length: READ(32), WRITE(32) ... */
	case 0x9e: /* SERVICE ACTION IN(16) */
	case 0xa3: /* MAINTENANCE IN */
		return CONFLICT_BY_CDB;
	default: /* free: INQUIRY, LOG SENSE, READ CAPACITY(10), TEST UNIT READY, and what does not
		    exist */
		return is_write(opcode)  ? CONFLICT_WRITE
		       : is_read(opcode) ? CONFLICT_READ
					 : CONFLICT_NEVER;
	}
}

static enum conflict of_variable_length(uint16_t service_action)
{
	switch (service_action) {
	case 0x09: /* READ(32) */
	case 0x0a: /* VERIFY(32) */
		return CONFLICT_READ;
	default:
		return CONFLICT_WRITE;
	}
}

enum conflict conflict_of_cdb(const uint8_t *cdb)
{
	unsigned service_action = cdb[1] & 0x1f;

	switch (cdb[0]) {
	case 0x1b: /* only a plain start, without a power condition, is harmless */
		return (cdb[4] & 0xf1) == 0x01 ? CONFLICT_NEVER : CONFLICT_WRITE;
	case 0x1e:
		return (cdb[4] & 0x03) == 0 ? CONFLICT_NEVER : CONFLICT_WRITE;
	case 0x7f:
		return of_variable_length((uint16_t)(cdb[8] << 8 | cdb[9]));
	case 0x9e: /* READ CAPACITY(16) is free, GET LBA STATUS and the rest read the medium's state
		    */
		return service_action == 0x10 ? CONFLICT_NEVER : CONFLICT_READ;
	case 0xa3: /* identifying information, target port groups, aliases and timestamp are free */
		return service_action == 0x0c || service_action == 0x0d ? CONFLICT_READ
									: CONFLICT_NEVER;
	default:
		return conflict_of_opcode(cdb[0]);
	}
}

bool conflict_with_reserve(const uint8_t *cdb)
{
	switch (cdb[0]) {
	case 0x12: /* INQUIRY */
	case 0x25: /* READ CAPACITY(10) */
	case 0x4d: /* LOG SENSE */
		return false;
	case 0x1b:
	case 0x1e:
	case 0x9e:
	case 0xa3:
		return conflict_of_cdb(cdb) != CONFLICT_NEVER;
	default:
		return true;
	}
}
