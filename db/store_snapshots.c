/* SPDX-License-Identifier: MIT */
/* store_snapshots.c - which snapshots a volume has, who needs them, and what a schedule is for. */
#include "store_snapshots.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "json.h"
#include "row.h"

static const char *text_of(const json_t *row, const char *key)
{
	const char *text = json_string_value(json_object_get(row, key));

	return text ? text : "";
}

/* ---------------------------------------------------------------- rows */

static json_t *rows_where(struct store *s, const char *column, int64_t id, const char *order,
			  struct err *err)
{
	char tail[120];

	snprintf(tail, sizeof(tail), "WHERE t.%s = %lld ORDER BY %s", column, (long long)id, order);
	return row_all(s, &table_snapshots, tail, err);
}

json_t *store_snapshot_get(struct store *s, const char *volume, const char *snapshot,
			   struct err *err)
{
	int64_t volume_id = store_id_of(s, &table_volumes, volume, err), id;
	struct err why = {0};

	if (!volume_id)
		return NULL;
	id = sql_one_int(s, &why, 0,
			 "SELECT id FROM snapshots WHERE volume_id = ?1 AND (name = ?2 OR uuid ="
			 " ?2) ORDER BY name = ?2 DESC",
			 "it", volume_id, snapshot);
	if (why.code) {
		*err = why;
		return NULL;
	}
	if (!id) {
		err_set(err, ENOENT, "", "volume %s has no snapshot %.80s", volume, snapshot);
		return NULL;
	}
	return store_get_id(s, &table_snapshots, id, err);
}

json_t *store_snapshots_of_volume(struct store *s, int64_t volume_id, struct err *err)
{
	return rows_where(s, "volume_id", volume_id, "t.created_ms, t.id", err);
}

json_t *store_snapshots_of_group(struct store *s, int64_t group_id, struct err *err)
{
	return rows_where(s, "group_id", group_id, "t.id", err);
}

json_t *store_snapshots_of_schedule(struct store *s, int64_t schedule_id, struct err *err)
{
	return rows_where(s, "schedule_id", schedule_id, "t.created_ms DESC, t.id DESC", err);
}

/* ---------------------------------------------------------------- who needs them */

json_t *store_snapshot_users(struct store *s, int64_t snapshot_id, struct err *err)
{
	return sql_array(s, err,
			 "SELECT v.name, o.kind FROM volume_origins AS o JOIN volumes AS v"
			 " ON v.id = o.volume_id WHERE o.snapshot_id = ?1 ORDER BY v.name",
			 "i", snapshot_id);
}

json_t *store_volume_snapshot_users(struct store *s, int64_t volume_id, struct err *err)
{
	return sql_array(s, err,
			 "SELECT v.name, o.kind, n.name AS snapshot FROM volume_origins AS o"
			 " JOIN volumes AS v ON v.id = o.volume_id"
			 " JOIN snapshots AS n ON n.id = o.snapshot_id"
			 " WHERE n.volume_id = ?1 ORDER BY v.name",
			 "i", volume_id);
}

json_t *store_volumes_with_snapshots(struct store *s, struct err *err)
{
	return sql_array(s, err,
			 "SELECT name AS item FROM volumes WHERE id IN"
			 " (SELECT volume_id FROM snapshots UNION"
			 " SELECT volume_id FROM replication_members) ORDER BY name",
			 "");
}

bool store_volume_is_replicated(struct store *s, const char *volume, struct err *err)
{
	return sql_one_int(s, err, 0,
			   "SELECT count(*) FROM replication_members AS m JOIN volumes AS v"
			   " ON v.id = m.volume_id WHERE v.name = ?1 COLLATE NOCASE",
			   "t", volume) > 0;
}

