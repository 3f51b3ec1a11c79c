/* SPDX-License-Identifier: MIT */
/*
 * scsi.h - the SCSI device server: one logical unit, commands in, statuses out.
 *
 *   scsi_execute -> cdb.c: operation, range, flags (pure)
 *                -> job.c: range lock, steps -> exec_*.c -> host I/O
 *                -> sense.c: knows every sense code, nobody else does
 *
 * Knows nothing of rings, chains and backends: I/O goes through struct scsi_host.
 * Thread: owner worker of the volume.
 */
#ifndef FILTERD_SCSI_H
#define FILTERD_SCSI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "env.h"
#include "list.h"
#include "sluice/io.h"

#define SCSI_CDB_BYTES   32u
#define SCSI_SENSE_BYTES 96u

#define SCSI_VENDOR   "SLUICE"
#define SCSI_PRODUCT  "VIRTUAL DISK"
#define SCSI_REVISION "0100"

enum scsi_status {
	SCSI_GOOD = 0x00,
	SCSI_CHECK_CONDITION = 0x02,
	SCSI_CONDITION_MET = 0x04,
	SCSI_BUSY = 0x08,
	SCSI_RESERVATION_CONFLICT = 0x18,
	SCSI_TASK_SET_FULL = 0x28,
	SCSI_TASK_ABORTED = 0x40,
};

struct scsi_lun;

/* One command. The caller allocates it (scsi_task_bytes() long), zeroed, fills the first part, and
 * may free it in end(): nobody looks at it after that.
 *
 * Residuals: in_actual_bytes and out_used_bytes are what the CDB called for, also where that is
 * more than in_bytes or out_bytes: then there is an overflow of the difference. Bytes at data: the
 * smaller of the two. */
struct scsi_task {
	/* in; const while it runs */
	uint8_t cdb[SCSI_CDB_BYTES];
	uint32_t cdb_bytes;
	uint32_t out_bytes;  /* data that came: data[0..out_bytes) */
	uint32_t in_bytes;   /* data that the initiator takes */
	uint32_t data_bytes; /* room at data, >= max(out_bytes, in_bytes), 4096-aligned */
	uint8_t *data; /* shared with the client of the ring: read once what must not change */
	uint64_t nexus_id;
	uint64_t id;       /* for logs */
	bool is_compared;  /* replay: COMPARE AND WRITE's compare had succeeded */
	uint64_t progress; /* replay: as last given to note_progress(), opaque; else 0 */
	void (*end)(struct scsi_task
			*t); /* exactly once, possibly before scsi_execute() returns; the range
				lock is released after it, so it must make the status visible */
	void *ctx;
	/* out */
	uint8_t status; /* enum scsi_status */
	uint8_t sense_bytes;
	uint16_t ua_others_asc; /* unit attention for every other nexus, 0 = none */
	uint32_t in_actual_bytes;
	uint32_t out_used_bytes;
	uint8_t sense[SCSI_SENSE_BYTES];
	/* the device server's own */
	void *state; /* scsi_task_state, behind this struct */
};

