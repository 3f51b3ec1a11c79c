/* SPDX-License-Identifier: MIT */
/* store_desired.c - all that the appliance is to be, in one consistent reading. */
#include <errno.h>
#include <string.h>

#include "json.h"
#include "row.h"
#include "store_link.h"
#include "store_replication.h"
#include "store_snapshots.h"

/* Numbers of the hosts that may use a volume, by themselves or by a group, each once. */
static const char host_ids[] =
    "SELECT host_id AS item FROM volume_access WHERE volume_id = ?1 AND host_id NOT NULL"
    " UNION SELECT m.host_id FROM volume_access AS a JOIN host_group_members AS m"
    " ON m.group_id = a.group_id WHERE a.volume_id = ?1 ORDER BY 1";

static const char assignment[] =
    "SELECT a.policy_id AS policy_id, p.name AS policy, a.version AS version,"
    " p.version AS newest_version FROM assignments AS a JOIN policies AS p ON p.id = a.policy_id"
    " WHERE a.volume_id = ?1";

static const char target[] = "SELECT iqn, lun, mutual_user, mutual_secret_sealed,"
			     " mutual_changed_ms FROM targets WHERE volume_id = ?1";

static int add_policy(struct store *s, json_t *volume, int64_t id, struct err *err)
{
	cleanup_json json_t *assigned = sql_first(s, err, assignment, "i", id);
	int64_t version = json_integer_value(json_object_get(assigned, "version"));
	json_t *policy = json_object_get(assigned, "policy");
	json_t *rules = json_array();

	if (version > 0) {
		json_decref(rules);
		rules = store_policy_rules(
		    s, json_integer_value(json_object_get(assigned, "policy_id")), version, err);
	}
	if (!assigned || !rules) {
		json_decref(rules);
		return -EIO;
	}
	json_object_set_new(volume, "rules", rules);
	json_object_set(volume, "policy", policy ? policy : json_null());
	json_object_set_new(volume, "policy_version", json_integer(version));
	json_object_set_new(
	    volume, "newest_version",
	    json_integer(json_integer_value(json_object_get(assigned, "newest_version"))));
	return 0;
}

static int add_links(struct store *s, json_t *volume, struct err *err)
{
	int64_t id = json_integer_value(json_object_get(volume, "id"));
	json_t *its_target = sql_first(s, err, target, "i", id);
	json_t *hosts = sql_array(s, err, host_ids, "i", id);

	if (!its_target || !hosts) {
		json_decref(its_target);
		json_decref(hosts);
		return -EIO;
	}
	json_object_set_new(volume, "target", its_target);
	json_object_set_new(volume, "hosts", hosts);
	return add_policy(s, volume, id, err);
}

/* ---------------------------------------------------------------- what datastores bring */

static const char *text_of(const json_t *row, const char *key)
{
	const char *text = json_string_value(json_object_get(row, key));

	return text ? text : "";
}

static const json_t *find(const json_t *rows, const char *key, const char *text)
{
	const json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		if (strcmp(text_of(row, key), text) == 0)
			return row;
	}
	return NULL;
}

/* {name: text}; a filter's table has numbers as text and booleans as they are. */
static json_t *defaults_of(const json_t *filter)
{
	json_t *out = json_object();
	const json_t *p;
	size_t i;

	json_array_foreach(json_object_get(filter, "parameters"), i, p)
	{
		json_t *value = json_object_get(p, "default");

		if (json_is_boolean(value))
			json_object_set_new(out, text_of(p, "name"),
					    json_string(json_is_true(value) ? "true" : "false"));
		else if (json_is_string(value))
			json_object_set(out, text_of(p, "name"), value);
	}
	return out;
}

/*
 * A filter that is not loaded would only be in the way: the volume goes on without it. And only one
 * that keeps nothing of the volume comes by itself: a cache on a datastore is there for the volumes
 * whose policies ask for one, and its parameters there are budgets for these.
 */
static void add_datastore_rules(const json_t *datastore, const json_t *filters, json_t *rules)
{
	const json_t *of;
	size_t i;

	json_array_foreach(json_object_get(datastore, "filters"), i, of)
	{
		const json_t *filter = find(filters, "name", text_of(of, "filter"));

		if (!json_is_true(json_object_get(filter, "is_installed")) ||
		    !json_is_true(json_object_get(filter, "is_transparent")) ||
		    find(rules, "class", text_of(filter, "class")))
			continue;
		json_array_append_new(rules, json_pack("{s:s, s:s, s:s, s:o, s:s}", "class",
						       text_of(filter, "class"), "filter",
						       text_of(filter, "name"), "on_failure",
						       "bypass", "parameters", defaults_of(filter),
						       "datastore", text_of(datastore, "name")));
	}
}

static int add_filters(struct store *s, json_t *datastore, struct err *err)
{
	json_t *filters =
	    store_datastore_filters(s, json_integer_value(json_object_get(datastore, "id")), err);

	return filters ? json_object_set_new(datastore, "filters", filters) : -EIO;
}

json_t *store_desired(struct store *s, struct err *err)
{
	static const struct {
		const char *name;
		const struct store_table *table;
	} parts[] = {{"datastores", &table_datastores},
		     {"portals", &table_portals},
		     {"filters", &table_filters},
		     {"hosts", &table_hosts},
		     {"volumes", &table_volumes}};
	cleanup_snapshot struct sql_snapshot snap = sql_snapshot_begin(s);
	cleanup_json json_t *all = json_object();
	json_t *volume, *datastore;
	size_t i;

	for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		json_t *rows = row_all(s, parts[i].table, "ORDER BY t.name", err);

		if (!rows)
			return NULL;
		json_object_set_new(all, parts[i].name, rows);
	}
	json_array_foreach(json_object_get(all, "datastores"), i, datastore)
	{
		if (add_filters(s, datastore, err) < 0)
			return NULL;
	}
	json_array_foreach(json_object_get(all, "volumes"), i, volume)
	{
		if (add_links(s, volume, err) < 0)
			return NULL;
	}
	if (store_replication_desired(s, all, err) < 0 || store_snapshots_desired(s, all, err) < 0)
		return NULL;
	json_array_foreach(json_object_get(all, "volumes"), i, volume)
	{
		if (json_object_get(volume, "snapshot_of"))
			continue; /* it is only looked at */
		add_datastore_rules(
		    find(json_object_get(all, "datastores"), "name", text_of(volume, "datastore")),
		    json_object_get(all, "filters"), json_object_get(volume, "rules"));
	}
	return json_incref(all);
}
