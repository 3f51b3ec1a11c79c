/* SPDX-License-Identifier: MIT */
/*
 * config_apply.c - a difference carried out; see config.h.
 *
 * Each change is what a client would have asked for: the resource's own route runs, with the
 * request's rights and in its transaction, so nothing is checked or written in a second way. The
 * parts make no tasks (request.is_part); the document has one.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "json.h"
#include "volume_rows.h"

/* One change, taken apart. */
struct part {
	const struct config_section *section;
	const char *name;
	json_int_t index;
	const json_t *object, *members;
	const char *filter; /* in the path, below a datastore's name */
};

static const struct route *find_route(const char *method, const char *path)
{
	for (uint32_t t = 0; rest_tables[t]; t++)
		for (const struct route *r = rest_tables[t]; r->method; r++)
			if (strcmp(r->method, method) == 0 && strcmp(r->path, path) == 0)
				return r;
	return NULL;
}

/* Runs the route for one object. answer: its reply's body, may be NULL. */
static int ask(struct request *q, const struct part *p, const char *method, const char *below,
	       json_t *body, int64_t if_match, json_t **answer, struct err *err)
{
	struct request sub = *q;
	struct reply r = {.body_fd = -1};
	char path[96];
	int rc;

	snprintf(path, sizeof(path), "%s%s", p->section->path, below);
	sub.method = method;
	sub.route = find_route(method, path);
	if (!sub.route)
		return err_set(err, ENOTSUP, "", "%s %s is no route of this Sluice", method, path);
	sub.path = sub.route->path;
	memset(sub.segments, 0, sizeof(sub.segments));
	sub.segments[0] = below[0] ? p->name : NULL;
	sub.segments[1] = p->filter;
	sub.body = body;
	sub.if_match = if_match;
	sub.is_part = true;
	rc = sub.route->fn(&sub, &r, err);
	if (rc == 0 && answer)
		*answer = json_incref(r.body);
	json_decref(r.body);
	free(r.text);
	return rc;
}

/* ---------------------------------------------------------------- hosts' secrets */

/* A secret does not travel in a document; a new host with CHAP gets one, and it is told. */
static void want_secret(const struct part *p, json_t *body)
{
	if (strcmp(p->section->name, "hosts") == 0 && rows_text(body, "chap_user")[0] &&
	    !json_object_get(body, "chap_secret"))
		json_object_set_new(body, "generate_chap_secret", json_true());
}

static void keep_secret(const struct part *p, const json_t *answer, json_t *secrets)
{
	json_t *secret = json_object_get(answer, "chap_secret");

	if (secret)
		json_object_set(secrets, p->name, secret);
}

/* ---------------------------------------------------------------- datastores' filters */

static bool has_filter(const json_t *filters, const char *name)
{
	const json_t *f;
	size_t i;

	json_array_foreach(filters, i, f)
	{
		if (strcmp(rows_text(f, "filter"), name) == 0)
			return true;
	}
	return false;
}

/* Those of was that wanted does not have go first: two of one class do not go together. */
static int change_filters(struct request *q, const struct part *p, const json_t *was,
			  const json_t *wanted, struct err *err)
{
	struct part one = *p;
	const json_t *f;
	size_t i;

	json_array_foreach(was, i, f)
	{
		one.filter = rows_text(f, "filter");
		if (!has_filter(wanted, one.filter) &&
		    ask(q, &one, "DELETE", "/{name}/filters/{filter}", NULL, 0, NULL, err) < 0)
			return -err->code;
	}
	json_array_foreach(wanted, i, f)
	{
		cleanup_json json_t *body =
		    json_pack("{s:O}", "parameters", json_object_get(f, "parameters"));

		one.filter = rows_text(f, "filter");
		if (ask(q, &one, "PUT", "/{name}/filters/{filter}", body, 0, NULL, err) < 0)
			return -err->code;
	}
	return 0;
}

static bool is_datastore(const struct part *p)
{
	return strcmp(p->section->name, "datastores") == 0;
}

/* ---------------------------------------------------------------- the three actions */

static int create(struct request *q, const struct part *p, json_t *secrets, struct err *err)
{
	cleanup_json json_t *body = json_copy((json_t *)p->object), *answer = NULL;
	int rc;

	if (strcmp(p->section->name, "portals") == 0)
		json_object_del(body, "name");
	if (is_datastore(p))
		json_object_del(body, "filters");
	want_secret(p, body);
	rc = ask(q, p, "POST", "", body, 0, &answer, err);
	if (rc == 0)
		keep_secret(p, answer, secrets);
	if (rc == 0 && is_datastore(p))
		rc = change_filters(q, p, NULL, json_object_get(p->object, "filters"), err);
	return rc;
}

