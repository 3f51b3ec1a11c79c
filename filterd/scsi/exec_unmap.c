/* SPDX-License-Identifier: MIT */
/*
 * exec_unmap.c - UNMAP: a list of ranges is checked as a whole, then given back piece by piece.
 *
 * LBPRZ promises that unmapped blocks read as zeros; so the ends of a range that do not fill a unit
 * of granularity are written as zeros, and the units between are unmapped. The lock covers
 * everything from the lowest to the highest range until the status is visible: a replay does it all
 * again, and must not meet anything that was written in between. Source: SBC-3 5.28.
 */
#include <string.h>

#include "bytes.h"
#include "task.h"
#include "zero.h"

#define HEADER_BYTES     8u
#define DESCRIPTOR_BYTES 16u

struct range {
	uint64_t start_bytes, end_bytes;
};

#define RANGES_BYTES ((uint32_t)(LUN_UNMAP_DESCRIPTORS_MAX * sizeof(struct range)))

static void next_piece(struct job *j);

/* The list of ranges stands at the beginning of the scratch memory, zeros behind it, if they are
 * needed. */
static struct range *ranges(struct task_state *s)
{
	return (struct range *)(void *)s->buf;
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Zeros at the front of r, up to the next unit or its end. */
static uint64_t zero_front(struct task_state *s, const struct range *r, uint64_t bytes)
{
	if (task_has_op(s, SLUICE_OP_WRITE_ZEROES))
		return zero_piece(s, r->start_bytes, bytes, true, next_piece);
	memset(s->buf + RANGES_BYTES, 0, bytes); /* less than a unit */
	task_write(s, r->start_bytes, (uint32_t)bytes, s->buf + RANGES_BYTES, next_piece);
	return bytes;
}

static void next_piece(struct job *j)
{
	struct task_state *s = task_of(j);
	const uint64_t unit = LUN_UNMAP_GRANULARITY_BYTES;
	struct range *r;
	uint64_t into, bytes;

	if (j->status) {
		task_end_status(s);
		return;
	}
	while (s->index < s->count &&
	       ranges(s)[s->index].start_bytes == ranges(s)[s->index].end_bytes)
		s->index++;
	if (s->index == s->count) {
		task_end(s);
		return;
	}
	r = &ranges(s)[s->index];
	bytes = r->end_bytes - r->start_bytes;
	into = r->start_bytes % unit;
	if (into > 0 || bytes < unit) {
		r->start_bytes += zero_front(s, r, least(bytes, unit - into));
		return;
	}
	bytes = least(bytes / unit * unit, TASK_ZERO_CHUNK_BYTES);
	r->start_bytes += bytes;
	job_io(j, SLUICE_OP_UNMAP, r->start_bytes - bytes, bytes, NULL, 0, next_piece);
}

/* A descriptor becomes a range; one that goes on where the last ended makes that one longer. */
static enum sense_id add_range(struct task_state *s, const uint8_t *descriptor)
{
	uint64_t lba = get_be64(descriptor), block = task_block_bytes(s);
	uint32_t blocks = get_be32(descriptor + 8);
	struct range *last = s->count > 0 ? &ranges(s)[s->count - 1] : NULL;

	if (!cdb_is_in_range(lba, blocks, lun_capacity_blocks(s->lun)))
		return SENSE_LBA_RANGE;
	if (blocks == 0)
		return SENSE_NONE;
	if (last && last->end_bytes == lba * block)
		last->end_bytes += blocks * block;
	else
		ranges(s)[s->count++] = (struct range){lba * block, (lba + blocks) * block};
	return SENSE_NONE;
}

/* From the ring's memory into our own, looked at once. */
static enum sense_id take_list(struct task_state *s, uint32_t list_bytes)
{
	const uint8_t *data = s->task->data;
	uint32_t descriptors_bytes, count;
	enum sense_id id = SENSE_NONE;

	if (list_bytes < HEADER_BYTES)
		return SENSE_LIST_LENGTH;
	descriptors_bytes = get_be16(data + 2);
	if (descriptors_bytes > list_bytes - HEADER_BYTES)
		return SENSE_LIST_LENGTH;
	count = descriptors_bytes / DESCRIPTOR_BYTES;
	if (count > LUN_UNMAP_DESCRIPTORS_MAX)
		return SENSE_INVALID_FIELD_LIST;
	for (uint32_t i = 0; i < count && id == SENSE_NONE; i++) {
		uint8_t descriptor[DESCRIPTOR_BYTES];

		memcpy(descriptor, data + HEADER_BYTES + (size_t)i * DESCRIPTOR_BYTES,
		       sizeof(descriptor));
		id = add_range(s, descriptor);
	}
	return id;
}

static void find_hull(struct task_state *s)
{
	uint64_t low = UINT64_MAX, high = 0;

	for (uint32_t i = 0; i < s->count; i++) {
		low = least(low, ranges(s)[i].start_bytes);
		high = ranges(s)[i].end_bytes > high ? ranges(s)[i].end_bytes : high;
	}
	s->offset_bytes = low;
	s->len_bytes = high - low;
}

void exec_unmap(struct task_state *s)
{
	struct scsi_task *t = s->task;
	uint32_t list_bytes = (uint32_t)least(s->cdb.alloc_bytes, t->out_bytes);
	uint32_t zeros = task_has_op(s, SLUICE_OP_WRITE_ZEROES) ? 0 : LUN_UNMAP_GRANULARITY_BYTES;
	enum sense_id id;

	t->out_used_bytes = s->cdb.alloc_bytes;
	if (s->cdb.alloc_bytes == 0) {
		task_end(s);
		return;
	}
	if (!task_buf(s, RANGES_BYTES + zeros))
		return;
	id = take_list(s, list_bytes);
	if (id != SENSE_NONE) {
		task_end_sense(s, id);
		return;
	}
	if (s->count == 0) {
		task_end(s);
		return;
	}
	find_hull(s);
	task_lock(s, true, next_piece);
}
