/* SPDX-License-Identifier: MIT */
/*
 * store_replication.c - which volumes a replication has; and what it means for a volume: the rule
 * of its chain, made of the filter's defaults, the policy of the group's first volume, the
 * replication's own settings, and what makes the group.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "json.h"
#include "row.h"
#include "store_link.h"
#include "store_replication.h"

json_t *store_replication_members(struct store *s, int64_t replication_id, struct err *err)
{
	return sql_array(s, err,
			 "SELECT m.member, v.name AS volume, v.uuid, v.id AS volume_id,"
			 " v.size_bytes FROM replication_members AS m"
			 " JOIN volumes AS v ON v.id = m.volume_id"
			 " WHERE m.replication_id = ?1 ORDER BY m.member",
			 "i", replication_id);
}

int store_replication_member_add(struct store *s, int64_t replication_id, int64_t volume_id,
				 int64_t member, struct err *err)
{
	return sql_run(s, err,
		       "INSERT INTO replication_members (replication_id, volume_id, member)"
		       " VALUES (?1, ?2, ?3)",
		       "iii", replication_id, volume_id, member);
}

json_t *store_volume_replication(struct store *s, int64_t volume_id, struct err *err)
{
	return sql_first(s, err,
			 "SELECT r.name AS name, r.phase AS phase, r.role AS role,"
			 " r.initial_role AS initial_role, r.group_uuid AS group_uuid,"
			 " r.id AS id, m.member AS member, p.name AS peer"
			 " FROM replication_members AS m"
			 " JOIN replications AS r ON r.id = m.replication_id"
			 " JOIN peers AS p ON p.id = r.peer_id WHERE m.volume_id = ?1",
			 "i", volume_id);
}

json_t *store_replication_of_group(struct store *s, const char *group_uuid, struct err *err)
{
	cleanup_json json_t *names = sql_array(
	    s, err, "SELECT name AS item FROM replications WHERE group_uuid = ?1", "t", group_uuid);

	if (!names)
		return NULL;
	if (json_array_size(names) == 0)
		return json_null();
	return store_get(s, &table_replications, json_string_value(json_array_get(names, 0)), err);
}

int store_replication_drop(struct store *s, int64_t replication_id, struct err *err)
{
	return sql_run(s, err, "DELETE FROM replications WHERE id = ?1", "i", replication_id);
}

/* ---------------------------------------------------------------- the rule */

static const char *text_of(const json_t *row, const char *key)
{
	const char *text = json_string_value(json_object_get(row, key));

	return text ? text : "";
}

static void put(json_t *to, const char *name, json_t *value)
{
	json_object_set_new(to, name, value);
}

static json_t *number_text(json_int_t n)
{
	char text[24];

	snprintf(text, sizeof(text), "%lld", (long long)n);
	return json_string(text);
}

static void put_settings(json_t *to, const json_t *row)
{
	static const char *const names[] = {"mode",
					    "when_peer_is_lost",
					    "rpo_target_ms",
					    "rpo_warning_ms",
					    "rpo_error_ms",
					    "bandwidth_bytes_per_s",
					    "bandwidth_day_bytes_per_s",
					    "day_from_h",
					    "day_to_h",
					    "backpressure_max_ms",
					    "compression",
					    "journal_bytes",
					    "stage_bytes"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		json_t *v = json_object_get(row, names[i]);

		if (json_is_string(v))
			json_object_set(to, names[i], v);
		else if (json_is_integer(v))
			put(to, names[i], number_text(json_integer_value(v)));
	}
}

static void put_group(json_t *to, const json_t *row, json_int_t member, size_t members)
{
	const char *uuid = text_of(row, "group_uuid");
	char hex[33];
	size_t used = 0;

	for (; *uuid && used < sizeof(hex) - 1; uuid++)
		if (*uuid != '-')
			hex[used++] = *uuid;
	hex[used] = '\0';
	put(to, "group", json_string(hex));
	put(to, "peer", json_string(text_of(row, "peer")));
	put(to, "witness", json_string(text_of(row, "witness")));
	put(to, "is_leader", json_string(member == 0 ? "true" : "false"));
	put(to, "member", number_text(member));
	put(to, "members", number_text((json_int_t)members));
	put(to, "initial_role", json_string(text_of(row, "initial_role")));
}

