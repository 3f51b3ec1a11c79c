/* SPDX-License-Identifier: MIT */
/*
 * policy_versions.c - a policy's versions: read, compared, and the newest brought to the volumes
 * that have the policy. Thread: main.
 */
#include <errno.h>
#include <string.h>

#include "json.h"
#include "model.h"
#include "parse.h"
#include "policies.h"
#include "store_link.h"
#include "volume_rows.h"

const char *const policy_versions_diff_query[] = {"from", "to", NULL};

static json_t *the_policy(struct request *q, struct err *err)
{
	return store_get(q->store, &table_policies, q->segments[0], err);
}

int policy_versions_list(struct request *q, struct reply *r, struct err *err)
{
	cleanup_json json_t *row = the_policy(q, err);
	json_t *versions = row ? store_policy_versions(q->store, rows_id(row), err) : NULL;

	if (!versions)
		return -err->code;
	r->body = json_pack("{s:o, s:n, s:I}", "items", versions, "next_cursor", "total",
			    (json_int_t)json_array_size(versions));
	return 0;
}

static json_t *find_version(struct request *q, const json_t *row, uint64_t version, struct err *err)
{
	cleanup_json json_t *all = store_policy_versions(q->store, rows_id(row), err);
	json_t *v;
	size_t i;

	if (!all)
		return NULL;
	json_array_foreach(all, i, v)
	{
		if (rows_u64(v, "version") == version)
			return json_incref(v);
	}
	err_set(err, ENOENT, "version", "policy %s has no version %llu; its newest is %llu",
		rows_text(row, "name"), (unsigned long long)version,
		(unsigned long long)rows_u64(row, "version"));
	return NULL;
}

int policy_versions_get(struct request *q, struct reply *r, struct err *err)
{
	cleanup_json json_t *row = the_policy(q, err);
	json_t *v, *rules;
	uint64_t version;

	if (!row || parse_u64("version", q->segments[1], 1, INT32_MAX, &version, err) < 0)
		return -err->code;
	v = find_version(q, row, version, err);
	if (!v)
		return -err->code;
	r->body = v;
	rules = store_policy_rules(q->store, rows_id(row), (int64_t)version, err);
	if (!rules)
		return -err->code;
	json_object_set_new(v, "rules", rules);
	return 0;
}

/* The rules of ?name=N, or of the version given as what is usual. */
static json_t *rules_of(struct request *q, const json_t *row, const char *name, uint64_t usual,
			uint64_t *version, struct err *err)
{
	const char *text = request_query(q, name);
	cleanup_json json_t *v = NULL;

	*version = usual;
	if (text && parse_u64(name, text, 1, INT32_MAX, version, err) < 0)
		return NULL;
	v = find_version(q, row, *version, err);
	return v ? store_policy_rules(q->store, rows_id(row), (int64_t)*version, err) : NULL;
}

/* Without from and to: the newest version against the one before it. */
int policy_versions_diff(struct request *q, struct reply *r, struct err *err)
{
	cleanup_json json_t *row = the_policy(q, err), *from = NULL, *to = NULL;
	uint64_t newest, from_version, to_version;

	if (!row)
		return -err->code;
	newest = rows_u64(row, "version");
	to = rules_of(q, row, "to", newest, &to_version, err);
	if (!to)
		return -err->code;
	from = rules_of(q, row, "from", to_version > 1 ? to_version - 1 : 1, &from_version, err);
	if (!from)
		return -err->code;
	r->body = model_rules_diff(from, to);
	json_object_set_new(r->body, "from", json_integer((json_int_t)from_version));
	json_object_set_new(r->body, "to", json_integer((json_int_t)to_version));
	return 0;
}

/* ---------------------------------------------------------------- to the volumes */

/* The volumes meant: those of the body, each of which must have the policy, or all that have it. */
static json_t *meant(struct request *q, struct err *err)
{
	static const char *const only[] = {"volumes", NULL};
	cleanup_json json_t *has = policies_volumes(q->store, q->segments[0], err);
	json_t *names = q->body ? json_object_get(q->body, "volumes") : NULL, *name;
	size_t i, k;

	if (!has || (q->body && json_only(q->body, only, err) < 0) ||
	    rows_names_check("volumes", names, err) < 0)
		return NULL;
	if (!names || json_is_null(names))
		return json_incref(has);
	json_array_foreach(names, i, name)
	{
		const char *wanted = json_string_value(name);

		for (k = 0; k < json_array_size(has); k++)
			if (strcasecmp(json_string_value(json_array_get(has, k)), wanted) == 0)
				break;
		if (k == json_array_size(has)) {
			err_set(err, EINVAL, "volumes",
				"volume %s does not have policy %s; assign it first", wanted,
				q->segments[0]);
			return NULL;
		}
	}
	return json_incref(names);
}

static int assign_newest(struct request *q, const json_t *row, const json_t *names, struct err *err)
{
	const json_t *name;
	size_t i;

	json_array_foreach(names, i, name)
	{
		int64_t id = store_id_of(q->store, &table_volumes, json_string_value(name), err);

		if (!id || store_assign(q->store, id, rows_id(row),
					(int64_t)rows_u64(row, "version"), err) < 0)
			return -err->code;
	}
	return 0;
}

int policy_versions_apply(struct request *q, struct reply *r, struct err *err)
{
	cleanup_json json_t *row = the_policy(q, err);
	cleanup_json json_t *names = row ? meant(q, err) : NULL, *parameters = NULL;

	if (!names || assign_newest(q, row, names, err) < 0)
		return -err->code;
	parameters = json_pack("{s:O, s:I}", "volumes", names, "version",
			       (json_int_t)rows_u64(row, "version"));
	if (rest_event(q, "info", "policy.applied", "policy", q->segments[0], err,
		       "version %llu of policy %s is being applied; volumes: %zu",
		       (unsigned long long)rows_u64(row, "version"), q->segments[0],
		       json_array_size(names)) < 0 ||
	    rest_task(q, r, "policy.apply", "policy", q->segments[0], false, parameters, err) < 0)
		return -err->code;
	r->body = json_pack("{s:s, s:I, s:O}", "policy", rows_text(row, "name"), "version",
			    (json_int_t)rows_u64(row, "version"), "volumes", names);
	return 0;
}
