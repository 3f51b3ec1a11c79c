/* SPDX-License-Identifier: MIT */
/*
 * io.h - one I/O as filters and backends see it.
 *
 * Thread: the owner worker of the volume, unless a function says otherwise.
 * Owns:   the host; a filter has it between its submit() and its verdict, and while it holds a
 * token.
 */
#ifndef SLUICE_IO_H
#define SLUICE_IO_H

#include <stdbool.h>
#include <stdint.h>

enum sluice_op {
	SLUICE_OP_READ = 0,
	SLUICE_OP_WRITE = 1, /* buf is read-only for everybody */
	SLUICE_OP_FLUSH = 2, /* everything completed before it was submitted becomes persistent */
	SLUICE_OP_UNMAP = 3, /* the range reads as zeros afterwards; space is given back */
	SLUICE_OP_WRITE_ZEROES =
	    4, /* the range reads as zeros afterwards; SLUICE_IO_MAY_UNMAP gives space back */
	SLUICE_OP_EXTENT =
	    5, /* answers extent_bytes and extent_is_hole for the run that starts at offset_bytes */
	SLUICE_OP_COUNT
};

#define SLUICE_OP_BIT(op) (1u << (op))
#define SLUICE_OPS_ALL    ((1u << SLUICE_OP_COUNT) - 1)

/* Not an op: in a backend's op_mask it says that a WRITE of any length is all or nothing, also over
 * a power cut. Transparent filters keep that; any other filter takes it away. */
#define SLUICE_WRITES_ARE_ATOMIC 0x80u

/* What became of an I/O. The SCSI layer turns each into a sense code, in one table. */
enum sluice_status {
	SLUICE_OK = 0,
	SLUICE_ERR_IO = 1,        /* the medium failed: read or write error */
	SLUICE_ERR_NO_SPACE = 2,  /* the datastore is full; the VM pauses and tries again */
	SLUICE_ERR_BUSY = 3,      /* passes by itself: try again */
	SLUICE_ERR_ABORTED = 4,   /* the initiator aborted it, nothing more will be done */
	SLUICE_ERR_NOT_READY = 5, /* the volume cannot serve now (stopping, datastore away) */
	SLUICE_ERR_LOCKED = 6,    /* the volume waits for its key */
	SLUICE_ERR_READ_ONLY = 7,
	SLUICE_ERR_UNSUPPORTED = 8, /* no layer handles this op */
	SLUICE_ERR_CORRUPT = 9,     /* a checksum failed; never older data instead */
	SLUICE_ERR_FAILED = 10,     /* fail-stop: a flush failed, or a filter is quarantined */
	SLUICE_STATUS_COUNT
};

#define SLUICE_IO_FUA       1u /* complete only when persistent */
#define SLUICE_IO_MAY_UNMAP 2u
#define SLUICE_IO_OWN       4u  /* a filter's own I/O, not an initiator's */
#define SLUICE_IO_ABORTED   8u  /* the initiator gave up on it; finish soon, any status */
#define SLUICE_IO_URGENT    16u /* with OWN: an initiator waits for it; not background work */

struct sluice_io {
	uint8_t op;              /* enum sluice_op; const after submission */
	uint8_t status;          /* enum sluice_status; set by who completes or fails it */
	uint16_t flags;          /* SLUICE_IO_* */
	uint32_t extent_is_hole; /* result of EXTENT */
	uint64_t offset_bytes;   /* multiple of the volume's block; const after submission */
	uint64_t len_bytes;      /* multiple of the volume's block; 0 only for FLUSH */
	void *buf; /* READ: to be filled; WRITE: to be read; 4096-aligned when it came from an
		      initiator */
	uint64_t extent_bytes; /* result of EXTENT: length of the run, at most len_bytes */
	uint64_t id;           /* unique within the volume's run, for logs */
	uint64_t nexus_id;     /* the initiator's nexus, 0 for own I/O */
	uint64_t start_ns;     /* when it entered the chain */

	/* Host and backend only; a filter leaves these alone. */
	void (*end)(struct sluice_io *io); /* the backend calls it exactly once, status set, on the
					      owner worker */
	void *bottom; /* backend's per-I/O context, backend->io_ctx_bytes long, zeroed once at
			 allocation */
};

#endif
