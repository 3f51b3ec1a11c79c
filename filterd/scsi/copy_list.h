/* SPDX-License-Identifier: MIT */
/*
 * copy_list.h - the parameter list of EXTENDED COPY(LID1): header, targets, segments. Pure.
 *
 *   16 bytes of header | n * 32 bytes of target descriptors | m * 28 bytes of segment descriptors
 *
 * Understood: identification descriptors (E4h) and block to block segments (02h). Whether a target
 * exists and a range fits is not decided here. Source: SPC-3 6.3.
 */
#ifndef FILTERD_SCSI_COPY_LIST_H
#define FILTERD_SCSI_COPY_LIST_H

#include <stdbool.h>
#include <stdint.h>

#include "sense.h"

#define COPY_HEADER_BYTES  16u
#define COPY_TARGET_BYTES  32u
#define COPY_SEGMENT_BYTES 28u
#define COPY_TARGETS_MAX   8u
#define COPY_SEGMENTS_MAX  16u
#define COPY_LIST_BYTES_MAX                                                                        \
	(COPY_TARGETS_MAX * COPY_TARGET_BYTES + COPY_SEGMENTS_MAX * COPY_SEGMENT_BYTES)
#define COPY_TYPE_SEGMENT_BLOCKS 0x02u
#define COPY_TYPE_TARGET_ID      0xe4u
#define COPY_DESIGNATOR_BYTES    20u

enum copy_id_usage { COPY_ID_HOLD = 0, COPY_ID_DISCARD = 2, COPY_ID_NONE = 3 };

struct copy_target {
	bool is_null; /* NUL: the initiator itself says that there is nothing */
	uint8_t code_set;
	uint8_t designator_type;
	uint8_t association;
	uint8_t designator_bytes;
	uint8_t designator[COPY_DESIGNATOR_BYTES];
	uint32_t block_bytes; /* 0: not said */
};

struct copy_segment {
	uint16_t source, destination; /* index of a target */
	bool is_destination_count;    /* DC: blocks are the destination's */
	uint16_t blocks;
	uint64_t source_lba, destination_lba;
};

struct copy_list {
	uint8_t list_id;
	uint8_t id_usage; /* enum copy_id_usage */
	uint32_t target_count, segment_count;
	struct copy_target targets[COPY_TARGETS_MAX];
	struct copy_segment segments[COPY_SEGMENTS_MAX];
};

/* bytes: what came, at least COPY_HEADER_BYTES of it. Private memory. */
enum sense_id copy_list_parse(const uint8_t *list, uint32_t bytes, struct copy_list *out);

#endif
