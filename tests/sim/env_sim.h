/* SPDX-License-Identifier: MIT */
/*
 * env_sim.h - the simulator's env: what one simulated process of filterd has instead of an
 * operating system.
 *
 * A process runs in turns, as the daemon's loop does: what is due is called, then the process looks
 * for more, and then it declares its sleep in a step of its own, between which and the turn others
 * may run. A process that is paused takes no turns; a process whose life is over never does again.
 *
 * Thread: one.
 */
#ifndef SIM_ENV_SIM_H
#define SIM_ENV_SIM_H

#include <setjmp.h>

#include "sim_disk.h"
#include "env.h"
#include "timer_heap.h"
#include "world.h"

struct env_bell {
	struct world *w;
	struct sim_life *life; /* of who is rung */
	void (*rung)(void *ctx, uint64_t arg);
	void *ctx;
	bool is_pending; /* rung and not delivered: an eventfd counts, it does not queue */
};

struct env_sim {
	struct env env; /* first */
	struct world *w;
	struct sim_life *life;
	struct disk_user disk_user;
	struct timer_heap timers;
	struct list_node ready_ios;   /* ended, done() not yet called */
	struct list_node ready_works; /* run() returned */
	struct env_msg *first_msg, **last_msg;
	void (*turn)(void *ctx);         /* the loop's body: polls */
	bool (*before_sleep)(void *ctx); /* true: do not */
	void *ctx;
	bool is_asleep;    /* the next wake starts a turn */
	bool is_scheduled; /* a turn will come */
	bool is_paused;
	uint64_t timer_wake_ns; /* when the sleeper was told to wake, 0 = not */
	/* Death in the middle of a turn, at the n-th call of the env from now: whatever the code
	 * was doing. */
	uint32_t dies_in; /* 0 = not */
	void (*died)(void *ctx);
	jmp_buf death;
	bool is_in_turn;
};

void env_sim_init(struct env_sim *e, struct world *w, struct sim_life *life);
/* Something happened: the process has a turn soon. Also for doorbells. */
void env_sim_wake(struct env_sim *e);
void env_sim_pause(struct env_sim *e, bool is_paused);
/* Rings a bell as an eventfd would: delivered soon, once. */
void env_sim_ring(struct env_bell *b);

#endif
