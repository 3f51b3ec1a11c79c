/* SPDX-License-Identifier: MIT */
/* planner_wish.c - a desired state that changes at random. */
#include <stdio.h>
#include <string.h>

#include "model.h"
#include "planner_world.h"

static json_t *rows(const struct world *w, const char *table)
{
	return json_object_get(w->desired, table);
}

static json_int_t number(const json_t *j, const char *key)
{
	return json_integer_value(json_object_get(j, key));
}

/* ---------------------------------------------------------------- who may get in */

json_t *wish_allowed(const struct world *w, const json_t *row, bool *has_chap)
{
	json_t *allowed = json_array(), *id;
	size_t i;

	*has_chap = false;
	for (int pass = 0; pass < 2; pass++)
		json_array_foreach(json_object_get(row, "hosts"), i, id)
		{
			json_t *host =
			    json_array_get(rows(w, "hosts"), (size_t)json_integer_value(id) - 1);

			if (pass == 0)
				*has_chap |= *world_text(host, "chap_user") != '\0';
			else if (!*has_chap || *world_text(host, "chap_user"))
				json_array_append(allowed, host);
		}
	return allowed;
}

static bool is_exported(const json_t *row)
{
	return strcmp(world_text(row, "desired_state"), "online") == 0 &&
	       *world_text(row, "transfer") == '\0';
}

static void grant(struct world *w, const char *volume, const char *who, json_int_t how)
{
	char key[400];

	if (!*who)
		return;
	snprintf(key, sizeof(key), "%s|%s", volume, who);
	how |= json_integer_value(json_object_get(w->granted, key));
	json_object_set_new(w->granted, key, json_integer(how));
}

static void note_granted(struct world *w)
{
	const json_t *row, *host;
	size_t i, k;

	json_array_foreach(rows(w, "volumes"), i, row)
	{
		bool has_chap;
		json_t *allowed = wish_allowed(w, row, &has_chap);

		if (is_exported(row))
			json_array_foreach(allowed, k, host)
			{
				grant(w, world_text(row, "name"), world_text(host, "iqn"),
				      has_chap ? 1 : 2);
				grant(w, world_text(row, "name"), world_text(host, "chap_user"), 1);
			}
		json_decref(allowed);
	}
}

void wish_note(struct world *w)
{
	json_t *row;
	size_t i;

	json_array_foreach(rows(w, "volumes"), i, row)
	{
		const json_t *runs =
		    world_find(world_list(w->filterd, "volumes"), "name", world_text(row, "name"));
		bool is_ours =
		    runs && strcmp(world_text(runs, "uuid"), world_text(row, "uuid")) == 0;

		if (!w->is_filterd_up)
			continue;
		if (is_ours) {
			json_object_set_new(row, "is_created", json_true());
		} else if (strcmp(world_text(row, "desired_state"), "deleting") == 0) {
			json_array_remove(rows(w, "volumes"), i);
			i--;
		}
	}
	note_granted(w);
}

/* ---------------------------------------------------------------- what people want */

static json_t *random_rules(struct world *w)
{
	static const char *const filters[][2] = {{"trace", "inspection"},
						 {"tally", "inspection"},
						 {"delay", "io_control"},
						 {"shares", "io_control"}};
	json_t *rules = json_array();

	for (size_t class = 0; class < 2; class ++) {
		const char *const *f = filters[class * 2 + world_random(w, 2)];

		if (world_random(w, 2))
			json_array_append_new(
			    rules,
			    json_pack("{s:s, s:s, s:s, s:{s:s}}", "class", f[1], "filter", f[0],
				      "on_failure", world_random(w, 2) ? "hold" : "bypass",
				      "parameters", "n", world_random(w, 2) ? "1" : "2"));
	}
	return rules;
}

static json_t *random_hosts(struct world *w)
{
	json_t *ids = json_array();

	for (int id = 1; id <= WORLD_HOSTS; id++)
		if (world_random(w, 2))
			json_array_append_new(ids, json_integer(id));
	return ids;
}

