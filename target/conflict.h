/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * conflict.h - which commands a reservation of another nexus keeps out. Pure tables.
 *
 * tgtd's own table has no masks for WRITE SAME, UNMAP and FORMAT UNIT, and one for MODE SENSE that
 * is too wide. Source: SPC-4 table "commands that are allowed in the presence of various
 * reservations", SBC-3 likewise, SPC-2 5.5.1 for RESERVE(6).
 */
#ifndef TARGET_CONFLICT_H
#define TARGET_CONFLICT_H

#include <stdbool.h>
#include <stdint.h>

enum conflict {
	CONFLICT_NEVER, /* allowed always */
	CONFLICT_READ, /* not while another nexus has exclusive access, unless registered with it */
	CONFLICT_WRITE, /* not while another nexus has write exclusive or exclusive access, likewise
			 */
	CONFLICT_BY_CDB, /* it depends on more than the opcode: ask conflict_of_cdb() */
};

enum conflict conflict_of_opcode(uint8_t opcode);
/* Never CONFLICT_BY_CDB. cdb has 16 bytes. */
enum conflict conflict_of_cdb(const uint8_t *cdb);
/* RESERVE(6) of another nexus keeps this command out. */
bool conflict_with_reserve(const uint8_t *cdb);

#endif
