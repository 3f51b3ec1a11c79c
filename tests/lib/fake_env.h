/* SPDX-License-Identifier: MIT */
/*
 * fake_env.h - an env for unit tests: virtual clock, timers, posts and work under the test's
 * control.
 *
 * Deterministic: nothing happens until the test says so. There is no disk; a file call fails.
 * Thread: the test's, except fake_env's post, which may come from any thread.
 *
 *     fake_env_init(&fe, 1);            seed
 *     ... code under test with &fe.env ...
 *     fake_env_settle(&fe);             messages, until there are none
 *     fake_env_advance(&fe, ns);        time passes; timers fire in order, messages run in between
 *     fake_env_run_work(&fe);           one queued work: run() here, its done() as a message
 *     fake_env_fini(&fe);
 */
#ifndef TESTS_FAKE_ENV_H
#define TESTS_FAKE_ENV_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "env.h"
#include "list.h"

#define FAKE_ENV_TIMERS 4096

struct fake_env {
	struct env env; /* hand out &fe.env */
	uint64_t now_ns;
	uint64_t random_state;
	struct env_timer *timers[FAKE_ENV_TIMERS]; /* set ones, in order of setting */
	uint32_t timer_count;
	struct list_node work;      /* submitted, run() not called yet */
	struct list_node work_done; /* run() returned, done() waits */
	uint32_t bells_rung;
	pthread_mutex_t lock; /* the message queue */
	pthread_cond_t posted;
	struct env_msg *first, **last;
};

void fake_env_init(struct fake_env *fe, uint64_t seed);
void fake_env_fini(struct fake_env *fe);

/* Runs messages and finished work's done() until there is none; how many ran. Not timers, not
 * work's run(). */
uint32_t fake_env_settle(struct fake_env *fe);
/* Moves the clock on, firing each timer at its time; settles before, between and after. */
void fake_env_advance(struct fake_env *fe, uint64_t ns);
/* run() of the oldest work, here and now; its done() comes with the next settle. False: there is
 * none. */
bool fake_env_run_work(struct fake_env *fe);
/* Blocks until another thread has posted something, at most timeout_ms of real time; then settles.
 */
bool fake_env_wait_post(struct fake_env *fe, uint32_t timeout_ms);

#endif
