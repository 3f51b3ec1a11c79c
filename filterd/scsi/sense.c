/* SPDX-License-Identifier: MIT */
/* sense.c - see sense.h. */
#include "sense.h"

#include <assert.h>
#include <string.h>

#include "bytes.h"

enum key {
	NOT_READY = 0x2,
	MEDIUM_ERROR = 0x3,
	HARDWARE_ERROR = 0x4,
	ILLEGAL_REQUEST = 0x5,
	DATA_PROTECT = 0x7,
	COPY_ABORTED = 0xa,
	ABORTED_COMMAND = 0xb,
	MISCOMPARE = 0xe,
};

#define FIXED_CURRENT 0x70
#define FIXED_VALID   0x80
#define FIXED_BYTES   18

struct code {
	uint8_t key;
	uint16_t asc; /* ASC << 8 | ASCQ */
};

static const struct code codes[SENSE_COUNT] = {
    [SENSE_NOT_READY] = {NOT_READY, 0x0401},
    [SENSE_LOCKED] = {NOT_READY, 0x7471},
    [SENSE_READ_ERROR] = {MEDIUM_ERROR, 0x1100},
    [SENSE_WRITE_ERROR] = {MEDIUM_ERROR, 0x0c00},
    [SENSE_HARDWARE] = {HARDWARE_ERROR, 0x4400},
    [SENSE_INVALID_OPCODE] = {ILLEGAL_REQUEST, 0x2000},
    [SENSE_LBA_RANGE] = {ILLEGAL_REQUEST, 0x2100},
    [SENSE_INVALID_FIELD_CDB] = {ILLEGAL_REQUEST, 0x2400},
    [SENSE_INVALID_FIELD_LIST] = {ILLEGAL_REQUEST, 0x2600},
    [SENSE_INVALID_LENGTH_UNIT] = {ILLEGAL_REQUEST, 0x0e03},
    [SENSE_LIST_LENGTH] = {ILLEGAL_REQUEST, 0x1a00},
    [SENSE_NO_SAVING] = {ILLEGAL_REQUEST, 0x3900},
    [SENSE_COPY_TARGETS] = {ILLEGAL_REQUEST, 0x2606},
    [SENSE_COPY_TARGET_TYPE] = {ILLEGAL_REQUEST, 0x2607},
    [SENSE_COPY_SEGMENTS] = {ILLEGAL_REQUEST, 0x2608},
    [SENSE_COPY_SEGMENT_TYPE] = {ILLEGAL_REQUEST, 0x2609},
    [SENSE_COPY_INLINE] = {ILLEGAL_REQUEST, 0x260b},
    [SENSE_COPY_BUSY] = {ILLEGAL_REQUEST, 0x0016},
    [SENSE_WRITE_PROTECTED] = {DATA_PROTECT, 0x2700},
    [SENSE_NO_SPACE] = {DATA_PROTECT, 0x2707},
    [SENSE_COPY_FAILED] = {COPY_ABORTED, 0x0000},
    [SENSE_COPY_TARGET_INDEX] = {COPY_ABORTED, 0x0804},
    [SENSE_COPY_UNREACHABLE] = {COPY_ABORTED, 0x0d02},
    [SENSE_COPY_MISFIT] = {COPY_ABORTED, 0x0d03},
    [SENSE_COPY_DEVICE_FAILED] = {COPY_ABORTED, 0x0d01},
    [SENSE_COPY_INTERRUPTED] = {ABORTED_COMMAND, 0x0000},
    [SENSE_MISCOMPARE] = {MISCOMPARE, 0x1d00},
};

static const uint16_t ua_codes[SENSE_UA_COUNT] = {
    [SENSE_UA_MODE_CHANGED] = 0x2a01,   [SENSE_UA_CAPACITY_CHANGED] = 0x2a09,
    [SENSE_UA_SOFT_THRESHOLD] = 0x3807, [SENSE_UA_INQUIRY_CHANGED] = 0x3f03,
    [SENSE_UA_DATA_REPLACED] = 0x3f0e,
};

uint16_t sense_ua_asc(enum sense_ua ua)
{
	assert(ua < SENSE_UA_COUNT);
	return ua_codes[ua];
}

void sense_set(struct scsi_task *t, enum sense_id id)
{
	assert(id > SENSE_NONE && id < SENSE_COUNT);
	static_assert(FIXED_BYTES <= SCSI_SENSE_BYTES, "room for fixed-format sense");
	t->status = SCSI_CHECK_CONDITION;
	t->sense_bytes = FIXED_BYTES;
	memset(t->sense, 0, FIXED_BYTES);
	t->sense[0] = FIXED_CURRENT;
	t->sense[2] = codes[id].key;
	t->sense[7] = FIXED_BYTES - 8;
	put_be16(t->sense + 12, codes[id].asc);
}

void sense_set_info(struct scsi_task *t, enum sense_id id, uint64_t information)
{
	sense_set(t, id);
	if (information > UINT32_MAX)
		return;
	t->sense[0] |= FIXED_VALID;
	put_be32(t->sense + 3, (uint32_t)information);
}

void sense_set_status(struct scsi_task *t, enum sluice_status status, bool is_write)
{
	switch (status) {
	case SLUICE_OK:
		t->status = SCSI_GOOD;
		return;
	case SLUICE_ERR_BUSY:
		t->status = SCSI_BUSY;
		return;
	case SLUICE_ERR_ABORTED:
		t->status = SCSI_TASK_ABORTED;
		return;
	case SLUICE_ERR_IO:
		sense_set(t, is_write ? SENSE_WRITE_ERROR : SENSE_READ_ERROR);
		return;
	case SLUICE_ERR_CORRUPT:
		sense_set(t, SENSE_READ_ERROR);
		return;
	case SLUICE_ERR_NO_SPACE:
		sense_set(t, SENSE_NO_SPACE);
		return;
	case SLUICE_ERR_NOT_READY:
		sense_set(t, SENSE_NOT_READY);
		return;
	case SLUICE_ERR_LOCKED:
		sense_set(t, SENSE_LOCKED);
		return;
	case SLUICE_ERR_READ_ONLY:
		sense_set(t, SENSE_WRITE_PROTECTED);
		return;
	case SLUICE_ERR_UNSUPPORTED:
		sense_set(t, SENSE_INVALID_OPCODE);
		return;
	case SLUICE_ERR_FAILED:
	case SLUICE_STATUS_COUNT:
		break;
	}
	sense_set(t, SENSE_HARDWARE); /* also for a status that is none: fail-stop, never a guess */
}
