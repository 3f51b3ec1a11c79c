/* SPDX-License-Identifier: MIT */
/* snapshot_schedules.c - /snapshot-schedules: which volumes have snapshots by themselves, when, and
 * how many are kept. Thread: main. */
#include <errno.h>
#include <string.h>

#include "app.h"
#include "clock.h"
#include "json.h"
#include "schedule.h"
#include "snapshots.h"
#include "store_link.h"
#include "store_snapshots.h"
#include "tables.h"
#include "volume_rows.h"

/* ---------------------------------------------------------------- as it is shown */

static json_t *next_of(const json_t *row)
{
	struct schedule s;
	struct err err;

	if (!rows_is(row, "is_enabled") ||
	    schedule_read(rows_text(row, "every"), rows_text(row, "at"), rows_text(row, "weekday"),
			  &s, &err) < 0)
		return json_null();
	return json_integer((json_int_t)schedule_next(&s, (int64_t)clock_wall_ms()));
}

static void view(struct request *q, json_t *row)
{
	struct err err;
	int64_t id = store_id_of(q->store, &table_snapshot_schedules, rows_text(row, "name"), &err);
	cleanup_json json_t *all = store_schedule_volumes(q->store, id, &err);
	cleanup_json json_t *made = store_snapshots_of_schedule(q->store, id, &err);
	json_t *volumes = store_schedule_listed(q->store, id, &err);

	json_object_set_new(row, "volumes", volumes ? volumes : json_array());
	json_object_set_new(row, "volume_count", json_integer((json_int_t)json_array_size(all)));
	json_object_set_new(row, "snapshot_count", json_integer((json_int_t)json_array_size(made)));
	json_object_set_new(row, "next_ms", next_of(row));
}

static int list(struct request *q, struct reply *r, struct err *err)
{
	return rest_list(q, r, &table_snapshot_schedules, view, err);
}

static int get(struct request *q, struct reply *r, struct err *err)
{
	json_t *row = store_get(q->store, &table_snapshot_schedules, q->segments[0], err);

	if (!row)
		return -err->code;
	rest_row(q, r, &table_snapshot_schedules, row, view);
	return 0;
}

/* ---------------------------------------------------------------- POST, PATCH */

static const char *member(const json_t *body, const json_t *old, const char *name, const char *def)
{
	const char *text = json_string_value(json_object_get(body, name));

	if (!text)
		text = json_string_value(json_object_get(old, name));
	return text ? text : def;
}

static uint64_t number(const json_t *body, const json_t *old, const char *name)
{
	return json_object_get(body, name) ? rows_u64(body, name) : rows_u64(old, name);
}

/* body's members, and where they are not given old's. */
static int whole_check(const json_t *body, const json_t *old, struct err *err)
{
	struct schedule s;
	int rc = schedule_read(member(body, old, "every", ""), member(body, old, "at", "00:00"),
			       member(body, old, "weekday", "sunday"), &s, err);

	if (rc)
		return rc;
	if (number(body, old, "keep_hourly") + number(body, old, "keep_daily") +
		number(body, old, "keep_weekly") ==
	    0)
		return err_set(err, EINVAL, "keep_daily",
			       "a schedule keeps something: give at least one of keep_hourly, "
			       "keep_daily and keep_weekly");
	return 0;
}

static int volumes_put(struct request *q, int64_t id, const json_t *names, struct err *err)
{
	int rc = rows_names_check("volumes", names, err);
	const json_t *name;
	size_t i;

	json_array_foreach(names, i, name)
	{
		cleanup_json json_t *row = NULL;

		if (rc)
			return rc;
		row = store_get(q->store, &table_volumes, json_string_value(name), err);
		if (!row)
			return rows_named_in_body(-err->code, "volumes", err);
		rc = snapshots_no_exposure(q, row, "name that volume instead", err);
	}
	return rc ? rc : store_schedule_set(q->store, id, names, err);
}

