/* SPDX-License-Identifier: MIT */
/*
 * snapshot_volumes.c - volumes made of a snapshot: an exposure shows it read-only under a name of
 * its own, a clone begins as it and goes its own way. The reconciler makes them as it makes any
 * volume.
 *
 * What is encrypted stays so: an exposure has what its volume has of encryption, and a clone a
 * policy that has it. A clone of what is in clear cannot be encrypted by being made. Thread: main.
 */
#include <errno.h>
#include <string.h>

#include "access.h"
#include "app.h"
#include "datastores.h"
#include "json.h"
#include "model.h"
#include "snapshots.h"
#include "store_link.h"
#include "store_snapshots.h"
#include "tables.h"
#include "uuid.h"
#include "volume_policy.h"
#include "volume_rows.h"
#include "volume_view.h"
#include "volumes.h"

struct making {
	const json_t *source, *snapshot; /* rows */
	const char *kind;                /* "exposure", "linked", "full" */
	json_t *hosts, *groups, *policy; /* of the body */
	bool is_policy_given;
};

static bool is_exposure(const struct making *m)
{
	return strcmp(m->kind, "exposure") == 0;
}

/* ---------------------------------------------------------------- the policy */

static bool has_encryption(struct request *q, const char *policy, int64_t version)
{
	struct err err;
	int64_t id = store_id_of(q->store, &table_policies, policy, &err);
	cleanup_json json_t *rules = id ? store_policy_rules(q->store, id, version, &err) : NULL;
	const json_t *rule;
	size_t i;

	json_array_foreach(rules, i, rule)
	{
		if (strcmp(rows_text(rule, "class"), "encryption") == 0)
			return true;
	}
	return false;
}

/* The policy that it gets, and its version; "": none. */
static void choose(struct request *q, const struct making *m, const char **policy, int64_t *version,
		   json_t **keep)
{
	struct err err;

	*policy = "";
	*version = 0;
	if (m->is_policy_given) {
		*policy = m->policy ? json_string_value(m->policy) : "";
		return;
	}
	*keep = store_assignment(q->store, rows_id(m->source), &err);
	*policy = rows_text(*keep, "policy");
	*version = is_exposure(m) ? (int64_t)rows_u64(*keep, "version") : 0;
}

static int assign(struct request *q, const struct making *m, int64_t volume_id, struct err *err)
{
	const char *snapshot = rows_text(m->snapshot, "name"), *policy;
	bool is_encrypted = rows_text(m->snapshot, "key")[0], encrypts;
	cleanup_json json_t *keep = NULL;
	int64_t version;

	choose(q, m, &policy, &version, &keep);
	encrypts = *policy && has_encryption(q, policy, version);
	if (is_encrypted && !encrypts)
		return err_set(err, EINVAL, "policy",
			       "snapshot %s is encrypted, and %s%s has no encryption: nobody could "
			       "read it",
			       snapshot, *policy ? "policy " : "no policy", policy);
	if (!is_encrypted && encrypts && is_exposure(m))
		return 0; /* it is from before the encryption, and readable as it is */
	if (!is_encrypted && encrypts)
		return err_set(err, EINVAL, "policy",
			       "snapshot %s is in clear, and policy %s encrypts: give the clone "
			       "another policy, and encrypt it afterwards",
			       snapshot, policy);
	return *policy ? volume_policy_assign(q, volume_id, policy, (uint64_t)version, err) : 0;
}

/* ---------------------------------------------------------------- the volume */

static int body_take(struct request *q, struct making *m, json_t *body, struct err *err)
{
	static const char *const of_clone[] = {"name", "description", "desired_state", NULL};
	static const char *const same[] = {"datastore", "block_bytes", "write_cache", NULL};
	int rc;

	m->is_policy_given = json_object_get(body, "policy") != NULL;
	m->policy = rows_take(body, "policy");
	m->hosts = rows_take(body, "hosts");
	m->groups = rows_take(body, "host_groups");
	if (m->is_policy_given && is_exposure(m))
		return err_set(err, EINVAL, "policy",
			       "an exposure is only read, and has what its volume has");
	if (m->policy && !json_is_string(m->policy))
		return err_set(err, EINVAL, "policy", "policy must be a name, as a string");
	if ((rc = rows_names_check("hosts", m->hosts, err)) ||
	    (rc = rows_names_check("host_groups", m->groups, err)) ||
	    (rc = json_only(body, of_clone, err)))
		return rc;
	for (const char *const *s = same; *s; s++)
		json_object_set(body, *s, json_object_get(m->source, *s));
	json_object_set(
	    body, "size_bytes",
	    json_object_get(rows_u64(m->snapshot, "size_bytes") ? m->snapshot : m->source,
			    "size_bytes"));
	rc = table_check(&table_volumes, body, TABLE_CREATE, err);
	return rc ? rc : volumes_state_check(body, err);
}

