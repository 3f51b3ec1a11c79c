/* SPDX-License-Identifier: MIT */
/*
 * group.c - the groups of one datastore: found or made for a filter, given their parameters, ended.
 *
 * An entry stays from the first time that its filter or its parameters are mentioned; the group in
 * it lives (is_made) while filters are attached. So parameters outlive it, and between prepare and
 * commit it may end or begin: one that ended is told to abort first; one that began meanwhile has
 * the old values, and is prepared at the commit.
 */
#include "groups.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "chain_int.h"
#include "group_int.h"
#include "params.h"

/* ---------------------------------------------------------------- calls into the filter */

static struct sluice_filter *first_of(const struct sluice_group *g)
{
	return list_is_empty(&g->filters)
		   ? NULL
		   : list_entry(g->filters.next, struct sluice_filter, group_node);
}

/* Whose volume is named when the group's code crashes: that of one of its filters. */
void group_call_begin(struct sluice_group *g)
{
	groups_enter(g->all);
	g->called = first_of(g);
	if (g->called)
		blame_begin(g->called);
}

void group_call_end(struct sluice_group *g)
{
	/* Another one by now: the one that was named has left. */
	if (g->called && g->called == first_of(g))
		blame_end(g->called);
	groups_leave(g->all);
}

static int call_reconfigure(struct sluice_group *g, enum sluice_phase phase,
			    struct sluice_error *serr)
{
	int r;

	group_call_begin(g);
	r = g->ops->group_reconfigure(g, phase, g->next, serr);
	group_call_end(g);
	return r;
}

static int refusal(const struct sluice_group *g, const char *what, int result,
		   const struct sluice_error *from, struct err *err)
{
	return err_set(err, -result, from->field, "filter '%s' refuses %s datastore '%s': %.256s",
		       g->ops->name, what, g->all->datastore,
		       from->text[0] ? from->text : strerror(-result));
}

/* ---------------------------------------------------------------- entries */

static struct sluice_group *group_find(const struct groups *gs, const struct sluice_filter_ops *ops)
{
	struct list_node *n;

	list_for_each (n, &gs->groups) {
		struct sluice_group *g = list_entry(n, struct sluice_group, node);

		if (g->ops == ops)
			return g;
	}
	return NULL;
}

/* With no values yet. */
static struct sluice_group *group_get(struct groups *gs, const struct sluice_filter_ops *ops,
				      struct err *err)
{
	struct sluice_group *g = group_find(gs, ops);

	if (g)
		return g;
	g = calloc(1, sizeof(*g));
	if (!g) {
		err_set(err, ENOMEM, NULL, "no memory for the group of filter '%s'", ops->name);
		return NULL;
	}
	g->all = gs;
	g->ops = ops;
	list_init(&g->filters);
	list_init(&g->timers);
	list_push_back(&gs->groups, &g->node);
	return g;
}

static void group_free(struct sluice_group *g)
{
	struct params_table t = params_of_group(g->ops);

	assert(!g->is_made && list_is_empty(&g->filters));
	list_del(&g->node);
	params_free(&t, g->values);
	params_free(&t, g->next);
	free(g);
}

/* ---------------------------------------------------------------- life */

static int make(struct sluice_group *g, struct err *err)
{
	struct params_table t = params_of_group(g->ops);
	struct sluice_error serr = {{0}, {0}};
	int r = g->values ? 0 : params_parse(&t, NULL, NULL, 0, &g->values, err);

	if (r < 0)
		return r;
	group_call_begin(g);
	r = g->ops->group_create(g, g->values, &serr);
	group_call_end(g);
	if (r < 0) {
		group_timers_cancel(g);
		g->state = NULL;
		return refusal(g, "to begin on", r, &serr, err);
	}
	g->is_made = true;
	return 0;
}

static void end(struct sluice_group *g)
{
	struct sluice_error serr;

	if (g->is_told) {
		call_reconfigure(g, SLUICE_ABORT, &serr);
		g->is_told = false;
	}
	/* First: what they are in is freed by the filter. */
	group_timers_cancel(g);
	g->is_ending = true;
	group_call_begin(g);
	g->ops->group_destroy(g);
	group_call_end(g);
	g->is_made = g->is_ending = false;
	g->state = NULL;
}

int group_join(struct sluice_filter *f, struct err *err)
{
	struct sluice_group *g;
	int r = 0;

	if (!f->ops->group_create)
		return 0;
	g = group_get(f->chain->groups, f->ops, err);
	if (!g)
		return -ENOMEM;
	list_push_back(&g->filters, &f->group_node);
	f->group = g;
	if (!g->is_made)
		r = make(g, err);
	if (r < 0) {
		list_del(&f->group_node);
		f->group = NULL;
	}
	return r;
}

void group_part(struct sluice_filter *f)
{
	struct sluice_group *g = f->group;

	if (!g)
		return;
	if (g->filters.next == &f->group_node && g->filters.prev == &f->group_node)
		end(g);
	list_del(&f->group_node);
	f->group = NULL;
}

