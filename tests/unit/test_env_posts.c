/* SPDX-License-Identifier: MIT */
/* test_env_posts.c - messages and work from other threads: all arrive, in order, and wake the
 * worker. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "clock.h"
#include "env_linux.h"

#define THREADS  4
#define MESSAGES 20000

struct message {
	struct env_msg m;
	uint32_t thread;
	uint32_t number;
};

static struct env *env;
static struct message messages[THREADS][MESSAGES];
static uint32_t next_number[THREADS];
static uint32_t received;

static void on_message(struct env_msg *m)
{
	struct message *x = (struct message *)m;

	assert_int_equal(x->number, next_number[x->thread]);
	next_number[x->thread]++;
	received++;
}

static void *poster(void *arg)
{
	uint32_t thread = (uint32_t)(uintptr_t)arg;

	for (uint32_t i = 0; i < MESSAGES; i++) {
		messages[thread][i] =
		    (struct message){.m = {.fn = on_message}, .thread = thread, .number = i};
		env_post(env, &messages[thread][i].m);
	}
	return NULL;
}

static void posts_of_several_threads_all_come_in_order(void **state)
{
	pthread_t threads[THREADS];

	assert_int_equal(env_linux_create(NULL, &env, NULL), 0);
	for (uintptr_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, poster, (void *)i), 0);
	while (received < THREADS * MESSAGES)
		env_linux_turn(env, UINT64_MAX);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	env_linux_destroy(env);
}

/* ---------------------------------------------------------------- ping-pong: no wake-up is lost */

#define ROUNDS 3000

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t turn_over = PTHREAD_COND_INITIALIZER;
static uint32_t pings, pongs, slow_rounds;

static void on_ping(struct env_msg *m)
{
	pthread_mutex_lock(&lock);
	pongs++;
	pthread_cond_signal(&turn_over);
	pthread_mutex_unlock(&lock);
}

static void *pinger(void *arg)
{
	struct env_msg m = {.fn = on_ping};

	pthread_mutex_lock(&lock);
	for (pings = 1; pings <= ROUNDS; pings++) {
		uint64_t start_ns = clock_now_ns();

		env_post(env, &m);
		while (pongs < pings)
			pthread_cond_wait(&turn_over, &lock);
		slow_rounds += clock_now_ns() - start_ns > 95 * CLOCK_NS_PER_MS;
	}
	pthread_mutex_unlock(&lock);
	env_linux_wake(env);
	return NULL;
}

static void post_ends_the_sleep_every_time(void **state)
{
	pthread_t thread;

	assert_int_equal(env_linux_create(NULL, &env, NULL), 0);
	assert_int_equal(pthread_create(&thread, NULL, pinger, NULL), 0);
	for (;;) {
		bool is_over;

		pthread_mutex_lock(&lock);
		is_over = pongs >= ROUNDS;
		pthread_mutex_unlock(&lock);
		if (is_over)
			break;
		env_linux_turn(env, UINT64_MAX);
	}
	pthread_join(thread, NULL);
	/* A lost wake-up costs a sleep of 100 ms; a busy machine does so now and then as well. */
	assert_true(slow_rounds < ROUNDS / 20);
	env_linux_destroy(env);
}

/* ---------------------------------------------------------------- work */

#define WORKS 300

static pthread_t worker;
static uint32_t works_done;
static _Atomic uint32_t works_run;

static void work_run(struct env_work *w)
{
	assert_false(pthread_equal(pthread_self(), worker));
	atomic_fetch_add(&works_run, 1);
}

static void work_done(struct env_work *w)
{
	assert_true(pthread_equal(pthread_self(), worker));
	works_done++;
	if (w->ctx && works_done < WORKS)
		env_work_submit(env, w);
}

static void work_runs_elsewhere_and_ends_on_the_worker(void **state)
{
	static struct env_work works[WORKS / 2];

	worker = pthread_self();
	assert_int_equal(env_linux_create(NULL, &env, NULL), 0);
	for (int i = 0; i < WORKS / 2; i++) {
		works[i] =
		    (struct env_work){.run = work_run, .done = work_done, .ctx = i ? NULL : &works};
		env_work_submit(env, &works[i]);
	}
	assert_int_equal(env_linux_in_flight(env), WORKS / 2);
	assert_int_equal(env_linux_quiesce(env, 20 * CLOCK_NS_PER_S), 0);
	assert_int_equal(works_done, atomic_load(&works_run));
	assert_int_equal(works_done, WORKS);
	env_linux_destroy(env);
}

static void post_to_oneself_runs_in_the_next_round(void **state)
{
	struct message m = {.m = {.fn = on_message}, .thread = 0};

	m.number = next_number[0];
	assert_int_equal(env_linux_create(NULL, &env, NULL), 0);
	received = 0;
	env_post(env, &m.m);
	assert_int_equal(received, 0);
	env_linux_turn(env, UINT64_MAX);
	assert_int_equal(received, 1);
	env_linux_destroy(env);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(posts_of_several_threads_all_come_in_order),
	    cmocka_unit_test(post_ends_the_sleep_every_time),
	    cmocka_unit_test(work_runs_elsewhere_and_ends_on_the_worker),
	    cmocka_unit_test(post_to_oneself_runs_in_the_next_round),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
