/* SPDX-License-Identifier: MIT */
/* copy_cdbs.h - parameter lists of EXTENDED COPY, put together piece by piece. */
#ifndef TESTS_SCSI_COPY_CDBS_H
#define TESTS_SCSI_COPY_CDBS_H

#include "cdbs.h"
#include "copy_list.h"

struct copy_cdb {
	uint8_t p[COPY_HEADER_BYTES + 1024];
	uint32_t targets, segments;
};

/* All targets, then all segments. */
void copy_add_target(struct copy_cdb *l, const struct fake *of);
/* The descriptor, to be spoilt. */
uint8_t *copy_add_segment(struct copy_cdb *l, uint16_t from, uint16_t to, uint16_t blocks,
			  uint64_t source_lba, uint64_t destination_lba);
struct fake_cmd *copy_command(struct fake *f, struct copy_cdb *l, uint8_t id, uint8_t usage);
/* One segment within f, list identifier 1. */
struct fake_cmd *copy_own(struct fake *f, uint16_t blocks, uint64_t from, uint64_t to);

#endif
