/* SPDX-License-Identifier: MIT */
/* host_groups.c - /host-groups: hosts that reach the same volumes, a cluster for instance. Thread:
 * main. */
#include <errno.h>
#include <stdio.h>

#include "access.h"
#include "hosts.h"
#include "json.h"
#include "store_link.h"
#include "tables.h"
#include "volume_rows.h"

static void show(struct request *q, json_t *row)
{
	struct err err;
	int64_t id = store_id_of(q->store, &table_host_groups, rows_text(row, "name"), &err);
	json_t *members = store_group_members(q->store, id, &err);
	json_t *volumes = store_group_volumes(q->store, id, &err);

	json_object_set_new(row, "members", members ? members : json_array());
	json_object_set_new(row, "volumes", volumes ? volumes : json_array());
}

static int list(struct request *q, struct reply *r, struct err *err)
{
	return rest_list(q, r, &table_host_groups, show, err);
}

static int get(struct request *q, struct reply *r, struct err *err)
{
	json_t *row = store_get(q->store, &table_host_groups, q->segments[0], err);

	if (!row)
		return -err->code;
	rest_row(q, r, &table_host_groups, row, show);
	return 0;
}

static int members_set(struct request *q, int64_t id, const json_t *members, struct err *err)
{
	cleanup_json json_t *volumes = NULL;
	int rc;

	if (!members)
		return 0;
	if ((rc = rows_names_check("members", members, err)))
		return rc;
	rc = store_group_set(q->store, id, members, err);
	if (rc)
		return rows_named_in_body(rc, "members", err);
	volumes = store_group_volumes(q->store, id, err);
	return volumes ? access_check_all(q, volumes, err) : -err->code;
}

static int create(struct request *q, struct reply *r, struct err *err)
{
	cleanup_json json_t *body = rows_body(q, false, err);
	cleanup_json json_t *members = body ? rows_take(body, "members") : NULL;
	const char *name;
	json_t *row;
	int rc;

	if (!body)
		return -err->code;
	if ((rc = table_check(&table_host_groups, body, TABLE_CREATE, err)))
		return rc;
	name = rows_text(body, "name");
	row = store_insert(q->store, &table_host_groups, body, err);
	if (!row)
		return -err->code;
	if ((rc = members_set(q, rows_id(row), members, err))) {
		json_decref(row);
		return rc;
	}
	rows_object(r, name);
	rest_row(q, r, &table_host_groups, row, show);
	rc = rest_event(q, "info", "host_group.created", "host_group", name, err,
			"host group %s was added", name);
	return rc ? rc : rest_task(q, r, "host_group.create", "host_group", name, false, NULL, err);
}

static int change(struct request *q, struct reply *r, struct err *err)
{
	cleanup_json json_t *body = rows_body(q, false, err), *old = NULL;
	cleanup_json json_t *members = body ? rows_take(body, "members") : NULL;
	const char *name;
	json_t *row;
	int rc;

	if (!body)
		return -err->code;
	old = store_get(q->store, &table_host_groups, q->segments[0], err);
	if (!old)
		return -err->code;
	name = rows_text(old, "name");
	if ((rc = rest_match(q, old, err)) ||
	    (rc = table_check(&table_host_groups, body, TABLE_CHANGE, err)) ||
	    (rc = members_set(q, rows_id(old), members, err)))
		return rc;
	row = store_update(q->store, &table_host_groups, rows_id(old), body, q->if_match, err);
	if (!row)
		return -err->code;
	rest_row(q, r, &table_host_groups, row, show);
	rc = rest_event(q, "info", "host_group.changed", "host_group", name, err,
			"host group %s was changed", name);
	return rc ? rc : rest_task(q, r, "host_group.update", "host_group", name, false, NULL, err);
}

static int delete (struct request *q, struct reply *r, struct err *err)
{
	cleanup_json json_t *old = NULL, *volumes = NULL;
	const char *name;
	char what[100];
	int rc;

	old = store_get(q->store, &table_host_groups, q->segments[0], err);
	if (!old)
		return -err->code;
	name = rows_text(old, "name");
	if ((rc = rest_match(q, old, err)))
		return rc;
	volumes = store_group_volumes(q->store, rows_id(old), err);
	if (!volumes)
		return -err->code;
	snprintf(what, sizeof(what), "host group %s", name);
	if ((rc = hosts_reaches_nothing(what, volumes, err)) ||
	    (rc = store_delete(q->store, &table_host_groups, rows_id(old), q->if_match, err)))
		return rc;
	r->body = json_object();
	rc = rest_event(q, "info", "host_group.deleted", "host_group", name, err,
			"host group %s was deleted", name);
	return rc ? rc : rest_task(q, r, "host_group.delete", "host_group", name, false, NULL, err);
}

const struct route host_groups_routes[] = {
    {"GET", "/host-groups", REST_VIEWER, 0, list, "host_group", rest_list_query},
    {"POST", "/host-groups", REST_OPERATOR, 0, create, "host_group", NULL},
    {"GET", "/host-groups/{name}", REST_VIEWER, 0, get, "host_group", NULL},
    {"PATCH", "/host-groups/{name}", REST_OPERATOR, 0, change, "host_group", NULL},
    {"DELETE", "/host-groups/{name}", REST_OPERATOR, 0, delete, "host_group", NULL},
    {0},
};