/* What a logical unit needs from its surroundings. */
struct scsi_host {
	/* From a pool; NULL: none left now, the task waits for host's call of
	 * scsi_lun_io_available(). */
	struct sluice_io *(*io_get)(void *ctx);
	void (*io_put)(void *ctx, struct sluice_io *io);
	/* fn(io, fn_ctx) exactly once, possibly before return. */
	void (*io_submit)(void *ctx, struct sluice_io *io,
			  void (*fn)(struct sluice_io *io, void *fn_ctx), void *fn_ctx);
	void (*io_abort)(void *ctx, struct sluice_io *io);
	/* 4096-aligned scratch memory; NULL: none left now (BUSY). */
	void *(*buf_get)(void *ctx, uint32_t size_bytes);
	void (*buf_put)(void *ctx, void *buf, uint32_t size_bytes);
	/* Durable enough to outlive this process, not a power cut: the slot. progress is EXTENDED
	 * COPY's own encoding (bytes done, and a flag in the lowest bit); it is never 0. */
	void (*note_compared)(void *ctx, struct scsi_task *t);
	void (*note_progress)(void *ctx, struct scsi_task *t, uint64_t progress);
	/*
	 * EXTENDED COPY: reads from the volume with this NAA id, wherever its worker is, under that
	 * volume's shared range lock. fn(fn_ctx, status) exactly once, on this LUN's worker.
	 */
	bool (*peer_find)(void *ctx, const uint8_t naa[16], uint64_t *size_bytes,
			  uint32_t *block_bytes);
	void (*peer_read)(void *ctx, const uint8_t naa[16], uint64_t offset_bytes,
			  uint32_t len_bytes, void *buf,
			  void (*fn)(void *fn_ctx, enum sluice_status status), void *fn_ctx);
	/* And writes, when the destination is not this LUN. */
	void (*peer_write)(void *ctx, const uint8_t naa[16], uint64_t offset_bytes,
			   uint32_t len_bytes, const void *buf,
			   void (*fn)(void *fn_ctx, enum sluice_status status), void *fn_ctx);
	/* Used and soft threshold in percent of the datastore, for LOG SENSE 0Ch. */
	void (*provisioning)(void *ctx, uint64_t *used_bytes, uint64_t *available_bytes);
};

struct scsi_lun_cfg {
	struct env *env;
	const struct scsi_host *host;
	void *host_ctx;
	uint8_t uuid[16];
	uint64_t size_bytes;
	uint32_t block_bytes;          /* 512 or 4096 */
	uint32_t physical_block_bytes; /* 4096 */
	uint32_t op_mask;              /* chain_op_mask(): what may be advertised */
	bool is_wce;                   /* volatile write cache: FLUSH and FUA mean something */
	bool is_readonly;
	uint32_t max_transfer_bytes; /* of one READ or WRITE */
	/* WRITE ATOMIC up to this long while op_mask says SLUICE_WRITES_ARE_ATOMIC; 0: never. */
	uint32_t atomic_bytes;
};

int must_check scsi_lun_create(const struct scsi_lun_cfg *cfg, struct scsi_lun **out);
void scsi_lun_destroy(struct scsi_lun *l); /* no task is running */

size_t scsi_task_bytes(void);
void scsi_execute(struct scsi_lun *l, struct scsi_task *t);
/* The initiator gave up: a waiting task ends with TASK ABORTED, a running one ends soon. */
void scsi_abort(struct scsi_lun *l, struct scsi_task *t);
void scsi_lun_io_available(struct scsi_lun *l); /* after an io_get() that returned NULL */

/* Changes at run time, from the volume. */
void scsi_lun_set_size(struct scsi_lun *l, uint64_t size_bytes);
void scsi_lun_set_op_mask(struct scsi_lun *l, uint32_t op_mask);
/* While set, media commands end so: SLUICE_ERR_NOT_READY, _LOCKED, _FAILED...; SLUICE_OK serves. */
void scsi_lun_set_state(struct scsi_lun *l, enum sluice_status state);
/* Running commands and peer I/Os; inside end() the ending one counts no more. */
uint32_t scsi_lun_tasks(const struct scsi_lun *l);

/* The volume's side of peer_read and peer_write: takes the range lock, does the I/O, calls end()
 * (which may free p), releases the lock. A peer I/O counts in scsi_lun_tasks() while it runs. */
struct scsi_peer_io {
	uint8_t op; /* SLUICE_OP_READ or SLUICE_OP_WRITE */
	uint64_t offset_bytes;
	uint32_t len_bytes;
	void *buf;
	uint8_t status; /* result */
	void (*end)(struct scsi_peer_io *p);
	void *ctx;
	uint64_t state[32]; /* the device server's own */
};
void scsi_peer_submit(struct scsi_lun *l, struct scsi_peer_io *p);

/* NAA-6 of a volume: 6, a locally assigned company id, then bits of the UUID. Pure. */
void scsi_naa_from_uuid(const uint8_t uuid[16], uint8_t naa[16]);

#endif
