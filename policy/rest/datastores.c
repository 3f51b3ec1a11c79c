/* SPDX-License-Identifier: MIT */
/*
 * datastores.c - /datastores: where volumes' blocks live. Thread: main.
 *
 * Only what is wanted is changed here; filterd is told by the reconciler, and what it thinks of a
 * path comes back as running_state and running_error.
 */
#include "datastores.h"

#include <errno.h>
#include <string.h>

#include "json.h"
#include "parse.h"
#include "tables.h"
#include "volume_rows.h"

#define PATH_TEXT_MAX 1023u

static json_t *volumes_on(struct request *q, const char *datastore, struct err *err)
{
	const char *const filters[] = {"datastore", datastore, NULL};

	return rows_all(q->store, &table_volumes, filters, err);
}

/* ---------------------------------------------------------------- room */

static void size_text(uint64_t bytes, char text[32])
{
	parse_size_format(bytes, text, 32);
}

/* Promised to all volumes, and to those that are not thin and not made yet. */
static int promised(struct request *q, const char *datastore, uint64_t *all_bytes,
		    uint64_t *whole_bytes, struct err *err)
{
	cleanup_json json_t *volumes = volumes_on(q, datastore, err);
	const json_t *v;
	size_t i;

	if (!volumes)
		return -err->code;
	*all_bytes = *whole_bytes = 0;
	json_array_foreach(volumes, i, v)
	{
		*all_bytes += rows_u64(v, "size_bytes");
		if (!rows_is(v, "is_thin") && !rows_is(v, "is_created"))
			*whole_bytes += rows_u64(v, "size_bytes");
	}
	return 0;
}

int datastores_has_room(struct request *q, const json_t *datastore, uint64_t size_bytes,
			bool is_thin, struct err *err)
{
	const char *name = rows_text(datastore, "name");
	uint64_t available_bytes = rows_u64(datastore, "available_bytes");
	uint64_t capacity_bytes = rows_u64(datastore, "used_bytes") + available_bytes;
	uint64_t limit_pct = rows_u64(datastore, "overcommit_limit_pct");
	uint64_t all_bytes = 0, whole_bytes = 0;
	char size[32], all[32], capacity[32];
	int rc;

	if (rows_is(datastore, "is_deleting"))
		return err_set(err, EBUSY, "datastore",
			       "datastore %s is being deleted; take another one", name);
	if (capacity_bytes == 0 || (is_thin && limit_pct == 0))
		return 0;
	rc = promised(q, name, &all_bytes, &whole_bytes, err);
	if (rc)
		return rc;
	size_text(size_bytes, size);
	size_text(capacity_bytes, capacity);
	if (!is_thin) {
		size_text(available_bytes > whole_bytes ? available_bytes - whole_bytes : 0, all);
		if (available_bytes < whole_bytes || available_bytes - whole_bytes < size_bytes)
			return err_set(err, ENOSPC, "size_bytes",
				       "datastore %s has %s free of %s; a volume that is not thin "
				       "needs its whole %s now",
				       name, all, capacity, size);
		return 0;
	}
	size_text(all_bytes, all);
	if ((unsigned __int128)(all_bytes + size_bytes) * 100 >
	    (unsigned __int128)capacity_bytes * limit_pct)
		return err_set(
		    err, ENOSPC, "size_bytes",
		    "datastore %s has %s, its volumes are promised %s, and %s more would "
		    "pass its overcommit_limit_pct of %llu %%",
		    name, capacity, all, size, (unsigned long long)limit_pct);
	return 0;
}

/* ---------------------------------------------------------------- the resource */

static void show(struct request *q, json_t *row)
{
	cleanup_json json_t *volumes = NULL;
	uint64_t provisioned_bytes = 0;
	struct err err;
	const json_t *v;
	size_t i;

	volumes = volumes_on(q, rows_text(row, "name"), &err);
	json_array_foreach(volumes, i, v)
	{
		provisioned_bytes += rows_u64(v, "size_bytes");
	}
	json_object_set_new(row, "volume_count",
			    json_integer((json_int_t)json_array_size(volumes)));
	json_object_set_new(row, "provisioned_bytes", json_integer((json_int_t)provisioned_bytes));
}

static int list(struct request *q, struct reply *r, struct err *err)
{
	return rest_list(q, r, &table_datastores, show, err);
}

static int get(struct request *q, struct reply *r, struct err *err)
{
	json_t *row = store_get(q->store, &table_datastores, q->segments[0], err);

	if (!row)
		return -err->code;
	rest_row(q, r, &table_datastores, row, show);
	return 0;
}

