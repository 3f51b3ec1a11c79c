/* SPDX-License-Identifier: MIT */
/*
 * policies.c - /policies: named sets of rules. A change makes a new version and touches no volume;
 * bundled ones are for reading and cloning. Thread: main.
 */
#include "policies.h"

#include <errno.h>
#include <string.h>

#include "json.h"
#include "model.h"
#include "store_link.h"
#include "tables.h"
#include "volume_rows.h"

/* What the client sent for the row itself, checked; the members beside the columns taken out. */
static json_t *own_members(struct request *q, enum table_use use, struct err *err)
{
	static const char *const extras[] = {"rules", "comment", "clone_of", NULL};
	cleanup_json json_t *own = rows_body(q, false, err);

	if (!own)
		return NULL;
	for (uint32_t i = 0; extras[i]; i++)
		if (use == TABLE_CREATE || strcmp(extras[i], "clone_of") != 0)
			json_object_del(own, extras[i]);
	return table_check(&table_policies, own, use, err) < 0 ? NULL : json_incref(own);
}

json_t *policies_check_rules(struct store *s, const json_t *rules, struct err *err)
{
	cleanup_json json_t *filters = store_list_all(s, &table_filters, NULL, err);
	json_t *out = NULL;

	if (!filters)
		return NULL;
	if (!json_is_array(rules)) {
		err_set(err, EINVAL, "rules",
			"rules must be an array of {\"filter\", \"parameters\", \"on_failure\"}");
		return NULL;
	}
	return model_rules_check(rules, filters, &out, err) < 0 ? NULL : out;
}

json_t *policies_volumes(struct store *s, const char *policy, struct err *err)
{
	cleanup_json json_t *desired = store_desired(s, err), *names = json_array();
	const json_t *v;
	size_t i;

	if (!desired)
		return NULL;
	json_array_foreach(json_object_get(desired, "volumes"), i, v)
	{
		const char *has = json_string_value(json_object_get(v, "policy"));

		if (has && strcasecmp(has, policy) == 0)
			json_array_append(names, json_object_get(v, "name"));
	}
	return json_incref(names);
}

/* A policy is shown with the rules of its newest version. */
static void add_rules(struct request *q, json_t *row)
{
	const char *name = json_string_value(json_object_get(row, "name"));
	int64_t id = store_id_of(q->store, &table_policies, name, NULL);
	json_t *rules = id ? store_policy_rules(q->store, id, 0, NULL) : NULL;

	json_object_set_new(row, "rules", rules ? rules : json_array());
}

static int policies_list(struct request *q, struct reply *r, struct err *err)
{
	return rest_list(q, r, &table_policies, add_rules, err);
}

static int policies_get(struct request *q, struct reply *r, struct err *err)
{
	json_t *row = store_get(q->store, &table_policies, q->segments[0], err);

	if (!row)
		return -err->code;
	rest_row(q, r, &table_policies, row, add_rules);
	return 0;
}

/* The rules that a new policy begins with: its own, or another's newest. */
static json_t *first_rules(struct request *q, struct err *err)
{
	const json_t *rules = json_object_get(q->body, "rules");
	const char *clone_of = NULL;
	int64_t id;

	if (json_opt_string(q->body, "clone_of", &clone_of, err) < 0)
		return NULL;
	if (!clone_of)
		return policies_check_rules(q->store, rules, err);
	if (rules) {
		err_set(err, EINVAL, "clone_of", "rules and clone_of exclude each other");
		return NULL;
	}
	id = store_id_of(q->store, &table_policies, clone_of, err);
	return id ? store_policy_rules(q->store, id, 0, err) : NULL;
}

static int add_version(struct request *q, int64_t id, const json_t *rules, struct err *err)
{
	const char *comment = "";
	int64_t version;

	if (json_opt_string(q->body, "comment", &comment, err) < 0)
		return -err->code;
	if (strlen(comment) > 1000)
		return err_set(err, ENAMETOOLONG, "comment",
			       "comment has %zu characters, 1000 are the most", strlen(comment));
	for (const unsigned char *p = (const unsigned char *)comment; *p; p++)
		if (*p < 0x20 || *p == 0x7f)
			return err_set(err, EINVAL, "comment",
				       "comment has a control character in it");
	version = store_policy_add_version(q->store, id, rules, q->actor.name, comment, err);
	return version < 0 ? (int)version : 0;
}

static int policies_post(struct request *q, struct reply *r, struct err *err)
{
	cleanup_json json_t *own = own_members(q, TABLE_CREATE, err);
	cleanup_json json_t *rules = own ? first_rules(q, err) : NULL;
	cleanup_json json_t *row = NULL;
	const char *name;
	int64_t id;

	if (!rules)
		return -err->code;
	/* The first version added is number 1. */
	json_object_set_new(own, "version", json_integer(0));
	row = store_insert(q->store, &table_policies, own, err);
	if (!row)
		return -err->code;
	name = rows_text(row, "name");
	id = rows_id(row);
	if (add_version(q, id, rules, err) < 0 ||
	    rest_event(q, "info", "policy.created", "policy", name, err,
		       "policy %s was created by %s", name, q->actor.name) < 0)
		return -err->code;
	snprintf(r->location, sizeof(r->location), "/api/v1/policies/%s", name);
	rows_object(r, name);
	r->status = 201;
	rest_row(q, r, &table_policies, store_get_id(q->store, &table_policies, id, err),
		 add_rules);
	return 0;
}

