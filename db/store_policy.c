/* SPDX-License-Identifier: MIT */
/* store_policy.c - policies' versions and rules, which volume has which, and whether it complies.
 */
#include <errno.h>
#include <string.h>

#include "clock.h"
#include "json.h"
#include "sql.h"
#include "store_link.h"

/* ---------------------------------------------------------------- versions */

json_t *store_policy_rules(struct store *s, int64_t policy_id, int64_t version, struct err *err)
{
	return sql_array(s, err,
			 "SELECT class, filter, on_failure, parameters AS \"parameters:json\""
			 " FROM policy_rules WHERE policy_id = ?1 AND version ="
			 " iif(?2 > 0, ?2, (SELECT p.version FROM policies AS p WHERE p.id = ?1))"
			 " ORDER BY class",
			 "ii", policy_id, version);
}

static const char *text_of(const json_t *object, const char *name, const char *otherwise)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text ? text : otherwise;
}

static int add_rule(struct store *s, int64_t policy_id, int64_t version, const json_t *rule,
		    struct err *err)
{
	json_t *parameters = json_object_get(rule, "parameters");
	const char *class = text_of(rule, "class", NULL);
	cleanup_json json_t *none = json_object();
	int rc;

	rc = sql_run(s, err,
		     "INSERT INTO policy_rules (policy_id, version, class, filter, parameters,"
		     " on_failure) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
		     "iittjt", policy_id, version, class, text_of(rule, "filter", NULL),
		     parameters ? parameters : none, text_of(rule, "on_failure", "hold"));
	if (rc == -EEXIST)
		return err_set(err, EEXIST, "rules", "class %.60s stands in two rules", class);
	return rc;
}

int64_t store_policy_add_version(struct store *s, int64_t policy_id, const json_t *rules,
				 const char *author, const char *comment, struct err *err)
{
	struct err mine = {0};
	int64_t before = sql_one_int(
	    s, &mine, 0, "SELECT max(version) FROM policy_versions WHERE policy_id = ?1", "i",
	    policy_id);
	int64_t version = before + 1;
	int rc = -mine.code;
	json_t *rule;
	size_t i;

	if (rc == 0)
		rc = sql_run(s, &mine,
			     "INSERT INTO policy_versions (policy_id, version, author, comment,"
			     " created_ms) VALUES (?1, ?2, ?3, ?4, ?5)",
			     "iitti", policy_id, version, author ? author : "",
			     comment ? comment : "", (int64_t)clock_wall_ms());
	json_array_foreach(rules, i, rule)
	{
		if (rc == 0)
			rc = add_rule(s, policy_id, version, rule, &mine);
	}
	if (rc == 0) /* the first version belongs to the new row, it is no change of it */
		rc = sql_run(s, &mine,
			     "UPDATE policies SET version = ?2, revision = revision + ?3"
			     " WHERE id = ?1",
			     "iii", policy_id, version, (int64_t)(before > 0));
	if (rc < 0 && err)
		*err = mine;
	return rc < 0 ? rc : version;
}

json_t *store_policy_versions(struct store *s, int64_t policy_id, struct err *err)
{
	return sql_array(
	    s, err,
	    "SELECT v.version AS version, v.author AS author, v.comment AS comment,"
	    " v.created_ms AS created_ms, (SELECT count(*) FROM assignments AS a WHERE"
	    " a.policy_id = v.policy_id AND a.version = v.version) AS volumes"
	    " FROM policy_versions AS v WHERE v.policy_id = ?1 ORDER BY v.version DESC",
	    "i", policy_id);
}

json_t *store_filter_users(struct store *s, const char *filter, struct err *err)
{
	cleanup_json json_t *policies = sql_array(
	    s, err,
	    "SELECT p.name AS item FROM policies AS p WHERE EXISTS (SELECT 1 FROM policy_rules AS r"
	    " WHERE r.policy_id = p.id AND r.filter = ?1 AND (r.version = p.version OR r.version IN"
	    " (SELECT a.version FROM assignments AS a WHERE a.policy_id = p.id)))"
	    " ORDER BY p.name",
	    "t", filter);
	cleanup_json json_t *volumes = sql_array(
	    s, err,
	    "SELECT v.name AS item FROM assignments AS a JOIN volumes AS v ON v.id = a.volume_id"
	    " WHERE EXISTS (SELECT 1 FROM policy_rules AS r WHERE r.policy_id = a.policy_id"
	    " AND r.version = a.version AND r.filter = ?1) ORDER BY v.name",
	    "t", filter);
	cleanup_json json_t *datastores =
	    sql_array(s, err,
		      "SELECT d.name AS item FROM datastore_filters AS f JOIN datastores AS d"
		      " ON d.id = f.datastore_id WHERE f.filter = ?1 ORDER BY d.name",
		      "t", filter);

	return policies && volumes && datastores
		   ? json_pack("{s:O, s:O, s:O}", "policies", policies, "volumes", volumes,
			       "datastores", datastores)
		   : NULL;
}

/* ---------------------------------------------------------------- assignments */

int store_assign(struct store *s, int64_t volume_id, int64_t policy_id, int64_t version,
		 struct err *err)
{
	int rc;

	if (policy_id == 0)
		return sql_run(s, err, "DELETE FROM assignments WHERE volume_id = ?1", "i",
			       volume_id);
	rc = sql_run(
	    s, err,
	    "INSERT INTO assignments (volume_id, policy_id, version, assigned_ms)"
	    " VALUES (?1, ?2, iif(?3 > 0, ?3, (SELECT version FROM policies WHERE id = ?2)),"
	    " ?4) ON CONFLICT (volume_id) DO UPDATE SET policy_id = excluded.policy_id,"
	    " version = excluded.version, assigned_ms = excluded.assigned_ms",
	    "iiii", volume_id, policy_id, version, (int64_t)clock_wall_ms());
	if (rc == -EBUSY || rc == -EINVAL)
		return err_set(err, ENOENT, "version", "the policy has no version %lld",
			       (long long)version);
	return rc;
}

json_t *store_assignment(struct store *s, int64_t volume_id, struct err *err)
{
	return sql_first(s, err,
			 "SELECT p.name AS policy, a.version AS version,"
			 " p.version AS newest_version, a.assigned_ms AS assigned_ms"
			 " FROM assignments AS a JOIN policies AS p ON p.id = a.policy_id"
			 " WHERE a.volume_id = ?1",
			 "i", volume_id);
}

/* ---------------------------------------------------------------- compliance */

int store_compliance_put(struct store *s, int64_t volume_id, const char *status,
			 const json_t *causes, struct err *err)
{
	cleanup_json json_t *none = json_array();

	return sql_run(s, err,
		       "INSERT INTO compliance (volume_id, status, causes, checked_ms)"
		       " VALUES (?1, ?2, ?3, ?4) ON CONFLICT (volume_id) DO UPDATE SET"
		       " status = excluded.status, causes = excluded.causes,"
		       " checked_ms = excluded.checked_ms",
		       "itji", volume_id, status, causes ? causes : none, (int64_t)clock_wall_ms());
}

json_t *store_compliance(struct store *s, int64_t volume_id, struct err *err)
{
	json_t *found = sql_first(s, err,
				  "SELECT status, causes AS \"causes:json\", checked_ms"
				  " FROM compliance WHERE volume_id = ?1",
				  "i", volume_id);

	if (!json_is_null(found))
		return found;
	return json_pack("{s:s, s:[], s:i}", "status", "unknown", "causes", "checked_ms", 0);
}
