/* SPDX-License-Identifier: MIT */
/*
 * volumes.c - /volumes: what virtual disks there are, their size, whether they run. Thread: main.
 *
 *   volumes_create.c   POST, and clone_of
 *   volume_ops.c       start, stop, flush, chain, statistics, how to connect
 *   volume_policy.c    the policy          access.c      who may reach it
 *   transfers.c        import, export, content
 */
#include "volumes.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "datastores.h"
#include "json.h"
#include "parse.h"
#include "store_link.h"
#include "tables.h"
#include "replications.h"
#include "snapshots.h"
#include "volume_rows.h"
#include "volume_view.h"

int volumes_size_check(uint64_t size_bytes, uint64_t block_bytes, struct err *err)
{
	if (size_bytes < VOLUMES_MIN_BYTES || size_bytes > VOLUMES_MAX_BYTES)
		return err_set(
		    err, ERANGE, "size_bytes", "size_bytes: %llu is outside %llu (1M) to %llu (1P)",
		    (unsigned long long)size_bytes, (unsigned long long)VOLUMES_MIN_BYTES,
		    (unsigned long long)VOLUMES_MAX_BYTES);
	if (size_bytes % block_bytes)
		return err_set(err, EINVAL, "size_bytes",
			       "size_bytes: %llu is no multiple of the block size, %llu; the next "
			       "greater one is %llu",
			       (unsigned long long)size_bytes, (unsigned long long)block_bytes,
			       (unsigned long long)((size_bytes / block_bytes + 1) * block_bytes));
	return 0;
}

int volumes_state_check(const json_t *body, struct err *err)
{
	if (strcmp(rows_text(body, "desired_state"), "deleting") == 0)
		return err_set(err, EINVAL, "desired_state",
			       "desired_state must be online or offline; to delete a volume, use "
			       "DELETE");
	return 0;
}

static int list(struct request *q, struct reply *r, struct err *err)
{
	return rest_list(q, r, &table_volumes, volume_view_add, err);
}

static int get(struct request *q, struct reply *r, struct err *err)
{
	json_t *row = store_get(q->store, &table_volumes, q->segments[0], err);

	if (!row)
		return -err->code;
	rest_row(q, r, &table_volumes, row, volume_view_add);
	return 0;
}

/* ---------------------------------------------------------------- PATCH */

static int grow_check(struct request *q, const json_t *old, uint64_t size_bytes, struct err *err)
{
	uint64_t now_bytes = rows_u64(old, "size_bytes");
	cleanup_json json_t *datastore = NULL;
	char now[32], wanted[32];
	int rc;

	if ((rc = volumes_size_check(size_bytes, rows_u64(old, "block_bytes"), err)) ||
	    (rc = volume_view_no_transfer(old, err)))
		return rc;
	parse_size_format(now_bytes, now, sizeof(now));
	parse_size_format(size_bytes, wanted, sizeof(wanted));
	if (size_bytes < now_bytes)
		return err_set(err, EINVAL, "size_bytes",
			       "volume %s has %s and can only grow; %s would cut off its end",
			       rows_text(old, "name"), now, wanted);
	if (size_bytes == now_bytes)
		return 0;
	datastore = store_get(q->store, &table_datastores, rows_text(old, "datastore"), err);
	if (!datastore)
		return -err->code;
	return datastores_has_room(q, datastore, size_bytes - now_bytes, rows_is(old, "is_thin"),
				   err);
}

/* The most telling of what changes: it names the task and the event. NULL: nothing that runs. */
static const char *change_kind(const json_t *old, const json_t *body)
{
	const char *state = rows_text(body, "desired_state");
	uint64_t size_bytes = rows_u64(body, "size_bytes");

	if (size_bytes && size_bytes != rows_u64(old, "size_bytes"))
		return "volume.grow";
	if (!state[0] || strcmp(state, rows_text(old, "desired_state")) == 0)
		return NULL;
	return strcmp(state, "online") == 0 ? "volume.start" : "volume.stop";
}

int volumes_change(struct request *q, struct reply *r, const json_t *old, const json_t *changes,
		   struct err *err)
{
	const char *name = rows_text(old, "name"), *kind = change_kind(old, changes);
	json_t *row;
	char size[32];
	int rc;

	row = store_update(q->store, &table_volumes, rows_id(old), changes, q->if_match, err);
	if (!row)
		return -err->code;
	parse_size_format(rows_u64(row, "size_bytes"), size, sizeof(size));
	rest_row(q, r, &table_volumes, row, volume_view_add);
	if (!kind)
		return 0;
	if (strcmp(kind, "volume.grow") == 0)
		rc = rest_event(q, "info", "volume.grown", "volume", name, err,
				"volume %s grows to %s", name, size);
	else
		rc = rest_event(q, "info",
				strcmp(kind, "volume.start") == 0 ? "volume.started"
								  : "volume.stopped",
				"volume", name, err, "volume %s is to be %s", name,
				rows_text(changes, "desired_state"));
	return rc ? rc : rest_task(q, r, kind, "volume", name, false, NULL, err);
}

