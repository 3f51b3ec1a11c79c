/* SPDX-License-Identifier: MIT */
/* system.c - /system, /readyz, /metrics: version, daemons, problems, counts, capacity; see
 * system.h. Thread: main. */
#include "system.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "app.h"
#include "clock.h"
#include "json.h"
#include "metrics.h"
#include "rest.h"
#include "settings.h"
#include "tables.h"
#include "release.h"
#include "volume_rows.h"

struct daemon {
	const char *key, *name, *what_to_do;
};
static const struct daemon daemons[] = {
    {"filterd", "sluice-filterd", "systemctl status sluice-filterd"},
    {"tgtd", "tgtd", "systemctl status tgt"},
};
#define DAEMONS (sizeof(daemons) / sizeof(daemons[0]))

static json_t *health_of(struct app *app)
{
	return app->reconciler ? reconciler_health(app->reconciler) : json_object();
}

static bool is_up(const json_t *health, size_t i)
{
	return rows_is(json_object_get(health, daemons[i].key), "is_up");
}

/* A read that cannot be answered from memory. */
static bool database_answers(struct app *app, struct err *err)
{
	struct store_query one = {.limit = 1};
	cleanup_json json_t *page = store_list(app->store, &table_datastores, &one, err);

	return page != NULL;
}

bool system_ready(struct app *app, json_t **causes)
{
	cleanup_json json_t *health = health_of(app);
	struct err err = {0};

	*causes = json_array();
	if (!database_answers(app, &err))
		json_array_append_new(*causes, json_sprintf("the database: %s", err.text));
	for (size_t i = 0; i < DAEMONS; i++) {
		const char *text = rows_text(json_object_get(health, daemons[i].key), "text");

		if (!is_up(health, i))
			json_array_append_new(*causes, json_sprintf("%s does not answer%s%s",
								    daemons[i].name,
								    text[0] ? ": " : "", text));
	}
	return json_array_size(*causes) == 0;
}

/* ---------------------------------------------------------------- counts */

static json_int_t total(struct request *q, const struct store_table *t, const char *column,
			const char *value)
{
	const char *filters[] = {column, value, NULL};
	struct store_query query = {.limit = 1, .filters = column ? filters : NULL};
	cleanup_json json_t *page = store_list(q->store, t, &query, NULL);

	return json_integer_value(json_object_get(page, "total"));
}

static json_t *counts(struct request *q)
{
	static const struct {
		const char *name;
		const struct store_table *table;
	} all[] = {
	    {"datastores", &table_datastores}, {"volumes", &table_volumes},
	    {"hosts", &table_hosts},           {"host_groups", &table_host_groups},
	    {"portals", &table_portals},       {"policies", &table_policies},
	    {"filters", &table_filters},       {"peers", &table_peers},
	    {"users", &table_users},
	};
	json_t *out = json_object();

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		json_object_set_new(out, all[i].name,
				    json_integer(total(q, all[i].table, NULL, NULL)));
	json_object_set_new(out, "alerts",
			    json_integer(total(q, &table_alerts, "state", "active")));
	json_object_set_new(out, "tasks_running",
			    json_integer(total(q, &table_tasks, "state", "queued") +
					 total(q, &table_tasks, "state", "running")));
	return out;
}

static json_t *capacity(struct request *q)
{
	cleanup_json json_t *datastores = rows_all(q->store, &table_datastores, NULL, NULL);
	cleanup_json json_t *volumes = rows_all(q->store, &table_volumes, NULL, NULL);
	uint64_t used_bytes = 0, available_bytes = 0, promised_bytes = 0;
	const json_t *row;
	size_t i;

	json_array_foreach(datastores, i, row)
	{
		used_bytes += rows_u64(row, "used_bytes");
		available_bytes += rows_u64(row, "available_bytes");
	}
	json_array_foreach(volumes, i, row)
	{
		promised_bytes += rows_u64(row, "size_bytes");
	}
	return json_pack("{s:I, s:I, s:I}", "used_bytes", (json_int_t)used_bytes, "available_bytes",
			 (json_int_t)available_bytes, "provisioned_bytes",
			 (json_int_t)promised_bytes);
}

