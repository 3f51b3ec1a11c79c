/* SPDX-License-Identifier: MIT */
/*
 * sdk_async.c - a filter's timers and its work on the pool, as thin coats over the env's.
 *
 * The coat is in the host[] words of the filter's own structure, so nothing is allocated. It brings
 * the call back with the filter named for the watching parent, and inside a walk, so that what the
 * filter finishes moves on after it has returned. Timers are on a list, so that a detach can take
 * away those that a filter forgot.
 */
#include "chain_int.h"

struct timer_coat {
	struct env_timer timer;
	struct sluice_filter *f;
	struct list_node node; /* of filter.timers */
};

struct work_coat {
	struct env_work work;
	struct sluice_filter *f;
};

_Static_assert(sizeof(struct timer_coat) <= sizeof(((struct sluice_timer *)NULL)->host),
	       "fits in host[]");
_Static_assert(sizeof(struct work_coat) <= sizeof(((struct sluice_work *)NULL)->host),
	       "fits in host[]");

static struct timer_coat *timer_coat(struct sluice_timer *t)
{
	return (struct timer_coat *)t->host;
}

static void timer_off(struct timer_coat *tc)
{
	list_del(&tc->node);
	tc->f = NULL;
}

static void timer_fired(struct env_timer *et)
{
	struct sluice_timer *t = et->ctx;
	struct sluice_filter *f = timer_coat(t)->f;

	timer_off(timer_coat(t));
	walk_enter(f->chain);
	blame_begin(f);
	t->fn(t);
	blame_end(f);
	walk_leave(f->chain);
}

void sluice_timer_set(struct sluice_filter *f, struct sluice_timer *t, uint64_t deadline_ns)
{
	struct timer_coat *tc = timer_coat(t);

	if (!tc->f) {
		tc->f = f;
		tc->timer = (struct env_timer){.fn = timer_fired, .ctx = t};
		list_push_back(&f->timers, &tc->node);
	}
	env_timer_set(f->chain->env, &tc->timer, deadline_ns);
}

void sluice_timer_cancel(struct sluice_filter *f, struct sluice_timer *t)
{
	struct timer_coat *tc = timer_coat(t);

	if (!tc->f)
		return;
	env_timer_cancel(f->chain->env, &tc->timer);
	timer_off(tc);
}

void sdk_async_cancel(struct sluice_filter *f)
{
	while (!list_is_empty(&f->timers)) {
		struct timer_coat *tc = list_entry(f->timers.next, struct timer_coat, node);

		env_timer_cancel(f->chain->env, &tc->timer);
		timer_off(tc);
	}
}

/* ---------------------------------------------------------------- work */

static void work_run(struct env_work *ew)
{
	struct sluice_work *w = ew->ctx;

	w->run(w);
}

static void work_done(struct env_work *ew)
{
	struct sluice_work *w = ew->ctx;
	struct sluice_filter *f = ((struct work_coat *)w->host)->f;
	struct chain *c = f->chain;

	walk_enter(c);
	f->works--;
	c->works--;
	blame_begin(f);
	w->done(w);
	blame_end(f);
	walk_leave(c);
	leave_check(f);
}

void sluice_work_submit(struct sluice_filter *f, struct sluice_work *w)
{
	struct work_coat *wc = (struct work_coat *)w->host;

	wc->f = f;
	wc->work = (struct env_work){.run = work_run, .done = work_done, .ctx = w};
	f->works++;
	f->chain->works++;
	env_work_submit(f->chain->env, &wc->work);
}