/* The parameters of a policy's rule for this filter, taken out of the volume's rules. */
static json_t *take_rule(json_t *rules)
{
	json_t *rule;
	size_t i;

	json_array_foreach(rules, i, rule)
	{
		if (strcmp(text_of(rule, "filter"), "replication") == 0) {
			json_t *parameters = json_incref(json_object_get(rule, "parameters"));

			json_array_remove(rules, i);
			return parameters;
		}
	}
	return NULL;
}

static json_t *find(const json_t *rows, const char *key, const char *text)
{
	json_t *row;
	size_t i;

	json_array_foreach((json_t *)(uintptr_t)rows, i, row)
	{
		if (strcmp(text_of(row, key), text) == 0)
			return row;
	}
	return NULL;
}

static void put_defaults(json_t *to, const json_t *filter)
{
	const json_t *p;
	size_t i;

	json_array_foreach(json_object_get(filter, "parameters"), i, p)
	{
		json_t *value = json_object_get(p, "default");

		if (json_is_boolean(value))
			put(to, text_of(p, "name"),
			    json_string(json_is_true(value) ? "true" : "false"));
		else if (json_is_string(value))
			json_object_set(to, text_of(p, "name"), value);
	}
}

static json_t *rule_of(const json_t *filters, const json_t *policy, const json_t *row,
		       json_int_t member, size_t members)
{
	json_t *parameters = json_object();

	put_defaults(parameters, find(filters, "name", "replication"));
	if (policy)
		json_object_update(parameters, (json_t *)(uintptr_t)policy);
	put_settings(parameters, row);
	put_group(parameters, row, member, members);
	return json_pack("{s:s, s:s, s:s, s:o, s:O}", "class", "replication", "filter",
			 "replication", "on_failure", "hold", "parameters", parameters,
			 "replication", json_object_get(row, "name"));
}

static int add_one(struct store *s, const json_t *row, json_t *policies, json_t *all,
		   struct err *err)
{
	cleanup_json json_t *members =
	    store_replication_members(s, json_integer_value(json_object_get(row, "id")), err);
	const char *phase = text_of(row, "phase");
	const json_t *first = json_array_get(members, 0), *m;
	const json_t *policy = json_object_get(policies, text_of(first, "volume"));
	size_t i;

	if (!members)
		return -EIO;
	json_array_foreach(members, i, m)
	{
		json_int_t number = json_integer_value(json_object_get(m, "member"));
		json_t *volume =
		    find(json_object_get(all, "volumes"), "name", text_of(m, "volume"));

		if (!volume)
			continue;
		put(volume, "replication",
		    json_pack("{s:O, s:s, s:O, s:O, s:O}", "name", json_object_get(row, "name"),
			      "phase", phase, "role", json_object_get(row, "role"), "initial_role",
			      json_object_get(row, "initial_role"), "peer",
			      json_object_get(row, "peer")));
		if (strcmp(phase, "attaching") == 0 || strcmp(phase, "active") == 0)
			json_array_append_new(json_object_get(volume, "rules"),
					      rule_of(json_object_get(all, "filters"), policy, row,
						      number, json_array_size(members)));
	}
	return 0;
}

/* A policy's rule of the class says how; that a volume is replicated, and where to, a replication
 * alone says. */
int store_replication_desired(struct store *s, json_t *all, struct err *err)
{
	cleanup_json json_t *rows = row_all(s, &table_replications, "ORDER BY t.name", err);
	cleanup_json json_t *policies = json_object();
	const json_t *row;
	json_t *volume;
	size_t i;

	if (!rows)
		return -EIO;
	json_array_foreach(json_object_get(all, "volumes"), i, volume)
	{
		json_t *policy = take_rule(json_object_get(volume, "rules"));

		if (policy) {
			json_object_set_new(policies, text_of(volume, "name"), policy);
			put(volume, "wants_replication", json_true());
		}
	}
	json_array_foreach(rows, i, row)
	{
		if (add_one(s, row, policies, all, err) < 0)
			return -EIO;
	}
	json_object_set(all, "replications", rows);
	return 0;
}
