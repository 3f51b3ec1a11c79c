/* SPDX-License-Identifier: MIT */
/* snapshots.c - /snapshots and /volumes/{name}/snapshots: which there are, making and deleting
 * them. The work is the snapshotter's, by tasks. Thread: main. */
#include "snapshots.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "app.h"
#include "calendar.h"
#include "clock.h"
#include "json.h"
#include "snapshotter.h"
#include "store_link.h"
#include "store_snapshots.h"
#include "tables.h"
#include "uuid.h"
#include "volume_rows.h"
#include "volume_view.h"

/* ---------------------------------------------------------------- as it is shown */

void snapshots_view(struct request *q, json_t *row)
{
	struct err err;
	int64_t id = store_id_of(q->store, &table_snapshots, rows_text(row, "uuid"), &err);
	cleanup_json json_t *users = store_snapshot_users(q->store, id, &err);
	json_t *clones = json_array(), *exposures = json_array(), *u;
	size_t i;

	json_array_foreach(users, i, u)
	{
		json_array_append(strcmp(rows_text(u, "kind"), "exposure") ? clones : exposures,
				  json_object_get(u, "name"));
	}
	json_object_set_new(row, "clones", clones);
	json_object_set_new(row, "exposures", exposures);
}

static int list_all(struct request *q, struct reply *r, struct err *err)
{
	return rest_list(q, r, &table_snapshots, snapshots_view, err);
}

static int list(struct request *q, struct reply *r, struct err *err)
{
	if (!store_id_of(q->store, &table_volumes, q->segments[0], err))
		return -err->code;
	return rest_list_of(q, r, &table_snapshots, "volume", q->segments[0], snapshots_view, err);
}

json_t *snapshots_wanted(struct request *q, struct err *err)
{
	cleanup_json json_t *row =
	    store_snapshot_get(q->store, q->segments[0], q->segments[1], err);

	return row && rest_match(q, row, err) == 0 ? json_incref(row) : NULL;
}

json_t *snapshots_ready(struct request *q, struct err *err)
{
	cleanup_json json_t *row = snapshots_wanted(q, err);
	const char *text = rows_text(row, "state_text");

	if (row && strcmp(rows_text(row, "state"), "ready") != 0) {
		err_set(err, EBUSY, "", "snapshot %s of volume %s is %s%s%s",
			rows_text(row, "name"), rows_text(row, "volume"), rows_text(row, "state"),
			text[0] ? ": " : "", text);
		return NULL;
	}
	return row ? json_incref(row) : NULL;
}

static void answer(struct request *q, struct reply *r, const json_t *row)
{
	char name[SNAPSHOTTER_NAME_BYTES];

	snapshotter_name(rows_text(row, "volume"), rows_text(row, "name"), name);
	rest_row(q, r, &table_snapshots, json_deep_copy(row), snapshots_view);
	rows_object(r, name);
}

static int get(struct request *q, struct reply *r, struct err *err)
{
	cleanup_json json_t *row =
	    store_snapshot_get(q->store, q->segments[0], q->segments[1], err);

	if (!row)
		return -err->code;
	answer(q, r, row);
	return 0;
}

/* ---------------------------------------------------------------- POST */

void snapshots_name_now(char out[32])
{
	struct calendar c;

	calendar_at_utc((int64_t)(clock_wall_ms() / 1000), &c);
	snprintf(out, 32, "s-%04d%02d%02dT%02d%02d%02dZ", c.year % 10000, c.month, c.day, c.hour,
		 c.minute, c.second);
}

json_t *snapshots_origin(struct request *q, int64_t volume_id)
{
	struct err err;
	json_t *origin = store_volume_origin(q->store, volume_id, &err);

	return origin ? origin : json_null();
}

int snapshots_no_exposure(struct request *q, const json_t *volume, const char *what,
			  struct err *err)
{
	cleanup_json json_t *origin = snapshots_origin(q, rows_id(volume));

	if (strcmp(rows_text(origin, "kind"), "exposure") != 0)
		return 0;
	return err_set(err, EBUSY, "",
		       "volume %s shows snapshot %s of volume %s and is never written; %s",
		       rows_text(volume, "name"), rows_text(origin, "snapshot_name"),
		       rows_text(origin, "volume"), what);
}

