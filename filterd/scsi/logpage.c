/* SPDX-License-Identifier: MIT */
/*
 * logpage.c - LOG SENSE: supported pages, and logical block provisioning (0Ch) with the datastore's
 * space.
 *
 * Counted in threshold sets, which VPD page B2h says are 1 MiB. Source: SBC-3 6.4.4.
 */
#include "bytes.h"
#include "task.h"

#define PAGE_SUPPORTED    0x00
#define PAGE_PROVISIONING 0x0c
#define ALL_SUBPAGES      0xff
#define PARAMETER_BYTES   12u
#define SET_SHIFT         20 /* 1 MiB */

static void put_resource(uint8_t *p, uint16_t code, uint64_t bytes)
{
	uint64_t sets = bytes >> SET_SHIFT;

	put_be16(p, code);
	p[2] = 0x03; /* binary list, no thresholds of its own */
	p[3] = PARAMETER_BYTES - 4;
	put_be32(p + 4, sets < UINT32_MAX ? (uint32_t)sets : UINT32_MAX);
	p[8] = 2; /* shared with other units */
	p[9] = p[10] = p[11] = 0;
}

static void page_provisioning(struct task_state *s)
{
	const struct scsi_lun_cfg *cfg = &s->lun->cfg;
	uint8_t p[4 + 2 * PARAMETER_BYTES] = {PAGE_PROVISIONING};
	uint64_t used = 0, available = 0;

	cfg->host->provisioning(cfg->host_ctx, &used, &available);
	put_be16(p + 2, 2 * PARAMETER_BYTES);
	put_resource(p + 4, 0x0001, available);
	put_resource(p + 4 + PARAMETER_BYTES, 0x0002, used);
	task_end_data(s, p, sizeof(p), s->cdb.alloc_bytes);
}

static void page_supported(struct task_state *s)
{
	uint8_t p[4 + 2] = {0, 0, 0, 1, PAGE_SUPPORTED, PAGE_PROVISIONING};

	if (lun_is_thin(s->lun))
		p[3] = 2;
	task_end_data(s, p, 4u + p[3], s->cdb.alloc_bytes);
}

static void page_supported_with_subpages(struct task_state *s)
{
	uint8_t p[4 + 6] = {
	    0x40,         ALL_SUBPAGES,      0, 4, PAGE_SUPPORTED, 0, PAGE_SUPPORTED,
	    ALL_SUBPAGES, PAGE_PROVISIONING, 0};

	if (lun_is_thin(s->lun))
		p[3] = 6;
	task_end_data(s, p, 4u + p[3], s->cdb.alloc_bytes);
}

void logpage_sense(struct task_state *s)
{
	if (s->cdb.page == PAGE_SUPPORTED && s->cdb.subpage == 0)
		page_supported(s);
	else if (s->cdb.page == PAGE_SUPPORTED && s->cdb.subpage == ALL_SUBPAGES)
		page_supported_with_subpages(s);
	else if (s->cdb.page == PAGE_PROVISIONING && s->cdb.subpage == 0 && lun_is_thin(s->lun))
		page_provisioning(s);
	else
		task_end_sense(s, SENSE_INVALID_FIELD_CDB);
}
