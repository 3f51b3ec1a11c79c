/* SPDX-License-Identifier: MIT */
/* job.c - see job.h. */
#include "job.h"

#include <assert.h>
#include <stddef.h>

#include "scsi.h"

static struct job *job_of_node(struct list_node *n)
{
	return list_entry(n, struct job, node);
}

static struct job *job_of_lock(struct range_lock *l)
{
	return list_entry(l, struct job, lock);
}

void job_room_init(struct job_room *room, struct env *env, const struct scsi_host *host,
		   void *host_ctx)
{
	room->env = env;
	room->host = host;
	room->host_ctx = host_ctx;
	range_locks_init(&room->locks);
	list_init(&room->ready);
	list_init(&room->for_pool);
	room->has_pool_news = false;
	room->depth = 0;
	room->state = SLUICE_OK;
}

static void make_ready(struct job *j, enum sluice_status status)
{
	j->status = (uint8_t)status;
	j->wait = JOB_READY;
	list_push_back(&j->room->ready, &j->node);
}

static void make_granted_ready(struct range_lock *l)
{
	while (l) {
		struct range_lock *next = l->next_granted;

		make_ready(job_of_lock(l), SLUICE_OK);
		l = next;
	}
}

/* ---------------------------------------------------------------- I/O */

static void io_done(struct sluice_io *io, void *ctx)
{
	struct job *j = ctx;
	struct job_room *room = j->room;
	enum sluice_status status = (enum sluice_status)io->status;

	assert(j->wait == JOB_FOR_IO && j->io == io);
	job_enter(room);
	j->io = NULL;
	j->extent_bytes = io->extent_bytes;
	j->is_hole = io->extent_is_hole != 0;
	make_ready(j, status);
	room->host->io_put(room->host_ctx, io);
	job_leave(room);
}

static void io_begin(struct job *j, struct sluice_io *io)
{
	struct job_room *room = j->room;

	io->op = j->io_op;
	io->status = SLUICE_OK;
	io->flags = j->io_flags;
	io->offset_bytes = j->io_offset_bytes;
	io->len_bytes = j->io_len_bytes;
	io->buf = j->io_buf;
	io->extent_bytes = 0;
	io->extent_is_hole = 0;
	io->nexus_id = j->nexus_id;
	io->id = j->id;
	j->wait = JOB_FOR_IO;
	j->io = io;
	room->host->io_submit(room->host_ctx, io, io_done, j);
}

static bool may_begin(struct job *j, job_step then)
{
	enum sluice_status status = j->is_aborted ? SLUICE_ERR_ABORTED : j->room->state;

	assert(j->wait == JOB_RUNS);
	j->step = then;
	if (status == SLUICE_OK)
		return true;
	make_ready(j, status);
	return false;
}

void job_io(struct job *j, enum sluice_op op, uint64_t offset_bytes, uint64_t len_bytes, void *buf,
	    uint16_t flags, job_step then)
{
	struct job_room *room = j->room;
	struct sluice_io *io = NULL;

	if (!may_begin(j, then))
		return;
	j->io_op = (uint8_t)op;
	j->io_flags = flags;
	j->io_offset_bytes = offset_bytes;
	j->io_len_bytes = len_bytes;
	j->io_buf = buf;
	if (list_is_empty(&room->for_pool)) /* else they were first */
		io = room->host->io_get(room->host_ctx);
	if (io) {
		io_begin(j, io);
		return;
	}
	j->wait = JOB_FOR_POOL;
	list_push_back(&room->for_pool, &j->node);
}

static void serve_pool(struct job_room *room)
{
	room->has_pool_news = false;
	while (!list_is_empty(&room->for_pool)) {
		struct sluice_io *io = room->host->io_get(room->host_ctx);

		if (!io)
			return;
		io_begin(job_of_node(list_pop_front(&room->for_pool)), io);
	}
}

void job_pool_news(struct job_room *room)
{
	job_enter(room);
	room->has_pool_news = true;
	job_leave(room);
}

bool job_peer(struct job *j, job_step then)
{
	if (!may_begin(j, then))
		return false;
	j->wait = JOB_FOR_PEER;
	return true;
}

void job_peer_done(void *job, enum sluice_status status)
{
	struct job *j = job;

	assert(j->wait == JOB_FOR_PEER);
	job_enter(j->room);
	make_ready(j, status);
	job_leave(j->room);
}

/* ---------------------------------------------------------------- locks */

void job_lock(struct job *j, uint64_t start_bytes, uint64_t end_bytes, bool is_exclusive,
	      job_step then)
{
	if (!may_begin(j, then))
		return;
	if (range_lock(&j->room->locks, &j->lock, start_bytes, end_bytes, is_exclusive)) {
		j->status = SLUICE_OK;
		then(j); /* nothing to wait for: one step deeper, not a turn of the loop */
		return;
	}
	j->wait = JOB_FOR_LOCK;
}

void job_unlock(struct job *j)
{
	if (j->lock.is_in)
		make_granted_ready(range_unlock(&j->room->locks, &j->lock));
}

void job_detach(struct job *j, struct range_lock *lock)
{
	assert(j->wait == JOB_RUNS && !j->io);
	lock->is_in = false;
	if (j->lock.is_in)
		range_lock_move(lock, &j->lock);
}

void job_release(struct job_room *room, struct range_lock *lock)
{
	if (lock->is_in)
		make_granted_ready(range_unlock(&room->locks, lock));
}

/* ---------------------------------------------------------------- running */

void job_enter(struct job_room *room)
{
	room->depth++;
}

static void turn_came(struct env_msg *m)
{
	struct job *j = m->ctx;
	struct job_room *room = j->room;

	assert(j->wait == JOB_FOR_TURN);
	job_enter(room);
	make_ready(j, (enum sluice_status)j->status);
	job_leave(room);
}

static void wait_for_turn(struct job *j)
{
	j->wait = JOB_FOR_TURN;
	j->turn.fn = turn_came;
	j->turn.ctx = j;
	env_post(j->room->env, &j->turn);
}

void job_leave(struct job_room *room)
{
	struct list_node *n;
	uint32_t steps = 0;

	assert(room->depth > 0);
	if (room->depth > 1) {
		room->depth--;
		return;
	}
	for (;;) {
		n = list_pop_front(&room->ready);
		if (n) {
			struct job *j = job_of_node(n);

			if (steps++ >= JOB_TURN_STEPS && room->env) {
				wait_for_turn(j);
				continue;
			}
			j->wait = JOB_RUNS;
			j->step(j);
		} else if (room->has_pool_news) {
			serve_pool(room);
		} else {
			break;
		}
	}
	room->depth = 0;
}

void job_start(struct job_room *room, struct job *j, job_step step)
{
	j->room = room;
	j->step = step;
	list_init(&j->node);
	list_init(&j->lock.node);
	make_ready(j, SLUICE_OK);
}

void job_abort(struct job *j)
{
	struct job_room *room = j->room;

	job_enter(room);
	j->is_aborted = true;
	switch (j->wait) {
	case JOB_FOR_LOCK:
		make_ready(j, SLUICE_ERR_ABORTED);
		job_unlock(j);
		break;
	case JOB_FOR_POOL:
		list_del(&j->node);
		make_ready(j, SLUICE_ERR_ABORTED);
		break;
	case JOB_FOR_IO:
		room->host->io_abort(room->host_ctx, j->io);
		break;
	default: /* its next request is refused */
		break;
	}
	job_leave(room);
}
