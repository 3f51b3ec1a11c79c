/* SPDX-License-Identifier: MIT */
/*
 * store_link.h - what hangs on the rows: policies' versions and rules, assignments, compliance,
 * datastores' filters, members, access, tasks' logs, events, audit, idempotency; and the desired
 * state in one piece.
 *
 * Thread, errors: as store.h. JSON is returned as a new reference. What changes something stands in
 * the caller's transaction.
 */
#ifndef DB_STORE_LINK_H
#define DB_STORE_LINK_H

#include "store.h"

/* ---------------------------------------------------------------- policies */

/* [{"class", "filter", "on_failure", "parameters": {name: text}}] in no order; version 0: the
 * newest. */
json_t *store_policy_rules(struct store *s, int64_t policy_id, int64_t version, struct err *err);
/* Adds version N+1 with these rules (of the same shape) and makes it the newest. Returns N+1, or
 * -errno. */
int64_t store_policy_add_version(struct store *s, int64_t policy_id, const json_t *rules,
				 const char *author, const char *comment, struct err *err);
/* [{"version", "author", "comment", "created_ms", "volumes": count}], newest first. */
json_t *store_policy_versions(struct store *s, int64_t policy_id, struct err *err);
/* {"policies": [], "volumes": [], "datastores": []}: names of policies whose newest or any assigned
 * version has this filter, of the volumes that have it by one, of datastores that have it for all
 * their volumes. */
json_t *store_filter_users(struct store *s, const char *filter, struct err *err);

/* policy_id 0: takes the assignment away. */
int must_check store_assign(struct store *s, int64_t volume_id, int64_t policy_id, int64_t version,
			    struct err *err);
/* {"policy": name, "version", "newest_version", "assigned_ms"}, or null when there is none. */
json_t *store_assignment(struct store *s, int64_t volume_id, struct err *err);
int must_check store_compliance_put(struct store *s, int64_t volume_id, const char *status,
				    const json_t *causes, struct err *err);
/* {"status", "causes", "checked_ms"}; "unknown" before the first check. */
json_t *store_compliance(struct store *s, int64_t volume_id, struct err *err);

/* ---------------------------------------------------------------- datastores' filters */

/* [{"filter", "parameters": {name: text}}], sorted: filters that stand in the chain of every volume
 * on the datastore, but where the volume's policy has a rule of that class. */
json_t *store_datastore_filters(struct store *s, int64_t datastore_id, struct err *err);
/* parameters NULL: takes it away. */
int must_check store_datastore_filter_put(struct store *s, int64_t datastore_id, const char *filter,
					  const json_t *parameters, struct err *err);
/* [names] of the datastores that have any. */
json_t *store_datastores_filtered(struct store *s, struct err *err);
/* [names] of volumes on these, sorted, up to limit of those behind after. */
json_t *store_volumes_filtered(struct store *s, const char *after, uint32_t limit, struct err *err);

/* ---------------------------------------------------------------- access */

/* names: JSON array of host names; -ENOENT names the one that is missing. */
int must_check store_group_set(struct store *s, int64_t group_id, const json_t *names,
			       struct err *err);
json_t *store_group_members(struct store *s, int64_t group_id, struct err *err); /* [names] */
/* Both arrays of names; replaces what was there. NULL leaves that part as it is. */
int must_check store_access_set(struct store *s, int64_t volume_id, const json_t *hosts,
				const json_t *groups, struct err *err);
json_t *store_access(struct store *s, int64_t volume_id,
		     struct err *err); /* {"hosts": [], "host_groups": []} */
/* Every host that may use the volume, once, by itself or by a group: [{"name", "chap_user",
 * "chap_secret_sealed"}]. */
json_t *store_access_hosts(struct store *s, int64_t volume_id, struct err *err);
json_t *store_host_volumes(struct store *s, int64_t host_id,
			   struct err *err); /* [names], groups' included */
json_t *store_group_volumes(struct store *s, int64_t group_id, struct err *err);

int must_check store_target_put(struct store *s, int64_t volume_id, const char *iqn,
				struct err *err);
/* {"iqn", "lun", "mutual_user", "mutual_secret_sealed", "mutual_changed_ms"} */
json_t *store_target(struct store *s, int64_t volume_id, struct err *err);
int must_check store_target_mutual(struct store *s, int64_t volume_id, const char *user,
				   const char *secret_sealed, struct err *err); /* user "": none */

