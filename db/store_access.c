/* SPDX-License-Identifier: MIT */
/* store_access.c - who is in a group, who may use a volume, and the volume's target. */
#include <errno.h>

#include "clock.h"
#include "sql.h"
#include "store_link.h"

/* text: a statement that takes the owner's id and the id of what is named. */
static int add_each(struct store *s, const char *text, int64_t owner_id,
		    const struct store_table *t, const json_t *names, const char *field,
		    struct err *err)
{
	struct err mine = {0};
	json_t *name;
	size_t i;

	json_array_foreach(names, i, name)
	{
		int64_t id =
		    store_id_of(s, t, json_is_string(name) ? json_string_value(name) : "", &mine);

		if (mine.code || sql_run(s, &mine, text, "ii", owner_id, id) < 0) {
			int rc = err_set(err, mine.code, field, "%s", mine.text);

			return rc;
		}
	}
	return 0;
}

/* ---------------------------------------------------------------- groups */

int store_group_set(struct store *s, int64_t group_id, const json_t *names, struct err *err)
{
	int rc =
	    sql_run(s, err, "DELETE FROM host_group_members WHERE group_id = ?1", "i", group_id);

	return rc < 0 ? rc
		      : add_each(s,
				 "INSERT INTO host_group_members (group_id, host_id)"
				 " VALUES (?1, ?2) ON CONFLICT DO NOTHING",
				 group_id, &table_hosts, names, "members", err);
}

json_t *store_group_members(struct store *s, int64_t group_id, struct err *err)
{
	return sql_array(s, err,
			 "SELECT h.name AS item FROM host_group_members AS m"
			 " JOIN hosts AS h ON h.id = m.host_id WHERE m.group_id = ?1"
			 " ORDER BY h.name",
			 "i", group_id);
}

/* ---------------------------------------------------------------- access */

int store_access_set(struct store *s, int64_t volume_id, const json_t *hosts, const json_t *groups,
		     struct err *err)
{
	int rc = 0;

	if (hosts)
		rc = sql_run(s, err,
			     "DELETE FROM volume_access WHERE volume_id = ?1 AND host_id NOT NULL",
			     "i", volume_id);
	if (rc == 0 && hosts)
		rc = add_each(s,
			      "INSERT INTO volume_access (volume_id, host_id) VALUES (?1, ?2)"
			      " ON CONFLICT DO NOTHING",
			      volume_id, &table_hosts, hosts, "hosts", err);
	if (rc == 0 && groups)
		rc = sql_run(s, err,
			     "DELETE FROM volume_access WHERE volume_id = ?1 AND group_id NOT NULL",
			     "i", volume_id);
	if (rc == 0 && groups)
		rc = add_each(s,
			      "INSERT INTO volume_access (volume_id, group_id) VALUES (?1, ?2)"
			      " ON CONFLICT DO NOTHING",
			      volume_id, &table_host_groups, groups, "host_groups", err);
	return rc;
}

json_t *store_access(struct store *s, int64_t volume_id, struct err *err)
{
	json_t *hosts = sql_array(s, err,
				  "SELECT h.name AS item FROM volume_access AS a"
				  " JOIN hosts AS h ON h.id = a.host_id WHERE a.volume_id = ?1"
				  " ORDER BY h.name",
				  "i", volume_id);
	json_t *groups = sql_array(s, err,
				   "SELECT g.name AS item FROM volume_access AS a"
				   " JOIN host_groups AS g ON g.id = a.group_id"
				   " WHERE a.volume_id = ?1 ORDER BY g.name",
				   "i", volume_id);

	if (hosts && groups)
		return json_pack("{s:o, s:o}", "hosts", hosts, "host_groups", groups);
	json_decref(hosts);
	json_decref(groups);
	return NULL;
}

json_t *store_access_hosts(struct store *s, int64_t volume_id, struct err *err)
{
	return sql_array(s, err,
			 "SELECT name, chap_user, chap_secret_sealed FROM hosts WHERE id IN"
			 " (SELECT host_id FROM volume_access WHERE volume_id = ?1"
			 " UNION SELECT m.host_id FROM volume_access AS a"
			 " JOIN host_group_members AS m ON m.group_id = a.group_id"
			 " WHERE a.volume_id = ?1) ORDER BY name",
			 "i", volume_id);
}

json_t *store_host_volumes(struct store *s, int64_t host_id, struct err *err)
{
	return sql_array(s, err,
			 "SELECT name AS item FROM volumes WHERE id IN"
			 " (SELECT volume_id FROM volume_access WHERE host_id = ?1 OR group_id IN"
			 " (SELECT group_id FROM host_group_members WHERE host_id = ?1))"
			 " ORDER BY name",
			 "i", host_id);
}

json_t *store_group_volumes(struct store *s, int64_t group_id, struct err *err)
{
	return sql_array(s, err,
			 "SELECT v.name AS item FROM volume_access AS a JOIN volumes AS v"
			 " ON v.id = a.volume_id WHERE a.group_id = ?1 ORDER BY v.name",
			 "i", group_id);
}

/* ---------------------------------------------------------------- targets */

int store_target_put(struct store *s, int64_t volume_id, const char *iqn, struct err *err)
{
	int rc = sql_run(s, err,
			 "INSERT INTO targets (volume_id, iqn) VALUES (?1, ?2)"
			 " ON CONFLICT (volume_id) DO UPDATE SET iqn = excluded.iqn",
			 "it", volume_id, iqn);

	if (rc == -EEXIST)
		return err_set(err, EEXIST, "iqn", "iqn %.200s is taken by another volume", iqn);
	return rc;
}

json_t *store_target(struct store *s, int64_t volume_id, struct err *err)
{
	json_t *found = sql_first(s, err,
				  "SELECT iqn, lun, mutual_user, mutual_secret_sealed,"
				  " mutual_changed_ms FROM targets WHERE volume_id = ?1",
				  "i", volume_id);

	if (!json_is_null(found))
		return found;
	err_set(err, ENOENT, "", "the volume has no target");
	return NULL;
}

int store_target_mutual(struct store *s, int64_t volume_id, const char *user,
			const char *secret_sealed, struct err *err)
{
	bool is_on = user && user[0];

	return sql_run(s, err,
		       "UPDATE targets SET mutual_user = ?2, mutual_secret_sealed = ?3,"
		       " mutual_changed_ms = max(?4, mutual_changed_ms + 1) WHERE volume_id = ?1",
		       "itti", volume_id, is_on ? user : "", is_on ? secret_sealed : NULL,
		       (int64_t)clock_wall_ms());
}
