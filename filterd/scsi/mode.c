/* SPDX-License-Identifier: MIT */
/*
 * mode.c - MODE SENSE and MODE SELECT (6) and (10): caching (08h), control (0Ah).
 *
 * WCE says what is true of the volume and cannot be changed from here. SWP can: it protects the
 * volume for everybody until it is cleared or the daemon starts anew, and the other nexuses hear of
 * it. Source: SPC-4 6.11 to 6.14, 7.5; SBC-3 6.5.
 */
#include <assert.h>
#include <string.h>

#include "bytes.h"
#include "task.h"

#define PAGE_CACHING      0x08
#define PAGE_CONTROL      0x0a
#define PAGE_ALL          0x3f
#define ALL_SUBPAGES      0xff
#define CACHING_BYTES     20u
#define CONTROL_BYTES     12u
#define SHORT_BLOCK_BYTES 8u
#define LONG_BLOCK_BYTES  16u
#define LIST_BYTES_MAX    512u

#define CACHING_WCE     0x04
#define CONTROL_REORDER 0x10 /* unrestricted reordering */
#define CONTROL_SWP     0x08
#define DEVICE_WP       0x80
#define DEVICE_DPOFUA   0x10
#define LONGLBA         0x01
#define PAGE_PS_SPF     0xc0

enum page_control { CURRENT = 0, CHANGEABLE = 1, DEFAULT = 2, SAVED = 3 };

static uint32_t put_caching(const struct scsi_lun *l, uint8_t control, uint8_t *p)
{
	memset(p, 0, CACHING_BYTES);
	p[0] = PAGE_CACHING;
	p[1] = CACHING_BYTES - 2;
	if (control != CHANGEABLE && l->cfg.is_wce)
		p[2] = CACHING_WCE;
	return CACHING_BYTES;
}

static uint32_t put_control(const struct scsi_lun *l, uint8_t control, uint8_t *p)
{
	memset(p, 0, CONTROL_BYTES);
	p[0] = PAGE_CONTROL;
	p[1] = CONTROL_BYTES - 2;
	if (control != CHANGEABLE)
		p[3] = CONTROL_REORDER;
	if (control == CHANGEABLE || (control == CURRENT && l->is_swp))
		p[4] = CONTROL_SWP;
	return CONTROL_BYTES;
}

static uint32_t put_blocks(const struct scsi_lun *l, bool is_long, uint8_t *p)
{
	uint64_t blocks = lun_capacity_blocks(l);

	if (is_long) {
		put_be64(p, blocks);
		put_be32(p + 8, 0);
		put_be32(p + 12, l->cfg.block_bytes);
		return LONG_BLOCK_BYTES;
	}
	put_be32(p, blocks < UINT32_MAX ? (uint32_t)blocks : UINT32_MAX);
	put_be32(p + 4, l->cfg.block_bytes); /* the upper byte is reserved, and 0 */
	return SHORT_BLOCK_BYTES;
}

void mode_sense(struct task_state *s)
{
	const struct scsi_lun *l = s->lun;
	const struct cdb *c = &s->cdb;
	bool is_ten = c->command->cdb_bytes == 10;
	uint8_t p[8 + LONG_BLOCK_BYTES + CACHING_BYTES + CONTROL_BYTES] = {0};
	uint32_t header_bytes = is_ten ? 8 : 4, n = header_bytes, block_bytes = 0;
	uint8_t device = DEVICE_DPOFUA | (lun_is_protected(l) ? DEVICE_WP : 0);

	if (c->control == SAVED) {
		task_end_sense(s, SENSE_NO_SAVING);
		return;
	}
	if ((c->subpage != 0 && c->subpage != ALL_SUBPAGES) ||
	    (c->page != PAGE_CACHING && c->page != PAGE_CONTROL && c->page != PAGE_ALL)) {
		task_end_sense(s, SENSE_INVALID_FIELD_CDB);
		return;
	}
	if (!c->is_dbd)
		block_bytes = put_blocks(l, c->is_long, p + n);
	n += block_bytes;
	if (c->page == PAGE_CACHING || c->page == PAGE_ALL)
		n += put_caching(l, c->control, p + n);
	if (c->page == PAGE_CONTROL || c->page == PAGE_ALL)
		n += put_control(l, c->control, p + n);
	if (is_ten) {
		put_be16(p, (uint16_t)(n - 2));
		p[3] = device;
		p[4] = block_bytes == LONG_BLOCK_BYTES ? LONGLBA : 0;
		put_be16(p + 6, (uint16_t)block_bytes);
	} else {
		p[0] = (uint8_t)(n - 1);
		p[2] = device;
		p[3] = (uint8_t)block_bytes;
	}
	task_end_data(s, p, n, c->alloc_bytes);
}

