/* SPDX-License-Identifier: MIT */
/*
 * group_sdk.c - the host services of groups: state, names, time, timers. Their reports stand with
 * the filters' own in report.c.
 *
 * A timer is a coat over the env's as in sdk_async.c. It fires inside of a walk of the datastore,
 * so that I/Os of whatever volume that it resumes move after it has returned.
 */
#include "group_int.h"

struct group_timer {
	struct env_timer timer;
	struct sluice_group *g; /* NULL: not set */
	struct list_node node;  /* of sluice_group.timers */
};

_Static_assert(sizeof(struct group_timer) <= sizeof(((struct sluice_timer *)NULL)->host),
	       "fits in host[]");

struct sluice_group *sluice_group(const struct sluice_filter *f)
{
	return f->group;
}

void sluice_group_state_set(struct sluice_group *g, void *state)
{
	g->state = state;
}

void *sluice_group_state(const struct sluice_group *g)
{
	return g->state;
}

const char *sluice_group_datastore(const struct sluice_group *g)
{
	return g->all->datastore;
}

uint64_t sluice_group_now_ns(const struct sluice_group *g)
{
	return env_now_ns(g->all->env);
}

/* ---------------------------------------------------------------- timers */

static struct group_timer *coat(struct sluice_timer *t)
{
	return (struct group_timer *)t->host;
}

static void timer_off(struct group_timer *gt)
{
	list_del(&gt->node);
	gt->g = NULL;
}

static void timer_fired(struct env_timer *et)
{
	struct sluice_timer *t = et->ctx;
	struct sluice_group *g = coat(t)->g;

	timer_off(coat(t));
	group_call_begin(g);
	t->fn(t);
	group_call_end(g);
}

void sluice_group_timer_set(struct sluice_group *g, struct sluice_timer *t, uint64_t deadline_ns)
{
	struct group_timer *gt = coat(t);

	if (g->is_ending)
		return;
	if (!gt->g) {
		gt->g = g;
		gt->timer = (struct env_timer){.fn = timer_fired, .ctx = t};
		list_push_back(&g->timers, &gt->node);
	}
	env_timer_set(g->all->env, &gt->timer, deadline_ns);
}

void sluice_group_timer_cancel(struct sluice_group *g, struct sluice_timer *t)
{
	struct group_timer *gt = coat(t);

	if (!gt->g)
		return;
	env_timer_cancel(g->all->env, &gt->timer);
	timer_off(gt);
}

void group_timers_cancel(struct sluice_group *g)
{
	while (!list_is_empty(&g->timers)) {
		struct group_timer *gt = list_entry(g->timers.next, struct group_timer, node);

		env_timer_cancel(g->all->env, &gt->timer);
		timer_off(gt);
	}
}
