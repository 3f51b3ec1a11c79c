/* SPDX-License-Identifier: MIT */
/* outcome_rows.c - datastores, portals, filters, and the daemons themselves. Thread: the
 * reconciler's. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"
#include "json.h"
#include "model.h"
#include "outcome.h"
#include "store_link.h"

/* ---------------------------------------------------------------- datastores */

/* Volumes that are being deleted have a row until they are gone, and need the datastore's. */
static bool is_in_use(const struct outcome_view *v, const char *name)
{
	const json_t *row;
	size_t i;

	json_array_foreach(json_object_get(v->desired, "volumes"), i, row)
	{
		if (strcmp(outcome_text(row, "datastore"), name) == 0)
			return true;
	}
	return false;
}

static int remove_datastore(struct outcome *o, const struct outcome_view *v, const json_t *row,
			    struct err *err)
{
	const char *name = outcome_text(row, "name");
	int rc = outcome_begin(o, err);

	if (rc == 0)
		rc = store_delete(o->store, &table_datastores,
				  json_integer_value(json_object_get(row, "id")), 0, err);
	if (rc == 0)
		rc = outcome_event(o, "info", "datastore.deleted", "datastore", name, err,
				   "datastore %s is deleted", name);
	return rc ? rc : outcome_tasks_gone(o, v, "datastore", name, err);
}

static int note_datastore(struct outcome *o, struct outcome_view *v, const json_t *row,
			  struct err *err)
{
	const char *name = outcome_text(row, "name"), *state = "pending";
	const char *why = outcome_trouble(v, "datastore", name, NULL);
	const json_t *runs = json_object_get(v->datastores, name);
	json_t *fields;
	int rc;

	if (!outcome_is_up(v, "filterd"))
		why = "waiting for sluice-filterd";
	else if (runs)
		state = "online";
	else if (*why)
		state = "failed";
	fields = json_pack("{s:s, s:s}", "running_state", state, "running_error", why);
	if (runs) {
		json_object_set(fields, "used_bytes", json_object_get(runs, "used_bytes"));
		json_object_set(fields, "available_bytes",
				json_object_get(runs, "available_bytes"));
		if (!*outcome_text(row, "uuid") && *outcome_text(runs, "uuid"))
			json_object_set(fields, "uuid", json_object_get(runs, "uuid"));
	}
	rc = outcome_fields(o, &table_datastores, row, fields, err);
	return rc ? rc : outcome_tell(o, v, "datastore", name, err);
}

int outcome_datastores(struct outcome *o, struct outcome_view *v, struct err *err)
{
	const json_t *row;
	size_t i;

	json_array_foreach(json_object_get(v->desired, "datastores"), i, row)
	{
		const char *name = outcome_text(row, "name");
		bool is_gone = json_is_true(json_object_get(row, "is_deleting")) &&
			       outcome_is_up(v, "filterd") &&
			       !json_object_get(v->datastores, name) && !is_in_use(v, name);
		int rc =
		    is_gone ? remove_datastore(o, v, row, err) : note_datastore(o, v, row, err);

		if (rc < 0)
			return rc;
	}
	return 0;
}

/* ---------------------------------------------------------------- portals */

static bool has_text(const json_t *array, const char *text)
{
	const json_t *j;
	size_t i;

	json_array_foreach(array, i, j)
	{
		if (strcmp(json_string_value(j), text) == 0)
			return true;
	}
	return false;
}

