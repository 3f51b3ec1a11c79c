/* SPDX-License-Identifier: MIT */
/* planner_wish_check.c - whether running equals desired, found out without the planner's help. */
#include <stdio.h>
#include <string.h>

#include "model.h"
#include "planner_world.h"

static bool is_word(const json_t *j, const char *key, const char *word)
{
	return strcmp(world_text(j, key), word) == 0;
}

static bool are_filters_right(const json_t *row, const json_t *runs)
{
	const json_t *rules = json_object_get(row, "rules"), *rule;
	size_t i;

	json_array_foreach(rules, i, rule)
	{
		const json_t *f =
		    world_find(world_list(runs, "filters"), "filter", world_text(rule, "filter"));

		if (!f || !is_word(f, "on_failure", world_text(rule, "on_failure")) ||
		    !json_equal(json_object_get(f, "params"), json_object_get(rule, "parameters")))
			return false;
	}
	return json_array_size(rules) == json_array_size(world_list(runs, "filters"));
}

/* Lost, or its name is somebody else's: for people to mend. */
static bool is_beyond_us(struct world *w, const json_t *row)
{
	const json_t *runs =
	    world_find(world_list(w->filterd, "volumes"), "name", world_text(row, "name"));

	if (is_word(runs, "uuid", "ffff") && world_luns(w, world_text(row, "name")))
		world_fault(w, "the stranger %s is exported as ours", world_text(row, "name"));
	return json_object_get(w->lost, world_text(row, "uuid")) || is_word(runs, "uuid", "ffff");
}

static void check_strangers(struct world *w)
{
	const json_t *v;
	size_t i;

	json_array_foreach(world_list(w->filterd, "volumes"), i, v)
	{
		if (!is_word(v, "uuid", "ffff"))
			continue;
		if (!is_word(v, "state", "serving"))
			world_fault(w, "the stranger %s was touched", world_text(v, "name"));
	}
}

static size_t count_set(const json_t *filters)
{
	const json_t *f;
	size_t i, count = 0;

	json_array_foreach(filters, i, f)
	{
		count += json_object_size(json_object_get(f, "params")) > 0;
	}
	return count;
}

static void check_datastores(struct world *w)
{
	const json_t *row, *wanted;
	size_t i, k;

	json_array_foreach(world_list(w->desired, "datastores"), i, row)
	{
		const char *name = world_text(row, "name");
		const json_t *runs = world_find(world_list(w->filterd, "datastores"), "name", name);

		if (json_is_true(json_object_get(row, "is_deleting")))
			continue;
		json_array_foreach(json_object_get(row, "filters"), k, wanted)
		{
			const json_t *is = world_find(world_list(runs, "filters"), "filter",
						      world_text(wanted, "filter"));

			if (!json_equal(json_object_get(is, "params"),
					json_object_get(wanted, "parameters")))
				world_fault(w, "%s has other parameters of its filter", name);
		}
		if (count_set(world_list(runs, "filters")) !=
		    json_array_size(json_object_get(row, "filters")))
			world_fault(w, "%s has parameters of a filter that it should not have",
				    name);
	}
}

static void check_filterd(struct world *w, const json_t *row)
{
	const char *name = world_text(row, "name");
	const json_t *runs = world_find(world_list(w->filterd, "volumes"), "name", name);
	bool is_open = is_word(row, "desired_state", "online") || *world_text(row, "transfer");

	if (is_word(row, "desired_state", "deleting")) {
		if (runs && is_word(runs, "uuid", world_text(row, "uuid")))
			world_fault(w, "%s is still there", name);
		return;
	}
	if (!runs || !is_word(runs, "uuid", world_text(row, "uuid")))
		world_fault(w, "%s is not there", name);
	else if (!is_word(runs, "state", is_open ? "serving" : "closed"))
		world_fault(w, "%s is %s", name, world_text(runs, "state"));
	else if (is_open && json_integer_value(json_object_get(row, "size_bytes")) >
				json_integer_value(json_object_get(runs, "size_bytes")))
		world_fault(w, "%s has another size", name);
	else if (is_open && !are_filters_right(row, runs))
		world_fault(w, "%s has other filters", name);
}

/* ---------------------------------------------------------------- access */

static bool is_from_right_address(const json_t *host, const char *address)
{
	const json_t *addresses = json_object_get(host, "addresses"), *j;
	size_t i;

	json_array_foreach(addresses, i, j)
	{
		if (model_address_matches(json_string_value(j), address))
			return true;
	}
	return json_array_size(addresses) == 0;
}

static void check_sessions(struct world *w, const json_t *target, const json_t *allowed,
			   bool has_chap)
{
	const json_t *s;
	size_t i;

	json_array_foreach(world_list(target, "sessions"), i, s)
	{
		const json_t *host = world_find(allowed, "iqn", world_text(s, "initiator"));

		if (!host || !is_from_right_address(host, world_text(s, "address")))
			world_fault(w, "%s has a session of %s from %s", world_text(target, "iqn"),
				    world_text(s, "initiator"), world_text(s, "address"));
		if (has_chap && !json_is_true(json_object_get(s, "with_chap")))
			world_fault(w, "%s has a session without CHAP", world_text(target, "iqn"));
	}
}

static void check_accounts(struct world *w, const json_t *target, const json_t *allowed)
{
	const json_t *accounts = world_list(target, "accounts"), *host;
	size_t i;

	if (world_index(accounts, MODEL_CHAP_GUARD) != 0)
		world_fault(w, "%s has no guard at the head", world_text(target, "iqn"));
	json_array_foreach(allowed, i, host)
	{
		const char *user = world_text(host, "chap_user");
		const json_t *account = world_find(world_list(w->tgtd, "accounts"), "user", user);

		if (world_index(accounts, user) == SIZE_MAX ||
		    !json_equal(json_object_get(account, "changed_ms"),
				json_object_get(host, "chap_changed_ms")))
			world_fault(w, "%s does not take %s", world_text(target, "iqn"), user);
	}
	if (json_array_size(accounts) != json_array_size(allowed) + 1)
		world_fault(w, "%s takes others", world_text(target, "iqn"));
}

