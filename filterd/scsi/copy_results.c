/* SPDX-License-Identifier: MIT */
/* copy_results.c - see copy_results.h. Source: SPC-3 6.18. */
#include "copy_results.h"

#include <string.h>

#include "bytes.h"
#include "copy_list.h"

#define ACTION_COPY_STATUS          0x00
#define ACTION_OPERATING_PARAMETERS 0x03

#define STATUS_RUNNING     0
#define STATUS_DONE        1
#define STATUS_DONE_ERRORS 2

static struct lun_copy_record *find(struct scsi_lun *l, uint64_t nexus_id, uint8_t list_id)
{
	for (uint32_t i = 0; i < LUN_COPY_RECORDS; i++) {
		struct lun_copy_record *r = &l->copies[i];

		if (r->age && r->nexus_id == nexus_id && r->list_id == list_id)
			return r;
	}
	return NULL;
}

static struct lun_copy_record *oldest_ended(struct scsi_lun *l)
{
	struct lun_copy_record *oldest = NULL;

	for (uint32_t i = 0; i < LUN_COPY_RECORDS; i++) {
		struct lun_copy_record *r = &l->copies[i];

		if (!r->is_running && (!oldest || r->age < oldest->age))
			oldest = r;
	}
	return oldest;
}

struct lun_copy_record *copy_results_begin(struct scsi_lun *l, uint64_t nexus_id, uint8_t list_id,
					   bool *is_busy)
{
	struct lun_copy_record *r = find(l, nexus_id, list_id);

	*is_busy = r && r->is_running;
	if (*is_busy)
		return NULL;
	if (!r)
		r = oldest_ended(l);
	if (!r)
		return NULL;
	*r = (struct lun_copy_record){
	    .nexus_id = nexus_id,
	    .list_id = list_id,
	    .age = ++l->copy_age,
	    .is_running = true,
	};
	return r;
}

void copy_results_end(struct lun_copy_record *r, const struct scsi_task *t)
{
	r->is_running = false;
	r->status = t->status;
	r->sense_bytes = t->sense_bytes < sizeof(r->sense) ? t->sense_bytes : sizeof(r->sense);
	memcpy(r->sense, t->sense, r->sense_bytes);
}

void copy_results_forget(struct lun_copy_record *r)
{
	memset(r, 0, sizeof(*r));
}

/* ---------------------------------------------------------------- RECEIVE COPY RESULTS */

static void operating_parameters(struct task_state *s)
{
	uint8_t p[46] = {0};

	put_be32(p, sizeof(p) - 4);
	put_be16(p + 8, COPY_TARGETS_MAX);
	put_be16(p + 10, COPY_SEGMENTS_MAX);
	put_be32(p + 12, COPY_LIST_BYTES_MAX);
	put_be32(p + 16, UINT16_MAX * task_block_bytes(s)); /* what the segment's field can hold */
	put_be16(p + 34, LUN_COPY_RECORDS);
	p[36] = LUN_COPY_RECORDS;
	p[37] = task_block_bytes(s) == 4096 ? 12 : 9; /* granularity, as a power of two */
	p[43] = 2;
	p[44] = COPY_TYPE_SEGMENT_BLOCKS;
	p[45] = COPY_TYPE_TARGET_ID;
	task_end_data(s, p, sizeof(p), s->cdb.alloc_bytes);
}

static void copy_status(struct task_state *s, const struct lun_copy_record *r)
{
	uint8_t p[12] = {0};
	uint64_t kib = r->bytes >> 10;

	put_be32(p, sizeof(p) - 4);
	if (r->is_running)
		p[4] = STATUS_RUNNING;
	else
		p[4] = r->status == SCSI_GOOD ? STATUS_DONE : STATUS_DONE_ERRORS;
	put_be16(p + 5, r->segments);
	p[7] = 1; /* in KiB */
	put_be32(p + 8, kib > UINT32_MAX ? UINT32_MAX : (uint32_t)kib);
	task_end_data(s, p, sizeof(p), s->cdb.alloc_bytes);
}

static void failed_segment_details(struct task_state *s, const struct lun_copy_record *r)
{
	uint8_t p[60 + sizeof(r->sense)] = {0};

	put_be32(p, 56u + r->sense_bytes);
	p[56] = r->status;
	put_be16(p + 58, r->sense_bytes);
	memcpy(p + 60, r->sense, r->sense_bytes);
	task_end_data(s, p, 60u + r->sense_bytes, s->cdb.alloc_bytes);
}

void copy_results(struct task_state *s)
{
	uint8_t action = s->cdb.command->service_action;
	const struct lun_copy_record *r;

	if (action == ACTION_OPERATING_PARAMETERS) {
		operating_parameters(s);
		return;
	}
	r = find(s->lun, s->task->nexus_id, s->cdb.list_id);
	if (r && action == ACTION_COPY_STATUS)
		copy_status(s, r);
	else if (r && !r->is_running && r->status != SCSI_GOOD)
		failed_segment_details(s, r);
	else
		task_end_sense(s, SENSE_INVALID_FIELD_CDB);
}
