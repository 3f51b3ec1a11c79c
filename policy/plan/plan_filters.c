/* SPDX-License-Identifier: MIT */
/* plan_filters.c - a volume's filters against its rules, changed while it runs. */
#include <string.h>

#include "plan_int.h"

const json_t *plan_filters_find(const json_t *list, const char *filter)
{
	const json_t *j;
	size_t i;

	json_array_foreach(list, i, j)
	{
		if (strcmp(plan_text(j, "filter"), filter) == 0)
			return j;
	}
	return NULL;
}

static const json_t *rules_of(const struct view *v)
{
	return json_object_get(v->row, "rules");
}

/* A filter that the database does not know at all may be there: filterd says so when asked. */
bool plan_filters_is_missing(const struct plan *p, const json_t *of)
{
	const json_t *row = json_object_get(p->filters, plan_text(of, "filter"));

	return row && !json_is_true(json_object_get(row, "is_installed"));
}

bool plan_filters_installed(struct plan *p, const struct view *v)
{
	const json_t *rule;
	size_t i;

	json_array_foreach(rules_of(v), i, rule)
	{
		if (!plan_filters_is_missing(p, rule))
			continue;
		plan_problem(p, plan_volume_of(v),
			     "volume %s should have the filter %s, which is not installed; install "
			     "it, or choose another policy",
			     v->name, plan_text(rule, "filter"));
		return false;
	}
	return true;
}

static json_t *params_of(const json_t *rule)
{
	json_t *params = json_object_get(rule, "parameters");

	return params ? json_incref(params) : json_object();
}

json_t *plan_filters_of(const struct view *v)
{
	json_t *filters = json_array();
	const json_t *rule;
	size_t i;

	json_array_foreach(rules_of(v), i, rule)
	{
		json_array_append_new(filters, json_pack("{s:s, s:s, s:o}", "filter",
							 plan_text(rule, "filter"), "on_failure",
							 plan_text(rule, "on_failure"), "params",
							 params_of(rule)));
	}
	return filters;
}

static bool is_same(const json_t *rule, const json_t *runs)
{
	json_t *wanted = json_object_get(rule, "parameters"), *value;
	const json_t *params = json_object_get(runs, "params");
	const char *name;

	json_object_foreach(wanted, name, value)
	{
		if (!json_equal(value, json_object_get(params, name)))
			return false;
	}
	return strcmp(plan_text(rule, "on_failure"), plan_text(runs, "on_failure")) == 0;
}

bool plan_filters_has_others(const struct view *v)
{
	const json_t *runs;
	size_t i;

	json_array_foreach(json_object_get(v->runs, "filters"), i, runs)
	{
		if (!plan_filters_find(rules_of(v), plan_text(runs, "filter")) &&
		    !plan_needs_to_stay(v, runs))
			return true;
	}
	return false;
}

void plan_filters_detach(struct plan *p, const struct view *v)
{
	const json_t *runs;
	size_t i;

	json_array_foreach(json_object_get(v->runs, "filters"), i, runs)
	{
		const char *filter = plan_text(runs, "filter");

		if (!plan_filters_find(rules_of(v), filter) && !plan_needs_to_stay(v, runs))
			plan_step(p, plan_volume_of(v), "filter.detach",
				  json_pack("{s:s, s:s}", "name", v->name, "filter", filter),
				  "detach filter %s from volume %s", filter, v->name);
	}
}

static void put(struct plan *p, const struct view *v, const json_t *rule, bool is_there)
{
	const char *filter = plan_text(rule, "filter");

	plan_step(p, plan_volume_of(v), is_there ? "filter.set" : "filter.attach",
		  json_pack("{s:s, s:s, s:s, s:o}", "name", v->name, "filter", filter, "on_failure",
			    plan_text(rule, "on_failure"), "params", params_of(rule)),
		  is_there ? "change filter %s of volume %s" : "attach filter %s to volume %s",
		  filter, v->name);
}

/* An encryption that stays leaves no room for another of its class. */
static bool is_in_the_way(const struct view *v, const json_t *rule)
{
	const json_t *runs;
	size_t i;

	json_array_foreach(json_object_get(v->runs, "filters"), i, runs)
	{
		if (plan_needs_to_stay(v, runs) &&
		    (uint32_t)plan_number(runs, "class") ==
			model_class_number(plan_text(rule, "class")) &&
		    strcmp(plan_text(runs, "filter"), plan_text(rule, "filter")) != 0)
			return true;
	}
	return false;
}

void plan_filters_change(struct plan *p, const struct view *v)
{
	const json_t *rule;
	size_t i;

	if (!v->runs || !v->wants_open || (!v->is_opening && !plan_is_serving(v->runs)))
		return;
	if (!v->is_opening) /* first, as two filters of one class do not go together */
		plan_filters_detach(p, v);
	json_array_foreach(rules_of(v), i, rule)
	{
		const json_t *runs = plan_filters_find(json_object_get(v->runs, "filters"),
						       plan_text(rule, "filter"));

		if ((runs ? !is_same(rule, runs) : !plan_filters_is_missing(p, rule)) &&
		    !plan_needs_flash(p, v, rule) && !is_in_the_way(v, rule))
			put(p, v, rule, runs != NULL);
	}
}
