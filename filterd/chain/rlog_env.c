/* SPDX-License-Identifier: MIT */
/*
 * rlog_env.c - the env that a filter's logs run on: the worker's, with three things added.
 *
 *   - Whatever comes back (I/O, work, timers, messages) comes back inside a walk and with the
 *     filter named for the watching parent, so that I/Os which a log's callback lets go move after
 *     it has returned, as with the filter's own timers.
 *   - What is under way is counted: a filter that is detached stays until its logs have nothing
 *     open and nothing under way (leave.c).
 *   - Each thing under way has a coat, since the env's own words in it are taken. Coats are kept
 *     for the next time, so that nothing is allocated once as many were under way as ever are.
 *
 * Draining a chain does not wait for logs: their I/O is not on the volume.
 *
 * Thread: owner worker; rlog_post() any.
 */
#include <stdatomic.h>
#include <stdlib.h>

#include "chain_int.h"

struct coat {
	struct coat *next_free;
	struct rlog_env *e;
	union {
		struct env_io io;
		struct env_work work;
		struct env_timer timer;
	};
	void *wearer; /* the log's own env_io, env_work or env_timer */
};

struct rlog_env {
	struct env env; /* first: what the log has */
	struct env *under;
	struct sluice_filter *f;
	struct coat *free_coats;
	struct coat **timers; /* set ones, by the wearer's heap_index; [0] is never used */
	uint32_t timer_room;
	uint32_t files, ios, works, timers_set;
	/* Posted and not delivered, newest first. Atomic: any thread pushes. */
	_Atomic(struct env_msg *) inbox;
	struct env_msg inbox_msg;
	bool is_delivering;
};

static struct rlog_env *of(struct env *e)
{
	return (struct rlog_env *)e;
}

/* Running out of memory for a coat would lose an I/O: there is no way to say so here. */
static struct coat *coat_take(struct rlog_env *e, void *wearer)
{
	struct coat *k = e->free_coats;

	if (k)
		e->free_coats = k->next_free;
	else
		k = calloc(1, sizeof(*k));
	if (!k)
		abort();
	k->e = e;
	k->wearer = wearer;
	return k;
}

static void coat_put(struct coat *k)
{
	k->next_free = k->e->free_coats;
	k->e->free_coats = k;
}

static void enter(struct rlog_env *e)
{
	walk_enter(e->f->chain);
	blame_begin(e->f);
}

/* The filter may be gone afterwards. */
static void leave(struct rlog_env *e)
{
	struct sluice_filter *f = e->f;

	blame_end(f);
	walk_leave(f->chain);
	leave_check(f);
}

/* ---------------------------------------------------------------- files and I/O */

static int rlog_file_open(struct env *env, const struct env_open *how, struct env_file **out,
			  struct err *err)
{
	struct rlog_env *e = of(env);
	int r = env_file_open(e->under, how, out, err);

	if (r == 0)
		e->files++;
	return r;
}

static void rlog_file_close(struct env *env, struct env_file *file)
{
	struct rlog_env *e = of(env);

	e->files--;
	env_file_close(e->under, file);
}

static void io_done(struct env_io *done)
{
	struct coat *k = done->ctx;
	struct rlog_env *e = k->e;
	struct env_io *io = k->wearer;

	io->result = done->result;
	io->result_is_hole = done->result_is_hole;
	io->result_extent_bytes = done->result_extent_bytes;
	coat_put(k);
	enter(e);
	e->ios--;
	io->done(io);
	leave(e);
}

static void rlog_io_submit(struct env *env, struct env_io *io)
{
	struct rlog_env *e = of(env);
	struct coat *k = coat_take(e, io);

	k->io = (struct env_io){.op = io->op,
				.is_durable = io->is_durable,
				.file = io->file,
				.buf = io->buf,
				.offset_bytes = io->offset_bytes,
				.len_bytes = io->len_bytes,
				.done = io_done,
				.ctx = k};
	e->ios++;
	env_io_submit(e->under, &k->io);
}

static int rlog_memory_register(struct env *env, void *base, uint64_t size_bytes)
{
	return of(env)->under->ops->memory_register(of(env)->under, base, size_bytes);
}

static void rlog_memory_unregister(struct env *env, void *base)
{
	of(env)->under->ops->memory_unregister(of(env)->under, base);
}

/* ---------------------------------------------------------------- time and work */

static uint64_t rlog_now_ns(struct env *env)
{
	return env_now_ns(of(env)->under);
}

static uint64_t rlog_now_exact_ns(struct env *env)
{
	return env_now_exact_ns(of(env)->under);
}

static uint64_t rlog_random_u64(struct env *env)
{
	return env_random_u64(of(env)->under);
}

static void timer_off(struct rlog_env *e, struct env_timer *t)
{
	coat_put(e->timers[t->heap_index]);
	e->timers[t->heap_index] = NULL;
	e->timers_set--;
	t->heap_index = 0;
}

static void timer_fired(struct env_timer *fired)
{
	struct coat *k = fired->ctx;
	struct rlog_env *e = k->e;
	struct env_timer *t = k->wearer;

	timer_off(e, t);
	enter(e);
	t->fn(t);
	leave(e);
}

