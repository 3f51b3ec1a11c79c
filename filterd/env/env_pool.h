/* SPDX-License-Identifier: MIT */
/*
 * env_pool.h - threads that run jobs which may block, and bring them back to the worker.
 *
 * A job is a list node inside something of the owner's: run() on a pool thread, then finish() on
 * the worker. One thread is always there; more start when jobs come and none is idle, up to a
 * limit; they end with the pool. What comes back is gathered: one post to the worker however many
 * jobs ended since the last.
 *
 * Thread: the worker; run() a pool thread.
 */
#ifndef FILTERD_ENV_POOL_H
#define FILTERD_ENV_POOL_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "env.h"
#include "list.h"

#define ENV_POOL_THREADS_MAX 64u

struct env_pool {
	struct env *env;                       /* const after init */
	void (*run)(struct list_node *job);    /* const after init */
	void (*finish)(struct list_node *job); /* const after init */
	pthread_mutex_t lock;                  /* guards what follows */
	pthread_cond_t has_jobs;
	struct list_node queue;
	struct list_node done;
	uint32_t thread_max;
	uint32_t thread_count;
	uint32_t idle_count;
	uint32_t queued_count;
	bool is_posted;
	bool is_ending;
	struct env_msg post;
	pthread_t threads[ENV_POOL_THREADS_MAX];
};

/* Starts the first thread; an error is that of pthread_create(), and nothing is left to undo. */
int must_check env_pool_init(struct env_pool *p, struct env *env, uint32_t thread_max,
			     void (*run)(struct list_node *job),
			     void (*finish)(struct list_node *job));
/* Ends the threads; no job is under way. */
void env_pool_fini(struct env_pool *p);
void env_pool_submit(struct env_pool *p, struct list_node *job);

#endif