/* The same rules again are no new version: no volume would be out of date. */
static int change_rules(struct request *q, int64_t id, const json_t *rules, struct err *err)
{
	cleanup_json json_t *now = store_policy_rules(q->store, id, 0, err);
	cleanup_json json_t *diff = now ? model_rules_diff(now, rules) : NULL;

	if (!now)
		return -err->code;
	return rows_is(diff, "is_same") ? 0 : add_version(q, id, rules, err);
}

/* The row for changing: there, not bundled, and the one that If-Match means. */
static json_t *for_change(struct request *q, struct err *err)
{
	cleanup_json json_t *row = store_get(q->store, &table_policies, q->segments[0], err);

	if (!row || rest_match(q, row, err) < 0)
		return NULL;
	if (json_is_true(json_object_get(row, "is_bundled"))) {
		err_set(err, EACCES, "name",
			"policy %s came with Sluice and stays as it is; clone it (\"clone_of\": "
			"\"%s\") and change the clone",
			q->segments[0], q->segments[0]);
		return NULL;
	}
	return json_incref(row);
}

static int policies_patch(struct request *q, struct reply *r, struct err *err)
{
	cleanup_json json_t *row = for_change(q, err);
	cleanup_json json_t *own = row ? own_members(q, TABLE_CHANGE, err) : NULL;
	const json_t *given = json_object_get(q->body, "rules");
	int64_t id;

	if (!own)
		return -err->code;
	id = rows_id(row);
	if (json_object_size(own) > 0) {
		cleanup_json json_t *now = store_update(q->store, &table_policies, id, own, 0, err);

		if (!now)
			return -err->code;
	}
	if (given) {
		cleanup_json json_t *rules = policies_check_rules(q->store, given, err);

		if (!rules || change_rules(q, id, rules, err) < 0)
			return -err->code;
	}
	if (rest_event(q, "info", "policy.changed", "policy", q->segments[0], err,
		       "policy %s was changed by %s; volumes keep their version until it is "
		       "applied",
		       q->segments[0], q->actor.name) < 0)
		return -err->code;
	rest_row(q, r, &table_policies, store_get_id(q->store, &table_policies, id, err),
		 add_rules);
	return 0;
}

static int policies_delete(struct request *q, struct reply *r, struct err *err)
{
	cleanup_json json_t *row = for_change(q, err);
	cleanup_json json_t *volumes = row ? policies_volumes(q->store, q->segments[0], err) : NULL;
	char text[ROWS_NAMES_TEXT];

	if (!volumes)
		return -err->code;
	if (json_array_size(volumes) > 0) {
		rows_names_text(volumes, NULL, text);
		return err_set(err, EBUSY, "name",
			       "policy %s is assigned to %s; take it from them first",
			       q->segments[0], text);
	}
	if (store_delete(q->store, &table_policies, rows_id(row), 0, err) < 0 ||
	    rest_event(q, "info", "policy.deleted", "policy", q->segments[0], err,
		       "policy %s was deleted by %s", q->segments[0], q->actor.name) < 0)
		return -err->code;
	r->status = 204;
	return 0;
}

static int policies_check(struct request *q, struct reply *r, struct err *err)
{
	static const char *const only[] = {"rules", NULL};
	json_t *rules;

	if (!q->body)
		return err_set(err, EINVAL, "rules", "rules is missing");
	if (json_only(q->body, only, err) < 0)
		return -err->code;
	rules = policies_check_rules(q->store, json_object_get(q->body, "rules"), err);
	if (!rules)
		return -err->code;
	r->body = json_pack("{s:o}", "rules", rules);
	return 0;
}

#define IDLE ROUTE_NO_RECONCILE /* a policy by itself runs nowhere */
const struct route policies_routes[] = {
    {"GET", "/policies", REST_VIEWER, 0, policies_list, "policy", rest_list_query},
    {"POST", "/policies", REST_OPERATOR, IDLE, policies_post, "policy", NULL},
    {"POST", "/policies/check", REST_VIEWER, ROUTE_READS, policies_check, "policy", NULL},
    {"GET", "/policies/{name}", REST_VIEWER, 0, policies_get, "policy", NULL},
    /* Its volumes are out of date now: the reconciler says so. */
    {"PATCH", "/policies/{name}", REST_OPERATOR, 0, policies_patch, "policy", NULL},
    {"DELETE", "/policies/{name}", REST_OPERATOR, IDLE, policies_delete, "policy", NULL},
    {"GET", "/policies/{name}/versions", REST_VIEWER, 0, policy_versions_list, "policy", NULL},
    {"GET", "/policies/{name}/versions/{version}", REST_VIEWER, 0, policy_versions_get, "policy",
     NULL},
    {"GET", "/policies/{name}/diff", REST_VIEWER, 0, policy_versions_diff, "policy",
     policy_versions_diff_query},
    {"POST", "/policies/{name}/apply", REST_OPERATOR, 0, policy_versions_apply, "policy", NULL},
    {.method = NULL},
};