/* ---------------------------------------------------------------- keys: what is known of them */

/* [{"version", "provider_key_id", "state", "created_ms"}], newest first. */
json_t *store_key_versions(struct store *s, int64_t key_id, struct err *err);
/* The older ones become retired. Done twice it is one version. */
int must_check store_key_version_add(struct store *s, int64_t key_id, int64_t version,
				     const char *provider_key_id, struct err *err);
/* [{"volume", "version", "is_formatted"}]: who needs it. */
json_t *store_key_volumes(struct store *s, int64_t key_id, struct err *err);
/* {"key", "version", "provider", "provider_key_id" (null: not known any more), "is_formatted"}, or
 * null. */
json_t *store_volume_key(struct store *s, int64_t volume_id, struct err *err);
/* key_id 0: takes it away. */
int must_check store_volume_key_put(struct store *s, int64_t volume_id, int64_t key_id,
				    int64_t version, bool is_formatted, struct err *err);
/* [{"id", "name", "filter", "parameters"}]: volumes whose policy has a rule of class encryption,
 * but replicas: their header comes from the side that serves. */
json_t *store_encrypted_volumes(struct store *s, struct err *err);
/* [{"id", "name", "filter", "key", "version", "target", "target_version"}]: those of them whose
 * header was made with another key, or an older version, than the policy names now. */
json_t *store_stale_volume_keys(struct store *s, struct err *err);

/* ---------------------------------------------------------------- the desired state in one piece
 */

/*
 * One consistent reading of all that planner and reconciler need:
 * {"datastores": [row + {"filters": store_datastore_filters()}], "portals": [rows],
 *  "filters": [rows],
 *  "volumes": [row + {"target": {...}, "rules": [...], "policy": name|null, "policy_version",
 *                     "newest_version", "hosts": [host ids, groups resolved, each once]}],
 *  "hosts": [rows with secrets sealed]}. Hidden columns are included. A volume's rules are all that
 * hold for it: its policy's, and those that its datastore's filters stand for, with the defaults,
 * on_failure "bypass" where that is allowed, and the datastore's name as "datastore". What comes
 * from a snapshot: store_snapshots_desired().
 */
json_t *store_desired(struct store *s, struct err *err);

/* ---------------------------------------------------------------- records */

/* Returns the task's id or -errno. parameters may be NULL. */
int64_t store_task_add(struct store *s, const char *kind, const char *object_type,
		       const char *object_name, bool is_cancellable, const json_t *parameters,
		       const char *actor, struct err *err);
int must_check store_task_log(struct store *s, int64_t task_id, const char *text, struct err *err);
json_t *store_task_log_get(struct store *s, int64_t task_id,
			   struct err *err); /* [{"at_ms", "text"}] */
/* Ends it: state "succeeded", "failed" (error is needed) or "cancelled". An ended one stays as it
 * is. */
int must_check store_task_end(struct store *s, int64_t task_id, const char *state,
			      const struct err *error, struct err *err);
/* Ids of what is queued or running for this object (name NULL: of this kind's every object). [ids]
 */
json_t *store_tasks_open(struct store *s, const char *object_type, const char *object_name,
			 struct err *err);

/* details may be NULL. Returns its id or -errno. Keeps the newest 100,000. */
int64_t store_event_add(struct store *s, const char *severity, const char *kind,
			const char *object_type, const char *object_name, const char *text,
			const json_t *details, struct err *err);

struct store_audit {
	const char *actor, *role, *address, *method, *path, *object_type, *object_name, *summary;
	int status;
};
int must_check store_audit_add(struct store *s, const struct store_audit *a, struct err *err);
/* Walks the chain of hashes. -EUCLEAN: broken at the id in *bad_id. */
int must_check store_audit_verify(struct store *s, int64_t *bad_id, struct err *err);

/* {"request_hash", "status", "body": text, "location"} or NULL. */
json_t *store_idempotent_get(struct store *s, const char *key, const char *actor);
int must_check store_idempotent_put(struct store *s, const char *key, const char *actor,
				    const char *request_hash, int status, const char *body,
				    const char *location, struct err *err);

/* Old rows out: idempotency after a day, sessions that ended, tasks after 30 days, cleared alerts
 * after 90. */
int must_check store_clean(struct store *s, struct err *err);

#endif
