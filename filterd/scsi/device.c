/* SPDX-License-Identifier: MIT */
/*
 * device.c - the logical unit: made, changed, commands let in and sent to the one who executes
 * them.
 *
 * What needs no medium (INQUIRY, MODE SENSE, TEST UNIT READY, READ CAPACITY, REPORT ...) takes no
 * lock and does no I/O, so it answers while the backend stands still. Thread: owner worker.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "identity.h"
#include "task.h"

/* ---------------------------------------------------------------- small commands */

static void test_unit_ready(struct task_state *s)
{
	sense_set_status(s->task, s->lun->room.state, false);
	task_end(s);
}

static void nothing_to_do(struct task_state *s)
{
	task_end(s);
}

/* The unit has no test but the default one, which is that it answers. */
static void send_diagnostic(struct task_state *s)
{
	if (s->cdb.alloc_bytes > 0 || s->cdb.control > 0)
		task_end_sense(s, SENSE_INVALID_FIELD_CDB);
	else
		task_end(s);
}

typedef void (*exec_fn)(struct task_state *s);

static const exec_fn exec_of[COMMAND_COUNT] = {
    [COMMAND_TEST_UNIT_READY] = test_unit_ready,
    [COMMAND_INQUIRY] = inquiry,
    [COMMAND_MODE_SENSE] = mode_sense,
    [COMMAND_MODE_SELECT] = mode_select,
    [COMMAND_START_STOP] = exec_start_stop,
    [COMMAND_SEND_DIAGNOSTIC] = send_diagnostic,
    [COMMAND_PREVENT_ALLOW] = nothing_to_do, /* nothing can be taken out */
    [COMMAND_READ_CAPACITY_10] = capacity_10,
    [COMMAND_READ_CAPACITY_16] = capacity_16,
    [COMMAND_LOG_SENSE] = logpage_sense,
    [COMMAND_REPORT_OPCODES] = opcodes_report,
    [COMMAND_REPORT_TARGET_PORT_GROUPS] = rtpg_report,
    [COMMAND_READ] = exec_read,
    [COMMAND_WRITE] = exec_write,
    [COMMAND_WRITE_VERIFY] = exec_write_verify,
    [COMMAND_VERIFY] = exec_verify,
    [COMMAND_PREFETCH] = nothing_to_do, /* no promise that the blocks stay in a cache, so GOOD */
    [COMMAND_SYNC_CACHE] = exec_sync_cache,
    [COMMAND_WRITE_SAME] = exec_write_same,
    [COMMAND_UNMAP] = exec_unmap,
    [COMMAND_COMPARE_WRITE] = exec_compare_write,
    [COMMAND_ORWRITE] = exec_orwrite,
    [COMMAND_GET_LBA_STATUS] = exec_lba_status,
    [COMMAND_READ_DEFECTS] = capacity_defects,
    [COMMAND_EXTENDED_COPY] = exec_extended_copy,
    [COMMAND_RECEIVE_COPY_RESULTS] = copy_results,
};

/* ---------------------------------------------------------------- commands */

static enum sense_id admit(const struct scsi_lun *l, const struct cdb *c)
{
	uint64_t capacity = lun_capacity_blocks(l);

	if (!command_is_supported(c->command, l->op_mask))
		return SENSE_INVALID_OPCODE;
	if (c->command->flags & COMMAND_IS_WRITE && lun_is_protected(l))
		return SENSE_WRITE_PROTECTED;
	if (!(c->command->flags & COMMAND_HAS_RANGE))
		return SENSE_NONE;
	return c->lba >= capacity || !cdb_is_in_range(c->lba, c->blocks, capacity) ? SENSE_LBA_RANGE
										   : SENSE_NONE;
}

static void begin(struct job *j)
{
	struct task_state *s = task_of(j);
	struct scsi_lun *l = s->lun;
	struct scsi_task *t = s->task;
	enum sense_id id = cdb_parse(
	    t->cdb, t->cdb_bytes < SCSI_CDB_BYTES ? t->cdb_bytes : SCSI_CDB_BYTES, &s->cdb);

	if (id == SENSE_NONE)
		id = admit(l, &s->cdb);
	if (id != SENSE_NONE) {
		task_end_sense(s, id);
		return;
	}
	if (s->cdb.command->flags & COMMAND_IS_MEDIUM && l->room.state != SLUICE_OK) {
		j->status = (uint8_t)l->room.state;
		task_end_status(s);
		return;
	}
	s->offset_bytes = s->cdb.lba * l->cfg.block_bytes;
	s->len_bytes = s->cdb.blocks * l->cfg.block_bytes;
	exec_of[s->cdb.command->op](s);
}

size_t scsi_task_bytes(void)
{
	return sizeof(struct scsi_task) + sizeof(struct task_state);
}

void scsi_execute(struct scsi_lun *l, struct scsi_task *t)
{
	struct task_state *s = (struct task_state *)(t + 1);

	static_assert(sizeof(struct scsi_task) % _Alignof(struct task_state) == 0,
		      "the state stands behind");
	assert(t->out_bytes <= t->data_bytes && t->in_bytes <= t->data_bytes);
	t->state = s;
	t->status = SCSI_GOOD;
	s->task = t;
	s->lun = l;
	s->job.nexus_id = t->nexus_id;
	s->job.id = t->id;
	s->op_mask = l->op_mask;
	l->tasks++;
	job_enter(&l->room);
	job_start(&l->room, &s->job, begin);
	job_leave(&l->room);
}

