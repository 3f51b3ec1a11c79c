/* SPDX-License-Identifier: MIT */
/* snapshot_groups.c - /snapshot-groups: snapshots of several volumes at one point in time, all or
 * none. Thread: main. */
#include <errno.h>
#include <string.h>

#include "app.h"
#include "json.h"
#include "snapshots.h"
#include "store_link.h"
#include "store_snapshots.h"
#include "tables.h"
#include "uuid.h"
#include "volume_rows.h"

#define VOLUMES_MAX 64u

/* What its snapshots are together: as soon as one of them is not ready, neither is the group. */
static void view(struct request *q, json_t *row)
{
	struct err err;
	int64_t id = store_id_of(q->store, &table_snapshot_groups, rows_text(row, "name"), &err);
	cleanup_json json_t *rows = store_snapshots_of_group(q->store, id, &err);
	const char *state = "ready";
	json_t *volumes = json_array(), *s;
	size_t i;

	json_array_foreach(rows, i, s)
	{
		json_array_append(volumes, json_object_get(s, "volume"));
		if (strcmp(rows_text(s, "state"), "ready") != 0)
			state = rows_text(s, "state");
	}
	json_object_set_new(row, "volumes", volumes);
	json_object_set_new(row, "state", json_string(state));
}

static int list(struct request *q, struct reply *r, struct err *err)
{
	return rest_list(q, r, &table_snapshot_groups, view, err);
}

static int get(struct request *q, struct reply *r, struct err *err)
{
	json_t *row = store_get(q->store, &table_snapshot_groups, q->segments[0], err);

	if (!row)
		return -err->code;
	rest_row(q, r, &table_snapshot_groups, row, view);
	return 0;
}

/* ---------------------------------------------------------------- POST */

static int volumes_check(struct request *q, const json_t *names, json_t *canonical, struct err *err)
{
	const json_t *name;
	size_t i;
	int rc = rows_names_check("volumes", names, err);

	if (rc)
		return rc;
	if (json_array_size(names) == 0 || json_array_size(names) > VOLUMES_MAX)
		return err_set(err, EINVAL, "volumes", "volumes must name 1 to %u volumes",
			       VOLUMES_MAX);
	json_array_foreach(names, i, name)
	{
		cleanup_json json_t *row =
		    store_get(q->store, &table_volumes, json_string_value(name), err);

		if (!row)
			return rows_named_in_body(-err->code, "volumes", err);
		rc = snapshots_may_take(q, row, "volumes", err);
		if (rc)
			return rc;
		json_array_append(canonical, json_object_get(row, "name"));
	}
	return 0;
}

static int insert_all(struct request *q, const json_t *group, const json_t *names, struct err *err)
{
	const char *name = rows_text(group, "name");
	const json_t *volume;
	size_t i;

	json_array_foreach(names, i, volume)
	{
		cleanup_json json_t *row = snapshots_insert(
		    q, json_string_value(volume), name, rows_text(group, "description"), name, err);

		if (!row)
			return -err->code;
	}
	return 0;
}

static int create(struct request *q, struct reply *r, struct err *err)
{
	cleanup_json json_t *body = rows_body(q, false, err), *volumes = NULL, *made = NULL;
	cleanup_json json_t *names = json_array(), *parameters = NULL;
	char uuid[37];
	int rc;

	if (!body)
		return -err->code;
	volumes = rows_take(body, "volumes");
	if ((rc = table_check(&table_snapshot_groups, body, TABLE_CREATE, err)) ||
	    (rc = volumes_check(q, volumes, names, err)) || (rc = uuid_make(uuid, err)))
		return rc;
	json_object_set_new(body, "uuid", json_string(uuid));
	made = store_insert(q->store, &table_snapshot_groups, body, err);
	if (!made)
		return -err->code;
	rc = insert_all(q, made, names, err);
	if (rc)
		return rc;
	rest_row(q, r, &table_snapshot_groups, json_incref(made), view);
	parameters = json_pack("{s:s}", "group", uuid);
	return rest_task(q, r, "snapshot.create", "snapshot_group", rows_text(made, "name"), false,
			 parameters, err);
}

/* ---------------------------------------------------------------- DELETE */

static int delete_all(struct request *q, struct reply *r, const json_t *rows, struct err *err)
{
	const json_t *row;
	size_t i;
	int rc;

	json_array_foreach(rows, i, row)
	{
		rc = snapshots_unused(q, row, err);
		if (rc)
			return rc;
	}
	json_array_foreach(rows, i, row)
	{
		if (strcmp(rows_text(row, "state"), "deleting") == 0)
			continue;
		rc = snapshots_delete(q, r, row, err);
		if (rc)
			return rc;
	}
	return 0;
}

/* Each of its snapshots by a task of its own; the group goes with the last of them. */
static int delete (struct request *q, struct reply *r, struct err *err)
{
	cleanup_json json_t *group =
	    store_get(q->store, &table_snapshot_groups, q->segments[0], err);
	const char *confirm = request_query(q, "confirm");
	cleanup_json json_t *rows = NULL;
	int rc;

	if (!group || rest_match(q, group, err) < 0)
		return -err->code;
	if (confirm ? strcmp(confirm, rows_text(group, "name")) != 0 : q->if_match == 0)
		return err_set(
		    err, EINVAL, "confirm",
		    "deleting group %s destroys what its snapshots keep: say confirm=%s, "
		    "or send its ETag as If-Match",
		    rows_text(group, "name"), rows_text(group, "name"));
	rows = store_snapshots_of_group(q->store, rows_id(group), err);
	if (!rows)
		return -err->code;
	rc = delete_all(q, r, rows, err);
	if (rc)
		return rc;
	rest_row(q, r, &table_snapshot_groups, json_incref(group), view);
	if (json_array_size(rows) == 0)
		return store_delete(q->store, &table_snapshot_groups, rows_id(group), 0, err);
	return 0;
}

static const char *const delete_query[] = {"confirm", NULL};

const struct route snapshot_groups_routes[] = {
    {"GET", "/snapshot-groups", REST_VIEWER, 0, list, "snapshot_group", rest_list_query},
    {"POST", "/snapshot-groups", REST_OPERATOR, 0, create, "snapshot_group", NULL},
    {"GET", "/snapshot-groups/{name}", REST_VIEWER, 0, get, "snapshot_group", NULL},
    {"DELETE", "/snapshot-groups/{name}", REST_OPERATOR, 0, delete, "snapshot_group", delete_query},
    {.method = NULL},
};
