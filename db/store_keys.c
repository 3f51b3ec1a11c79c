/* SPDX-License-Identifier: MIT */
/* store_keys.c - versions of keys, and which volume needs which. */
#include "clock.h"
#include "sql.h"
#include "store_link.h"

json_t *store_key_versions(struct store *s, int64_t key_id, struct err *err)
{
	return sql_array(s, err,
			 "SELECT version, provider_key_id, state, created_ms FROM key_versions"
			 " WHERE key_id = ?1 ORDER BY version DESC",
			 "i", key_id);
}

int store_key_version_add(struct store *s, int64_t key_id, int64_t version,
			  const char *provider_key_id, struct err *err)
{
	int rc = sql_run(s, err,
			 "UPDATE key_versions SET state = 'retired' WHERE key_id = ?1"
			 " AND version < ?2 AND state = 'active'",
			 "ii", key_id, version);

	if (rc < 0)
		return rc;
	return sql_run(s, err,
		       "INSERT INTO key_versions (key_id, version, provider_key_id, created_ms)"
		       " VALUES (?1, ?2, ?3, ?4) ON CONFLICT (key_id, version) DO UPDATE SET"
		       " provider_key_id = excluded.provider_key_id, state = 'active'",
		       "iiti", key_id, version, provider_key_id, (int64_t)clock_wall_ms());
}

json_t *store_key_volumes(struct store *s, int64_t key_id, struct err *err)
{
	return sql_array(s, err,
			 "SELECT v.name AS volume, k.version, k.is_formatted AS"
			 " \"is_formatted:bool\" FROM volume_keys AS k JOIN volumes AS v"
			 " ON v.id = k.volume_id WHERE k.key_id = ?1 ORDER BY v.name",
			 "i", key_id);
}

json_t *store_volume_key(struct store *s, int64_t volume_id, struct err *err)
{
	return sql_first(s, err,
			 "SELECT n.name AS \"key\", k.version, p.name AS provider,"
			 " r.provider_key_id, k.is_formatted AS \"is_formatted:bool\""
			 " FROM volume_keys AS k JOIN keys AS n ON n.id = k.key_id"
			 " JOIN key_providers AS p ON p.id = n.provider_id"
			 " LEFT JOIN key_versions AS r ON r.key_id = k.key_id"
			 " AND r.version = k.version WHERE k.volume_id = ?1",
			 "i", volume_id);
}

int store_volume_key_put(struct store *s, int64_t volume_id, int64_t key_id, int64_t version,
			 bool is_formatted, struct err *err)
{
	if (key_id == 0)
		return sql_run(s, err, "DELETE FROM volume_keys WHERE volume_id = ?1", "i",
			       volume_id);
	return sql_run(s, err,
		       "INSERT INTO volume_keys (volume_id, key_id, version, is_formatted,"
		       " changed_ms) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (volume_id) DO UPDATE"
		       " SET key_id = excluded.key_id, version = excluded.version, is_formatted ="
		       " excluded.is_formatted, changed_ms = excluded.changed_ms",
		       "iiiii", volume_id, key_id, version, (int64_t)is_formatted,
		       (int64_t)clock_wall_ms());
}

json_t *store_encrypted_volumes(struct store *s, struct err *err)
{
	return sql_array(s, err,
			 "SELECT v.id, v.name, r.filter, r.parameters AS \"parameters:json\""
			 " FROM volumes AS v JOIN assignments AS a ON a.volume_id = v.id"
			 " JOIN policy_rules AS r ON r.policy_id = a.policy_id"
			 " AND r.version = a.version AND r.class = 'encryption'"
			 " WHERE v.desired_state <> 'deleting'"
			 " AND NOT EXISTS (SELECT 1 FROM replication_members AS m"
			 " JOIN replications AS n ON n.id = m.replication_id"
			 " WHERE m.volume_id = v.id AND (n.role = 'secondary'"
			 " OR (n.role = 'none' AND n.initial_role = 'secondary')))"
			 " ORDER BY v.name",
			 "");
}

json_t *store_stale_volume_keys(struct store *s, struct err *err)
{
	return sql_array(
	    s, err,
	    "SELECT v.id, v.name, r.filter, o.name AS \"key\", k.version, n.name AS target,"
	    " n.version AS target_version FROM volume_keys AS k"
	    " JOIN volumes AS v ON v.id = k.volume_id AND v.desired_state <> 'deleting'"
	    " JOIN keys AS o ON o.id = k.key_id JOIN assignments AS a ON a.volume_id = v.id"
	    " JOIN policy_rules AS r ON r.policy_id = a.policy_id AND r.version = a.version"
	    " AND r.class = 'encryption'"
	    " JOIN keys AS n ON n.name = json_extract(r.parameters, '$.key_id')"
	    " WHERE k.is_formatted AND n.state = 'active' AND NOT EXISTS"
	    " (SELECT 1 FROM volume_origins AS x WHERE x.volume_id = v.id AND x.kind = 'exposure')"
	    " AND (n.id <> k.key_id OR n.version > k.version) ORDER BY v.name",
	    "");
}
