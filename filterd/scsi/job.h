/* SPDX-License-Identifier: MIT */
/*
 * job.h - what waits and runs in a logical unit: range lock, I/O from the host's pool, next step.
 *
 * A job is a chain of steps. A step asks for one thing (a lock, an I/O, a peer's I/O), names the
 * step that follows, and returns; the next step finds in job.status what became of it. Steps run
 * from one loop, never from inside a host's callback, so a host that completes at once does not
 * recurse, whatever the length of the operation.
 *
 *   job_start -> step --job_lock--> step --job_io--> step ... -> job_detach, job_release
 *
 * Where I/O ends at once, a long operation would keep the worker from everything else, its
 * heartbeat too; so after JOB_TURN_STEPS steps what is ready goes on in the worker's next turn.
 *
 * Abort: nothing new begins for an aborted job; what it waits for ends at once with
 * SLUICE_ERR_ABORTED, an I/O under way is told and awaited. So does a unit whose state is not
 * SLUICE_OK. Thread: owner worker.
 */
#ifndef FILTERD_SCSI_JOB_H
#define FILTERD_SCSI_JOB_H

#include <stdbool.h>
#include <stdint.h>

#include "env.h"
#include "list.h"
#include "range_lock.h"
#include "sluice/io.h"

struct job;
struct scsi_host;
typedef void (*job_step)(struct job *j);

#define JOB_TURN_STEPS 64u /* of up to some MiB each */

enum job_wait {
	JOB_RUNS,
	JOB_READY,
	JOB_FOR_LOCK,
	JOB_FOR_POOL,
	JOB_FOR_IO,
	JOB_FOR_PEER,
	JOB_FOR_TURN
};

/* Of one logical unit: everything the jobs share. */
struct job_room {
	struct env *env; /* NULL: there are no turns */
	const struct scsi_host *host;
	void *host_ctx;
	struct range_locks locks;
	struct list_node ready;    /* struct job.node */
	struct list_node for_pool; /* struct job.node, in order of asking */
	bool has_pool_news;
	uint32_t depth; /* of job_enter() */
	enum sluice_status state;
};

struct job {
	struct job_room *room;
	struct list_node node; /* of job_room.ready or .for_pool */
	struct range_lock lock;
	job_step step;        /* the next one */
	struct sluice_io *io; /* under way */
	struct env_msg turn;
	void *io_buf; /* what the I/O will ask for */
	uint64_t io_offset_bytes, io_len_bytes;
	uint64_t nexus_id, id;
	uint64_t extent_bytes; /* result of EXTENT */
	uint8_t io_op;
	uint8_t wait;   /* enum job_wait */
	uint8_t status; /* enum sluice_status: of what the last step asked for */
	bool is_hole;   /* result of EXTENT */
	bool is_aborted;
	uint16_t io_flags;
};

void job_room_init(struct job_room *room, struct env *env, const struct scsi_host *host,
		   void *host_ctx);

/* Every entry from outside is between these two; the outermost leave runs what is ready. */
void job_enter(struct job_room *room);
void job_leave(struct job_room *room);

/* A zeroed job's first step runs before job_leave() returns. */
void job_start(struct job_room *room, struct job *j, job_step step);

/* Ask, then return from the step. One at a time. */
void job_lock(struct job *j, uint64_t start_bytes, uint64_t end_bytes, bool is_exclusive,
	      job_step then);
void job_io(struct job *j, enum sluice_op op, uint64_t offset_bytes, uint64_t len_bytes, void *buf,
	    uint16_t flags, job_step then);
/* Announces an I/O of a peer, whose callback is job_peer_done(j, status). False: not now, then
 * comes with a status. */
bool job_peer(struct job *j, job_step then);
void job_peer_done(void *job, enum sluice_status status);

/* Lets go of the lock, if there is one, in the middle of a job. */
void job_unlock(struct job *j);

void job_abort(struct job *j);
/* The host's pool has something again. */
void job_pool_news(struct job_room *room);

/* The end: detach hands the lock over to *lock, after which nobody looks at j any more; tell the
 * world; then release. */
void job_detach(struct job *j, struct range_lock *lock);
void job_release(struct job_room *room, struct range_lock *lock);

#endif