static void add_volume(struct world *w)
{
	const json_t *on = json_array_get(rows(w, "datastores"), world_random(w, 2));
	char name[16], iqn[80], uuid[40];

	if (json_is_true(json_object_get(on, "is_deleting")))
		return;
	snprintf(name, sizeof(name), "v%d", (int)world_random(w, WORLD_VOLUMES));
	if (world_find(rows(w, "volumes"), "name", name))
		return;
	snprintf(iqn, sizeof(iqn), "%s:%s", WORLD_BASE, name);
	snprintf(uuid, sizeof(uuid), "00000000-0000-0000-0000-%012d", (int)++w->last_id);
	json_array_append_new(
	    rows(w, "volumes"),
	    json_pack("{s:s, s:s, s:s, s:i, s:i, s:s, s:b, s:s, s:s, s:b, s:{s:s, s:i, s:s, s:i}, "
		      "s:o, s:o}",
		      "name", name, "uuid", uuid, "datastore", world_text(on, "name"), "size_bytes",
		      1 << 20, "block_bytes", 512, "write_cache", "durable", "is_thin", 1,
		      "desired_state", "online", "transfer", "", "is_created", 0, "target", "iqn",
		      iqn, "lun", 1, "mutual_user", "", "mutual_changed_ms", 0, "rules",
		      random_rules(w), "hosts", random_hosts(w)));
}

static void change_volume(struct world *w, json_t *row)
{
	static const char *const states[] = {"online", "online", "offline", "deleting"};
	static const char *const transfers[] = {"", "", "import"};
	json_t *target = json_object_get(row, "target");
	char user[16];

	if (strcmp(world_text(row, "desired_state"), "deleting") == 0)
		return;
	switch (world_random(w, 7)) {
	case 0:
		json_object_set_new(row, "desired_state", json_string(states[world_random(w, 4)]));
		return;
	case 1:
		json_object_set_new(row, "transfer", json_string(transfers[world_random(w, 3)]));
		return;
	case 2:
		json_object_set_new(row, "size_bytes",
				    json_integer(number(row, "size_bytes") + 4096));
		return;
	case 3:
		json_object_set_new(row, "rules", random_rules(w));
		return;
	case 4: /* one name for two owners now and then */
		snprintf(user, sizeof(user), world_random(w, 4) ? "m-%s" : "u1",
			 world_text(row, "name"));
		json_object_set_new(target, "mutual_user",
				    json_string(world_random(w, 3) ? user : ""));
		json_object_set_new(target, "mutual_changed_ms", json_integer(++w->last_id));
		return;
	default:
		json_object_set_new(row, "hosts", random_hosts(w));
	}
}

static void change_host(struct world *w)
{
	json_int_t id = 1 + (json_int_t)world_random(w, WORLD_HOSTS);
	json_t *host = json_array_get(rows(w, "hosts"), (size_t)id - 1);
	char text[32];

	switch (world_random(w, 3)) {
	case 0:
		snprintf(text, sizeof(text), "10.0.0.%d%s", (int)id,
			 world_random(w, 2) ? "" : "/31");
		json_object_set_new(host, "addresses", json_array());
		if (world_random(w, 2))
			json_array_append_new(json_object_get(host, "addresses"),
					      json_string(text));
		return;
	case 1:
		snprintf(text, sizeof(text), "u%d", (int)id);
		json_object_set_new(host, "chap_user", json_string(world_random(w, 3) ? text : ""));
		json_object_set_new(host, "chap_changed_ms", json_integer(++w->last_id));
		return;
	default:
		json_object_set_new(host, "chap_changed_ms", json_integer(++w->last_id));
	}
}

static void change_portals(struct world *w)
{
	static const char *const names[] = {"0.0.0.0:3260", "10.0.0.9:3260", "[fd00::9]:3260"};

	json_array_clear(rows(w, "portals"));
	for (size_t i = 0; i < 3; i++)
		if (world_random(w, 2))
			json_array_append_new(rows(w, "portals"),
					      json_pack("{s:s}", "name", names[i]));
}

