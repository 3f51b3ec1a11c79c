/* SPDX-License-Identifier: MIT */
/*
 * plan_groups.c - what filters do for whole datastores: their parameters there, changed under I/O.
 * That such a filter stands in the volumes' chains is plan_filters.c's matter: it is in their
 * rules.
 */
#include "plan_int.h"

static const json_t *filters_of(const json_t *datastore)
{
	return json_object_get(datastore, "filters");
}

/* filterd may know more parameters than the database; the defaults hold for these. */
static bool is_same(const json_t *wanted, const json_t *runs)
{
	json_t *params = json_object_get(wanted, "parameters"), *value;
	const char *name;

	json_object_foreach(params, name, value)
	{
		if (!json_equal(value, json_object_get(json_object_get(runs, "params"), name)))
			return false;
	}
	return true;
}

static void set(struct plan *p, const char *datastore, const char *filter, json_t *params)
{
	plan_step(
	    p, (struct object){"datastore", datastore}, "datastore.filter.set",
	    json_pack("{s:s, s:s, s:o}", "name", datastore, "filter", filter, "params", params),
	    "%s of filter %s on datastore %s",
	    json_object_size(params) ? "set the parameters" : "take back the parameters", filter,
	    datastore);
}

/* Here the database wants something. */
static void set_wanted(struct plan *p, const json_t *row, const json_t *runs)
{
	const char *name = plan_text(row, "name");
	const json_t *wanted;
	size_t i;

	json_array_foreach(filters_of(row), i, wanted)
	{
		const char *filter = plan_text(wanted, "filter");
		const json_t *is = plan_filters_find(filters_of(runs), filter);

		if (plan_filters_is_missing(p, wanted))
			plan_problem(
			    p, (struct object){"datastore", name},
			    "datastore %s should have the filter %s, which is not installed; "
			    "install it, or clear it from the datastore",
			    name, filter);
		else if (!is || !is_same(wanted, is))
			set(p, name, filter, json_incref(json_object_get(wanted, "parameters")));
	}
}

/* And here nothing any more. */
static void take_back(struct plan *p, const json_t *row, const json_t *runs)
{
	const json_t *is;
	size_t i;

	json_array_foreach(filters_of(runs), i, is)
	{
		const char *filter = plan_text(is, "filter");

		if (json_object_size(json_object_get(is, "params")) == 0 ||
		    plan_filters_find(filters_of(row), filter) || plan_filters_is_missing(p, is))
			continue;
		set(p, plan_text(row, "name"), filter, json_object());
	}
}

void plan_groups_set(struct plan *p)
{
	const json_t *row;
	size_t i;

	json_array_foreach(json_object_get(p->desired, "datastores"), i, row)
	{
		const char *name = plan_text(row, "name");
		const json_t *runs = json_object_get(p->datastores, name);

		if (!plan_datastores_has(p, name)) /* being deleted, or another one's */
			continue;
		take_back(p, row, runs);
		set_wanted(p, row, runs);
	}
}
