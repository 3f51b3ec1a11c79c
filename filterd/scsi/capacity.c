/* SPDX-License-Identifier: MIT */
/* capacity.c - READ CAPACITY(10) and (16), READ DEFECT DATA. Source: SBC-3 5.15 to 5.18. */
#include "bytes.h"
#include "task.h"

#define LBPME 0x80
#define LBPRZ 0x40

static uint64_t last_lba(const struct scsi_lun *l)
{
	uint64_t blocks = lun_capacity_blocks(l);

	return blocks > 0 ? blocks - 1 : 0;
}

void capacity_10(struct task_state *s)
{
	uint64_t last = last_lba(s->lun);
	uint8_t p[8];

	put_be32(p, last < UINT32_MAX ? (uint32_t)last : UINT32_MAX); /* ask READ CAPACITY(16) */
	put_be32(p + 4, s->lun->cfg.block_bytes);
	task_end_data(s, p, sizeof(p), sizeof(p));
}

void capacity_16(struct task_state *s)
{
	const struct scsi_lun *l = s->lun;
	uint32_t physical = l->cfg.physical_block_bytes / l->cfg.block_bytes;
	uint8_t p[32] = {0};

	put_be64(p, last_lba(l));
	put_be32(p + 8, l->cfg.block_bytes);
	while (physical > 1) { /* logical blocks per physical block, as a power of two */
		p[13]++;
		physical /= 2;
	}
	if (lun_is_thin(l))
		p[14] = LBPME | LBPRZ;
	task_end_data(s, p, sizeof(p), s->cdb.alloc_bytes);
}

/* A volume has no defects to tell of: empty lists, in the format asked for. */
void capacity_defects(struct task_state *s)
{
	uint8_t p[8] = {0, s->cdb.control};

	task_end_data(s, p, s->cdb.command->cdb_bytes == 10 ? 4 : 8, s->cdb.alloc_bytes);
}
