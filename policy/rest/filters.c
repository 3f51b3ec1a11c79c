/* SPDX-License-Identifier: MIT */
/*
 * filters.c - /filters: what filterd has loaded, what each takes, and who uses it. An administrator
 * may disable one, which keeps it out of new rules; in use it cannot be. Thread: main.
 */
#include <errno.h>
#include <string.h>

#include "json.h"
#include "model.h"
#include "store_link.h"
#include "tables.h"
#include "volume_rows.h"

/* The class as its number too: it is the order in the chain. */
static void add_users(struct request *q, json_t *row)
{
	json_t *users = store_filter_users(q->store, rows_text(row, "name"), NULL);

	json_object_set_new(
	    row, "used_by",
	    users ? users : json_pack("{s:[], s:[], s:[]}", "policies", "volumes", "datastores"));
	json_object_set_new(row, "class_number",
			    json_integer(model_class_number(rows_text(row, "class"))));
}

static int list(struct request *q, struct reply *r, struct err *err)
{
	return rest_list(q, r, &table_filters, add_users, err);
}

static int get(struct request *q, struct reply *r, struct err *err)
{
	json_t *row = store_get(q->store, &table_filters, q->segments[0], err);

	if (!row)
		return -err->code;
	rest_row(q, r, &table_filters, row, add_users);
	return 0;
}

/* -EBUSY with who uses it. */
static int nobody_uses(struct request *q, const char *name, struct err *err)
{
	cleanup_json json_t *users = store_filter_users(q->store, name, err);
	const json_t *policies, *volumes, *datastores;
	char p[ROWS_NAMES_TEXT], v[ROWS_NAMES_TEXT], d[ROWS_NAMES_TEXT];

	if (!users)
		return -err->code;
	policies = json_object_get(users, "policies");
	volumes = json_object_get(users, "volumes");
	datastores = json_object_get(users, "datastores");
	rows_names_text(datastores, NULL, d);
	if (json_array_size(datastores) > 0)
		return err_set(
		    err, EBUSY, "is_enabled",
		    "filter %s works for the datastores %.120s; clear it from them first", name, d);
	if (json_array_size(policies) == 0 && json_array_size(volumes) == 0)
		return 0;
	rows_names_text(policies, NULL, p);
	rows_names_text(volumes, NULL, v);
	return err_set(
	    err, EBUSY, "is_enabled",
	    "filter %s is used by the policies %.120s and the volumes %.120s; take it out of "
	    "the policies and apply them first",
	    name, p[0] ? p : "(none)", v[0] ? v : "(none)");
}

static int change(struct request *q, struct reply *r, struct err *err)
{
	cleanup_json json_t *row = store_get(q->store, &table_filters, q->segments[0], err);
	cleanup_json json_t *body = row ? rows_body(q, false, err) : NULL;
	const char *name = rows_text(row, "name");
	const json_t *wanted;
	json_t *now;

	if (!body || rest_match(q, row, err) < 0 ||
	    table_check(&table_filters, body, TABLE_CHANGE, err) < 0)
		return -err->code;
	wanted = json_object_get(body, "is_enabled");
	if (json_is_false(wanted) && rows_is(row, "is_enabled") && nobody_uses(q, name, err) < 0)
		return -err->code;
	now = store_update(q->store, &table_filters, rows_id(row), body, q->if_match, err);
	if (!now)
		return -err->code;
	rest_row(q, r, &table_filters, now, add_users);
	return wanted ? rest_event(q, "info", "filter.changed", "filter", name, err,
				   "filter %s was %s by %s", name,
				   json_is_true(wanted) ? "enabled" : "disabled", q->actor.name)
		      : 0;
}

const struct route filters_routes[] = {
    {"GET", "/filters", REST_VIEWER, 0, list, "filter", rest_list_query},
    {"GET", "/filters/{name}", REST_VIEWER, 0, get, "filter", NULL},
    {"PATCH", "/filters/{name}", REST_ADMIN, ROUTE_NO_RECONCILE, change, "filter", NULL},
    {.method = NULL},
};
