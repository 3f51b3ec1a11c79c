/* SPDX-License-Identifier: MIT */
/* store_desired.c - all that the appliance is to be, in one consistent reading. */
#include <errno.h>

#include "json.h"
#include "row.h"
#include "store_link.h"

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
	json_t *volume;
	size_t i;

	for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		json_t *rows = row_all(s, parts[i].table, "ORDER BY t.name", err);

		if (!rows)
			return NULL;
		json_object_set_new(all, parts[i].name, rows);
	}
	json_array_foreach(json_object_get(all, "volumes"), i, volume)
	{
		if (add_links(s, volume, err) < 0)
			return NULL;
	}
	return json_incref(all);
}
