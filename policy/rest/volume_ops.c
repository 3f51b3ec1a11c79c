/* SPDX-License-Identifier: MIT */
/*
 * volume_ops.c - what is done to a volume that is there, and what is seen of it while it runs:
 * start, stop, flush; chain, statistics, history, how to connect. Thread: main.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app.h"
#include "connect.h"
#include "json.h"
#include "model.h"
#include "stats.h"
#include "store_link.h"
#include "tables.h"
#include "volume_rows.h"
#include "volume_view.h"
#include "volumes.h"

/* ---------------------------------------------------------------- start, stop, flush */

static int no_members(const struct request *q, struct err *err)
{
	static const char *const none[] = {NULL};

	return q->body ? json_only(q->body, none, err) : 0;
}

static int set_state(struct request *q, struct reply *r, const char *state, struct err *err)
{
	cleanup_json json_t *old = NULL, *changes = json_pack("{s:s}", "desired_state", state);
	int rc = no_members(q, err);

	if (rc)
		return rc;
	old = volume_view_to_change(q, err);
	if (!old)
		return -err->code;
	if (strcmp(state, "offline") == 0 &&
	    (rc = volume_view_nobody(q, rows_text(old, "name"), "their disk goes away", err)))
		return rc;
	rc = volumes_change(q, r, old, changes, err);
	if (rc || r->task_id)
		return rc;
	/* It is wanted so already; whether it is so, the task tells. */
	return rest_task(q, r, strcmp(state, "online") == 0 ? "volume.start" : "volume.stop",
			 "volume", rows_text(old, "name"), false, NULL, err);
}

static int start(struct request *q, struct reply *r, struct err *err)
{
	return set_state(q, r, "online", err);
}

static int stop(struct request *q, struct reply *r, struct err *err)
{
	return set_state(q, r, "offline", err);
}

static int flush(struct request *q, struct reply *r, struct err *err)
{
	cleanup_json json_t *old = NULL;
	int rc = no_members(q, err);

	if (rc)
		return rc;
	old = volume_view_to_change(q, err);
	if (!old)
		return -err->code;
	r->body = json_object();
	return rest_task(q, r, "volume.flush", "volume", rows_text(old, "name"), false, NULL, err);
}

/* ---------------------------------------------------------------- what runs now */

static json_t *figures_of(struct request *q, const char *volume)
{
	cleanup_json json_t *figures = NULL;
	json_t *v;
	size_t i;

	if (q->app->sampler)
		figures = sampler_figures(q->app->sampler);
	json_array_foreach(json_object_get(figures, "volumes"), i, v)
	{
		if (strcasecmp(rows_text(v, "name"), volume) == 0)
			return json_incref(v);
	}
	return NULL;
}

/* The classes as rules name them; filterd knows their numbers. And what each says of itself, null
 * while that is not known. */
static json_t *filters_shown(struct request *q, const char *volume, const json_t *running)
{
	json_t *filters = json_deep_copy(json_object_get(running, "filters")), *f;
	cleanup_json json_t *statuses =
	    filters && q->app->sampler ? sampler_chain(q->app->sampler, volume) : NULL;
	size_t i;

	json_array_foreach(filters, i, f)
	{
		const char *word = model_class_word((uint32_t)rows_u64(f, "class"));
		json_t *status = json_object_get(statuses, rows_text(f, "filter"));

		json_object_set_new(f, "class", json_string(word ? word : ""));
		json_object_set_new(f, "status", status ? json_incref(status) : json_null());
	}
	return filters ? filters : json_array();
}

static int chain(struct request *q, struct reply *r, struct err *err)
{
	cleanup_json json_t *row = store_get(q->store, &table_volumes, q->segments[0], err);
	cleanup_json json_t *running = NULL, *figures = NULL;
	json_t *layers;
	const char *state;

	if (!row)
		return -err->code;
	running = volume_view_running(q, rows_text(row, "name"));
	figures = figures_of(q, rows_text(row, "name"));
	layers = json_object_get(figures, "layers");
	state = running ? rows_text(running, "state") : "unknown";
	r->body = json_pack("{s:O, s:s, s:o, s:o}", "volume", json_object_get(row, "name"), "state",
			    state[0] ? state : "unknown", "filters",
			    filters_shown(q, rows_text(row, "name"), running), "layers",
			    layers ? json_deep_copy(layers) : json_array());
	return r->body ? 0 : err_set(err, ENOMEM, "", "no memory for the answer");
}

static int stats(struct request *q, struct reply *r, struct err *err)
{
	cleanup_json json_t *row = store_get(q->store, &table_volumes, q->segments[0], err);
	cleanup_json json_t *figures = NULL, *all = NULL;
	json_t *at_ms;

	if (!row)
		return -err->code;
	figures = figures_of(q, rows_text(row, "name"));
	r->body = figures ? json_deep_copy(figures)
			  : json_pack("{s:O}", "name", json_object_get(row, "name"));
	if (q->app->sampler)
		all = sampler_figures(q->app->sampler);
	at_ms = json_object_get(all, "at_ms");
	json_object_set(r->body, "at_ms", at_ms ? at_ms : json_null());
	json_object_set_new(r->body, "is_measured", json_boolean(figures != NULL));
	return 0;
}