static int has_room(struct request *q, const struct making *m, struct err *err)
{
	cleanup_json json_t *datastore = NULL;

	if (is_exposure(m))
		return 0;
	datastore = store_get(q->store, &table_datastores, rows_text(m->source, "datastore"), err);
	if (!datastore)
		return -err->code;
	return datastores_has_room(q, datastore, rows_u64(m->source, "size_bytes"), true, err);
}

static int links_make(struct request *q, const struct making *m, const json_t *row, struct err *err)
{
	const char *name = rows_text(row, "name");
	char iqn[224];
	int rc;

	model_iqn_make(q->app->cfg->iqn_base, name, rows_text(row, "uuid"), iqn);
	if ((rc = store_target_put(q->store, rows_id(row), iqn, err)) ||
	    (rc = store_volume_origin_put(q->store, rows_id(row), rows_id(m->snapshot), m->kind,
					  err)) ||
	    (rc =
		 store_volume_key_of_snapshot(q->store, rows_id(row), rows_id(m->snapshot), err)) ||
	    (rc = access_set(q, rows_id(row), name, m->hosts, m->groups, err)))
		return rc;
	return assign(q, m, rows_id(row), err);
}

static int insert(struct request *q, struct reply *r, const struct making *m, json_t *body,
		  struct err *err)
{
	cleanup_json json_t *row = NULL;
	const char *name;
	char uuid[37];
	int rc = uuid_make(uuid, err);

	if (rc)
		return rc;
	json_object_set_new(body, "uuid", json_string(uuid));
	row = store_insert(q->store, &table_volumes, body, err);
	if (!row)
		return -err->code;
	rc = links_make(q, m, row, err);
	if (rc)
		return rc;
	name = rows_text(row, "name");
	rest_row(q, r, &table_volumes, json_incref(row), volume_view_add);
	rows_object(r, name);
	rc = rest_event(q, "info", "volume.created", "volume", name, err,
			"volume %s, %s of snapshot %s of volume %s, was created", name,
			is_exposure(m)                   ? "a view"
			: strcmp(m->kind, "linked") == 0 ? "a linked clone"
							 : "a clone",
			rows_text(m->snapshot, "name"), rows_text(m->source, "name"));
	return rc ? rc : rest_task(q, r, "volume.create", "volume", name, false, NULL, err);
}

static int make(struct request *q, struct reply *r, const char *kind, json_t *body, struct err *err)
{
	cleanup_json json_t *snapshot = snapshots_ready(q, err), *source = NULL;
	struct making m = {.kind = kind, .snapshot = snapshot};
	int rc;

	if (!snapshot)
		return -err->code;
	m.source = source = store_get(q->store, &table_volumes, q->segments[0], err);
	if (!source)
		return -err->code;
	if (strcmp(rows_text(source, "desired_state"), "deleting") == 0)
		return err_set(err, EBUSY, "", "volume %s is being deleted",
			       rows_text(source, "name"));
	rc = body_take(q, &m, body, err);
	if (!rc)
		rc = has_room(q, &m, err);
	if (!rc)
		rc = insert(q, r, &m, body, err);
	json_decref(m.hosts);
	json_decref(m.groups);
	json_decref(m.policy);
	return rc;
}

static int expose(struct request *q, struct reply *r, struct err *err)
{
	cleanup_json json_t *body = rows_body(q, false, err);

	return body ? make(q, r, "exposure", body, err) : -err->code;
}

static int clone(struct request *q, struct reply *r, struct err *err)
{
	cleanup_json json_t *body = rows_body(q, false, err);
	bool is_linked = true;
	int rc;

	if (!body)
		return -err->code;
	rc = json_opt_bool(body, "is_linked", &is_linked, err);
	if (rc)
		return rc;
	json_object_del(body, "is_linked");
	return make(q, r, is_linked ? "linked" : "full", body, err);
}

const struct route snapshot_volumes_routes[] = {
    {"POST", "/volumes/{name}/snapshots/{snapshot}/clone", REST_OPERATOR, 0, clone, "volume", NULL},
    {"POST", "/volumes/{name}/snapshots/{snapshot}/expose", REST_OPERATOR, 0, expose, "volume",
     NULL},
    {.method = NULL},
};
