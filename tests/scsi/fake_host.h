/* SPDX-License-Identifier: MIT */
/*
 * fake_host.h - a logical unit on a disk in memory whose completions the test decides about.
 *
 * I/O either completes at once, or is held until fake_run() lets it go; the N-th can fail; the pool
 * and the scratch memory can run out. Every host call checks what the contract promises (one
 * completion, aligned buffers, nothing out of range, everything given back), so that each test
 * checks it too.
 */
#ifndef TESTS_SCSI_FAKE_HOST_H
#define TESTS_SCSI_FAKE_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "list.h"
#include "scsi.h"

#define FAKE_IOS       64u
#define FAKE_DATA      (8u << 20)
#define FAKE_DATA_KEPT 8u
#define FAKE_NEVER     UINT32_MAX

struct fake;

struct fake_io {
	struct sluice_io io;   /* first */
	struct list_node node; /* of fake.held or fake.free */
	void (*fn)(struct sluice_io *io, void *fn_ctx);
	void *fn_ctx;
	bool is_used;
};

/* A peer's I/O under way, held like an io. */
struct fake_peer_io {
	bool is_used;
	void (*fn)(void *fn_ctx, enum sluice_status status);
	void *fn_ctx;
	struct scsi_peer_io peer;
	struct fake *fake;
};

/* One recorded host call, for order. */
enum fake_event_kind { FAKE_IO, FAKE_COMPARED, FAKE_PROGRESS, FAKE_END };
struct fake_event {
	enum fake_event_kind kind;
	uint8_t op;
	uint16_t flags;
	uint64_t offset_bytes, len_bytes; /* FAKE_PROGRESS: the progress in len_bytes */
	const void *task;
};

struct fake {
	struct scsi_lun *lun;
	struct scsi_lun_cfg cfg;
	uint8_t *disk;
	uint8_t *is_mapped; /* per 512 bytes */
	struct fake_io ios[FAKE_IOS];
	struct list_node free, held;
	uint32_t pool_limit; /* I/Os that the pool has */
	uint32_t out;        /* I/Os that are out */
	bool is_starved;
	bool is_lazy;    /* zeroing leaves the memory as it is: for tests that do not look at it */
	bool is_holding; /* completions wait for fake_run() */
	uint32_t fail_nth; /* counted from 0; FAKE_NEVER */
	enum sluice_status fail_status;
	uint32_t submitted;
	uint32_t bufs_out;
	uint32_t buf_limit;
	uint64_t last_progress;
	uint32_t compared;
	uint32_t ended;
	uint32_t flushes;
	uint32_t aborts;
	struct fake *peer; /* another volume, or NULL */
	struct fake_peer_io peer_ios[4];
	struct fake_event events[4096];
	uint32_t event_count;
	uint8_t *
	    data_kept[FAKE_DATA_KEPT]; /* of ended commands: to allocate 8 MiB is slow under ASan */
	uint32_t data_kept_count;
};

/* A command of a test, with its memory. */
struct fake_cmd {
	struct fake *fake;
	struct scsi_task *task;
	uint8_t *data;
	bool is_ended;
	uint32_t order; /* fake.ended when it ended */
};

/* Default: 512/4096-byte blocks, 64 MiB, every op. Change f->cfg between init and open. */
void fake_init(struct fake *f, uint64_t size_bytes);
void fake_open(struct fake *f);
void fake_close(struct fake *f); /* checks that nothing is left */

/* Lets the oldest held I/O complete; false: none. fake_run() lets all go, also those that follow.
 */
bool fake_run_one(struct fake *f);
void fake_run(struct fake *f);
bool fake_run_at(struct fake *f, uint64_t offset_bytes); /* the held one at this offset */
uint32_t fake_held(struct fake *f);

struct fake_cmd *fake_cmd(struct fake *f, const void *cdb, uint32_t cdb_bytes);
void fake_out(struct fake_cmd *c, const void *data, uint32_t bytes);
void fake_in(struct fake_cmd *c, uint32_t bytes);
void fake_start(struct fake_cmd *c);
void fake_free(struct fake_cmd *c);
/* A replay of c: the same CDB and data, with what was noted. */
struct fake_cmd *fake_replay(struct fake_cmd *c, bool is_compared, uint64_t progress);

/* Status, or key << 16 | asc << 8 | ascq of a CHECK CONDITION. */
uint32_t fake_result(const struct fake_cmd *c);
#define FAKE_SENSE(key, asc, ascq) ((uint32_t)(key) << 16 | (asc) << 8 | (ascq))

#endif
