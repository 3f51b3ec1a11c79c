/* SPDX-License-Identifier: MIT */
/* volume_policy.c - /volumes/{name}/policy. Thread: main. */
#include "volume_policy.h"

#include <errno.h>
#include <inttypes.h>

#include "json.h"
#include "model.h"
#include "replications.h"
#include "snapshots.h"
#include "store_link.h"
#include "tables.h"
#include "volume_rows.h"
#include "volume_view.h"

int volume_policy_assign(struct request *q, int64_t volume_id, const char *policy, uint64_t version,
			 struct err *err)
{
	cleanup_json json_t *row = NULL, *rules = NULL, *filters = NULL, *checked = NULL;
	uint64_t newest;
	int rc;

	row = store_get(q->store, &table_policies, policy, err);
	if (!row)
		return rows_named_in_body(-err->code, "policy", err);
	newest = rows_u64(row, "version");
	if (version > newest)
		return err_set(err, EINVAL, "version",
			       "policy %s has no version %" PRIu64 "; its newest is %" PRIu64,
			       policy, version, newest);
	if (version == 0)
		version = newest;
	rules = store_policy_rules(q->store, rows_id(row), (int64_t)version, err);
	filters = rules ? rows_all(q->store, &table_filters, NULL, err) : NULL;
	if (!filters)
		return -err->code;
	/* It was checked when it was made; filters may have been taken away since. */
	rc = model_rules_check(rules, filters, &checked, err);
	if (rc)
		return err_prefix(err, "policy %s cannot be applied now", policy);
	return store_assign(q->store, volume_id, rows_id(row), (int64_t)version, err);
}

static int touched(struct request *q, struct reply *r, const json_t *old, const char *event,
		   const char *policy, struct err *err)
{
	cleanup_json json_t *nothing = json_object();
	const char *name = rows_text(old, "name");
	json_t *row;
	int rc;

	/* The assignment is part of the object, so its ETag moves. */
	row = store_update(q->store, &table_volumes, rows_id(old), nothing, q->if_match, err);
	if (!row)
		return -err->code;
	rest_row(q, r, &table_volumes, row, volume_view_add);
	rc = rest_event(q, "info", event, "volume", name, err, "volume %s has %s%s now", name,
			policy ? "policy " : "no policy", policy ? policy : "");
	return rc ? rc : rest_task(q, r, "volume.policy", "volume", name, false, NULL, err);
}

static int put(struct request *q, struct reply *r, struct err *err)
{
	static const char *const members[] = {"policy", "version", NULL};
	cleanup_json json_t *body = rows_body(q, false, err), *old = NULL;
	const char *policy = NULL;
	uint64_t version = 0;
	int rc;

	if (!body)
		return -err->code;
	if ((rc = json_only(body, members, err)) ||
	    (rc = json_get_string(body, "policy", &policy, err)) ||
	    (rc = json_opt_u64(body, "version", 1, INT64_MAX, &version, err)))
		return rc;
	old = volume_view_to_change(q, err);
	if (!old)
		return -err->code;
	rc = replications_refuse_replica(q, rows_id(old), "change its policy", err);
	if (!rc)
		rc = snapshots_no_exposure(q, old, "it has the policy of its volume", err);
	if (rc)
		return rc;
	rc = volume_policy_assign(q, rows_id(old), policy, version, err);
	return rc ? rc : touched(q, r, old, "volume.policy_assigned", policy, err);
}

static int take_away(struct request *q, struct reply *r, struct err *err)
{
	cleanup_json json_t *old = volume_view_to_change(q, err);
	int rc;

	if (!old)
		return -err->code;
	rc = replications_refuse_replica(q, rows_id(old), "change its policy", err);
	if (!rc)
		rc = snapshots_no_exposure(q, old, "it has the policy of its volume", err);
	if (!rc)
		rc = store_assign(q->store, rows_id(old), 0, 0, err);
	return rc ? rc : touched(q, r, old, "volume.policy_removed", NULL, err);
}

const struct route volume_policy_routes[] = {
    {"PUT", "/volumes/{name}/policy", REST_OPERATOR, 0, put, "volume", NULL},
    {"DELETE", "/volumes/{name}/policy", REST_OPERATOR, 0, take_away, "volume", NULL},
    {0},
};