json_t *store_volumes_created(struct store *s, struct err *err)
{
	return sql_array(s, err,
			 "SELECT v.name AS item FROM volumes AS v JOIN datastores AS d"
			 " ON d.id = v.datastore_id AND d.type = 'dir' WHERE v.is_created"
			 " AND v.desired_state <> 'deleting' AND NOT EXISTS (SELECT 1 FROM"
			 " volume_origins AS x WHERE x.volume_id = v.id AND x.kind = 'exposure')"
			 " ORDER BY v.name",
			 "");
}

json_t *store_full_clones(struct store *s, const char *volume, struct err *err)
{
	return sql_array(s, err,
			 "SELECT c.id, c.name, c.uuid, n.uuid AS snapshot FROM volume_origins AS o"
			 " JOIN volumes AS c ON c.id = o.volume_id AND c.is_created"
			 " JOIN snapshots AS n ON n.id = o.snapshot_id"
			 " JOIN volumes AS v ON v.id = n.volume_id AND v.name = ?1"
			 " WHERE o.kind = 'full' ORDER BY c.name",
			 "t", volume);
}

json_t *store_snapshots_sum(struct store *s, int64_t volume_id, struct err *err)
{
	return sql_first(s, err,
			 "SELECT count(*) AS count, ifnull(sum(own_bytes), 0) AS own_bytes"
			 " FROM snapshots WHERE volume_id = ?1",
			 "i", volume_id);
}

json_t *store_snapshots_sums(struct store *s, struct err *err)
{
	return sql_array(
	    s, err,
	    "SELECT v.name AS volume, count(*) AS count, sum(n.own_bytes) AS own_bytes,"
	    " v.size_bytes, sum(n.state IN ('degraded', 'missing')) AS degraded"
	    " FROM snapshots AS n JOIN volumes AS v ON v.id = n.volume_id"
	    " GROUP BY v.id ORDER BY v.name",
	    "");
}

json_t *store_snapshot_tasks(struct store *s, struct err *err)
{
	return row_all(s, &table_tasks,
		       "WHERE t.state IN ('queued', 'running') AND t.kind GLOB 'snapshot.*'"
		       " ORDER BY t.id",
		       err);
}

/* ---------------------------------------------------------------- what a volume came from */

json_t *store_volume_origin(struct store *s, int64_t volume_id, struct err *err)
{
	return sql_first(s, err,
			 "SELECT o.kind, v.name AS volume, n.uuid AS snapshot,"
			 " n.name AS snapshot_name FROM volume_origins AS o"
			 " JOIN snapshots AS n ON n.id = o.snapshot_id"
			 " JOIN volumes AS v ON v.id = n.volume_id WHERE o.volume_id = ?1",
			 "i", volume_id);
}

int store_volume_origin_put(struct store *s, int64_t volume_id, int64_t snapshot_id,
			    const char *kind, struct err *err)
{
	if (!kind)
		return sql_run(s, err, "DELETE FROM volume_origins WHERE volume_id = ?1", "i",
			       volume_id);
	return sql_run(s, err,
		       "INSERT INTO volume_origins (volume_id, snapshot_id, kind)"
		       " VALUES (?1, ?2, ?3)",
		       "iit", volume_id, snapshot_id, kind);
}

/* ---------------------------------------------------------------- keys */

int store_snapshot_key_note(struct store *s, int64_t snapshot_id, int64_t volume_id,
			    struct err *err)
{
	return sql_run(s, err,
		       "UPDATE snapshots SET (key_id, key_version) = (SELECT key_id, version FROM"
		       " volume_keys WHERE volume_id = ?2) WHERE id = ?1 AND EXISTS"
		       " (SELECT 1 FROM volume_keys WHERE volume_id = ?2)",
		       "ii", snapshot_id, volume_id);
}

