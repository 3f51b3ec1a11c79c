/* SPDX-License-Identifier: MIT */
/*
 * datastore_filters.c - /datastores/{name}/filters: filters that work for a whole datastore. Each
 * stands in the chain of every volume there, with its defaults, unless the volume's policy has a
 * rule of its class; the parameters here are the datastore's own. Thread: main.
 */
#include <errno.h>
#include <string.h>

#include "app.h"
#include "datastores.h"
#include "json.h"
#include "model.h"
#include "store_link.h"
#include "tables.h"
#include "volume_rows.h"

static json_t *find(const json_t *list, const char *filter)
{
	json_t *f;
	size_t i;

	json_array_foreach(list, i, f)
	{
		if (strcmp(rows_text(f, "filter"), filter) == 0)
			return f;
	}
	return NULL;
}

/* ---------------------------------------------------------------- checking */

static int check_one(json_t *f, json_t *all, const json_t *known, struct err *err)
{
	static const char *const members[] = {"filter", "parameters", NULL};
	const char *name = NULL;
	json_t *checked = NULL;

	if (!json_is_object(f))
		return err_set(err, EINVAL, "filters", "filters must be objects");
	if (json_only(f, members, err) < 0 || json_get_string(f, "filter", &name, err) < 0)
		return -err->code;
	if (find(all, name) != f)
		return err_set(err, EINVAL, "filters", "filter %.60s stands there twice", name);
	if (model_datastore_filter_check(name, json_object_get(f, "parameters"), all, known,
					 &checked, err) < 0)
		return -err->code;
	return json_object_set_new(f, "parameters", checked);
}

int datastore_filters_check(struct store *s, json_t *filters, struct err *err)
{
	cleanup_json json_t *known = rows_all(s, &table_filters, NULL, err);
	int rc = known ? 0 : -err->code;
	json_t *f;
	size_t i;

	json_array_foreach(filters, i, f)
	{
		if (rc == 0)
			rc = check_one(f, filters, known, err);
	}
	return rows_named_in_body(rc, "filters", err);
}

/* ---------------------------------------------------------------- what is there */

/* With what the sampler saw last; null where it has seen nothing. */
static json_t *with_status(struct request *q, const char *datastore, json_t *items)
{
	cleanup_json json_t *seen =
	    q->app->sampler ? sampler_datastores(q->app->sampler) : json_object();
	const json_t *live = json_object_get(seen, datastore);
	json_t *item;
	size_t i;

	json_array_foreach(items, i, item)
	{
		const json_t *is = find(live, rows_text(item, "filter"));
		json_t *is_active = json_object_get(is, "is_active");
		json_t *status = json_object_get(is, "status");

		json_object_set(item, "is_active", is_active ? is_active : json_null());
		json_object_set(item, "status", status ? status : json_null());
	}
	return items;
}

/* The reply of all three: the datastore's filters as they are wanted now. */
static int show(struct request *q, struct reply *r, const json_t *row, struct err *err)
{
	json_t *items = store_datastore_filters(q->store, rows_id(row), err);

	if (!items)
		return -err->code;
	r->body = json_pack("{s:o}", "items", with_status(q, rows_text(row, "name"), items));
	r->revision = (int64_t)rows_u64(row, "revision");
	return 0;
}

static int list(struct request *q, struct reply *r, struct err *err)
{
	cleanup_json json_t *row = store_get(q->store, &table_datastores, q->segments[0], err);

	return row ? show(q, r, row, err) : -err->code;
}

/* ---------------------------------------------------------------- changes */

/* The datastore's row, which may be changed. */
static json_t *to_change(struct request *q, struct err *err)
{
	json_t *row = store_get(q->store, &table_datastores, q->segments[0], err);

	int rc = row ? rest_match(q, row, err) : 0;

	if (row && rc == 0 && rows_is(row, "is_deleting"))
		rc = err_set(err, EBUSY, "", "datastore %s is being deleted", q->segments[0]);
	if (rc == 0)
		return row;
	json_decref(row);
	return NULL;
}

/* parameters NULL: away with it. */
static int store(struct request *q, struct reply *r, const json_t *old, const json_t *parameters,
		 struct err *err)
{
	const char *name = rows_text(old, "name"), *filter = q->segments[1];
	cleanup_json json_t *nothing = json_object(), *row = NULL;
	int rc = store_datastore_filter_put(q->store, rows_id(old), filter, parameters, err);

	if (rc < 0)
		return rc;
	/* They belong to the datastore's object, so its ETag moves. */
	row = store_update(q->store, &table_datastores, rows_id(old), nothing, q->if_match, err);
	if (!row || show(q, r, row, err) < 0)
		return -err->code;
	rc = rest_event(q, "info", parameters ? "datastore.filter_set" : "datastore.filter_cleared",
			"datastore", name, err, "filter %s was %s datastore %s by %s", filter,
			parameters ? "set for" : "cleared from", name, q->actor.name);
	return rc ? rc : rest_task(q, r, "datastore.filter", "datastore", name, false, NULL, err);
}

static int put(struct request *q, struct reply *r, struct err *err)
{
	static const char *const members[] = {"parameters", NULL};
	cleanup_json json_t *body = rows_body(q, true, err), *old = NULL;
	cleanup_json json_t *all = NULL, *known = NULL;
	json_t *checked = NULL;
	int rc;

	if (!body || json_only(body, members, err) < 0)
		return -err->code;
	old = to_change(q, err);
	all = old ? store_datastore_filters(q->store, rows_id(old), err) : NULL;
	known = all ? rows_all(q->store, &table_filters, NULL, err) : NULL;
	if (!known ||
	    model_datastore_filter_check(q->segments[1], json_object_get(body, "parameters"), all,
					 known, &checked, err) < 0)
		return -err->code;
	rc = store(q, r, old, checked, err);
	json_decref(checked);
	return rc;
}

static int delete (struct request *q, struct reply *r, struct err *err)
{
	cleanup_json json_t *old = to_change(q, err), *all = NULL;

	all = old ? store_datastore_filters(q->store, rows_id(old), err) : NULL;
	if (!all)
		return -err->code;
	if (!find(all, q->segments[1]))
		return err_set(err, ENOENT, "", "datastore %s has no filter %.60s for all of it",
			       rows_text(old, "name"), q->segments[1]);
	return store(q, r, old, NULL, err);
}

const struct route datastore_filters_routes[] = {
    {"GET", "/datastores/{name}/filters", REST_VIEWER, 0, list, "datastore", NULL},
    {"PUT", "/datastores/{name}/filters/{filter}", REST_ADMIN, 0, put, "datastore", NULL},
    {"DELETE", "/datastores/{name}/filters/{filter}", REST_ADMIN, 0, delete, "datastore", NULL},
    {0},
};
