/* SPDX-License-Identifier: MIT */
/*
 * task.h - one command while it runs, and what every exec_*.c needs for it. Internal to scsi/.
 *
 * An exec function begins a command; it ends it with exactly one of the task_end*() functions,
 * possibly some steps later, after which it must not look at the task. Thread: owner worker.
 */
#ifndef FILTERD_SCSI_TASK_H
#define FILTERD_SCSI_TASK_H

#include "job.h"
#include "cdb.h"
#include "scsi.h"
#include "sense.h"

/* Long operations go in pieces, so that they need small buffers and let others have their turn. */
#define TASK_DATA_CHUNK_BYTES (1u << 20)  /* data in scratch memory */
#define TASK_ZERO_CHUNK_BYTES (64u << 20) /* ranges without data: UNMAP, WRITE ZEROES */

#define LUN_CAW_BLOCKS_MAX          128u
#define LUN_UNMAP_DESCRIPTORS_MAX   256u
#define LUN_UNMAP_GRANULARITY_BYTES 4096u
#define LUN_WRITE_SAME_BLOCKS_MAX   0xffffffffu
#define LUN_COPY_RECORDS            8u
#define LUN_T10_ID_BYTES            20u
#define LUN_SERIAL_BYTES            32u

/* How an EXTENDED COPY ended, until RECEIVE COPY RESULTS asks. */
struct lun_copy_record {
	uint64_t nexus_id;
	uint64_t bytes;
	uint64_t age; /* 0 = free; the greater the younger */
	uint16_t segments;
	uint8_t list_id;
	uint8_t status; /* enum scsi_status */
	bool is_running;
	uint8_t sense_bytes;
	uint8_t sense[18];
};

struct scsi_lun {
	struct job_room room;
	struct scsi_lun_cfg cfg;
	uint64_t size_bytes;
	uint32_t op_mask;
	uint32_t tasks;
	bool is_swp; /* software write protect, mode page 0Ah */
	uint8_t naa[16];
	char serial[LUN_SERIAL_BYTES + 1];
	char t10_id[LUN_T10_ID_BYTES + 1]; /* vendor, then 12 characters of the UUID's digest */
	struct lun_copy_record copies[LUN_COPY_RECORDS];
	uint64_t copy_age;
};

/* EXTENDED COPY */
struct task_copy {
	uint64_t segment_done_bytes;
	uint64_t skip_bytes; /* replay: what is done already */
	uint32_t segment;
	uint32_t segment_count;
	uint32_t chunk_bytes;
	struct lun_copy_record *record; /* NULL when the initiator does not want one */
};

struct task_state {
	struct job job;
	struct scsi_task *task;
	struct scsi_lun *lun;
	struct cdb cdb;
	uint64_t offset_bytes, len_bytes; /* on the medium */
	uint64_t done_bytes;
	uint32_t
	    op_mask;  /* of the unit when the command began: a change does not meet it half-way */
	uint8_t *buf; /* scratch memory, given back at the end */
	uint32_t buf_bytes;
	uint32_t index, count; /* UNMAP: of its ranges; GET LBA STATUS: of its descriptors */
	struct task_copy copy;
};

static inline struct task_state *task_of(struct job *j)
{
	return (struct task_state *)((char *)j - offsetof(struct task_state, job));
}

static inline uint32_t task_block_bytes(const struct task_state *s)
{
	return s->lun->cfg.block_bytes;
}

static inline uint64_t lun_capacity_blocks(const struct scsi_lun *l)
{
	return l->size_bytes / l->cfg.block_bytes;
}

static inline bool lun_has_op(const struct scsi_lun *l, enum sluice_op op)
{
	return (l->op_mask & SLUICE_OP_BIT(op)) != 0;
}

static inline bool task_has_op(const struct task_state *s, enum sluice_op op)
{
	return (s->op_mask & SLUICE_OP_BIT(op)) != 0;
}

/* Thin: the chain can give space back. Then, and only then, the thin pages and bits are there. */
static inline bool lun_is_thin(const struct scsi_lun *l)
{
	return lun_has_op(l, SLUICE_OP_UNMAP);
}

static inline bool lun_is_protected(const struct scsi_lun *l)
{
	return l->cfg.is_readonly || l->is_swp;
}

/* ---------------------------------------------------------------- ends */

void task_end(struct task_state *s); /* with the status and sense that stand in the task */
void task_end_sense(struct task_state *s, enum sense_id id);
/* After a step failed: what job.status says. */
void task_end_status(struct task_state *s);
/* GOOD with data for the initiator; cut at alloc_bytes and at what it takes. */
void task_end_data(struct task_state *s, const void *data, uint32_t bytes, uint32_t alloc_bytes);

/* ---------------------------------------------------------------- steps */

/* Scratch memory. False: there is none, the task has ended BUSY. */
bool task_buf(struct task_state *s, uint32_t bytes);
/* Locks [offset_bytes, offset_bytes + len_bytes). */
void task_lock(struct task_state *s, bool is_exclusive, job_step then);
void task_read(struct task_state *s, uint64_t offset_bytes, uint32_t len_bytes, void *buf,
	       job_step then);
void task_write(struct task_state *s, uint64_t offset_bytes, uint32_t len_bytes, void *buf,
		job_step then);

/* Data for a command that takes need_bytes: out_used_bytes is told, and the whole blocks of what
 * came are returned. False: what came ends in the middle of a block; the task has ended. */
bool task_take_out(struct task_state *s, uint64_t need_bytes, uint32_t *whole_bytes);

/* ---------------------------------------------------------------- exec_*.c and pages */

void exec_read(struct task_state *s);
void exec_write(struct task_state *s);
void exec_write_verify(struct task_state *s);
void exec_verify(struct task_state *s);
void exec_compare_write(struct task_state *s);
void exec_orwrite(struct task_state *s);
void exec_write_same(struct task_state *s);
void exec_unmap(struct task_state *s);
void exec_sync_cache(struct task_state *s);
void exec_start_stop(struct task_state *s);
void exec_lba_status(struct task_state *s);
void exec_extended_copy(struct task_state *s);
void copy_results(struct task_state *s);
void inquiry(struct task_state *s);
void mode_sense(struct task_state *s);
void mode_select(struct task_state *s);
void capacity_10(struct task_state *s);
void capacity_16(struct task_state *s);
void capacity_defects(struct task_state *s);
void opcodes_report(struct task_state *s);
void rtpg_report(struct task_state *s);
void logpage_sense(struct task_state *s);

#endif
