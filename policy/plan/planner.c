/* SPDX-License-Identifier: MIT */
/*
 * planner.c - the order of it all. See plan_int.h for what the steps of a plan may rely on.
 */
#include "planner.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "plan_int.h"

void plan_step(struct plan *p, struct object o, const char *step, json_t *arguments,
	       const char *fmt, ...)
{
	char text[384];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	json_array_append_new(p->steps, json_pack("{s:s, s:s, s:s, s:s, s:o}", "step", step,
						  "object_type", o.type, "object_name", o.name,
						  "text", text, "arguments", arguments));
}

void plan_problem(struct plan *p, struct object o, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	json_array_append_new(p->problems, json_pack("{s:s, s:s, s:s}", "object_type", o.type,
						     "object_name", o.name, "text", text));
}

/* What takes access away: before everything else. */
static void withdraw(struct plan *p)
{
	plan_portals_remove(p);
	plan_targets_strange(p);
	for (size_t i = 0; i < p->view_count; i++) {
		plan_access_withdraw(p, &p->views[i]);
		plan_targets_remove(p, &p->views[i]);
	}
	plan_accounts_delete(p);
}

static void change_filterd(struct plan *p)
{
	for (size_t i = 0; i < p->view_count; i++)
		plan_volumes_close(p, &p->views[i]);
	plan_datastores_remove(p);
	plan_datastores_add(p);
	plan_groups_set(p);
	for (size_t i = 0; i < p->view_count; i++) {
		plan_volumes_make(p, &p->views[i]);
		plan_filters_change(p, &p->views[i]);
	}
}

/* What gives access: last. */
static void grant(struct plan *p)
{
	plan_accounts_create(p);
	for (size_t i = 0; i < p->view_count; i++)
		if (plan_targets_make(p, &p->views[i]))
			plan_access_grant(p, &p->views[i]);
	plan_portals_add(p);
}

static const json_t *when_up(const json_t *running, const char *daemon)
{
	const json_t *j = json_object_get(running, daemon);

	return json_is_true(json_object_get(j, "is_up")) ? j : NULL;
}

static struct plan make(const json_t *desired, const json_t *running, const char *iqn_base)
{
	struct plan p = {.desired = desired,
			 .filterd = when_up(running, "filterd"),
			 .tgtd = when_up(running, "tgtd"),
			 .iqn_base = iqn_base,
			 .steps = json_array(),
			 .problems = json_array()};

	plan_view_build(&p);
	for (size_t i = 0; i < p.view_count; i++)
		plan_volumes_check(&p, &p.views[i]);
	if (p.tgtd) {
		plan_accounts_build(&p);
		withdraw(&p);
	}
	if (p.filterd)
		change_filterd(&p);
	if (p.tgtd)
		grant(&p);
	plan_view_free(&p);
	return p;
}

json_t *planner_steps(const json_t *desired, const json_t *running, const char *iqn_base)
{
	struct plan p = make(desired, running, iqn_base);

	json_decref(p.problems);
	return p.steps;
}

/* A target's IQN is base, ":" and the volume's name, which has no ':'. "": there is no target yet.
 */
static void find_base(const json_t *desired, char base[224])
{
	const json_t *first = json_array_get(json_object_get(desired, "volumes"), 0);
	const char *iqn = plan_text(json_object_get(first, "target"), "iqn");
	const char *colon = strrchr(iqn, ':');

	snprintf(base, 224, "%.*s", colon ? (int)(colon - iqn) : 0, iqn);
}

json_t *planner_problems(const json_t *desired, const json_t *running)
{
	char base[224];
	struct plan p;

	find_base(desired, base);
	p = make(desired, running, base);
	json_decref(p.steps);
	return p.problems;
}

json_t *planner_strangers(const json_t *desired, const json_t *running)
{
	json_t *out = json_array(), *known = json_object();
	const json_t *j;
	size_t i;

	json_array_foreach(json_object_get(desired, "volumes"), i, j)
	{
		json_object_set_new(known, plan_text(j, "uuid"), json_true());
	}
	json_array_foreach(json_object_get(when_up(running, "filterd"), "volumes"), i, j)
	{
		if (!json_object_get(known, plan_text(j, "uuid")))
			json_array_append_new(
			    out,
			    json_pack("{s:s, s:s, s:s, s:I}", "name", plan_text(j, "name"), "uuid",
				      plan_text(j, "uuid"), "datastore", plan_text(j, "datastore"),
				      "size_bytes", plan_number(j, "size_bytes")));
	}
	json_decref(known);
	return out;
}
