/* SPDX-License-Identifier: MIT */
#include "fake_env.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clock.h"

static struct fake_env *fake(struct env *e)
{
	return (struct fake_env *)e;
}

static uint64_t op_now_ns(struct env *e)
{
	return fake(e)->now_ns;
}

static uint64_t op_random_u64(struct env *e)
{
	uint64_t z = fake(e)->random_state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

static void op_timer_cancel(struct env *e, struct env_timer *t)
{
	struct fake_env *fe = fake(e);
	uint32_t at = t->heap_index;

	if (at == 0)
		return;
	assert(at <= fe->timer_count && fe->timers[at - 1] == t);
	t->heap_index = 0;
	fe->timer_count--;
	for (uint32_t i = at - 1; i < fe->timer_count; i++) {
		fe->timers[i] = fe->timers[i + 1];
		fe->timers[i]->heap_index = i + 1;
	}
}

static void op_timer_set(struct env *e, struct env_timer *t, uint64_t deadline_ns)
{
	struct fake_env *fe = fake(e);

	op_timer_cancel(e, t);
	assert(fe->timer_count < FAKE_ENV_TIMERS);
	t->deadline_ns = deadline_ns;
	fe->timers[fe->timer_count++] = t;
	t->heap_index = fe->timer_count;
}

static int op_file_open(struct env *e, const struct env_open *how, struct env_file **out,
			struct err *err)
{
	return err_set(err, ENOSYS, NULL, "the test's env has no disk, so no '%s'", how->path);
}

static void op_file_close(struct env *e, struct env_file *f)
{
	abort();
}

static void op_io_submit(struct env *e, struct env_io *io)
{
	abort();
}

static int op_memory_register(struct env *e, void *base, uint64_t size_bytes)
{
	return 0;
}

static void op_memory_unregister(struct env *e, void *base) {}

static void op_work_submit(struct env *e, struct env_work *w)
{
	w->env = e;
	list_push_back(&fake(e)->work, &w->node);
}

static void op_post(struct env *e, struct env_msg *m)
{
	struct fake_env *fe = fake(e);

	pthread_mutex_lock(&fe->lock);
	m->next = NULL;
	*fe->last = m;
	fe->last = &m->next;
	pthread_cond_signal(&fe->posted);
	pthread_mutex_unlock(&fe->lock);
}

static void op_bell_ring(struct env *e, struct env_bell *b)
{
	fake(e)->bells_rung++;
}

static const struct env_ops fake_ops = {
    .now_ns = op_now_ns,
    .now_exact_ns = op_now_ns,
    .random_u64 = op_random_u64,
    .timer_set = op_timer_set,
    .timer_cancel = op_timer_cancel,
    .file_open = op_file_open,
    .file_close = op_file_close,
    .io_submit = op_io_submit,
    .memory_register = op_memory_register,
    .memory_unregister = op_memory_unregister,
    .work_submit = op_work_submit,
    .post = op_post,
    .bell_ring = op_bell_ring,
};

void fake_env_init(struct fake_env *fe, uint64_t seed)
{
	memset(fe, 0, sizeof(*fe));
	fe->env.ops = &fake_ops;
	fe->now_ns = CLOCK_NS_PER_S;
	fe->random_state = seed;
	list_init(&fe->work);
	list_init(&fe->work_done);
	pthread_mutex_init(&fe->lock, NULL);
	pthread_cond_init(&fe->posted, NULL);
	fe->last = &fe->first;
}

void fake_env_fini(struct fake_env *fe)
{
	pthread_cond_destroy(&fe->posted);
	pthread_mutex_destroy(&fe->lock);
}

static struct env_msg *take_msg(struct fake_env *fe)
{
	struct env_msg *m;

	pthread_mutex_lock(&fe->lock);
	m = fe->first;
	if (m) {
		fe->first = m->next;
		if (!fe->first)
			fe->last = &fe->first;
	}
	pthread_mutex_unlock(&fe->lock);
	return m;
}

uint32_t fake_env_settle(struct fake_env *fe)
{
	uint32_t ran = 0;

	for (;; ran++) {
		struct env_msg *m = take_msg(fe);
		struct list_node *n;

		if (m) {
			m->fn(m);
			continue;
		}
		n = list_pop_front(&fe->work_done);
		if (!n)
			return ran;
		struct env_work *w = list_entry(n, struct env_work, node);

		w->done(w);
	}
}

bool fake_env_run_work(struct fake_env *fe)
{
	struct list_node *n = list_pop_front(&fe->work);
	struct env_work *w;

	if (!n)
		return false;
	w = list_entry(n, struct env_work, node);
	w->run(w);
	list_push_back(&fe->work_done, &w->node);
	return true;
}

static struct env_timer *next_timer(struct fake_env *fe, uint64_t until_ns)
{
	struct env_timer *best = NULL;

	for (uint32_t i = 0; i < fe->timer_count; i++) {
		struct env_timer *t = fe->timers[i];

		if (t->deadline_ns <= until_ns && (!best || t->deadline_ns < best->deadline_ns))
			best = t;
	}
	return best;
}

void fake_env_advance(struct fake_env *fe, uint64_t ns)
{
	uint64_t until_ns = fe->now_ns + ns;
	struct env_timer *t;

	fake_env_settle(fe);
	while ((t = next_timer(fe, until_ns)) != NULL) {
		if (t->deadline_ns > fe->now_ns)
			fe->now_ns = t->deadline_ns;
		op_timer_cancel(&fe->env, t);
		t->fn(t);
		fake_env_settle(fe);
	}
	fe->now_ns = until_ns;
}

bool fake_env_wait_post(struct fake_env *fe, uint32_t timeout_ms)
{
	uint64_t end_ms = clock_wall_ms() + timeout_ms;
	struct timespec end = {.tv_sec = (time_t)(end_ms / 1000),
			       .tv_nsec = (long)(end_ms % 1000) * 1000000};
	int r = 0;

	pthread_mutex_lock(&fe->lock);
	while (!fe->first && r == 0)
		r = pthread_cond_timedwait(&fe->posted, &fe->lock, &end);
	pthread_mutex_unlock(&fe->lock);
	return r == 0 && fake_env_settle(fe) > 0;
}
