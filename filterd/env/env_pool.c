/* SPDX-License-Identifier: MIT */
#include "env_pool.h"

#include <assert.h>
#include <signal.h>

/* The worker: takes back all that has ended. */
static void on_post(struct env_msg *m)
{
	struct env_pool *p = m->ctx;
	struct list_node ended = LIST_INIT(ended);
	struct list_node *job;

	pthread_mutex_lock(&p->lock);
	list_splice_back(&ended, &p->done);
	p->is_posted = false;
	pthread_mutex_unlock(&p->lock);
	while ((job = list_pop_front(&ended)))
		p->finish(job);
}

static void *thread_main(void *arg)
{
	struct env_pool *p = arg;

	pthread_mutex_lock(&p->lock);
	for (;;) {
		struct list_node *job;
		bool must_post;

		while (list_is_empty(&p->queue) && !p->is_ending) {
			p->idle_count++;
			pthread_cond_wait(&p->has_jobs, &p->lock);
			p->idle_count--;
		}
		job = list_pop_front(&p->queue);
		if (!job)
			break;
		p->queued_count--;
		pthread_mutex_unlock(&p->lock);
		p->run(job);
		pthread_mutex_lock(&p->lock);
		list_push_back(&p->done, job);
		must_post = !p->is_posted;
		p->is_posted = true;
		if (must_post) {
			/* Outside the lock, or the worker that it wakes would only wait for the
			 * lock. */
			pthread_mutex_unlock(&p->lock);
			env_post(p->env, &p->post);
			pthread_mutex_lock(&p->lock);
		}
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

/* Signals are the business of the threads that asked for them. Caller holds the lock. */
static int thread_start(struct env_pool *p)
{
	sigset_t all, before;
	int rc;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	rc = pthread_create(&p->threads[p->thread_count], NULL, thread_main, p);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc == 0)
		p->thread_count++;
	return -rc;
}

int env_pool_init(struct env_pool *p, struct env *env, uint32_t thread_max,
		  void (*run)(struct list_node *job), void (*finish)(struct list_node *job))
{
	int rc;

	assert(thread_max > 0 && thread_max <= ENV_POOL_THREADS_MAX);
	*p = (struct env_pool){.env = env, .run = run, .finish = finish, .thread_max = thread_max};
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->has_jobs, NULL);
	list_init(&p->queue);
	list_init(&p->done);
	p->post = (struct env_msg){.fn = on_post, .ctx = p};
	pthread_mutex_lock(&p->lock);
	rc = thread_start(p);
	pthread_mutex_unlock(&p->lock);
	if (rc) {
		pthread_cond_destroy(&p->has_jobs);
		pthread_mutex_destroy(&p->lock);
	}
	return rc;
}

void env_pool_fini(struct env_pool *p)
{
	pthread_mutex_lock(&p->lock);
	assert(list_is_empty(&p->queue) && list_is_empty(&p->done));
	p->is_ending = true;
	pthread_cond_broadcast(&p->has_jobs);
	pthread_mutex_unlock(&p->lock);
	for (uint32_t i = 0; i < p->thread_count; i++)
		pthread_join(p->threads[i], NULL);
	pthread_cond_destroy(&p->has_jobs);
	pthread_mutex_destroy(&p->lock);
}

void env_pool_submit(struct env_pool *p, struct list_node *job)
{
	pthread_mutex_lock(&p->lock);
	list_push_back(&p->queue, job);
	p->queued_count++;
	if (p->queued_count > p->idle_count && p->thread_count < p->thread_max &&
	    thread_start(p) != 0)
		p->thread_max =
		    p->thread_count; /* the system gives no more: those there are do it */
	pthread_cond_signal(&p->has_jobs);
	pthread_mutex_unlock(&p->lock);
}
