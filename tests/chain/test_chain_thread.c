/* SPDX-License-Identifier: MIT */
/* Tokens finished from another thread: the owner alone moves the I/O, and one of all finishers
 * wins. */
#include "rig.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#define ROUNDS 300

static struct rig r;
static struct t_filter *a;

static int open_one(void **state)
{
	rig_open(&r);
	a = rig_filter(&r, "A", SLUICE_CLASS_INSPECTION);
	a->ops.flags = SLUICE_FILTER_TRANSPARENT;
	a->on_submit = SLUICE_DEFER;
	rig_attach(&r, a);
	return 0;
}

static int close_one(void **state)
{
	rig_close(&r);
	return 0;
}

static uint64_t misuse(void)
{
	struct chain_filter_info info;

	chain_filter_info(r.c, 0, &info);
	return info.misuse_count;
}

struct job {
	struct sluice_token *token;
	atomic_bool *go;
	atomic_bool is_running;
	uint8_t *data;
};

static void *finish(void *arg)
{
	struct job *j = arg;

	atomic_store(&j->is_running, true);
	while (j->go && !atomic_load(j->go))
		;
	if (j->data)
		memset(j->data, 0x77,
		       4096); /* what a helper does to the data is seen by the owner */
	sluice_resume(j->token);
	return NULL;
}

static void run(pthread_t *thread, struct job *j)
{
	assert_int_equal(pthread_create(thread, NULL, finish, j), 0);
}

static void the_owner_moves_what_another_thread_resumed(void **state)
{
	static uint8_t data[4096];
	struct sluice_io *io = rig_io(&r, SLUICE_OP_READ, 0, 4096);
	struct job j = {.data = data};
	pthread_t thread;

	io->buf = data;
	rig_submit(&r, io);
	rig_expect(&r, "A>");
	j.token = rig_token(a);
	run(&thread, &j);
	assert_true(fake_env_wait_post(&r.fe, 10000));
	rig_expect(&r, "=A<!");
	assert_int_equal(((uint8_t *)io->buf)[4095], 0x77);
	chain_io_put(r.c, io);
	pthread_join(thread, NULL);
}

static void a_done_is_resumed_from_another_thread(void **state)
{
	struct job j = {.go = NULL};
	pthread_t thread;

	a->on_submit = SLUICE_PASS;
	a->on_done = SLUICE_DEFER;
	rig_go(&r, SLUICE_OP_WRITE);
	rig_expect(&r, "A>=A<");
	j.token = rig_token(a);
	run(&thread, &j);
	assert_true(fake_env_wait_post(&r.fe, 10000));
	rig_expect(&r, "!");
	pthread_join(thread, NULL);
}

/* Handed to another thread and finished there before submit() has said DEFER. */
static enum sluice_verdict defer_and_wait(struct sluice_filter *f, struct sluice_io *io)
{
	struct job j = {.token = sluice_defer(f, io, 1000)};
	pthread_t thread;

	run(&thread, &j);
	pthread_join(thread, NULL);
	return SLUICE_DEFER;
}

static void a_token_finished_before_submit_returned_counts(void **state)
{
	struct t_filter *q = rig_filter(&r, "Q", SLUICE_CLASS_CACHE);

	q->ops.submit = defer_and_wait;
	q->ops.done = NULL;
	q->ops.io_ctx_bytes = 0;
	a->on_submit = SLUICE_PASS;
	assert_int_equal(rig_detach(&r, "A"), 0);
	rig_attach(&r, q);
	rig_go(&r, SLUICE_OP_READ);
	rig_expect(&r, "");
	fake_env_settle(&r.fe);
	rig_expect(&r, "=!");
}

static void of_two_threads_one_finishes(void **state)
{
	for (int i = 0; i < ROUNDS; i++) {
		atomic_bool go = false;
		struct job j = {.go = &go};
		pthread_t one, two;

		rig_go(&r, SLUICE_OP_READ);
		j.token = rig_token(a);
		run(&one, &j);
		run(&two, &j);
		atomic_store(&go, true);
		pthread_join(one, NULL);
		pthread_join(two, NULL);
		fake_env_settle(&r.fe);
		rig_expect(&r, "A>=A<!");
		assert_int_equal(misuse(), i + 1);
	}
}

/* The deadline on the owner against resume() on another thread: one wins, the I/O ends once. */
static void deadline_and_resume_race_and_one_wins(void **state)
{
	uint32_t taken_back = 0;

	for (int i = 0; i < ROUNDS; i++) {
		atomic_bool go = false;
		struct job j = {.go = &go};
		pthread_t thread;
		struct chain_filter_info info;

		assert_int_equal(rig_detach(&r, "A"), 0);
		assert_int_equal(rig_try_attach(&r, a, ON_FAILURE_BYPASS), 0);
		r.log[0] = '\0';
		rig_go(&r, SLUICE_OP_READ);
		j.token = rig_token(a);
		run(&thread, &j);
		while (!atomic_load(&j.is_running))
			;
		atomic_store(&go, true);
		for (volatile int spin = i % 50 * 10; spin > 0; spin--)
			;
		fake_env_advance(&r.fe, 1250 * MS);
		pthread_join(thread, NULL);
		fake_env_settle(&r.fe);
		chain_filter_info(r.c, 0, &info);
		assert_int_equal(r.ended, i + 1);
		if (info.is_bypassed) {
			taken_back +=
			    (uint32_t)info.misuse_count; /* 0: it finished between look and take */
			rig_expect(&r, "A>=!");
		} else {
			rig_expect(&r, "A>=A<!");
			assert_int_equal(info.misuse_count, 0);
		}
	}
	print_message("the deadline won %u of %u times\n", taken_back, ROUNDS);
}

static void *report(void *arg)
{
	sluice_report(a->f, "peer_lost", "the peer %s is away", "beta");
	return NULL;
}

static void a_report_comes_from_any_thread(void **state)
{
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, report, NULL), 0);
	assert_true(fake_env_wait_post(&r.fe, 10000));
	pthread_join(thread, NULL);
	assert_string_equal(r.report_text, "the peer beta is away");
	rig_expect_report(&r, "peer_lost", "A");
}

#define T(name) cmocka_unit_test_setup_teardown(name, open_one, close_one)

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    T(the_owner_moves_what_another_thread_resumed),
	    T(a_done_is_resumed_from_another_thread),
	    T(a_token_finished_before_submit_returned_counts),
	    T(of_two_threads_one_finishes),
	    T(deadline_and_resume_race_and_one_wins),
	    T(a_report_comes_from_any_thread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
