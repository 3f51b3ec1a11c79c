/* SPDX-License-Identifier: MIT */
/*
 * plan_portals.c - where tgtd listens. While the database names no portal, those that tgtd was
 * started with stay as they are.
 */
#include <string.h>

#include "plan_int.h"

static const json_t *wanted(const struct plan *p)
{
	return json_object_get(p->desired, "portals");
}

static bool is_wanted(const struct plan *p, const char *name)
{
	const json_t *row;
	size_t i;

	json_array_foreach(wanted(p), i, row)
	{
		if (strcmp(plan_text(row, "name"), name) == 0)
			return true;
	}
	return false;
}

void plan_portals_remove(struct plan *p)
{
	const json_t *j;
	size_t i;

	if (json_array_size(wanted(p)) == 0)
		return;
	json_array_foreach(json_object_get(p->tgtd, "portals"), i, j)
	{
		const char *name = json_string_value(j);

		if (name && !is_wanted(p, name))
			plan_step(p, (struct object){"portal", name}, "portal.remove",
				  json_pack("{s:s}", "name", name), "stop listening on %s", name);
	}
}

void plan_portals_add(struct plan *p)
{
	const json_t *row;
	size_t i;

	json_array_foreach(wanted(p), i, row)
	{
		const char *name = plan_text(row, "name");

		if (!plan_has_text(json_object_get(p->tgtd, "portals"), name))
			plan_step(p, (struct object){"portal", name}, "portal.add",
				  json_pack("{s:s}", "name", name), "listen on %s", name);
	}
}