/* ---------------------------------------------------------------- the registry */

int groups_create(const struct groups_cfg *cfg, struct groups **out, struct err *err)
{
	struct groups *gs = calloc(1, sizeof(*gs));

	if (gs) {
		list_init(&gs->groups);
		list_init(&gs->ready);
		gs->datastore = strdup(cfg->datastore);
		gs->link = report_link_new(NULL, gs);
	}
	if (!gs || !gs->datastore || !gs->link) {
		groups_free(gs);
		return err_set(err, ENOMEM, NULL, "no memory for the filters of datastore '%s'",
			       cfg->datastore);
	}
	gs->env = cfg->env;
	gs->report = cfg->report;
	gs->ctx = cfg->ctx;
	*out = gs;
	return 0;
}

void groups_free(struct groups *gs)
{
	if (!gs)
		return;
	assert(gs->walks == 0 && list_is_empty(&gs->ready));
	while (!list_is_empty(&gs->groups))
		group_free(list_entry(gs->groups.next, struct sluice_group, node));
	if (gs->link)
		report_link_close(gs->link);
	free(gs->datastore);
	free(gs);
}

/* ---------------------------------------------------------------- parameters */

static void drop_next(struct sluice_group *g)
{
	struct params_table t = params_of_group(g->ops);

	params_free(&t, g->next);
	g->next = NULL;
	g->is_told = false;
}

static int ask(struct sluice_group *g, struct err *err)
{
	struct sluice_error serr = {{0}, {0}};
	int r = call_reconfigure(g, SLUICE_PREPARE, &serr);

	if (r < 0)
		return refusal(g, "the new values of", r, &serr, err);
	g->is_told = true;
	return 0;
}

int groups_prepare(struct groups *gs, const struct sluice_filter_ops *ops, const char *const *names,
		   const char *const *values, uint32_t count, struct err *err)
{
	struct params_table t = params_of_group(ops);
	struct sluice_group *g;
	int r;

	if (!ops->group_create)
		return err_set(err, EINVAL, "filter",
			       "filter '%s' shares nothing on a datastore, so it has no parameters "
			       "there; set those of its volumes",
			       ops->name);
	g = group_get(gs, ops, err);
	if (!g)
		return -ENOMEM;
	assert(!g->next);
	r = params_parse(&t, names, values, count, &g->next, err);
	if (r == 0 && g->is_made)
		r = ask(g, err);
	if (r < 0)
		drop_next(g);
	return r;
}

void groups_commit(struct groups *gs, const struct sluice_filter_ops *ops)
{
	struct sluice_group *g = group_find(gs, ops);
	union sluice_value *old;
	struct sluice_error serr;
	struct err err;

	assert(g && g->next);
	/* It began after the prepare, with the old values. */
	if (g->is_made && !g->is_told && ask(g, &err) < 0) {
		sluice_group_report(g, "group_refused", "%s", err.text);
		drop_next(g);
		return;
	}
	if (g->is_told)
		call_reconfigure(g, SLUICE_COMMIT, &serr);
	old = g->values;
	g->values = g->next;
	g->next = old;
	drop_next(g);
}

void groups_abort(struct groups *gs, const struct sluice_filter_ops *ops)
{
	struct sluice_group *g = group_find(gs, ops);
	struct sluice_error serr;

	assert(g && g->next);
	if (g->is_told)
		call_reconfigure(g, SLUICE_ABORT, &serr);
	drop_next(g);
}

/* ---------------------------------------------------------------- what there is to see */

bool groups_is_active(const struct groups *gs, const struct sluice_filter_ops *ops)
{
	const struct sluice_group *g = group_find(gs, ops);

	return g && g->is_made;
}

void groups_value(const struct groups *gs, const struct sluice_filter_ops *ops, uint32_t param,
		  char *text, size_t size_bytes)
{
	const struct sluice_group *g = group_find(gs, ops);
	const struct sluice_param *p = &ops->group_params[param];
	union sluice_value value;

	assert(param < ops->group_param_count);
	if (g && g->values)
		value = g->values[param];
	else if (p->type == SLUICE_TYPE_STRING)
		value.string = p->def_string ? p->def_string : "";
	else
		value.u64 = p->def;
	params_format(p, value, text, size_bytes);
}

size_t groups_status(struct groups *gs, const struct sluice_filter_ops *ops, char *json,
		     size_t size_bytes)
{
	struct sluice_group *g = group_find(gs, ops);
	size_t n;

	assert(size_bytes > 0);
	if (!g || !g->is_made)
		return (size_t)snprintf(json, size_bytes, "{}");
	group_call_begin(g);
	n = g->ops->group_status(g, json, size_bytes);
	group_call_end(g);
	return n < size_bytes ? n : size_bytes - 1;
}
