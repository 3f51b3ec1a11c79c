/* SPDX-License-Identifier: MIT */
/*
 * manager_group.c - main's half of what filters share on a datastore: made with the plan's
 * parameters, their reports brought home, changed under I/O, shown.
 *
 *   set:  worker: prepare --> main: plan saved --> worker: commit     the answer
 *                                       \--failed--> worker: abort    the refusal
 *
 * A crash after the save finds the new parameters in the plan; one before it, the old ones.
 *
 * Thread: main, but for what says worker.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "errand.h"
#include "log.h"
#include "plugin.h"

#define STATUS_BYTES (64u << 10)

/* ---------------------------------------------------------------- made */

struct report {
	struct loop_msg msg;
	struct mdatastore *d;
	char filter[SHARED_BLAME_BYTES];
	char kind[48];
	char text[SHARED_TEXT_BYTES];
};

static void report_arrived(struct loop_msg *msg) ON_MAIN
{
	struct report *r = msg->ctx;

	manager_datastore_event(r->d->manager, r->d->name, r->filter, r->kind, r->text);
	free(r);
}

/* On the worker. The datastore is there until the worker has said that nothing more comes. */
static void group_report(void *ctx, const char *filter, const char *kind, const char *text)
{
	struct mdatastore *d = ctx;
	struct report *r = calloc(1, sizeof(*r));

	log_warn("datastore %s, filter %s: %s: %s", d->name, filter, kind, text);
	if (!r)
		return;
	r->d = d;
	snprintf(r->filter, sizeof(r->filter), "%s", filter);
	snprintf(r->kind, sizeof(r->kind), "%s", kind);
	snprintf(r->text, sizeof(r->text), "%s", text);
	r->msg = (struct loop_msg){.fn = report_arrived, .ctx = r};
	loop_post(d->manager->loop, &r->msg);
}

static int prepare(struct mdatastore *d, const struct plan_filter *f, struct err *err)
{
	const struct sluice_filter_ops *ops = plugin_find(f->name);

	if (!ops)
		return err_set(err, ENOENT, "filter",
			       "filter %s is not loaded; 'filters' lists what there is", f->name);
	return groups_prepare(d->groups, ops, (const char *const *)f->names,
			      (const char *const *)f->values, f->param_count, err);
}

/* A filter that is not there or takes its parameters no longer (its package has changed): the plan
 * keeps them, the table's defaults count, and the datastore is served. */
static void take_from_plan(struct mdatastore *d, const struct plan_filter *f) ON_MAIN
{
	struct err err = {0};

	if (prepare(d, f, &err) == 0) {
		groups_commit(d->groups, plugin_find(f->name));
		return;
	}
	err_prefix(&err, "datastore %s goes on with the defaults of filter %s", d->name, f->name);
	log_error("%s", err.text);
	manager_datastore_event(d->manager, d->name, f->name, "group_refused", err.text);
}

int manager_make_groups(struct mdatastore *d, struct err *err)
{
	struct groups_cfg cfg = {
	    .env = d->worker->env, .datastore = d->name, .report = group_report, .ctx = d};
	int rc = groups_create(&cfg, &d->groups, err);

	for (uint32_t i = 0; rc == 0 && i < d->plan->filter_count; i++)
		take_from_plan(d, &d->plan->filters[i]);
	return rc;
}

/* ---------------------------------------------------------------- changed */

static void run_prepare(struct errand *j) ON_WORKER
{
	struct err err = {0};
	int rc = prepare(j->datastore, &j->filter, &err);

	errand_ended(j, rc, &err);
}

static void run_commit(struct errand *j) ON_WORKER
{
	groups_commit(j->datastore->groups, plugin_find(j->filter.name));
	errand_ended(j, 0, NULL);
}

static void run_abort(struct errand *j) ON_WORKER
{
	groups_abort(j->datastore->groups, plugin_find(j->filter.name));
	errand_ended(j, j->result, NULL);
}

static void back_set(struct errand *j) ON_MAIN
{
	struct mdatastore *d = j->datastore;

	if (j->result == 0)
		log_info("datastore %s: filter %s has new parameters", d->name, j->filter.name);
	d->is_changing = false;
	errand_answer(j);
	if (d->ended)
		manager_end_datastore(d, d->ended);
}

/* old NULL: there were none. The write may have failed when the new text was in its place already.
 */