static int create(struct request *q, struct reply *r, struct err *err)
{
	cleanup_json json_t *body = rows_body(q, false, err), *volumes = NULL, *row = NULL;
	const char *name;
	int rc;

	if (!body)
		return -err->code;
	volumes = rows_take(body, "volumes");
	if ((rc = table_check(&table_snapshot_schedules, body, TABLE_CREATE, err)) ||
	    (rc = whole_check(body, NULL, err)))
		return rc;
	row = store_insert(q->store, &table_snapshot_schedules, body, err);
	if (!row)
		return rows_named_in_body(-err->code, "policy", err);
	rc = volumes ? volumes_put(q, rows_id(row), volumes, err) : 0;
	if (rc)
		return rc;
	name = rows_text(row, "name");
	rest_row(q, r, &table_snapshot_schedules, json_incref(row), view);
	r->status = 201;
	return rest_event(q, "info", "schedule.created", "snapshot_schedule", name, err,
			  "snapshot schedule %s was made by %s", name, q->actor.name);
}

/* What was due while it was switched off, or at other times, is not made up for. */
static int forget_the_past(struct request *q, const json_t *old, const json_t *body,
			   struct err *err)
{
	static const char *const telling[] = {"every", "at", "weekday", "is_enabled", NULL};
	cleanup_json json_t *fields =
	    json_pack("{s:I}", "last_due_ms", (json_int_t)clock_wall_ms());
	bool has_changed = false;

	for (const char *const *t = telling; *t; t++) {
		const json_t *now = json_object_get(body, *t);

		has_changed |= now && !json_equal(now, json_object_get(old, *t));
	}
	return has_changed
		   ? store_note(q->store, &table_snapshot_schedules, rows_id(old), fields, err)
		   : 0;
}

static int change(struct request *q, struct reply *r, struct err *err)
{
	cleanup_json json_t *old =
	    store_get(q->store, &table_snapshot_schedules, q->segments[0], err);
	cleanup_json json_t *body = old ? rows_body(q, false, err) : NULL, *volumes = NULL;
	cleanup_json json_t *row = NULL;
	int rc;

	if (!body)
		return -err->code;
	volumes = rows_take(body, "volumes");
	if ((rc = rest_match(q, old, err)) ||
	    (rc = table_check(&table_snapshot_schedules, body, TABLE_CHANGE, err)) ||
	    (rc = whole_check(body, old, err)) || (rc = forget_the_past(q, old, body, err)))
		return rc;
	row =
	    store_update(q->store, &table_snapshot_schedules, rows_id(old), body, q->if_match, err);
	if (!row)
		return rows_named_in_body(-err->code, "policy", err);
	rc = volumes ? volumes_put(q, rows_id(row), volumes, err) : 0;
	if (rc)
		return rc;
	rest_row(q, r, &table_snapshot_schedules, json_incref(row), view);
	return rest_event(q, "info", "schedule.changed", "snapshot_schedule",
			  rows_text(row, "name"), err, "snapshot schedule %s was changed by %s",
			  rows_text(row, "name"), q->actor.name);
}

/* Its snapshots stay, and nothing deletes them by itself any more. */
static int delete (struct request *q, struct reply *r, struct err *err)
{
	cleanup_json json_t *old =
	    store_get(q->store, &table_snapshot_schedules, q->segments[0], err);
	cleanup_json json_t *made = NULL;
	int rc;

	if (!old || rest_match(q, old, err) < 0)
		return -err->code;
	made = store_snapshots_of_schedule(q->store, rows_id(old), err);
	rc = made
		 ? store_delete(q->store, &table_snapshot_schedules, rows_id(old), q->if_match, err)
		 : -err->code;
	if (rc)
		return rc;
	return rest_event(q, "info", "schedule.deleted", "snapshot_schedule",
			  rows_text(old, "name"), err,
			  "snapshot schedule %s was deleted by %s; the %zu snapshots that it made "
			  "stay",
			  rows_text(old, "name"), q->actor.name, json_array_size(made));
}

const struct route snapshot_schedules_routes[] = {
    {"GET", "/snapshot-schedules", REST_VIEWER, 0, list, "snapshot_schedule", rest_list_query},
    {"POST", "/snapshot-schedules", REST_OPERATOR, 0, create, "snapshot_schedule", NULL},
    {"GET", "/snapshot-schedules/{name}", REST_VIEWER, 0, get, "snapshot_schedule", NULL},
    {"PATCH", "/snapshot-schedules/{name}", REST_OPERATOR, 0, change, "snapshot_schedule", NULL},
    {"DELETE", "/snapshot-schedules/{name}", REST_OPERATOR, 0, delete, "snapshot_schedule", NULL},
    {.method = NULL},
};