/* ---------------------------------------------------------------- MODE SELECT */

/* Nothing about the blocks can be changed; what is the same, or 0, is let pass. */
static bool is_same_blocks(const struct scsi_lun *l, const uint8_t *p, uint32_t bytes)
{
	uint64_t capacity = lun_capacity_blocks(l);
	uint64_t blocks = bytes == LONG_BLOCK_BYTES ? get_be64(p) : get_be32(p);
	uint32_t block = bytes == LONG_BLOCK_BYTES ? get_be32(p + 12) : get_be24(p + 5);

	return (blocks == 0 || blocks == capacity ||
		(blocks == UINT32_MAX && capacity > UINT32_MAX)) &&
	       (block == 0 || block == l->cfg.block_bytes);
}

/* A page is taken when it differs from the current one in changeable bits only. */
static enum sense_id take_page(const struct scsi_lun *l, const uint8_t *p, uint32_t bytes,
			       bool *is_swp)
{
	uint8_t now[CACHING_BYTES], may[CACHING_BYTES];
	uint32_t n;

	static_assert(CACHING_BYTES >= CONTROL_BYTES, "room for either page");
	if (p[0] & PAGE_PS_SPF)
		return SENSE_INVALID_FIELD_LIST;
	if (p[0] == PAGE_CACHING) {
		n = put_caching(l, CURRENT, now);
		put_caching(l, CHANGEABLE, may);
	} else if (p[0] == PAGE_CONTROL) {
		n = put_control(l, CURRENT, now);
		put_control(l, CHANGEABLE, may);
	} else {
		return SENSE_INVALID_FIELD_LIST;
	}
	if (p[1] != n - 2)
		return SENSE_INVALID_FIELD_LIST;
	if (bytes < n)
		return SENSE_LIST_LENGTH;
	for (uint32_t i = 2; i < n; i++) {
		if ((p[i] ^ now[i]) & ~may[i])
			return SENSE_INVALID_FIELD_LIST;
	}
	if (p[0] == PAGE_CONTROL)
		*is_swp = (p[4] & CONTROL_SWP) != 0;
	return SENSE_NONE;
}

static enum sense_id take_list(const struct scsi_lun *l, const uint8_t *p, uint32_t bytes,
			       bool is_ten, bool *is_swp)
{
	uint32_t header_bytes = is_ten ? 8 : 4, blocks_bytes;
	bool is_long;

	if (bytes < header_bytes)
		return SENSE_LIST_LENGTH;
	blocks_bytes = is_ten ? get_be16(p + 6) : p[3];
	is_long = is_ten && p[4] & LONGLBA;
	if (blocks_bytes != 0 && blocks_bytes != (is_long ? LONG_BLOCK_BYTES : SHORT_BLOCK_BYTES))
		return SENSE_INVALID_FIELD_LIST;
	if (bytes < header_bytes + blocks_bytes)
		return SENSE_LIST_LENGTH;
	if (blocks_bytes > 0 && !is_same_blocks(l, p + header_bytes, blocks_bytes))
		return SENSE_INVALID_FIELD_LIST;
	p += header_bytes + blocks_bytes;
	bytes -= header_bytes + blocks_bytes;
	while (bytes > 0) {
		enum sense_id id;

		if (bytes < 2)
			return SENSE_LIST_LENGTH;
		id = take_page(l, p, bytes, is_swp);
		if (id != SENSE_NONE)
			return id;
		bytes -= 2u + p[1];
		p += 2u + p[1];
	}
	return SENSE_NONE;
}

void mode_select(struct task_state *s)
{
	struct scsi_lun *l = s->lun;
	struct scsi_task *t = s->task;
	uint8_t list[LIST_BYTES_MAX];
	bool is_swp = l->is_swp;
	enum sense_id id;

	t->out_used_bytes = s->cdb.alloc_bytes;
	if (s->cdb.is_sp) {
		task_end_sense(s, SENSE_INVALID_FIELD_CDB);
		return;
	}
	if (s->cdb.alloc_bytes == 0) {
		task_end(s);
		return;
	}
	if (s->cdb.alloc_bytes > t->out_bytes || s->cdb.alloc_bytes > sizeof(list)) {
		task_end_sense(s, SENSE_LIST_LENGTH);
		return;
	}
	memcpy(list, t->data, s->cdb.alloc_bytes); /* the ring's memory is looked at once */
	id = take_list(l, list, s->cdb.alloc_bytes, s->cdb.command->cdb_bytes == 10, &is_swp);
	if (id != SENSE_NONE) {
		task_end_sense(s, id);
		return;
	}
	if (is_swp != l->is_swp)
		t->ua_others_asc = sense_ua_asc(SENSE_UA_MODE_CHANGED);
	l->is_swp = is_swp;
	task_end(s);
}