static void take_back(struct errand *j, const struct plan_filter *old) ON_MAIN
{
	struct plan_datastore *p = j->datastore->plan;
	struct err err = {0};

	if (!old)
		plan_drop_group(p, j->filter.name);
	else if (plan_put_group(p, old, &err) < 0)
		log_error("datastore %s, filter %s: no memory to take the change back", p->name,
			  old->name);
	if (manager_write_plan(j->manager, &err))
		log_warn("datastore %s: a restart may see what was refused: %s", p->name, err.text);
}

/* The plan with the new parameters is on disk, or it is as it was here and there. */
static int note(struct errand *j) ON_MAIN
{
	struct plan_datastore *p = j->datastore->plan;
	struct plan_filter *was = plan_find_group(p, j->filter.name);
	struct plan_filter old;
	int rc;

	if (was && plan_filter_copy(&old, was) < 0)
		return err_set(&j->err, ENOMEM, "", "no memory");
	rc = plan_put_group(p, &j->filter, &j->err);
	if (rc == 0) {
		rc = manager_write_plan(j->manager, &j->err);
		if (!p->is_changed)
			rc = 0; /* what could not be saved is another object's */
		if (rc)
			take_back(j, was ? &old : NULL);
	}
	if (was)
		plan_filter_fini(&old);
	if (rc)
		err_prefix(&j->err, "nothing has changed");
	return rc;
}

static void back_prepared(struct errand *j) ON_MAIN
{
	if (j->result) {
		back_set(j);
		return;
	}
	j->result = note(j);
	errand_again(j, j->result ? run_abort : run_commit, back_set);
}

static struct mdatastore *find(struct manager *m, const char *name, manager_fn fn,
			       void *ctx) ON_MAIN
{
	struct mdatastore *d = manager_find_datastore(m, name);
	struct err err;

	if (m->is_stopping)
		err_set(&err, ESHUTDOWN, "", "sluice-filterd is stopping");
	else if (!d)
		err_set(&err, ENOENT, "name", "there is no datastore %s", name);
	else
		return d;
	fn(ctx, &err, NULL);
	return NULL;
}

void manager_set_group(struct manager *m, const char *name, struct plan_filter *f, manager_fn fn,
		       void *ctx)
{
	struct mdatastore *d = find(m, name, fn, ctx);
	struct errand *j = NULL;
	struct err err;

	if (d && d->is_changing) {
		err_set(&err, EBUSY, "name",
			"datastore %s has another request under way; try again when it has ended",
			name);
		fn(ctx, &err, NULL);
	} else if (d) {
		j = errand_make_on(d, run_prepare, back_prepared, fn, ctx);
	}
	if (!j) {
		plan_filter_fini(f);
		return;
	}
	j->filter = *f;
	d->is_changing = true;
	errand_start(j);
}

/* ---------------------------------------------------------------- shown */

static json_t *values(struct mdatastore *d, const struct sluice_filter_ops *ops)
{
	json_t *params = json_object();
	char text[PLAN_VALUE_MAX + 1];

	for (uint32_t i = 0; i < ops->group_param_count; i++) {
		groups_value(d->groups, ops, i, text, sizeof(text));
		json_object_set_new(params, ops->group_params[i].name, json_string(text));
	}
	return params;
}

static json_t *own_status(struct mdatastore *d, const struct sluice_filter_ops *ops)
{
	cleanup_free char *text = malloc(STATUS_BYTES);
	size_t len = text ? groups_status(d->groups, ops, text, STATUS_BYTES) : 0;
	json_t *j = len ? json_loadb(text, len, 0, NULL) : NULL;

	return j ? j : json_object();
}

static void run_show(struct errand *j) ON_WORKER
{
	struct mdatastore *d = j->datastore;
	json_t *filters = json_array();

	for (uint32_t i = 0; i < plugin_count(); i++) {
		const struct sluice_filter_ops *ops = plugin_at(i);

		if (!ops->group_create)
			continue;
		json_array_append_new(filters,
				      json_pack("{s:s, s:o, s:b, s:o}", "filter", ops->name,
						"params", values(d, ops), "is_active",
						groups_is_active(d->groups, ops), "status",
						own_status(d, ops)));
	}
	j->json = json_pack("{s:o}", "filters", filters);
	errand_ended(j, 0, NULL);
}

static void back_shown(struct errand *j) ON_MAIN
{
	errand_answer(j);
}

void manager_show_groups(struct manager *m, const char *name, manager_fn fn, void *ctx)
{
	struct mdatastore *d = find(m, name, fn, ctx);
	struct errand *j = d ? errand_make_on(d, run_show, back_shown, fn, ctx) : NULL;

	if (j)
		errand_start(j);
}
