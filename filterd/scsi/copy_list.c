/* SPDX-License-Identifier: MIT */
/* copy_list.c - see copy_list.h. */
#include "copy_list.h"

#include <string.h>

#include "bytes.h"

static enum sense_id parse_target(const uint8_t *p, struct copy_target *t)
{
	if (p[0] != COPY_TYPE_TARGET_ID)
		return SENSE_COPY_TARGET_TYPE;
	/* LU ID TYPE says nothing since SPC-4; the designator names the unit. */
	t->is_null = (p[1] & 0x20) != 0;
	t->code_set = p[4] & 0x0f;
	t->designator_type = p[5] & 0x0f;
	t->association = p[5] >> 4 & 3;
	t->designator_bytes = p[7];
	t->block_bytes = get_be24(p + 29);
	if (t->designator_bytes > COPY_DESIGNATOR_BYTES)
		return SENSE_INVALID_FIELD_LIST;
	memcpy(t->designator, p + 8, COPY_DESIGNATOR_BYTES);
	return SENSE_NONE;
}

static enum sense_id parse_targets(const uint8_t *p, uint32_t bytes, struct copy_list *out)
{
	enum sense_id id = SENSE_NONE;

	if (bytes % COPY_TARGET_BYTES)
		return SENSE_INVALID_FIELD_LIST;
	if (bytes / COPY_TARGET_BYTES > COPY_TARGETS_MAX)
		return SENSE_COPY_TARGETS;
	out->target_count = bytes / COPY_TARGET_BYTES;
	for (uint32_t i = 0; i < out->target_count && id == SENSE_NONE; i++)
		id = parse_target(p + (size_t)i * COPY_TARGET_BYTES, &out->targets[i]);
	return id;
}

static void parse_segment(const uint8_t *p, struct copy_segment *g)
{
	g->is_destination_count = (p[1] & 2) != 0;
	g->source = get_be16(p + 4);
	g->destination = get_be16(p + 6);
	g->blocks = get_be16(p + 10);
	g->source_lba = get_be64(p + 12);
	g->destination_lba = get_be64(p + 20);
}

static enum sense_id parse_segments(const uint8_t *p, uint32_t bytes, struct copy_list *out)
{
	while (bytes > 0) {
		if (bytes < 4)
			return SENSE_INVALID_FIELD_LIST;
		if (p[0] != COPY_TYPE_SEGMENT_BLOCKS)
			return SENSE_COPY_SEGMENT_TYPE;
		if (bytes < COPY_SEGMENT_BYTES || get_be16(p + 2) != COPY_SEGMENT_BYTES - 4)
			return SENSE_INVALID_FIELD_LIST;
		if (out->segment_count == COPY_SEGMENTS_MAX)
			return SENSE_COPY_SEGMENTS;
		parse_segment(p, &out->segments[out->segment_count++]);
		p += COPY_SEGMENT_BYTES;
		bytes -= COPY_SEGMENT_BYTES;
	}
	return SENSE_NONE;
}

enum sense_id copy_list_parse(const uint8_t *list, uint32_t bytes, struct copy_list *out)
{
	uint32_t target_bytes, segment_bytes;
	enum sense_id id;

	memset(out, 0, sizeof(*out));
	if (bytes < COPY_HEADER_BYTES)
		return SENSE_LIST_LENGTH;
	out->list_id = list[0];
	out->id_usage = list[1] >> 3 & 3;
	target_bytes = get_be16(list + 2);
	segment_bytes = get_be32(list + 8);
	if (target_bytes > COPY_LIST_BYTES_MAX || segment_bytes > COPY_LIST_BYTES_MAX ||
	    target_bytes + segment_bytes > COPY_LIST_BYTES_MAX ||
	    target_bytes + segment_bytes > bytes - COPY_HEADER_BYTES)
		return SENSE_LIST_LENGTH;
	if (get_be32(list + 12) != 0)
		return SENSE_COPY_INLINE;
	if (out->id_usage == 1)
		return SENSE_INVALID_FIELD_LIST;
	id = parse_targets(list + COPY_HEADER_BYTES, target_bytes, out);
	if (id == SENSE_NONE)
		id = parse_segments(list + COPY_HEADER_BYTES + target_bytes, segment_bytes, out);
	return id;
}
