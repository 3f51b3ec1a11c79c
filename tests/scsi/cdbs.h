/* SPDX-License-Identifier: MIT */
/* cdbs.h - commands of the SCSI tests, made and run in one line. */
#ifndef TESTS_SCSI_CDBS_H
#define TESTS_SCSI_CDBS_H

#include "fake_host.h"

#define GOOD            0u
#define LBA_RANGE       FAKE_SENSE(5, 0x21, 0x00)
#define BAD_CDB         FAKE_SENSE(5, 0x24, 0x00)
#define BAD_LIST        FAKE_SENSE(5, 0x26, 0x00)
#define BAD_LIST_LENGTH FAKE_SENSE(5, 0x1a, 0x00)
#define BAD_OPCODE      FAKE_SENSE(5, 0x20, 0x00)
#define BAD_UNIT        FAKE_SENSE(5, 0x0e, 0x03)
#define NO_SPACE        FAKE_SENSE(7, 0x27, 0x07)
#define PROTECTED       FAKE_SENSE(7, 0x27, 0x00)
#define MISCOMPARED     FAKE_SENSE(0xe, 0x1d, 0x00)

/* A 16-byte CDB: opcode, byte 1, LBA, blocks. */
struct fake_cmd *cdb16(struct fake *f, uint8_t opcode, uint8_t flags, uint64_t lba,
		       uint32_t blocks);
struct fake_cmd *cdb10(struct fake *f, uint8_t opcode, uint8_t flags, uint32_t lba,
		       uint16_t blocks);

struct fake_cmd *cdb_read(struct fake *f, uint64_t lba, uint32_t blocks);
struct fake_cmd *cdb_write(struct fake *f, uint64_t lba, uint32_t blocks, uint8_t fill);
/* Compares with blocks of `old`, writes blocks of `new`. */
struct fake_cmd *cdb_caw(struct fake *f, uint64_t lba, uint8_t blocks, uint8_t old, uint8_t new);
struct fake_cmd *cdb_unmap(struct fake *f, const uint64_t *lbas, const uint32_t *blocks,
			   uint32_t count);
/* WRITE SAME(16); pattern < 0: NDOB. */
struct fake_cmd *cdb_write_same(struct fake *f, uint64_t lba, uint32_t blocks, int pattern,
				bool is_unmap);

/* Starts it, lets everything complete, and gives its result. */
uint32_t cdb_finish(struct fake_cmd *c);
/* The same, and frees it. */
uint32_t cdb_run(struct fake_cmd *c);

/* Every byte of the disk's range is v. */
void assert_disk(struct fake *f, uint64_t lba, uint64_t blocks, uint8_t v);

#endif