static int history(struct request *q, struct reply *r, struct err *err)
{
	int64_t id = store_id_of(q->store, &table_volumes, q->segments[0], err);

	return id ? stats_history_of(q, r, id, err) : -err->code;
}

/* ---------------------------------------------------------------- connect */

/* The first host that may reach the volume: the help is written for it. NULL: none. */
static json_t *first_host(struct request *q, int64_t volume_id)
{
	struct err err;
	cleanup_json json_t *access = store_access(q->store, volume_id, &err), *members = NULL;
	json_t *name = json_array_get(json_object_get(access, "hosts"), 0);
	json_t *group = json_array_get(json_object_get(access, "host_groups"), 0);

	if (!name && group) {
		int64_t id =
		    store_id_of(q->store, &table_host_groups, json_string_value(group), &err);

		members = id ? store_group_members(q->store, id, &err) : NULL;
		name = json_array_get(members, 0);
	}
	return name ? store_get(q->store, &table_hosts, json_string_value(name), &err) : NULL;
}

static int portals_of(struct request *q, json_t *out, struct err *err)
{
	cleanup_json json_t *rows = rows_all(q->store, &table_portals, NULL, err);
	const char *header = request_header(q, "Host");
	char machine[256] = "", text[300];
	const json_t *row;
	size_t i;

	if (!rows)
		return -err->code;
	if (gethostname(machine, sizeof(machine) - 1) != 0 || !machine[0])
		snprintf(machine, sizeof(machine), "localhost");
	json_array_foreach(rows, i, row)
	{
		connect_portal(rows_text(row, "name"), header, machine, text);
		json_array_append_new(out, json_string(text));
	}
	return 0;
}

static json_t *help_of(const char *volume, const json_t *target, const json_t *host,
		       const json_t *portals)
{
	const char *names[CONNECT_PORTALS_MAX];
	const char *user = rows_text(host, "chap_user"), *mutual = rows_text(target, "mutual_user");
	struct connect_facts facts = {.volume = volume,
				      .iqn = rows_text(target, "iqn"),
				      .portals = names,
				      .lun = (uint32_t)rows_u64(target, "lun"),
				      .initiator_iqn = host ? rows_text(host, "iqn") : NULL,
				      .chap_user = user[0] ? user : NULL,
				      .mutual_user = user[0] && mutual[0] ? mutual : NULL};
	const json_t *p;
	size_t i;

	json_array_foreach(portals, i, p)
	{
		if (facts.portal_count < CONNECT_PORTALS_MAX)
			names[facts.portal_count++] = json_string_value(p);
	}
	return connect_help(&facts);
}

static int connect_to(struct request *q, struct reply *r, struct err *err)
{
	cleanup_json json_t *row = store_get(q->store, &table_volumes, q->segments[0], err);
	cleanup_json json_t *target = NULL, *host = NULL, *portals = json_array();
	json_t *chap;
	int rc;

	if (!row)
		return -err->code;
	target = store_target(q->store, rows_id(row), err);
	if (!target)
		return -err->code;
	if ((rc = portals_of(q, portals, err)))
		return rc;
	host = first_host(q, rows_id(row));
	chap = json_pack("{s:b, s:b, s:s?, s:O?}", "is_required",
			 rows_text(host, "chap_user")[0] != '\0', "is_mutual",
			 rows_text(target, "mutual_user")[0] != '\0', "algorithm",
			 rows_text(host, "chap_user")[0] ? "MD5" : NULL, "mutual_user",
			 json_object_get(target, "mutual_user"));
	r->body =
	    json_pack("{s:O, s:O, s:O, s:o, s:s?, s:o}", "iqn", json_object_get(target, "iqn"),
		      "portals", portals, "lun", json_object_get(target, "lun"), "chap", chap,
		      "host", host ? rows_text(host, "name") : NULL, "help",
		      help_of(rows_text(row, "name"), target, host, portals));
	return r->body ? 0 : err_set(err, ENOMEM, "", "no memory for the answer");
}

static const char *const force_query[] = {"force", NULL};
static const char *const history_query[] = {"from_ms", "to_ms", "points", NULL};

const struct route volume_ops_routes[] = {
    {"POST", "/volumes/{name}/start", REST_OPERATOR, 0, start, "volume", NULL},
    {"POST", "/volumes/{name}/stop", REST_OPERATOR, 0, stop, "volume", force_query},
    {"POST", "/volumes/{name}/flush", REST_OPERATOR, 0, flush, "volume", NULL},
    {"GET", "/volumes/{name}/chain", REST_VIEWER, 0, chain, "volume", NULL},
    {"GET", "/volumes/{name}/stats", REST_VIEWER, 0, stats, "volume", NULL},
    {"GET", "/volumes/{name}/history", REST_VIEWER, 0, history, "volume", history_query},
    {"GET", "/volumes/{name}/connect", REST_VIEWER, 0, connect_to, "volume", NULL},
    {0},
};