int snapshots_may_take(struct request *q, const json_t *volume, const char *field, struct err *err)
{
	const char *name = rows_text(volume, "name");
	cleanup_json json_t *datastore =
	    store_get(q->store, &table_datastores, rows_text(volume, "datastore"), err);
	int rc;

	if (!datastore)
		return -err->code;
	if (strcmp(rows_text(datastore, "type"), "dir") != 0)
		return err_set(err, ENOTSUP, field,
			       "volume %s is on datastore %s of type %s, which cannot keep "
			       "snapshots; those of type dir can",
			       name, rows_text(datastore, "name"), rows_text(datastore, "type"));
	if (strcmp(rows_text(volume, "desired_state"), "online") != 0)
		return err_set(err, EBUSY, field,
			       "volume %s is %s; a snapshot is taken of one that runs", name,
			       rows_text(volume, "desired_state"));
	rc = volume_view_no_transfer(volume, err);
	return rc ? rc : snapshots_no_exposure(q, volume, "take one of that volume", err);
}

json_t *snapshots_insert(struct request *q, const char *volume, const char *name,
			 const char *description, const char *group, struct err *err)
{
	cleanup_json json_t *row = NULL, *other = NULL;
	char uuid[37];

	other = store_snapshot_get(q->store, volume, name, err);
	if (other) {
		err_set(err, EEXIST, "name", "volume %s has a snapshot %s already", volume, name);
		return NULL;
	}
	if (uuid_make(uuid, err))
		return NULL;
	row = json_pack("{s:s, s:s, s:s, s:s, s:s*}", "uuid", uuid, "volume", volume, "name", name,
			"description", description, "group", group);
	return store_insert(q->store, &table_snapshots, row, err);
}

static int create(struct request *q, struct reply *r, struct err *err)
{
	cleanup_json json_t *body = rows_body(q, true, err), *volume = NULL, *row = NULL;
	cleanup_json json_t *parameters = NULL;
	char own[32];
	int rc;

	volume = store_get(q->store, &table_volumes, q->segments[0], err);
	if (!body || !volume)
		return -err->code;
	if (!json_object_get(body, "name")) {
		snapshots_name_now(own);
		json_object_set_new(body, "name", json_string(own));
	}
	if ((rc = table_check(&table_snapshots, body, TABLE_CREATE, err)) ||
	    (rc = snapshots_may_take(q, volume, "", err)))
		return rc;
	row = snapshots_insert(q, rows_text(volume, "name"), rows_text(body, "name"),
			       rows_text(body, "description"), NULL, err);
	if (!row)
		return -err->code;
	answer(q, r, row);
	parameters = json_pack("{s:O, s:O}", "volume", json_object_get(row, "volume"), "snapshot",
			       json_object_get(row, "uuid"));
	return rest_task(q, r, "snapshot.create", "snapshot", r->object_name, false, parameters,
			 err);
}

/* ---------------------------------------------------------------- PATCH, DELETE */

static int change(struct request *q, struct reply *r, struct err *err)
{
	cleanup_json json_t *old = snapshots_wanted(q, err), *row = NULL;
	cleanup_json json_t *body = old ? rows_body(q, false, err) : NULL;

	if (!body || table_check(&table_snapshots, body, TABLE_CHANGE, err) < 0)
		return -err->code;
	row = store_update(q->store, &table_snapshots, rows_id(old), body, q->if_match, err);
	if (!row)
		return -err->code;
	answer(q, r, row);
	return 0;
}

int snapshots_unused(struct request *q, const json_t *row, struct err *err)
{
	cleanup_json json_t *users = store_snapshot_users(q->store, rows_id(row), err);
	char names[ROWS_NAMES_TEXT];

	if (!users)
		return -err->code;
	if (json_array_size(users) == 0)
		return 0;
	rows_names_text(users, "name", names);
	return err_set(err, EBUSY, "",
		       "snapshot %s of volume %s is needed by %s; delete what shows it or was made "
		       "of it first",
		       rows_text(row, "name"), rows_text(row, "volume"), names);
}