static int path_check(const char *type, const char *path, struct err *err)
{
	const char *p;

	if (strcmp(type, "mem") == 0)
		return path[0] == '\0'
			   ? 0
			   : err_set(err, EINVAL, "path", "a datastore of type mem has no path");
	if (path[0] == '\0')
		return err_set(err, EINVAL, "path", "a datastore of type %s needs a path: %s", type,
			       strcmp(type, "dir") == 0
				   ? "a folder that is there"
				   : "a block device, \"/dev/disk/by-id/...\"");
	if (path[0] != '/' || strlen(path) > PATH_TEXT_MAX)
		return err_set(err, EINVAL, "path",
			       "path must begin with / and have at most %u characters",
			       PATH_TEXT_MAX);
	for (p = path; (p = strstr(p, "/..")) != NULL; p += 3)
		if (p[3] == '/' || p[3] == '\0')
			return err_set(err, EINVAL, "path",
				       "path must not have .. in it: write where it leads");
	return 0;
}

/* Two datastores in one place would not see each other's locks and count the same space twice. */
static int path_is_free(struct request *q, const char *path, struct err *err)
{
	cleanup_json json_t *all = NULL;
	const json_t *d;
	size_t i;

	if (!path[0])
		return 0;
	all = rows_all(q->store, &table_datastores, NULL, err);
	if (!all)
		return -err->code;
	json_array_foreach(all, i, d)
	{
		if (strcmp(rows_text(d, "path"), path) == 0)
			return err_set(err, EEXIST, "path", "datastore %s is at %s already",
				       rows_text(d, "name"), path);
	}
	return 0;
}

static int create(struct request *q, struct reply *r, struct err *err)
{
	cleanup_json json_t *body = rows_body(q, false, err);
	const char *name, *type;
	json_t *row;
	int rc;

	if (!body)
		return -err->code;
	rc = table_check(&table_datastores, body, TABLE_CREATE, err);
	if (rc)
		return rc;
	name = rows_text(body, "name");
	type = rows_text(body, "type");
	if ((rc = path_check(type, rows_text(body, "path"), err)) ||
	    (rc = path_is_free(q, rows_text(body, "path"), err)))
		return rc;
	row = store_insert(q->store, &table_datastores, body, err);
	if (!row)
		return -err->code;
	rows_object(r, name);
	rest_row(q, r, &table_datastores, row, show);
	rc = rest_event(q, "info", "datastore.created", "datastore", name, err,
			"datastore %s of type %s was made", name, type);
	return rc ? rc : rest_task(q, r, "datastore.create", "datastore", name, false, NULL, err);
}

static int change(struct request *q, struct reply *r, struct err *err)
{
	cleanup_json json_t *old = NULL;
	json_t *row;
	int rc;

	old = store_get(q->store, &table_datastores, q->segments[0], err);
	if (!old)
		return -err->code;
	if ((rc = rest_match(q, old, err)))
		return rc;
	if (!q->body)
		return err_set(err, EINVAL, "",
			       "a JSON object with the members to change is "
			       "expected as the request's body");
	if ((rc = table_check(&table_datastores, q->body, TABLE_CHANGE, err)))
		return rc;
	if (rows_is(old, "is_deleting"))
		return err_set(err, EBUSY, "", "datastore %s is being deleted", q->segments[0]);
	row = store_update(q->store, &table_datastores, rows_id(old), q->body, q->if_match, err);
	if (!row)
		return -err->code;
	rest_row(q, r, &table_datastores, row, show);
	return 0;
}

static int delete (struct request *q, struct reply *r, struct err *err)
{
	cleanup_json json_t *old = NULL, *volumes = NULL,
			    *changes = json_pack("{s:b}", "is_deleting", 1);
	char names[ROWS_NAMES_TEXT];
	const char *name;
	json_t *row;
	int rc;

	old = store_get(q->store, &table_datastores, q->segments[0], err);
	if (!old)
		return -err->code;
	name = rows_text(old, "name");
	if ((rc = rest_match(q, old, err)))
		return rc;
	if (rows_is(old, "is_deleting"))
		return err_set(err, EBUSY, "", "datastore %s is being deleted already", name);
	volumes = volumes_on(q, name, err);
	if (!volumes)
		return -err->code;
	if (json_array_size(volumes) > 0) {
		rows_names_text(volumes, "name", names);
		return err_set(err, ENOTEMPTY, "",
			       "datastore %s has %zu volumes: %s; delete them first", name,
			       json_array_size(volumes), names);
	}
	row = store_update(q->store, &table_datastores, rows_id(old), changes, q->if_match, err);
	if (!row)
		return -err->code;
	rest_row(q, r, &table_datastores, row, show);
	rc = rest_event(q, "info", "datastore.deleting", "datastore", name, err,
			"datastore %s is being deleted", name);
	return rc ? rc : rest_task(q, r, "datastore.delete", "datastore", name, false, NULL, err);
}

const struct route datastores_routes[] = {
    {"GET", "/datastores", REST_VIEWER, 0, list, "datastore", rest_list_query},
    {"POST", "/datastores", REST_OPERATOR, 0, create, "datastore", NULL},
    {"GET", "/datastores/{name}", REST_VIEWER, 0, get, "datastore", NULL},
    {"PATCH", "/datastores/{name}", REST_OPERATOR, 0, change, "datastore", NULL},
    {"DELETE", "/datastores/{name}", REST_ADMIN, 0, delete, "datastore", NULL},
    {0},
};