/* ---------------------------------------------------------------- one sentence */

/* The worst thing first; each says what to do. */
static json_t *sentence(const json_t *health, const json_t *alert, json_int_t alerts,
			const char **state)
{
	const json_t *problems = json_object_get(health, "problems");
	json_int_t pending = json_integer_value(json_object_get(health, "pending"));

	*state = "error";
	for (size_t i = 0; i < DAEMONS; i++)
		if (!is_up(health, i))
			return json_sprintf(
			    "%s does not answer; changes wait until it is back: see %s",
			    daemons[i].name, daemons[i].what_to_do);
	if (json_array_size(problems) > 0)
		return json_sprintf("%s (problems in all: %zu; sluice status lists them)",
				    rows_text(json_array_get(problems, 0), "text"),
				    json_array_size(problems));
	if (alerts > 0) {
		*state = strcmp(rows_text(alert, "severity"), "error") == 0 ? "error" : "warning";
		return json_sprintf("%s (alerts in all: %lld; sluice alert list shows them)",
				    rows_text(alert, "text"), (long long)alerts);
	}
	*state = "ok";
	if (pending > 0)
		return json_sprintf("Nothing is wrong; steps still to be done: %lld.",
				    (long long)pending);
	return json_string("All is well; nothing to do.");
}

/* An error before a warning. */
static json_t *worst_alert(struct request *q)
{
	static const char *const words[] = {"error", "warning"};

	for (size_t i = 0; i < 2; i++) {
		const char *filters[] = {"state", "active", "severity", words[i], NULL};
		struct store_query one = {.filters = filters, .limit = 1, .sort = "-id"};
		cleanup_json json_t *page = store_list(q->store, &table_alerts, &one, NULL);
		json_t *row = json_array_get(json_object_get(page, "items"), 0);

		if (row)
			return json_incref(row);
	}
	return NULL;
}

static int get(struct request *q, struct reply *r, struct err *err)
{
	struct app *app = q->app;
	cleanup_json json_t *health = health_of(app), *alert = worst_alert(q);
	uint64_t uptime_s = (clock_now_ns() - app->started_ns) / CLOCK_NS_PER_S;
	const char *state;
	json_t *text = sentence(health, alert, total(q, &table_alerts, "state", "active"), &state);

	r->body =
	    json_pack("{s:s, s:o, s:s, s:I, s:s, s:i}", "status", state, "summary", text, "version",
		      SLUICE_VERSION, "uptime_s", (json_int_t)uptime_s, "iqn_base",
		      app->cfg->iqn_base, "schema_version", (int)store_schema_version(q->store));
	json_object_set_new(r->body, "appliance_name", settings_appliance_name(q->store));
	json_object_set(r->body, "health", health);
	json_object_set_new(r->body, "counts", counts(q));
	json_object_set_new(r->body, "capacity", capacity(q));
	return 0;
}

static int ready(struct request *q, struct reply *r, struct err *err)
{
	json_t *causes;
	bool is_ready = system_ready(q->app, &causes);

	r->status = is_ready ? 200 : 503;
	r->body =
	    json_pack("{s:s, s:o}", "status", is_ready ? "ready" : "not ready", "causes", causes);
	return 0;
}

static int metrics(struct request *q, struct reply *r, struct err *err)
{
	r->text = metrics_text(q->app);
	r->content_type = METRICS_CONTENT_TYPE;
	return r->text ? 0 : err_set(err, ENOMEM, "", "no memory for the metrics");
}

const struct route system_routes[] = {
    {"GET", "/readyz", REST_PUBLIC, ROUTE_TOP, ready, "system", NULL},
    {"GET", "/metrics", REST_VIEWER, ROUTE_TOP, metrics, "system", NULL},
    {"GET", "/system", REST_VIEWER, 0, get, "system", NULL},
    {.method = NULL},
};