int snapshots_delete(struct request *q, struct reply *r, const json_t *row, struct err *err)
{
	cleanup_json json_t *fields = json_pack("{s:s}", "state", "deleting");
	cleanup_json json_t *parameters =
	    json_pack("{s:O, s:O}", "volume", json_object_get(row, "volume"), "snapshot",
		      json_object_get(row, "uuid"));
	char name[SNAPSHOTTER_NAME_BYTES];
	int rc;

	if (strcmp(rows_text(row, "state"), "deleting") == 0)
		return err_set(err, EBUSY, "", "snapshot %s of volume %s is being deleted already",
			       rows_text(row, "name"), rows_text(row, "volume"));
	if (strcmp(rows_text(row, "state"), "creating") == 0)
		return err_set(err, EBUSY, "", "snapshot %s of volume %s is being taken",
			       rows_text(row, "name"), rows_text(row, "volume"));
	if ((rc = snapshots_unused(q, row, err)) ||
	    (rc = store_note(q->store, &table_snapshots, rows_id(row), fields, err)))
		return rc;
	snapshotter_name(rows_text(row, "volume"), rows_text(row, "name"), name);
	return rest_task(q, r, "snapshot.delete", "snapshot", name, true, parameters, err);
}

static int delete (struct request *q, struct reply *r, struct err *err)
{
	cleanup_json json_t *row = snapshots_wanted(q, err), *now = NULL;
	const char *confirm = request_query(q, "confirm");
	int rc;

	if (!row)
		return -err->code;
	if (confirm && strcmp(confirm, rows_text(row, "name")) != 0)
		return err_set(err, EINVAL, "confirm",
			       "confirm names %.80s, and the snapshot is %s; nothing was deleted",
			       confirm, rows_text(row, "name"));
	if (!confirm && q->if_match == 0)
		return err_set(
		    err, EINVAL, "confirm",
		    "deleting snapshot %s destroys what it keeps: say confirm=%s, or send "
		    "its ETag as If-Match",
		    rows_text(row, "name"), rows_text(row, "name"));
	rc = snapshots_delete(q, r, row, err);
	if (rc)
		return rc;
	now = store_get_id(q->store, &table_snapshots, rows_id(row), err);
	if (!now)
		return -err->code;
	answer(q, r, now);
	return 0;
}

/* ---------------------------------------------------------------- for /volumes */

int snapshots_may_go(struct request *q, const json_t *volume, struct err *err)
{
	const char *name = rows_text(volume, "name"), *said = request_query(q, "confirm_snapshots");
	cleanup_json json_t *users = store_volume_snapshot_users(q->store, rows_id(volume), err);
	cleanup_json json_t *sum = store_snapshots_sum(q->store, rows_id(volume), err);
	char names[ROWS_NAMES_TEXT], count[24];

	if (!users || !sum)
		return -err->code;
	if (json_array_size(users) > 0) {
		rows_names_text(users, "name", names);
		return err_set(err, EBUSY, "",
			       "snapshots of volume %s are needed by %s; delete those first", name,
			       names);
	}
	snprintf(count, sizeof(count), "%llu", (unsigned long long)rows_u64(sum, "count"));
	if (rows_u64(sum, "count") == 0 || (said && strcmp(said, count) == 0))
		return 0;
	return err_set(err, EINVAL, "confirm_snapshots",
		       "volume %s has %s snapshot%s, which would be deleted with it: say "
		       "confirm_snapshots=%s",
		       name, count, strcmp(count, "1") ? "s" : "", count);
}

static const char *const delete_query[] = {"confirm", NULL};

const struct route snapshots_routes[] = {
    {"GET", "/snapshots", REST_VIEWER, 0, list_all, "snapshot", rest_list_query},
    {"GET", "/volumes/{name}/snapshots", REST_VIEWER, 0, list, "snapshot", rest_list_query},
    {"POST", "/volumes/{name}/snapshots", REST_OPERATOR, 0, create, "snapshot", NULL},
    {"GET", "/volumes/{name}/snapshots/{snapshot}", REST_VIEWER, 0, get, "snapshot", NULL},
    {"PATCH", "/volumes/{name}/snapshots/{snapshot}", REST_OPERATOR, 0, change, "snapshot", NULL},
    {"DELETE", "/volumes/{name}/snapshots/{snapshot}", REST_OPERATOR, 0, delete, "snapshot",
     delete_query},
    {.method = NULL},
};
