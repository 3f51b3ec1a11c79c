/* SPDX-License-Identifier: MIT */
/* cdb.h - the CDBs and parameter lists that the test tools send. Pure. */
#ifndef TOOLS_CDB_H
#define TOOLS_CDB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cdb {
	uint8_t bytes[16];
	int len;
	int in_len;         /* bytes wanted from the target */
	const uint8_t *out; /* bytes for the target; stay with the caller until the command ended */
	int out_len;
	uint8_t *in_buf; /* where data-in goes; NULL: libiscsi allocates */
};

enum { UNMAP_LIST_BYTES = 24, PR_OUT_LIST_BYTES = 24, XCOPY_LIST_BYTES = 16 + 2 * 32 + 28 };

struct cdb cdb_test_unit_ready(void);
struct cdb cdb_inquiry(int page, int alloc); /* page -1: standard data */
struct cdb cdb_read_capacity16(void);
struct cdb cdb_read16(uint64_t lba, uint32_t blocks, uint32_t block_bytes, bool fua);
struct cdb cdb_write16(uint64_t lba, uint32_t blocks, uint32_t block_bytes, const uint8_t *data,
		       bool fua);
struct cdb cdb_write_same16(uint64_t lba, uint32_t blocks, uint32_t block_bytes,
			    const uint8_t *block, bool unmap);
struct cdb cdb_write_same16_ndob(uint64_t lba, uint32_t blocks, bool unmap);
struct cdb cdb_compare_and_write(uint64_t lba, uint8_t blocks, uint32_t block_bytes,
				 const uint8_t *both);
struct cdb cdb_orwrite16(uint64_t lba, uint32_t blocks, uint32_t block_bytes, const uint8_t *data);
struct cdb cdb_sync_cache16(uint64_t lba, uint32_t blocks);
struct cdb cdb_get_lba_status(uint64_t lba, int alloc);
struct cdb cdb_mode_sense10(uint8_t page, int alloc);
struct cdb cdb_report_luns(int alloc);
/* list: UNMAP_LIST_BYTES that stay with the caller. */
struct cdb cdb_unmap(uint64_t lba, uint32_t blocks, uint8_t *list);
/* list: PR_OUT_LIST_BYTES. */
struct cdb cdb_pr_out(uint8_t service_action, uint8_t type, uint64_t key, uint64_t sa_key,
		      uint8_t *list);
struct cdb cdb_pr_in(uint8_t service_action, int alloc);
/* EXTENDED COPY (LID1) inside one LUN named by its 8 or 16 byte NAA designator. list:
 * XCOPY_LIST_BYTES. */
struct cdb cdb_xcopy_within(const uint8_t *naa, uint8_t naa_len, uint64_t from_lba, uint64_t to_lba,
			    uint16_t blocks, uint32_t block_bytes, uint8_t *list);

#endif
