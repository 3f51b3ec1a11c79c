/* SPDX-License-Identifier: MIT */
/* planner_world_check.c - what must hold after every step: nobody gets in whom nobody allowed. */
#include "planner_world.h"

#include <stdio.h>
#include <string.h>

#include "model.h"

static json_int_t grants(const struct world *w, const char *volume, const char *who)
{
	char key[400];

	snprintf(key, sizeof(key), "%s|%s", volume, who);
	return json_integer_value(json_object_get(w->granted, key));
}

static void check_volume(struct world *w, const json_t *target, const char *volume)
{
	const json_t *accounts = world_list(target, "accounts"), *j;
	size_t i;

	if (json_array_size(world_list(target, "addresses")))
		world_fault(w, "%s is reachable by address, under any name", volume);
	json_array_foreach(world_list(target, "initiators"), i, j)
	{
		json_int_t g = grants(w, volume, json_string_value(j));

		if (g == 0)
			world_fault(w, "%s is reachable by %s", volume, json_string_value(j));
		if (json_array_size(accounts) == 0 && !(g & 2))
			world_fault(w, "%s is reachable by %s without a secret", volume,
				    json_string_value(j));
	}
	json_array_foreach(accounts, i, j)
	{
		const char *user = json_string_value(j);

		if (strcmp(user, MODEL_CHAP_GUARD) != 0 && !grants(w, volume, user) &&
		    json_array_size(world_list(target, "initiators")))
			world_fault(w, "%s is reachable with the secret of %s", volume, user);
	}
}

void world_check_reach(struct world *w)
{
	const json_t *target, *lun;
	size_t i, k;

	json_array_foreach(world_list(w->tgtd, "targets"), i, target)
	{
		if (json_object_get(target, "is_tampered") ||
		    strcmp(world_text(target, "iqn"), WORLD_FOREIGN) == 0)
			continue;
		json_array_foreach(world_list(target, "luns"), k, lun)
		{
			if (json_integer_value(json_object_get(lun, "lun")) != 0)
				check_volume(w, target, world_text(lun, "path"));
		}
	}
}

/* What withdraws comes before what grants. */
void world_check_order(struct world *w, const json_t *steps)
{
	static const char *const withdraws[] = {"portal.remove",  "acl.unbind", "session.close",
						"account.unbind", "lun.delete", "target.delete",
						"account.delete", NULL};
	static const char *const grants_access[] = {"acl.bind",   "account.bind",  "account.create",
						    "lun.create", "target.create", "portal.add",
						    NULL};
	const char *granting = NULL;
	bool is_attaching = false;
	const json_t *step;
	size_t i;

	json_array_foreach(steps, i, step)
	{
		is_attaching |= strcmp(world_text(step, "step"), "filter.attach") == 0;
		if (is_attaching && strcmp(world_text(step, "step"), "datastore.filter.set") == 0)
			world_fault(w, "a datastore's filter is set after it was attached");
		for (const char *const *s = grants_access; *s; s++)
			if (strcmp(world_text(step, "step"), *s) == 0)
				granting = *s;
		for (const char *const *s = withdraws; granting && *s; s++)
			if (strcmp(world_text(step, "step"), *s) == 0)
				world_fault(w, "%s comes after %s", *s, granting);
	}
}
