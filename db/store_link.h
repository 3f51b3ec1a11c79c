/* SPDX-License-Identifier: MIT */
/*
 * store_link.h - what hangs on the rows: policies' versions and rules, assignments, compliance,
 * members, access, tasks' logs, events, audit, idempotency; and the desired state in one piece.
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
/* Names of policies whose newest or any assigned version has this filter. */
json_t *store_filter_users(struct store *s, const char *filter,
			   struct err *err); /* {"policies": [], "volumes": []} */

/* policy_id 0: takes the assignment away. */
int must_check store_assign(struct store *s, int64_t volume_id, int64_t policy_id, int64_t version,
			    struct err *err);
/* {"policy": name, "version", "newest_version", "assigned_ms"}, or null when there is none. */
json_t *store_assignment(struct store *s, int64_t volume_id, struct err *err);
int must_check store_compliance_put(struct store *s, int64_t volume_id, const char *status,
				    const json_t *causes, struct err *err);
/* {"status", "causes", "checked_ms"}; "unknown" before the first check. */
json_t *store_compliance(struct store *s, int64_t volume_id, struct err *err);

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
json_t *store_host_volumes(struct store *s, int64_t host_id,
			   struct err *err); /* [names], groups' included */
json_t *store_group_volumes(struct store *s, int64_t group_id, struct err *err);

int must_check store_target_put(struct store *s, int64_t volume_id, const char *iqn,
				struct err *err);
/* {"iqn", "lun", "mutual_user", "mutual_secret_sealed", "mutual_changed_ms"} */
json_t *store_target(struct store *s, int64_t volume_id, struct err *err);
int must_check store_target_mutual(struct store *s, int64_t volume_id, const char *user,
				   const char *secret_sealed, struct err *err); /* user "": none */

/* ---------------------------------------------------------------- the desired state in one piece
 */

/*
 * One consistent reading of all that planner and reconciler need:
 * {"datastores": [rows], "portals": [rows], "filters": [rows],
 *  "volumes": [row + {"target": {...}, "rules": [...], "policy": name|null, "policy_version",
 *                     "newest_version", "hosts": [host ids, groups resolved, each once]}],
 *  "hosts": [rows with secrets sealed]}. Hidden columns are included.
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
