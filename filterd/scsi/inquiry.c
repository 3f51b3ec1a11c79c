/* SPDX-License-Identifier: MIT */
/*
 * inquiry.c - INQUIRY: standard data and the vital product data pages.
 *
 * Answers from memory alone, also while the backend stands still: ESXi's path probing depends on
 * it. Source: SPC-4 6.4 and 7.8, SBC-3 6.6.
 */
#include <string.h>

#include "bytes.h"
#include "copy_list.h"
#include "rtpg.h"
#include "task.h"

#define STANDARD_BYTES 96u
#define PAGE_BYTES_MAX 256u

#define PAGE_SUPPORTED    0x00
#define PAGE_SERIAL       0x80
#define PAGE_IDS          0x83
#define PAGE_COPY         0x8f
#define PAGE_LIMITS       0xb0
#define PAGE_MEDIUM       0xb1
#define PAGE_PROVISIONING 0xb2

/* Code sets, associations and types of designators. */
#define BINARY       1
#define ASCII        2
#define OF_UNIT      0x00
#define OF_PORT      0x10
#define TYPE_T10     1
#define TYPE_NAA     3
#define TYPE_PORT    4
#define TYPE_GROUP   5
#define ISCSI_NIBBLE 0x50
#define PIV          0x80

static void put_padded(uint8_t *p, uint32_t bytes, const char *text)
{
	size_t n = strlen(text);

	memset(p, ' ', bytes);
	memcpy(p, text, n < bytes ? n : bytes);
}

static void standard(struct task_state *s)
{
	static const uint16_t versions[] = {
	    0x00a0, /* SAM-5 */
	    0x0960, /* iSCSI */
	    0x0460, /* SPC-4 */
	    0x04c0, /* SBC-3 */
	};
	uint8_t p[STANDARD_BYTES] = {0};

	p[2] = 6;        /* SPC-4 */
	p[3] = 0x10 | 2; /* HISUP, response data format */
	p[4] = STANDARD_BYTES - 5;
	p[5] = 0x10 | 0x08; /* TPGS implicit, 3PC */
	p[7] = 0x02;        /* CMDQUE */
	put_padded(p + 8, 8, SCSI_VENDOR);
	put_padded(p + 16, 16, SCSI_PRODUCT);
	put_padded(p + 32, 4, SCSI_REVISION);
	for (uint32_t i = 0; i < sizeof(versions) / sizeof(versions[0]); i++)
		put_be16(p + 58 + (size_t)2 * i, versions[i]);
	task_end_data(s, p, sizeof(p), s->cdb.alloc_bytes);
}

/* ---------------------------------------------------------------- pages; each returns its body's
 * length */

static uint32_t page_supported(const struct scsi_lun *l, uint8_t *p)
{
	static const uint8_t pages[] = {PAGE_SUPPORTED, PAGE_SERIAL, PAGE_IDS,         PAGE_COPY,
					PAGE_LIMITS,    PAGE_MEDIUM, PAGE_PROVISIONING};

	memcpy(p, pages, sizeof(pages));
	return sizeof(pages);
}

static uint32_t page_serial(const struct scsi_lun *l, uint8_t *p)
{
	memcpy(p, l->serial, LUN_SERIAL_BYTES);
	return LUN_SERIAL_BYTES;
}

static uint32_t put_designator(uint8_t *p, uint8_t code_set, uint8_t kind, const void *id,
			       uint8_t bytes)
{
	bool is_port = kind & OF_PORT; /* a protocol identifier means something for ports only */

	p[0] = code_set | (is_port ? ISCSI_NIBBLE : 0);
	p[1] = kind | (is_port ? PIV : 0);
	p[2] = 0;
	p[3] = bytes;
	memcpy(p + 4, id, bytes);
	return 4u + bytes;
}

static uint32_t page_ids(const struct scsi_lun *l, uint8_t *p)
{
	uint8_t port[4] = {0}, group[4] = {0};
	uint32_t n = 0;

	put_be16(port + 2, RTPG_PORT);
	put_be16(group + 2, RTPG_GROUP);
	n += put_designator(p + n, BINARY, OF_UNIT | TYPE_NAA, l->naa, sizeof(l->naa));
	n += put_designator(p + n, ASCII, OF_UNIT | TYPE_T10, l->t10_id, LUN_T10_ID_BYTES);
	n += put_designator(p + n, BINARY, OF_PORT | TYPE_PORT, port, sizeof(port));
	n += put_designator(p + n, BINARY, OF_PORT | TYPE_GROUP, group, sizeof(group));
	return n;
}

static uint8_t *put_copy_descriptor(uint8_t *p, uint16_t type, uint16_t bytes)
{
	put_be16(p, type);
	put_be16(p + 2, bytes);
	return p + 4;
}