void scsi_abort(struct scsi_lun *l, struct scsi_task *t)
{
	struct task_state *s = t->state;

	assert(s && s->lun == l);
	job_abort(&s->job);
}

void scsi_lun_io_available(struct scsi_lun *l)
{
	job_pool_news(&l->room);
}

/* ---------------------------------------------------------------- peers */

struct peer_state {
	struct job job;
	struct scsi_peer_io *peer;
};
static_assert(sizeof(struct peer_state) <= sizeof(((struct scsi_peer_io *)0)->state),
	      "room for the state");

static struct scsi_lun *lun_of(struct job_room *room)
{
	return (struct scsi_lun *)((char *)room - offsetof(struct scsi_lun, room));
}

static struct peer_state *peer_of(struct job *j)
{
	return (struct peer_state *)((char *)j - offsetof(struct peer_state, job));
}

static void peer_end(struct peer_state *s, enum sluice_status status)
{
	struct scsi_lun *l = lun_of(s->job.room);
	struct scsi_peer_io *p = s->peer;
	struct range_lock lock;

	p->status = (uint8_t)status;
	job_detach(&s->job, &lock);
	l->tasks--;
	p->end(p);
	job_release(&l->room, &lock);
}

static void peer_done(struct job *j)
{
	peer_end(peer_of(j), (enum sluice_status)j->status);
}

static void peer_locked(struct job *j)
{
	struct peer_state *s = peer_of(j);
	struct scsi_peer_io *p = s->peer;

	if (j->status)
		peer_end(s, (enum sluice_status)j->status);
	else
		job_io(j, (enum sluice_op)p->op, p->offset_bytes, p->len_bytes, p->buf, 0,
		       peer_done);
}

static void peer_begin(struct job *j)
{
	struct peer_state *s = peer_of(j);
	struct scsi_peer_io *p = s->peer;
	struct scsi_lun *l = lun_of(j->room);
	bool is_write = p->op == SLUICE_OP_WRITE;

	if (p->offset_bytes > l->size_bytes || p->len_bytes > l->size_bytes - p->offset_bytes)
		peer_end(s, SLUICE_ERR_IO);
	else if (is_write && lun_is_protected(l))
		peer_end(s, SLUICE_ERR_READ_ONLY);
	else if (p->len_bytes == 0)
		peer_end(s, SLUICE_OK);
	else
		job_lock(j, p->offset_bytes, p->offset_bytes + p->len_bytes, is_write, peer_locked);
}

void scsi_peer_submit(struct scsi_lun *l, struct scsi_peer_io *p)
{
	struct peer_state *s = (struct peer_state *)(void *)p->state;

	static_assert(_Alignof(struct peer_state) <= _Alignof(uint64_t),
		      "the state's place is aligned");
	memset(s, 0, sizeof(*s));
	s->peer = p;
	l->tasks++;
	job_enter(&l->room);
	job_start(&l->room, &s->job, peer_begin);
	job_leave(&l->room);
}

/* ---------------------------------------------------------------- the unit */

int scsi_lun_create(const struct scsi_lun_cfg *cfg, struct scsi_lun **out)
{
	struct scsi_lun *l;

	if ((cfg->block_bytes != 512 && cfg->block_bytes != 4096) ||
	    cfg->physical_block_bytes < cfg->block_bytes ||
	    cfg->physical_block_bytes % cfg->block_bytes != 0 ||
	    cfg->max_transfer_bytes < cfg->block_bytes ||
	    cfg->max_transfer_bytes % cfg->block_bytes != 0 ||
	    cfg->atomic_bytes % cfg->block_bytes != 0 ||
	    cfg->atomic_bytes > cfg->max_transfer_bytes || cfg->size_bytes < cfg->block_bytes)
		return -EINVAL;
	l = calloc(1, sizeof(*l));
	if (!l)
		return -ENOMEM;
	l->cfg = *cfg;
	l->size_bytes = cfg->size_bytes;
	scsi_lun_set_op_mask(l, cfg->op_mask);
	job_room_init(&l->room, cfg->env, cfg->host, cfg->host_ctx);
	static_assert(IDENTITY_SERIAL_CHARS == LUN_SERIAL_BYTES, "one length");
	static_assert(IDENTITY_T10_CHARS == LUN_T10_ID_BYTES, "one length");
	identity_naa(cfg->uuid, l->naa);
	identity_serial(cfg->uuid, l->serial);
	identity_t10(cfg->uuid, l->t10_id);
	*out = l;
	return 0;
}

void scsi_lun_destroy(struct scsi_lun *l)
{
	if (!l)
		return;
	assert(l->tasks == 0 && list_is_empty(&l->room.locks.all));
	free(l);
}

void scsi_lun_set_size(struct scsi_lun *l, uint64_t size_bytes)
{
	l->size_bytes = size_bytes;
}

void scsi_lun_set_op_mask(struct scsi_lun *l, uint32_t op_mask)
{
	static_assert(COMMAND_NEEDS_ATOMIC == SLUICE_WRITES_ARE_ATOMIC, "one bit");
	if (l->cfg.atomic_bytes == 0)
		op_mask &= ~COMMAND_NEEDS_ATOMIC;
	l->op_mask = op_mask & (SLUICE_OPS_ALL | COMMAND_NEEDS_ATOMIC);
}

void scsi_lun_set_state(struct scsi_lun *l, enum sluice_status state)
{
	l->room.state = state;
}

uint32_t scsi_lun_tasks(const struct scsi_lun *l)
{
	return l->tasks;
}
