/* SPDX-License-Identifier: MIT */
/* copy_cdbs.c - see copy_cdbs.h. */
#include "copy_cdbs.h"

#include <string.h>

#include "bytes.h"

void copy_add_target(struct copy_cdb *l, const struct fake *of)
{
	uint8_t *d = l->p + COPY_HEADER_BYTES + (size_t)COPY_TARGET_BYTES * l->targets++;

	memset(d, 0, COPY_TARGET_BYTES);
	d[0] = 0xe4;
	d[4] = 1;
	d[5] = 3;
	d[7] = 16;
	scsi_naa_from_uuid(of->cfg.uuid, d + 8);
	put_be32(d + 28, of->cfg.block_bytes);
}

uint8_t *copy_add_segment(struct copy_cdb *l, uint16_t from, uint16_t to, uint16_t blocks,
			  uint64_t source_lba, uint64_t destination_lba)
{
	uint8_t *d = l->p + COPY_HEADER_BYTES + (size_t)COPY_TARGET_BYTES * l->targets +
		     (size_t)COPY_SEGMENT_BYTES * l->segments++;

	memset(d, 0, COPY_SEGMENT_BYTES);
	d[0] = 0x02;
	d[3] = COPY_SEGMENT_BYTES - 4;
	put_be16(d + 4, from);
	put_be16(d + 6, to);
	put_be16(d + 10, blocks);
	put_be64(d + 12, source_lba);
	put_be64(d + 20, destination_lba);
	return d;
}

struct fake_cmd *copy_command(struct fake *f, struct copy_cdb *l, uint8_t id, uint8_t usage)
{
	uint32_t bytes =
	    COPY_HEADER_BYTES + l->targets * COPY_TARGET_BYTES + l->segments * COPY_SEGMENT_BYTES;
	uint8_t cdb[16] = {0x83};
	struct fake_cmd *c;

	memset(l->p, 0, COPY_HEADER_BYTES);
	l->p[0] = id;
	l->p[1] = (uint8_t)(usage << 3);
	put_be16(l->p + 2, (uint16_t)(l->targets * COPY_TARGET_BYTES));
	put_be32(l->p + 8, l->segments * COPY_SEGMENT_BYTES);
	put_be32(cdb + 10, bytes);
	c = fake_cmd(f, cdb, 16);
	fake_out(c, l->p, bytes);
	return c;
}

struct fake_cmd *copy_own(struct fake *f, uint16_t blocks, uint64_t from, uint64_t to)
{
	struct copy_cdb l = {.targets = 0};

	copy_add_target(&l, f);
	copy_add_segment(&l, 0, 0, blocks, from, to);
	return copy_command(f, &l, 1, 0);
}
