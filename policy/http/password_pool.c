/* SPDX-License-Identifier: MIT */
/*
 * password_pool.c - the two threads that work scrypt out, and the bounded queue before them.
 *
 *   main: add -> [queue] -> thread: run -> loop_post -> main: done
 *
 * One mutex guards the queue; it is held for a few instructions.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "slow.h"

struct password_pool {
	struct loop *loop;
	uint32_t log_n;
	pthread_t threads[PASSWORD_THREADS];
	uint32_t thread_count;
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct password_job *first, *last; /* lock */
	uint32_t waiting;                  /* lock */
	bool is_stopping;                  /* lock */
	_Atomic uint32_t running, peak;
};

static struct password_job *take(struct password_pool *p)
{
	struct password_job *job = NULL;

	pthread_mutex_lock(&p->lock);
	while (!p->first && !p->is_stopping)
		pthread_cond_wait(&p->more, &p->lock);
	if (!p->is_stopping) {
		job = p->first;
		p->first = job->next;
		if (!p->first)
			p->last = NULL;
		p->waiting--;
	}
	pthread_mutex_unlock(&p->lock);
	return job;
}

static void work(struct slow *s, uint32_t log_n)
{
	if (s->verify_password[0])
		s->is_verified = password_verify(s->verify_password, s->verify_hash);
	/* a new password of somebody who gave the wrong old one is not worth the time */
	if (s->new_password[0] && (!s->verify_password[0] || s->is_verified) &&
	    password_hash(s->new_password, log_n, s->new_hash) < 0)
		s->new_hash[0] = '\0';
}

static void on_done(struct loop_msg *m)
{
	struct password_job *job = m->ctx;

	job->done(job);
}

static void *run(void *arg)
{
	struct password_pool *p = arg;
	struct password_job *job;

	while ((job = take(p))) {
		uint32_t running = atomic_fetch_add(&p->running, 1) + 1;

		if (running > atomic_load(&p->peak))
			atomic_store(&p->peak, running);
		work(job->slow, p->log_n);
		atomic_fetch_sub(&p->running, 1);
		job->msg = (struct loop_msg){.fn = on_done, .ctx = job};
		loop_post(p->loop, &job->msg);
	}
	return NULL;
}

int password_pool_start(struct loop *loop, uint32_t log_n, struct password_pool **out,
			struct err *err)
{
	struct password_pool *p = calloc(1, sizeof(*p));

	if (!p)
		return err_set(err, ENOMEM, "", "no memory for the password threads");
	p->loop = loop;
	p->log_n = log_n;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->more, NULL);
	while (p->thread_count < PASSWORD_THREADS) {
		int rc = pthread_create(&p->threads[p->thread_count], NULL, run, p);

		if (rc) {
			password_pool_stop(p);
			return err_set(err, rc, "", "no thread for passwords: %s", strerror(rc));
		}
		p->thread_count++;
	}
	*out = p;
	return 0;
}

void password_pool_end(struct password_pool *p)
{
	pthread_mutex_lock(&p->lock);
	p->is_stopping = true;
	pthread_cond_broadcast(&p->more);
	pthread_mutex_unlock(&p->lock);
	while (p->thread_count > 0)
		pthread_join(p->threads[--p->thread_count], NULL);
	while (p->first) {
		struct password_job *job = p->first;

		p->first = job->next;
		free(job);
	}
	p->last = NULL;
}

void password_pool_stop(struct password_pool *p)
{
	if (!p)
		return;
	password_pool_end(p);
	pthread_cond_destroy(&p->more);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

int password_pool_add(struct password_pool *p, struct password_job *job, struct err *err)
{
	bool is_full;

	pthread_mutex_lock(&p->lock);
	is_full = p->waiting == PASSWORD_QUEUE || p->is_stopping;
	if (!is_full) {
		job->next = NULL;
		if (p->last)
			p->last->next = job;
		else
			p->first = job;
		p->last = job;
		p->waiting++;
		pthread_cond_signal(&p->more);
	}
	pthread_mutex_unlock(&p->lock);
	if (is_full)
		return err_set(err, EDQUOT, "",
			       "too many people sign in at once; try again shortly");
	return 0;
}

bool password_pool_is_full(struct password_pool *p)
{
	bool is_full;

	pthread_mutex_lock(&p->lock);
	is_full = p->waiting == PASSWORD_QUEUE || p->is_stopping;
	pthread_mutex_unlock(&p->lock);
	return is_full;
}

uint32_t password_pool_peak(const struct password_pool *p)
{
	return atomic_load(&p->peak);
}