static void change_datastore(struct world *w)
{
	json_t *row = json_array_get(rows(w, "datastores"), world_random(w, 2));
	bool is_used = world_find(rows(w, "volumes"), "datastore", world_text(row, "name"));

	json_object_set_new(row, "is_deleting", json_boolean(!is_used && world_random(w, 2)));
}

/* In the chain of every volume there, unless its policy has one of the class. The world knows no
 * policies: a volume whose rule is not marked has it from one. */
static void follow_datastore(struct world *w, const json_t *datastore)
{
	bool is_wanted = json_array_size(json_object_get(datastore, "filters")) > 0;
	json_t *row, *rules;
	size_t i;

	json_array_foreach(rows(w, "volumes"), i, row)
	{
		json_t *rule;

		if (strcmp(world_text(row, "datastore"), world_text(datastore, "name")) != 0)
			continue;
		rules = json_object_get(row, "rules");
		rule = world_find(rules, "class", "io_control");
		if (rule && json_object_get(rule, "datastore") && !is_wanted)
			world_take_out(rules, rule);
		else if (!rule && is_wanted)
			json_array_append_new(rules, json_pack("{s:s, s:s, s:s, s:{s:s}, s:s}",
							       "class", "io_control", "filter",
							       "shares", "on_failure", "bypass",
							       "parameters", "n", "0", "datastore",
							       world_text(datastore, "name")));
	}
}

static void change_datastore_filters(struct world *w)
{
	json_t *row = json_array_get(rows(w, "datastores"), world_random(w, 2));
	json_t *filters = json_array();

	if (world_random(w, 3))
		json_array_append_new(filters,
				      json_pack("{s:s, s:{s:s}}", "filter", "shares", "parameters",
						"m", world_random(w, 2) ? "1" : "2"));
	json_object_set_new(row, "filters", filters);
	follow_datastore(w, row);
}

static void follow_datastores(struct world *w)
{
	json_t *row;
	size_t i;

	json_array_foreach(rows(w, "datastores"), i, row)
	{
		follow_datastore(w, row);
	}
}

void wish_change(struct world *w)
{
	size_t count = json_array_size(rows(w, "volumes"));

	switch (world_random(w, 9)) {
	case 7:
		change_datastore_filters(w);
		break;
	case 0:
		add_volume(w);
		break;
	case 1:
		change_portals(w);
		break;
	case 2:
		change_datastore(w);
		break;
	case 3:
	case 4:
		change_host(w);
		break;
	default:
		if (count)
			change_volume(w,
				      json_array_get(rows(w, "volumes"), world_random(w, count)));
	}
	follow_datastores(w);
	note_granted(w);
}

void wish_init(struct world *w)
{
	w->desired =
	    json_pack("{s:[{s:s, s:s, s:s, s:b, s:b}, {s:s, s:s, s:s, s:b, s:b}], s:[], "
		      "s:[], s:[], s:[]}",
		      "datastores", "name", "d0", "type", "dir", "path", "/d0", "is_buffered", 0,
		      "is_deleting", 0, "name", "d1", "type", "mem", "path", "", "is_buffered", 0,
		      "is_deleting", 0, "volumes", "hosts", "portals", "filters");
	for (int id = 1; id <= WORLD_HOSTS; id++) {
		char iqn[64], user[16];

		snprintf(iqn, sizeof(iqn), "iqn.2026-01.org.example:h%d", id);
		snprintf(user, sizeof(user), "u%d", id);
		json_array_append_new(rows(w, "hosts"),
				      json_pack("{s:i, s:s, s:s, s:[], s:s, s:i}", "id", id, "name",
						user, "iqn", iqn, "addresses", "chap_user",
						world_random(w, 2) ? user : "", "chap_changed_ms",
						1));
	}
	for (int i = 0; i < WORLD_VOLUMES; i++)
		add_volume(w);
	wish_note(w);
}