/* A place in the table of set timers; there are few. */
static uint32_t timer_place(struct rlog_env *e)
{
	uint32_t room = e->timer_room ? e->timer_room * 2 : 8;
	struct coat **bigger;

	for (uint32_t i = 1; i < e->timer_room; i++) {
		if (!e->timers[i])
			return i;
	}
	bigger = realloc(e->timers, room * sizeof(struct coat *));
	if (!bigger)
		abort();
	memset(bigger + e->timer_room, 0, (room - e->timer_room) * sizeof(struct coat *));
	e->timers = bigger;
	e->timer_room = room;
	return room / 2 > 1 ? room / 2 : 1;
}

static void rlog_timer_set(struct env *env, struct env_timer *t, uint64_t deadline_ns)
{
	struct rlog_env *e = of(env);
	struct coat *k;

	if (t->heap_index == 0) {
		k = coat_take(e, t);
		k->timer = (struct env_timer){.fn = timer_fired, .ctx = k};
		t->heap_index = timer_place(e);
		e->timers[t->heap_index] = k;
		e->timers_set++;
	}
	t->deadline_ns = deadline_ns;
	env_timer_set(e->under, &e->timers[t->heap_index]->timer, deadline_ns);
}

static void rlog_timer_cancel(struct env *env, struct env_timer *t)
{
	struct rlog_env *e = of(env);

	if (t->heap_index == 0)
		return;
	env_timer_cancel(e->under, &e->timers[t->heap_index]->timer);
	timer_off(e, t);
}

static void work_run(struct env_work *w)
{
	struct env_work *own = ((struct coat *)w->ctx)->wearer;

	own->run(own);
}

static void work_done(struct env_work *w)
{
	struct coat *k = w->ctx;
	struct rlog_env *e = k->e;
	struct env_work *own = k->wearer;

	coat_put(k);
	enter(e);
	e->works--;
	own->done(own);
	leave(e);
}

static void rlog_work_submit(struct env *env, struct env_work *w)
{
	struct rlog_env *e = of(env);
	struct coat *k = coat_take(e, w);

	w->env = env;
	k->work = (struct env_work){.run = work_run, .done = work_done, .ctx = k};
	e->works++;
	env_work_submit(e->under, &k->work);
}

/* ---------------------------------------------------------------- messages */

static void deliver(struct env_msg *inbox_msg)
{
	struct rlog_env *e = inbox_msg->ctx;
	/* Acquire: what a poster wrote before it posted. From here on a post is a new delivery. */
	struct env_msg *newest = atomic_exchange_explicit(&e->inbox, NULL, memory_order_acquire);
	struct env_msg *oldest = NULL;

	while (newest) {
		struct env_msg *next = newest->next;

		newest->next = oldest;
		oldest = newest;
		newest = next;
	}
	e->is_delivering = true;
	enter(e);
	while (oldest) {
		struct env_msg *m = oldest;

		oldest = m->next;
		m->fn(m);
	}
	e->is_delivering = false;
	leave(e);
}

static void rlog_post(struct env *env, struct env_msg *m)
{
	struct rlog_env *e = of(env);
	struct env_msg *head = atomic_load_explicit(&e->inbox, memory_order_relaxed);

	do {
		m->next = head;
	} while (!atomic_compare_exchange_weak_explicit(&e->inbox, &head, m, memory_order_release,
							memory_order_relaxed));
	if (!head) /* whoever fills an empty inbox has it delivered */
		env_post(e->under, &e->inbox_msg);
}

static void rlog_bell_ring(struct env *env, struct env_bell *b)
{
	env_bell_ring(of(env)->under, b);
}

/* ---------------------------------------------------------------- life */

static const struct env_ops rlog_ops = {
    .now_ns = rlog_now_ns,
    .now_exact_ns = rlog_now_exact_ns,
    .random_u64 = rlog_random_u64,
    .timer_set = rlog_timer_set,
    .timer_cancel = rlog_timer_cancel,
    .file_open = rlog_file_open,
    .file_close = rlog_file_close,
    .io_submit = rlog_io_submit,
    .memory_register = rlog_memory_register,
    .memory_unregister = rlog_memory_unregister,
    .work_submit = rlog_work_submit,
    .post = rlog_post,
    .bell_ring = rlog_bell_ring,
};

struct env *rlog_env_of(struct sluice_filter *f)
{
	struct rlog_env *e = f->logs ? f->logs : calloc(1, sizeof(*e));

	if (!e || f->logs)
		return e ? &e->env : NULL;
	e->env.ops = &rlog_ops;
	e->under = f->chain->env;
	e->f = f;
	e->inbox_msg = (struct env_msg){.fn = deliver, .ctx = e};
	f->logs = e;
	return &e->env;
}

bool rlog_env_is_idle(const struct rlog_env *e)
{
	/* Acquire: nothing that matters is read after it; the owner alone frees. */
	return !e || (e->files == 0 && e->ios == 0 && e->works == 0 && e->timers_set == 0 &&
		      !e->is_delivering && !atomic_load_explicit(&e->inbox, memory_order_acquire));
}

void rlog_env_free(struct rlog_env *e)
{
	if (!e)
		return;
	while (e->free_coats) {
		struct coat *k = e->free_coats;

		e->free_coats = k->next_free;
		free(k);
	}
	free(e->timers);
	free(e);
}