int store_volume_key_of_snapshot(struct store *s, int64_t volume_id, int64_t snapshot_id,
				 struct err *err)
{
	return sql_run(s, err,
		       "INSERT INTO volume_keys (volume_id, key_id, version, is_formatted,"
		       " changed_ms) SELECT ?1, key_id, key_version, 1, ?3 FROM snapshots"
		       " WHERE id = ?2 AND key_id NOT NULL"
		       " ON CONFLICT (volume_id) DO UPDATE SET key_id = excluded.key_id,"
		       " version = excluded.version, is_formatted = 1,"
		       " changed_ms = excluded.changed_ms",
		       "iii", volume_id, snapshot_id, (int64_t)clock_wall_ms());
}

/* ---------------------------------------------------------------- schedules */

json_t *store_schedules(struct store *s, struct err *err)
{
	return row_all(s, &table_snapshot_schedules, "ORDER BY t.name", err);
}

json_t *store_schedule_listed(struct store *s, int64_t schedule_id, struct err *err)
{
	return sql_array(s, err,
			 "SELECT v.name AS item FROM snapshot_schedule_volumes AS l"
			 " JOIN volumes AS v ON v.id = l.volume_id WHERE l.schedule_id = ?1"
			 " ORDER BY v.name",
			 "i", schedule_id);
}

/* An exposure never changes: there is nothing to take of it. */
json_t *store_schedule_volumes(struct store *s, int64_t schedule_id, struct err *err)
{
	return sql_array(
	    s, err,
	    "SELECT v.id, v.name FROM volumes AS v WHERE v.desired_state <> 'deleting'"
	    " AND NOT EXISTS (SELECT 1 FROM volume_origins AS x WHERE"
	    " x.volume_id = v.id AND x.kind = 'exposure') AND (v.id IN (SELECT volume_id FROM"
	    " snapshot_schedule_volumes WHERE schedule_id = ?1) OR v.id IN"
	    " (SELECT a.volume_id FROM assignments AS a JOIN snapshot_schedules AS c"
	    " ON c.policy_id = a.policy_id WHERE c.id = ?1)) ORDER BY v.name",
	    "i", schedule_id);
}

int store_schedule_set(struct store *s, int64_t schedule_id, const json_t *names, struct err *err)
{
	const json_t *name;
	size_t i;
	int rc = sql_run(s, err, "DELETE FROM snapshot_schedule_volumes WHERE schedule_id = ?1",
			 "i", schedule_id);

	json_array_foreach(names, i, name)
	{
		int64_t id = rc ? 0 : store_id_of(s, &table_volumes, json_string_value(name), err);

		if (rc == 0 && !id)
			rc = -err->code;
		if (rc == 0)
			rc = sql_run(s, err,
				     "INSERT INTO snapshot_schedule_volumes (schedule_id,"
				     " volume_id) VALUES (?1, ?2)",
				     "ii", schedule_id, id);
	}
	return rc;
}

/* ---------------------------------------------------------------- the desired state */

/* What an exposure shows is read and never written: of its rules only what makes it readable. */
static json_t *reading_rules(const json_t *rules)
{
	json_t *kept = json_array(), *rule;
	size_t i;

	json_array_foreach((json_t *)(uintptr_t)rules, i, rule)
	{
		if (strcmp(text_of(rule, "class"), "encryption") == 0)
			json_array_append(kept, rule);
	}
	return kept;
}

int store_snapshots_desired(struct store *s, json_t *all, struct err *err)
{
	json_t *volume;
	size_t i;

	json_array_foreach(json_object_get(all, "volumes"), i, volume)
	{
		json_t *from =
		    store_volume_origin(s, json_integer_value(json_object_get(volume, "id")), err);
		const char *kind = text_of(from, "kind");

		if (!from)
			return -EIO;
		if (strcmp(kind, "exposure") == 0) {
			json_object_set_new(volume, "rules",
					    reading_rules(json_object_get(volume, "rules")));
			json_object_set(volume, "snapshot_of", from);
		} else if (*kind) {
			json_object_set(volume, "clone_from", from);
		}
		json_decref(from);
	}
	return 0;
}
