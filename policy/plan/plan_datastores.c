/* SPDX-License-Identifier: MIT */
/* plan_datastores.c - datastores: added before the volumes on them, removed when none is left. */
#include <string.h>

#include "plan_int.h"

static bool is_deleting(const json_t *row)
{
	return json_is_true(json_object_get(row, "is_deleting"));
}

static bool is_same(const json_t *row, const json_t *runs)
{
	return strcmp(plan_text(row, "type"), plan_text(runs, "type")) == 0 &&
	       strcmp(plan_text(row, "path"), plan_text(runs, "path")) == 0;
}

/* Where one of them does not know, nothing speaks against it. */
static bool is_other_folder(const json_t *row, const json_t *runs)
{
	const char *wanted = plan_text(row, "uuid"), *is = plan_text(runs, "uuid");

	return *wanted && *is && strcmp(wanted, is) != 0;
}

bool plan_datastores_has(const struct plan *p, const char *name)
{
	const json_t *row;
	size_t i;

	json_array_foreach(json_object_get(p->desired, "datastores"), i, row)
	{
		const json_t *runs = json_object_get(p->datastores, name);

		if (strcmp(plan_text(row, "name"), name) == 0)
			return !is_deleting(row) &&
			       (!runs || (is_same(row, runs) && !is_other_folder(row, runs)));
	}
	return false;
}

static void add(struct plan *p, const json_t *row)
{
	const char *name = plan_text(row, "name");

	plan_step(p, (struct object){"datastore", name}, "datastore.add",
		  json_pack("{s:s, s:s, s:s, s:b, s:s}", "name", name, "type",
			    plan_text(row, "type"), "path", plan_text(row, "path"), "is_buffered",
			    json_is_true(json_object_get(row, "is_buffered")), "uuid",
			    plan_text(row, "uuid")),
		  "add datastore %s, %s %s", name, plan_text(row, "type"), plan_text(row, "path"));
}

void plan_datastores_add(struct plan *p)
{
	const json_t *row;
	size_t i;

	json_array_foreach(json_object_get(p->desired, "datastores"), i, row)
	{
		const char *name = plan_text(row, "name");
		const json_t *runs = json_object_get(p->datastores, name);

		if (is_deleting(row))
			continue;
		if (!runs)
			add(p, row);
		else if (!is_same(row, runs))
			plan_problem(
			    p, (struct object){"datastore", name},
			    "sluice-filterd has datastore %s at %s %s, not at %s %s; nothing is "
			    "created on it",
			    name, plan_text(runs, "type"), plan_text(runs, "path"),
			    plan_text(row, "type"), plan_text(row, "path"));
		else if (is_other_folder(row, runs))
			plan_problem(p, (struct object){"datastore", name},
				     "the mark in %s says %s, and datastore %s is %s; is the right "
				     "disk mounted there? Nothing is created on it",
				     plan_text(runs, "path"), plan_text(runs, "uuid"), name,
				     plan_text(row, "uuid"));
	}
}

/* A volume on it that this plan does not delete, or NULL. */
static const json_t *volume_left(const struct plan *p, const char *datastore)
{
	const json_t *runs;
	size_t i;

	json_array_foreach(json_object_get(p->filterd, "volumes"), i, runs)
	{
		const json_t *row = json_object_get(p->rows, plan_text(runs, "name"));
		bool is_going = row && strcmp(plan_text(row, "desired_state"), "deleting") == 0 &&
				strcmp(plan_text(row, "uuid"), plan_text(runs, "uuid")) == 0;

		if (!is_going && strcmp(plan_text(runs, "datastore"), datastore) == 0)
			return runs;
	}
	return NULL;
}

void plan_datastores_remove(struct plan *p)
{
	const json_t *row;
	size_t i;

	json_array_foreach(json_object_get(p->desired, "datastores"), i, row)
	{
		struct object o = {"datastore", plan_text(row, "name")};
		const json_t *left;

		if (!is_deleting(row) || !json_object_get(p->datastores, o.name))
			continue;
		left = volume_left(p, o.name);
		if (left)
			plan_problem(
			    p, o,
			    "datastore %s cannot be removed: volume %s is on it and is not "
			    "to be deleted",
			    o.name, plan_text(left, "name"));
		else
			plan_step(p, o, "datastore.remove", json_pack("{s:s}", "name", o.name),
				  "remove datastore %s", o.name);
	}
}