static uint32_t page_copy(const struct scsi_lun *l, uint8_t *p)
{
	static const uint8_t commands[12] = {8, 0x83, 1, 0x00, 0x84, 3, 0x00, 0x03, 0x04};
	static const uint8_t types[4] = {2, COPY_TYPE_SEGMENT_BLOCKS, COPY_TYPE_TARGET_ID};
	uint8_t *d = put_copy_descriptor(p, 0x0001, sizeof(commands)); /* supported commands */

	memcpy(d, commands, sizeof(commands));
	d = put_copy_descriptor(d + sizeof(commands), 0x0004, 28); /* parameter data */
	put_be16(d + 4, COPY_TARGETS_MAX);
	put_be16(d + 6, COPY_SEGMENTS_MAX);
	put_be32(d + 8, COPY_LIST_BYTES_MAX);
	d = put_copy_descriptor(d + 28, 0x0008, sizeof(types)); /* supported descriptors */
	memcpy(d, types, sizeof(types));
	d = put_copy_descriptor(d + sizeof(types), 0x000c,
				4);                 /* supported identifiers: none but indices */
	d = put_copy_descriptor(d + 4, 0x8001, 32); /* general */
	put_be32(d, LUN_COPY_RECORDS);
	put_be32(d + 4, LUN_COPY_RECORDS);
	put_be32(d + 8, UINT16_MAX * l->cfg.block_bytes);
	d[12] = l->cfg.block_bytes == 4096 ? 12 : 9;
	return (uint32_t)(d + 32 - p);
}

static uint32_t page_limits(const struct scsi_lun *l, uint8_t *p)
{
	uint32_t block = l->cfg.block_bytes;
	uint32_t transfer = l->cfg.max_transfer_bytes / block;
	uint32_t caw = transfer / 2 < LUN_CAW_BLOCKS_MAX ? transfer / 2 : LUN_CAW_BLOCKS_MAX;
	uint32_t optimal = TASK_DATA_CHUNK_BYTES / block;
	uint32_t physical = l->cfg.physical_block_bytes / block;

	p[1] = lun_has_op(l, SLUICE_OP_READ) && lun_has_op(l, SLUICE_OP_WRITE) ? (uint8_t)caw : 0;
	put_be16(p + 2, (uint16_t)(physical > 0 ? physical : 1));
	put_be32(p + 4, transfer);
	put_be32(p + 8, optimal < transfer ? optimal : transfer);
	if (lun_is_thin(l)) {
		put_be32(p + 16, UINT32_MAX); /* blocks of one UNMAP: no limit */
		put_be32(p + 20, LUN_UNMAP_DESCRIPTORS_MAX);
		put_be32(p + 24, LUN_UNMAP_GRANULARITY_BYTES / block);
		put_be32(p + 28, 0x80000000u); /* UGAVALID, aligned at 0 */
	}
	put_be64(p + 32, LUN_WRITE_SAME_BLOCKS_MAX);
	if (l->op_mask & COMMAND_NEEDS_ATOMIC)
		put_be32(p + 40,
			 l->cfg.atomic_bytes / block); /* no alignment, granularity, boundary */
	return 60;
}

static uint32_t page_medium(const struct scsi_lun *l, uint8_t *p)
{
	put_be16(p, 1); /* non-rotating */
	return 60;
}

static uint32_t page_provisioning(const struct scsi_lun *l, uint8_t *p)
{
	if (lun_is_thin(l)) {
		p[0] = l->cfg.block_bytes == 4096
			   ? 8
			   : 11; /* thresholds in MiB, as a power of two of blocks */
		p[1] = 0x80 | 0x40 | 0x20 | 0x04; /* LBPU, LBPWS, LBPWS10, LBPRZ */
		p[2] = 2;                         /* thin */
	}
	return 4;
}

static void vital_page(struct task_state *s)
{
	static const struct {
		uint8_t code;
		uint32_t (*fill)(const struct scsi_lun *l, uint8_t *p);
	} pages[] = {
	    {PAGE_SUPPORTED, page_supported},
	    {PAGE_SERIAL, page_serial},
	    {PAGE_IDS, page_ids},
	    {PAGE_COPY, page_copy},
	    {PAGE_LIMITS, page_limits},
	    {PAGE_MEDIUM, page_medium},
	    {PAGE_PROVISIONING, page_provisioning},
	};
	uint8_t p[4 + PAGE_BYTES_MAX] = {0};

	for (uint32_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
		uint32_t n;

		if (pages[i].code != s->cdb.page)
			continue;
		n = pages[i].fill(s->lun, p + 4);
		p[1] = s->cdb.page;
		put_be16(p + 2, (uint16_t)n);
		task_end_data(s, p, 4 + n, s->cdb.alloc_bytes);
		return;
	}
	task_end_sense(s, SENSE_INVALID_FIELD_CDB);
}

void inquiry(struct task_state *s)
{
	if (s->cdb.is_evpd)
		vital_page(s);
	else
		standard(s);
}