static int patch(struct request *q, struct reply *r, struct err *err)
{
	cleanup_json json_t *body = rows_body(q, false, err), *old = NULL;
	int rc;

	if (!body)
		return -err->code;
	old = volume_view_to_change(q, err);
	if (!old)
		return -err->code;
	if ((rc = table_check(&table_volumes, body, TABLE_CHANGE, err)) ||
	    (rc = volumes_state_check(body, err)))
		return rc;
	if (json_object_get(body, "size_bytes") &&
	    (rc = snapshots_no_exposure(q, old, "it has the size that it had then", err)))
		return rc;
	if (json_object_get(body, "size_bytes") &&
	    (rc = grow_check(q, old, rows_u64(body, "size_bytes"), err)))
		return rc;
	if (rows_u64(body, "size_bytes") > rows_u64(old, "size_bytes") &&
	    json_object_size(body) > 1 &&
	    (rc = replications_refuse(q, rows_id(old), "grow it by itself", err)))
		return rc;
	if (rows_u64(body, "size_bytes") > rows_u64(old, "size_bytes") &&
	    (rc = replications_grow(q, r, old, rows_u64(body, "size_bytes"), err))) {
		if (rc > 0)
			rest_row(q, r, &table_volumes, json_incref(old), volume_view_add);
		return rc > 0 ? 0 : rc;
	}
	if (strcmp(rows_text(body, "desired_state"), "offline") == 0 &&
	    strcmp(rows_text(old, "desired_state"), "offline") != 0 &&
	    (rc = volume_view_nobody(q, rows_text(old, "name"), "their disk goes away", err)))
		return rc;
	return volumes_change(q, r, old, body, err);
}

/* ---------------------------------------------------------------- DELETE */

/* Deleting destroys data, so it must name what it means: the version that was seen, or the volume.
 */
static int is_meant(const struct request *q, const char *name, struct err *err)
{
	const char *confirm = request_query(q, "confirm");

	if (confirm && strcmp(confirm, name) != 0)
		return err_set(err, EINVAL, "confirm",
			       "confirm names %.80s, and the volume is %s; nothing was deleted",
			       confirm, name);
	if (!confirm && q->if_match == 0)
		return err_set(err, EINVAL, "confirm",
			       "deleting volume %s destroys its data: say confirm=%s, or send the "
			       "volume's ETag as If-Match",
			       name, name);
	return 0;
}

static int delete (struct request *q, struct reply *r, struct err *err)
{
	cleanup_json json_t *old = volume_view_wanted(q, err);
	cleanup_json json_t *changes = json_pack("{s:s}", "desired_state", "deleting");
	const char *name;
	json_t *row;
	int rc;

	if (!old)
		return -err->code;
	name = rows_text(old, "name");
	if ((rc = is_meant(q, name, err)))
		return rc;
	if (strcmp(rows_text(old, "desired_state"), "deleting") == 0)
		return err_set(err, EBUSY, "", "volume %s is being deleted already", name);
	if ((rc = volume_view_no_transfer(old, err)) ||
	    (rc = replications_refuse(q, rows_id(old), "end that first", err)) ||
	    (rc = snapshots_may_go(q, old, err)) ||
	    (rc = volume_view_nobody(q, name, "their disk and its data go away", err)))
		return rc;
	row = store_update(q->store, &table_volumes, rows_id(old), changes, q->if_match, err);
	if (!row)
		return -err->code;
	rest_row(q, r, &table_volumes, row, volume_view_add);
	rc = rest_event(q, "warning", "volume.deleting", "volume", name, err,
			"volume %s is being deleted with its data", name);
	return rc ? rc : rest_task(q, r, "volume.delete", "volume", name, false, NULL, err);
}

static const char *const force_query[] = {"force", NULL};
static const char *const delete_query[] = {"force", "confirm", "confirm_snapshots", NULL};

const struct route volumes_routes[] = {
    {"GET", "/volumes", REST_VIEWER, 0, list, "volume", rest_list_query},
    {"POST", "/volumes", REST_OPERATOR, 0, volumes_create, "volume", NULL},
    {"GET", "/volumes/{name}", REST_VIEWER, 0, get, "volume", NULL},
    {"PATCH", "/volumes/{name}", REST_OPERATOR, 0, patch, "volume", force_query},
    {"DELETE", "/volumes/{name}", REST_ADMIN, 0, delete, "volume", delete_query},
    {0},
};
