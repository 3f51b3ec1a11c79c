/* SPDX-License-Identifier: MIT */
/*
 * sense.h - every sense code, in one table. Nobody else knows one.
 *
 * Two rules of the table: what is only unreachable is never a MEDIUM ERROR, and nothing that passes
 * by itself is LOGICAL UNIT NOT SUPPORTED, which ESXi takes for a device that is gone for good.
 * Pure. Source: SPC-4 4.5, T10's list of additional sense codes.
 */
#ifndef FILTERD_SCSI_SENSE_H
#define FILTERD_SCSI_SENSE_H

#include <stdbool.h>
#include <stdint.h>

#include "scsi.h"

enum sense_id {
	SENSE_NONE,
	SENSE_NOT_READY, /* passes by itself */
	SENSE_LOCKED,    /* the volume waits for its key */
	SENSE_READ_ERROR,
	SENSE_WRITE_ERROR,
	SENSE_HARDWARE, /* fail-stop */
	SENSE_INVALID_OPCODE,
	SENSE_LBA_RANGE,
	SENSE_INVALID_FIELD_CDB,
	SENSE_INVALID_FIELD_LIST,  /* in the parameter list */
	SENSE_INVALID_LENGTH_UNIT, /* the transport's data length does not fit the CDB */
	SENSE_LIST_LENGTH,         /* parameter list cut off */
	SENSE_NO_SAVING,           /* saved mode pages */
	SENSE_COPY_TARGETS,        /* too many target descriptors */
	SENSE_COPY_TARGET_TYPE,
	SENSE_COPY_SEGMENTS, /* too many segment descriptors */
	SENSE_COPY_SEGMENT_TYPE,
	SENSE_COPY_INLINE, /* inline data */
	SENSE_COPY_BUSY,   /* the list identifier is in use */
	SENSE_WRITE_PROTECTED,
	SENSE_NO_SPACE,           /* a hypervisor pauses the VM */
	SENSE_COPY_FAILED,        /* a segment cannot be done as described */
	SENSE_COPY_TARGET_INDEX,  /* a segment names a target that is not there */
	SENSE_COPY_UNREACHABLE,   /* no such volume here */
	SENSE_COPY_MISFIT,        /* the target is there but is not what the descriptor says */
	SENSE_COPY_DEVICE_FAILED, /* reading the source or writing the destination failed */
	SENSE_COPY_INTERRUPTED,   /* cannot be carried on after a restart; the initiator tries again
				   */
	SENSE_MISCOMPARE,
	SENSE_COUNT
};

/* Unit attentions, as ASC << 8 | ASCQ. */
enum sense_ua {
	SENSE_UA_MODE_CHANGED,
	SENSE_UA_CAPACITY_CHANGED,
	SENSE_UA_SOFT_THRESHOLD,
	SENSE_UA_INQUIRY_CHANGED,
	SENSE_UA_DATA_REPLACED, /* REPORTED LUNS DATA HAS CHANGED: look at everything anew */
	SENSE_UA_COUNT
};
uint16_t sense_ua_asc(enum sense_ua ua);

/* CHECK CONDITION with fixed-format sense. */
void sense_set(struct scsi_task *t, enum sense_id id);
/* The same with INFORMATION; a value over 32 bits does not fit the format and leaves VALID clear.
 */
void sense_set_info(struct scsi_task *t, enum sense_id id, uint64_t information);
/* What became of an I/O: status and sense; is_write tells a failed write from a failed read. */
void sense_set_status(struct scsi_task *t, enum sluice_status status, bool is_write);

#endif
