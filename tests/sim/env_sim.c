/* SPDX-License-Identifier: MIT */
#include "env_sim.h"

#include <assert.h>
#include <stdlib.h>

static struct env_sim *sim_of(struct env *e)
{
	return (struct env_sim *)e;
}

/* ---------------------------------------------------------------- turns */

static void sleep_check(void *ctx, uint64_t arg);
static void timer_wake(void *ctx, uint64_t arg);

static bool has_work(const struct env_sim *e)
{
	return !list_is_empty(&e->ready_ios) || !list_is_empty(&e->ready_works) || e->first_msg ||
	       timer_heap_next_ns(&e->timers) <= e->w->now_ns;
}

static void run_ready(struct env_sim *e)
{
	uint64_t mark = timer_heap_mark(&e->timers);
	struct list_node *n;
	struct env_timer *t;

	while ((t = timer_heap_pop_due_before(&e->timers, e->w->now_ns, mark)))
		t->fn(t);
	while ((n = list_pop_front(&e->ready_ios))) {
		struct env_io *io = list_entry(n, struct env_io, node);

		io->done(io);
	}
	while ((n = list_pop_front(&e->ready_works))) {
		struct env_work *work = list_entry(n, struct env_work, node);

		work->done(work);
	}
	while (e->first_msg) {
		struct env_msg *m = e->first_msg;

		e->first_msg = m->next;
		if (!e->first_msg)
			e->last_msg = &e->first_msg;
		m->fn(m);
	}
}

static void turn(void *ctx, uint64_t arg)
{
	struct env_sim *e = ctx;

	if (e->is_paused) {
		e->is_scheduled = false;
		e->is_asleep = true;
		return;
	}
	e->is_asleep = false;
	e->is_in_turn = true;
	if (setjmp(e->death)) {
		e->died(e->ctx);
		return;
	}
	run_ready(e);
	e->turn(e->ctx);
	e->is_in_turn = false;
	world_after(e->w, world_delay(e->w, 50, 3 * US), e->life, sleep_check, e, 0);
}

static void schedule(struct env_sim *e)
{
	e->is_scheduled = true;
	world_after(e->w, world_delay(e->w, 100, 4 * US), e->life, turn, e, 0);
}

static void sleep_check(void *ctx, uint64_t arg)
{
	struct env_sim *e = ctx;
	uint64_t next_ns;

	e->is_scheduled = false;
	if (has_work(e) || e->before_sleep(e->ctx)) {
		schedule(e);
		return;
	}
	e->is_asleep = true;
	next_ns = timer_heap_next_ns(&e->timers);
	if (next_ns == UINT64_MAX || (e->timer_wake_ns && e->timer_wake_ns <= next_ns))
		return;
	e->timer_wake_ns = next_ns;
	world_after(e->w, next_ns - e->w->now_ns, e->life, timer_wake, e, next_ns);
}

static void timer_wake(void *ctx, uint64_t arg)
{
	struct env_sim *e = ctx;

	if (e->timer_wake_ns == arg)
		e->timer_wake_ns = 0;
	env_sim_wake(e);
}

void env_sim_wake(struct env_sim *e)
{
	/* Not asleep: sleep_check() comes and sees what there is. */
	if (e->is_asleep && !e->is_scheduled)
		schedule(e);
}

void env_sim_pause(struct env_sim *e, bool is_paused)
{
	e->is_paused = is_paused;
	if (!is_paused)
		env_sim_wake(e);
}

static void bell_delivered(void *ctx, uint64_t arg)
{
	struct env_bell *b = ctx;

	b->is_pending = false;
	b->rung(b->ctx, arg);
}

void env_sim_ring(struct env_bell *b)
{
	if (b->is_pending)
		return;
	b->is_pending = true;
	world_after(b->w, world_delay(b->w, 200, 10 * US), b->life, bell_delivered, b, 0);
}

/* ---------------------------------------------------------------- ops */

/* A call of the env: a point at which SIGKILL may strike. The stack is dropped with all else of the
 * process. */
static void call(struct env_sim *e)
{
	if (e->dies_in && e->is_in_turn && --e->dies_in == 0)
		longjmp(e->death, 1);
}

static uint64_t op_now(struct env *e)
{
	call(sim_of(e));
	return sim_of(e)->w->now_ns;
}

static uint64_t op_random(struct env *e)
{
	call(sim_of(e));
	return rng_u64(&sim_of(e)->w->rng);
}

static void op_timer_set(struct env *env, struct env_timer *t, uint64_t deadline_ns)
{
	struct env_sim *e = sim_of(env);

	call(e);
	timer_heap_set(&e->timers, t, deadline_ns);
}

static void op_timer_cancel(struct env *e, struct env_timer *t)
{
	timer_heap_cancel(&sim_of(e)->timers, t);
}

static int op_file_open(struct env *env, const struct env_open *how, struct env_file **out,
			struct err *err)
{
	struct env_sim *e = sim_of(env);

	return sim_disk_open(e->w->disk, &e->disk_user, how, out, err);
}

static void op_file_close(struct env *e, struct env_file *f)
{
	sim_disk_close(sim_of(e)->w->disk, f);
}

static void op_io_submit(struct env *env, struct env_io *io)
{
	struct env_sim *e = sim_of(env);

	call(e);
	sim_disk_submit(e->w->disk, &e->disk_user, io);
	call(e);
}

static void io_completed(struct disk_user *u, struct env_io *io)
{
	struct env_sim *e = (struct env_sim *)((char *)u - offsetof(struct env_sim, disk_user));

	list_push_back(&e->ready_ios, &io->node);
	env_sim_wake(e);
}

static int op_memory_register(struct env *e, void *base, uint64_t size_bytes)
{
	return 0;
}

static void op_memory_unregister(struct env *e, void *base) {}

static void work_ran(void *ctx, uint64_t arg)
{
	struct env_work *work = ctx;
	struct env_sim *e = sim_of(work->env);

	work->run(work);
	list_push_back(&e->ready_works, &work->node);
	env_sim_wake(e);
}

static void op_work_submit(struct env *env, struct env_work *work)
{
	struct env_sim *e = sim_of(env);

	work->env = env;
	world_after(e->w, world_delay(e->w, US, 100 * US), e->life, work_ran, work, 0);
}

static void op_post(struct env *env, struct env_msg *m)
{
	struct env_sim *e = sim_of(env);

	call(e);
	m->next = NULL;
	*e->last_msg = m;
	e->last_msg = &m->next;
	env_sim_wake(e);
}

static void op_bell_ring(struct env *e, struct env_bell *b)
{
	call(sim_of(e));
	env_sim_ring(b);
}

static const struct env_ops ops = {
    .now_ns = op_now,
    .now_exact_ns = op_now,
    .random_u64 = op_random,
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

void env_sim_init(struct env_sim *e, struct world *w, struct sim_life *life)
{
	*e = (struct env_sim){.env.ops = &ops, .w = w, .life = life, .is_asleep = true};
	e->disk_user.life = life;
	e->disk_user.completed = io_completed;
	timer_heap_init(&e->timers);
	list_init(&e->ready_ios);
	list_init(&e->ready_works);
	e->last_msg = &e->first_msg;
}
