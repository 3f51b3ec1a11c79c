/* SPDX-License-Identifier: MIT */
/*
 * worker.h - a thread that serves: its env, the rings and volumes that belong to it.
 *
 * One turn: poll the busy rings, turn the env (submit I/O, sleep when idle, reap), ring the
 * clients' bells once. Main and worker talk by messages alone: env_post() there, loop_post() back.
 *
 *   worker.c       thread and loop
 *   worker_ring.c  a ring's life on its worker
 *
 * Thread: main creates, starts, stops; the rest says.
 */
#ifndef FILTERD_WORKER_H
#define FILTERD_WORKER_H

#include <pthread.h>
#include <stdatomic.h>

#include "env.h"
#include "loop.h"
#include "ring_map.h"
#include "ring_set.h"
#include "role.h"
#include "shared.h"
#include "volume.h"

#define WORKER_RING_BUDGET 64u
#define WORKER_RESCAN_MS   100u

struct worker {
	uint32_t index;
	struct env *env;
	struct loop *main_loop;
	struct shared_beat *beat;
	pthread_t thread;
	_Atomic bool must_stop;
	bool is_started;

	/* the worker's own */
	struct list_node rings; /* all of them */
	struct ring_set ring_set;
	struct env_timer rescan_timer;
};

int must_check worker_create(uint32_t index, struct shared *shared, struct loop *main_loop,
			     struct worker **out, struct err *err) ON_MAIN;
int must_check worker_start(struct worker *w, struct err *err) ON_MAIN;
/* Ends the thread and waits for it. Its volumes are closed. */
void worker_stop(struct worker *w) ON_MAIN;
void worker_free(struct worker *w) ON_MAIN;

/* Number of the worker that runs on this thread, + 1; 0 elsewhere. Async-signal-safe. */
uint32_t worker_self(void);

/* ---------------------------------------------------------------- rings */

/*
 * A ring as main and its worker see it. Made by main; the worker has it from worker_ring_attach()
 * until gone() (or attached() with an error) ON_MAIN; then main closes what it opened and calls
 * worker_ring_release().
 */
struct worker_ring {
	struct worker *worker; /* const */
	struct volume *volume; /* const; worker's */
	struct ring_map map;   /* const */
	int sock_fd;           /* const; main's, tied to the env while attached */
	int kick_fd;           /* const; the client rings it */
	int wake_fd;           /* const; we ring it */
	/* Called on main. */
	void (*attached)(struct worker_ring *r); /* result and err are set */
	void (*broken)(struct worker_ring *r);   /* broken_text; a drain has begun */
	void (*gone)(struct worker_ring *r);     /* drained and closed; once, iff attached with 0 */
	void *ctx;
	/* set before attached() */
	int result; /* 0, -EAGAIN, -EBUSY: see volume_admit(); -EPROTO */
	struct err err;
	uint64_t incarnation;
	uint64_t size_bytes;
	uint32_t block_bytes;
	bool is_readonly;
	bool is_wce;
	uint8_t uuid[16];
	char broken_text[120];

	/* messages; each is posted at most once at a time */
	struct env_msg attach_msg, drain_msg, release_msg;
	struct loop_msg attached_msg, broken_msg, gone_msg;
	bool is_drain_posted; /* main's */

	/* the worker's own */
	struct list_node node;
	struct ring_member member; /* while serve_ring is set */
	struct serve_ring *serve_ring;
	struct env_bell *bell;
	bool is_draining, is_gone, is_tied;
};

/* Thread: main, all three. */
void worker_ring_attach(struct worker_ring *r);
void worker_ring_drain(struct worker_ring *r) ON_MAIN; /* idempotent; gone() follows */
/* After gone(), or attached() with an error: frees r (made by calloc) when no message of it is on
 * the way. */
void worker_ring_release(struct worker_ring *r) ON_MAIN;

/* volume_host.drain_rings. Thread: worker. */
void worker_drain_rings(struct worker *w, struct volume *v) ON_WORKER;

/* Worker's loop only. */
bool worker_rings_before_sleep(void *worker) ON_WORKER;
void worker_rings_awake(void *worker) ON_WORKER;

#endif