static void check_mutual(struct world *w, const json_t *row, const json_t *target, bool has_chap)
{
	const char *user = world_text(json_object_get(row, "target"), "mutual_user");
	const json_t *account = world_find(world_list(w->tgtd, "accounts"), "user", user);

	if (user[0] == 'u') /* a host's name: may be taken */
		return;
	if (!is_word(target, "outgoing", has_chap ? user : ""))
		world_fault(w, "%s has the mutual user '%s'", world_text(target, "iqn"),
			    world_text(target, "outgoing"));
	if (has_chap && *user &&
	    !json_equal(json_object_get(account, "changed_ms"),
			json_object_get(json_object_get(row, "target"), "mutual_changed_ms")))
		world_fault(w, "%s has an old mutual secret", world_text(target, "iqn"));
}

static void check_list(struct world *w, const json_t *target, const json_t *allowed)
{
	const json_t *host;
	size_t i;

	json_array_foreach(allowed, i, host)
	{
		if (world_index(world_list(target, "initiators"), world_text(host, "iqn")) ==
		    SIZE_MAX)
			world_fault(w, "%s does not let %s in", world_text(target, "iqn"),
				    world_text(host, "iqn"));
	}
	if (json_array_size(world_list(target, "initiators")) != json_array_size(allowed) ||
	    json_array_size(world_list(target, "addresses")))
		world_fault(w, "%s lets others in", world_text(target, "iqn"));
}

static void check_tgtd(struct world *w, const json_t *row)
{
	const char *iqn = world_text(json_object_get(row, "target"), "iqn");
	json_t *target = world_find(world_list(w->tgtd, "targets"), "iqn", iqn);
	bool has_chap,
	    is_exported = is_word(row, "desired_state", "online") && is_word(row, "transfer", "");
	json_t *allowed;

	if (!is_exported || !target) {
		if (is_exported != (target != NULL))
			world_fault(w, "target %s is %s", iqn, target ? "there" : "not there");
		return;
	}
	allowed = wish_allowed(w, row, &has_chap);
	if (json_array_size(world_list(target, "luns")) != 2 ||
	    world_luns(w, world_text(row, "name")) != 1)
		world_fault(w, "%s has wrong LUNs", iqn);
	check_list(w, target, allowed);
	if (has_chap || json_array_size(allowed) == 0)
		check_accounts(w, target, allowed);
	else if (json_array_size(allowed) && json_array_size(world_list(target, "accounts")))
		world_fault(w, "%s asks for secrets", iqn);
	check_mutual(w, row, target, has_chap);
	check_sessions(w, target, allowed, has_chap);
	json_object_del(target, "is_tampered");
	json_decref(allowed);
}

/* One name has one secret in tgtd, so it is either a host's or a target's. */
static void check_owners(struct world *w)
{
	const json_t *targets = world_list(w->tgtd, "targets"), *t, *other;
	size_t i, k;

	json_array_foreach(targets, i, t)
	{
		const char *user = world_text(t, "outgoing");

		json_array_foreach(targets, k, other)
		{
			if (*user && world_index(world_list(other, "accounts"), user) != SIZE_MAX)
				world_fault(w, "%s says %s of itself, as a host does",
					    world_text(t, "iqn"), user);
		}
	}
}

static void check_others(struct world *w)
{
	const json_t *foreign = world_find(world_list(w->tgtd, "targets"), "iqn", WORLD_FOREIGN);
	const json_t *portals = world_list(w->desired, "portals"), *row;
	size_t i;

	if (world_find(world_list(w->tgtd, "targets"), "iqn", WORLD_BASE ":stray"))
		world_fault(w, "the stray target is still there");
	if (w->has_foreign != (foreign != NULL))
		world_fault(w, "somebody else's target was removed");
	if (foreign && (!world_find(world_list(foreign, "luns"), "path", "/dev/other") ||
			json_array_size(world_list(foreign, "addresses")) != 1))
		world_fault(w, "somebody else's target was changed");
	json_array_foreach(portals, i, row)
	{
		if (world_index(world_list(w->tgtd, "portals"), world_text(row, "name")) ==
		    SIZE_MAX)
			world_fault(w, "nobody listens on %s", world_text(row, "name"));
	}
	if (json_array_size(portals) &&
	    json_array_size(portals) != json_array_size(world_list(w->tgtd, "portals")))
		world_fault(w, "tgtd listens elsewhere too");
	json_array_foreach(world_list(w->desired, "datastores"), i, row)
	{
		bool is_used = world_find(world_list(w->filterd, "volumes"), "datastore",
					  world_text(row, "name"));
		bool is_there = world_find(world_list(w->filterd, "datastores"), "name",
					   world_text(row, "name"));

		if (!is_used && is_there == json_is_true(json_object_get(row, "is_deleting")))
			world_fault(w, "datastore %s is %s", world_text(row, "name"),
				    is_there ? "there" : "not there");
	}
}

void wish_check(struct world *w)
{
	const json_t *row;
	size_t i;

	json_array_foreach(world_list(w->desired, "volumes"), i, row)
	{
		if (is_beyond_us(w, row))
			continue;
		check_filterd(w, row);
		check_tgtd(w, row);
	}
	check_strangers(w);
	check_datastores(w);
	check_owners(w);
	check_others(w);
}
