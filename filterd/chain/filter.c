/* SPDX-License-Identifier: MIT */
/*
 * filter.c - one filter on one volume: made from the plan's words, attached, detached, freed.
 *
 * filter_new() checks everything that can be checked without the filter; attach.c puts it in its
 * place.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "chain_int.h"
#include "group_int.h"
#include "params.h"

static int check_place(const struct chain_filter_cfg *cfg, struct err *err)
{
	const struct sluice_filter_ops *ops = cfg->ops;

	if (cfg->position != 0 && cfg->position != (uint32_t)ops->cls &&
	    !(ops->cls == SLUICE_CLASS_ENCRYPTION && cfg->position == 150))
		return err_set(err, EINVAL, "position",
			       "filter '%s' stands at its class's position %u%s, not at %u",
			       ops->name, (unsigned)ops->cls,
			       ops->cls == SLUICE_CLASS_ENCRYPTION ? " or at 150" : "",
			       cfg->position);
	if (cfg->on_failure == ON_FAILURE_BYPASS && !(ops->flags & SLUICE_FILTER_TRANSPARENT))
		return err_set(
		    err, EINVAL, "on_failure",
		    "filter '%s' is not transparent: without it data would be lost or revealed, so "
		    "on_failure must be 'hold', not 'bypass'",
		    ops->name);
	return 0;
}

static void filter_init(struct sluice_filter *f, struct chain *c,
			const struct sluice_filter_ops *ops)
{
	f->chain = c;
	f->ops = ops;
	f->submit = ops->submit;
	f->done = ops->done;
	f->index = CHAIN_MAX_FILTERS; /* not in the chain */
	list_init(&f->timers);
	list_init(&f->snapshots);
	list_init(&f->group_node);
	list_init(&f->leaving_node);
	snprintf(f->blame, sizeof(f->blame), "%s", ops->name);
}

int filter_new(struct chain *c, const struct chain_filter_cfg *cfg, struct sluice_filter **out,
	       struct err *err)
{
	const struct sluice_filter_ops *ops = cfg->ops;
	struct params_table t = params_of_filter(ops);
	struct sluice_filter *f;
	int r = check_place(cfg, err);

	if (r < 0)
		return r;
	f = calloc(1, sizeof(*f));
	if (!f)
		return err_set(err, ENOMEM, NULL, "no memory for filter '%s'", ops->name);
	r = params_parse(&t, cfg->names, cfg->values, cfg->value_count, &f->values, err);
	if (r < 0) {
		free(f);
		return r;
	}
	filter_init(f, c, ops);
	f->position = cfg->position ? cfg->position : (uint32_t)ops->cls;
	f->on_failure = cfg->on_failure;
	*out = f;
	return 0;
}

struct sluice_filter *filter_like(const struct sluice_filter *other)
{
	struct sluice_filter *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	filter_init(f, other->chain, other->ops);
	f->position = other->position;
	f->on_failure = other->on_failure;
	return f;
}

void filter_free(struct sluice_filter *f)
{
	struct params_table t;

	if (!f)
		return;
	t = params_of_filter(f->ops);
	params_free(&t, f->values);
	rlog_env_free(f->logs);
	free(f);
}

int filter_attach(struct sluice_filter *f, struct err *err)
{
	struct sluice_error serr = {{0}, {0}};
	int r = group_join(f, err);

	if (r < 0)
		return r;
	walk_enter(f->chain);
	if (f->ops->attach) {
		blame_begin(f);
		r = f->ops->attach(f, f->values, &serr);
		blame_end(f);
	}
	if (r < 0) {
		sdk_async_cancel(f);
		seal_leave(f);
		snapshot_leave(f);
	} else {
		f->is_attached = true;
	}
	walk_leave(f->chain);
	if (r >= 0)
		return 0;
	return filter_refusal(f, "attach", r, &serr, err);
}

void filter_detach(struct sluice_filter *f)
{
	struct chain *c = f->chain;

	walk_enter(c);
	own_io_drop(f);
	if (f->ops->detach) {
		blame_begin(f);
		f->ops->detach(f);
		blame_end(f);
	}
	companion_leave(f);
	seal_leave(f);
	snapshot_leave(f);
	command_cancel(f);
	f->is_attached = false;
	if (!list_is_empty(&f->timers)) {
		report_misuse(c, f->slot, MISUSE_LEAK);
		sdk_async_cancel(f);
	}
	walk_leave(c);
}

int filter_may_leave(struct sluice_filter *f, struct err *err)
{
	static const struct sluice_event detach = {.kind = SLUICE_EVENT_DETACH};
	struct sluice_error serr = {{0}, {0}};
	int r;

	if (!f->ops->event)
		return 0;
	walk_enter(f->chain);
	blame_begin(f);
	r = f->ops->event(f, SLUICE_PREPARE, &detach, &serr);
	blame_end(f);
	walk_leave(f->chain);
	return r < 0 ? filter_refusal(f, "to be detached", r, &serr, err) : 0;
}

struct sluice_filter *filter_find(const struct chain *c, const char *name)
{
	for (uint32_t i = 0; i < c->filter_count; i++) {
		if (strcmp(c->filters[i]->ops->name, name) == 0)
			return c->filters[i];
	}
	return NULL;
}

int filter_refusal(const struct sluice_filter *f, const char *what, int result,
		   const struct sluice_error *from, struct err *err)
{
	const char *text = from->text[0] ? from->text : strerror(-result);

	return err_set(err, -result, from->field, "filter '%s' refuses %s: %.256s", f->ops->name,
		       what, text);
}