int outcome_portals(struct outcome *o, struct outcome_view *v, struct err *err)
{
	const json_t *portals = json_object_get(json_object_get(v->running, "tgtd"), "portals");
	const json_t *row;
	size_t i;

	json_array_foreach(json_object_get(v->desired, "portals"), i, row)
	{
		const char *name = outcome_text(row, "name"), *state = "pending";
		const char *why = outcome_trouble(v, "portal", name, NULL);
		int rc;

		if (!outcome_is_up(v, "tgtd"))
			why = "waiting for tgtd";
		else if (has_text(portals, name) || (!outcome_busy(v, "portal", name) && !*why))
			state = "online"; /* or on the address of all, which tgtd listens on */
		else if (*why)
			state = "failed";
		rc = outcome_fields(
		    o, &table_portals, row,
		    json_pack("{s:s, s:s}", "running_state", state, "running_error", why), err);
		if (rc == 0)
			rc = outcome_tell(o, v, "portal", name, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* ---------------------------------------------------------------- filters */

/* filterd's filter in the words of the table. New reference. */
static json_t *filter_row(const json_t *f)
{
	const char *class =
	    model_class_word((uint32_t)json_integer_value(json_object_get(f, "class")));
	json_t *group = json_object_get(f, "group_params");

	return json_pack("{s:s, s:s, s:s, s:s, s:b, s:b, s:O, s:o}", "name",
			 outcome_text(f, "filter"), "class", class ? class : "unknown", "version",
			 outcome_text(f, "version"), "help", outcome_text(f, "help"),
			 "is_transparent", json_is_true(json_object_get(f, "transparent")),
			 "is_installed", 1, "parameters", json_object_get(f, "params"),
			 "group_parameters", group ? json_incref(group) : json_array());
}

/* Also tells of what else has been learnt when something has. */
static int put_filter(struct outcome *o, const json_t *row, const json_t *f, struct err *err)
{
	json_t *fields = filter_row(f);
	cleanup_json json_t *made = NULL;
	int rc;

	if (!fields)
		return err_set(err, EPROTO, "", "sluice-filterd names a filter in unknown words");
	if (row)
		return outcome_fields(o, &table_filters, row, fields, err);
	json_object_set_new(fields, "seen_ms", json_integer((json_int_t)clock_wall_ms()));
	json_object_set_new(fields, "is_enabled", json_true());
	rc = outcome_begin(o, err);
	made = rc ? NULL : store_insert(o->store, &table_filters, fields, err);
	json_decref(fields);
	if (rc || !made)
		return rc ? rc : -err->code;
	return 0;
}

int outcome_filters(struct outcome *o, struct outcome_view *v, struct err *err)
{
	cleanup_json json_t *known = NULL;
	const json_t *f, *row;
	size_t i;
	int rc;

	if (!v->observer->are_filters_new)
		return 0;
	known = json_object();
	json_array_foreach(json_object_get(v->desired, "filters"), i, row)
	{
		json_object_set(known, outcome_text(row, "name"), (json_t *)row);
	}
	json_array_foreach(v->observer->filters, i, f)
	{
		const char *name = outcome_text(f, "filter");

		rc = put_filter(o, json_object_get(known, name), f, err);
		if (rc < 0)
			return rc;
		json_object_del(known, name);
	}
	json_array_foreach(json_object_get(v->desired, "filters"), i, row)
	{
		if (!json_object_get(known, outcome_text(row, "name")))
			continue;
		rc = outcome_fields(o, &table_filters, row, json_pack("{s:b}", "is_installed", 0),
				    err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* ---------------------------------------------------------------- daemons */

static int note_daemon(struct outcome *o, const struct observer_daemon *d, struct err *err)
{
	switch (d->news) {
	case NEWS_DOWN:
		return outcome_event(o, "error", "daemon.down", "daemon", d->name, err,
				     "%s is down: %s; what is changed meanwhile is done when it is "
				     "back",
				     d->name, d->text);
	case NEWS_UP:
		return outcome_event(o, "info", "daemon.up", "daemon", d->name, err, "%s is back",
				     d->name);
	case NEWS_RESTARTED:
		return outcome_event(o, "warning", "daemon.restarted", "daemon", d->name, err,
				     "%s has been restarted; all that it is to have is put there "
				     "again",
				     d->name);
	case NEWS_NONE:
		break;
	}
	return 0;
}

int outcome_daemons(struct outcome *o, struct outcome_view *v, struct err *err)
{
	int rc = note_daemon(o, &v->observer->filterd, err);

	return rc ? rc : note_daemon(o, &v->observer->tgtd, err);
}