static json_t *take(json_t *members, const char *name)
{
	json_t *value = json_incref(json_object_get(json_object_get(members, name), "to"));

	json_object_del(members, name);
	return value;
}

static int change_access(struct request *q, const struct part *p, json_t *members, struct err *err)
{
	cleanup_json json_t *hosts = take(members, "hosts");
	cleanup_json json_t *groups = take(members, "host_groups");
	cleanup_json json_t *body = NULL, *now = NULL;

	if (!hosts && !groups)
		return 0;
	if (ask(q, p, "GET", "/{name}/access", NULL, 0, &now, err) < 0)
		return -err->code;
	body = json_object();
	json_object_set(body, "hosts", hosts ? hosts : json_object_get(now, "hosts"));
	json_object_set(body, "host_groups", groups ? groups : json_object_get(now, "host_groups"));
	return ask(q, p, "PUT", "/{name}/access", body, 0, NULL, err);
}

static int change_policy(struct request *q, const struct part *p, json_t *members, struct err *err)
{
	cleanup_json json_t *policy = take(members, "policy"), *body = NULL;

	if (!policy)
		return 0;
	if (json_is_null(policy))
		return ask(q, p, "DELETE", "/{name}/policy", NULL, 0, NULL, err);
	body = json_pack("{s:O}", "policy", policy);
	return ask(q, p, "PUT", "/{name}/policy", body, 0, NULL, err);
}

static int change(struct request *q, const struct part *p, json_t *secrets, struct err *err)
{
	cleanup_json json_t *members = json_copy((json_t *)p->members);
	cleanup_json json_t *body = json_object(), *answer = NULL;
	json_t *filters = json_object_get(members, "filters");
	const char *name;
	json_t *member;

	if (is_datastore(p) && filters) {
		if (change_filters(q, p, json_object_get(filters, "from"),
				   json_object_get(filters, "to"), err) < 0)
			return -err->code;
		json_object_del(members, "filters");
	}
	if (strcmp(p->section->name, "volumes") == 0 &&
	    (change_access(q, p, members, err) < 0 || change_policy(q, p, members, err) < 0))
		return -err->code;
	json_object_foreach(members, name, member)
	{
		json_object_set(body, name, json_object_get(member, "to"));
	}
	if (json_object_size(body) == 0)
		return 0;
	if (json_object_get(p->object, "chap_secret"))
		json_object_set(body, "chap_secret", json_object_get(p->object, "chap_secret"));
	else
		want_secret(p, body);
	if (ask(q, p, "PATCH", "/{name}", body, 0, &answer, err) < 0)
		return -err->code;
	keep_secret(p, answer, secrets);
	return 0;
}

static int take_away(struct request *q, const struct part *p, struct err *err)
{
	cleanup_json json_t *row = NULL;
	int64_t revision = 0;

	/* Deleting a volume wants proof that this very one is meant. */
	if (strcmp(p->section->name, "volumes") == 0) {
		row = store_get(q->store, &table_volumes, p->name, err);
		if (!row)
			return -err->code;
		revision = (int64_t)rows_u64(row, "revision");
	}
	return ask(q, p, "DELETE", "/{name}", NULL, revision, NULL, err);
}

static int carry_out(struct request *q, const json_t *change_wanted, json_t *secrets,
		     struct err *err)
{
	const char *action = rows_text(change_wanted, "action");
	struct part p = {
	    .section = &config_sections[rows_u64(change_wanted, "section")],
	    .name = rows_text(change_wanted, "object_name"),
	    .index = json_integer_value(json_object_get(change_wanted, "index")),
	    .object = json_object_get(change_wanted, "object"),
	    .members = json_object_get(change_wanted, "members"),
	};
	char field[sizeof(err->field)];
	int rc = strcmp(action, "create") == 0   ? create(q, &p, secrets, err)
		 : strcmp(action, "change") == 0 ? change(q, &p, secrets, err)
						 : take_away(q, &p, err);

	if (rc == 0)
		return 0;
	if (strcmp(action, "delete") != 0) {
		snprintf(field, sizeof(field), "%s[%lld]%s%.30s", p.section->name,
			 (long long)p.index, err->field[0] ? "." : "", err->field);
		memcpy(err->field, field, sizeof(field));
	}
	return err_prefix(err, "%s %s", p.section->object_type, p.name);
}

int config_apply(struct request *q, const json_t *changes, json_t *secrets, struct err *err)
{
	const json_t *c;
	size_t i;

	json_array_foreach(changes, i, c)
	{
		int rc = carry_out(q, c, secrets, err);

		if (rc < 0)
			return rc;
	}
	return 0;
}
