/* SPDX-License-Identifier: MIT */
/* metrics_app.c - the facts of metrics.c, gathered from the running policyd. Thread: main. */
#include <string.h>

#include "app.h"
#include "clock.h"
#include "json.h"
#include "metrics.h"
#include "store_link.h"
#include "store_snapshots.h"
#include "volume_rows.h"

static json_t *open_alerts(struct store *s)
{
	static const char *const active[] = {"state", "active", NULL};
	static const char *const acknowledged[] = {"state", "acknowledged", NULL};
	json_t *all = rows_all(s, &table_alerts, active, NULL);
	cleanup_json json_t *more = rows_all(s, &table_alerts, acknowledged, NULL);

	if (all && more)
		json_array_extend(all, more);
	return all;
}

/* {state: count}; a list of one row tells how many there are. */
static json_t *tasks_by_state(struct store *s)
{
	static const char *const states[] = {"queued", "running", "failed"};
	json_t *out = json_object();

	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		const char *filters[] = {"state", states[i], NULL};
		struct store_query q = {.filters = filters, .limit = 1};
		cleanup_json json_t *page = store_list(s, &table_tasks, &q, NULL);
		json_int_t n = json_integer_value(json_object_get(page, "total"));

		json_object_set_new(out, states[i], json_integer(n));
	}
	return out;
}

static json_t *compliance_by_status(struct store *s, const json_t *volumes)
{
	json_t *out = json_object();
	const json_t *v;
	size_t i;

	json_array_foreach(volumes, i, v)
	{
		cleanup_json json_t *c = store_compliance(s, rows_id(v), NULL);
		const char *status = rows_text(c, "status");
		json_int_t n = json_integer_value(json_object_get(out, status));

		if (status[0])
			json_object_set_new(out, status, json_integer(n + 1));
	}
	return out;
}

/* Open tasks that go through whole volumes. */
static json_t *walks(struct store *s)
{
	cleanup_json json_t *ids = store_tasks_open(s, "volume", NULL, NULL);
	json_t *out = json_array();
	const json_t *id;
	size_t i;

	json_array_foreach(ids, i, id)
	{
		cleanup_json json_t *task =
		    store_get_id(s, &table_tasks, json_integer_value(id), NULL);
		const char *kind = rows_text(task, "kind");

		if (strcmp(kind, "encryption.encrypt") == 0 ||
		    strcmp(kind, "encryption.decrypt") == 0 ||
		    (strcmp(kind, "encryption.rekey") == 0 &&
		     rows_is(json_object_get(task, "parameters"), "is_deep")))
			json_array_append(out, task);
	}
	return out;
}

static void put(json_t *facts, const char *key, json_t *value)
{
	if (value)
		json_object_set_new(facts, key, value);
}

char *metrics_text(struct app *app)
{
	cleanup_json json_t *facts = json_object();

	if (app->sampler) {
		put(facts, "figures", sampler_figures(app->sampler));
		put(facts, "sessions", sampler_sessions(app->sampler));
		put(facts, "datastore_filters", sampler_datastores(app->sampler));
		put(facts, "chains", sampler_chains(app->sampler));
	}
	if (app->reconciler)
		put(facts, "health", reconciler_health(app->reconciler));
	put(facts, "datastores", rows_all(app->store, &table_datastores, NULL, NULL));
	put(facts, "volumes", rows_all(app->store, &table_volumes, NULL, NULL));
	put(facts, "snapshots", store_snapshots_sums(app->store, NULL));
	put(facts, "key_providers", rows_all(app->store, &table_key_providers, NULL, NULL));
	put(facts, "keys", rows_all(app->store, &table_keys, NULL, NULL));
	put(facts, "walks", walks(app->store));
	put(facts, "alerts", open_alerts(app->store));
	put(facts, "tasks", tasks_by_state(app->store));
	put(facts, "compliance",
	    compliance_by_status(app->store, json_object_get(facts, "volumes")));
	put(facts, "uptime_s",
	    json_real((double)(clock_now_ns() - app->started_ns) / (double)CLOCK_NS_PER_S));
	return metrics_write(facts);
}
