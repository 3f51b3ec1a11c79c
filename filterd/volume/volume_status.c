/* SPDX-License-Identifier: MIT */
/* volume_status.c - a volume's state and figures as JSON, for the control socket. Thread: owner
 * worker. */
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "hist.h"
#include "volume_int.h"

#define FILTER_STATUS_BYTES 32768u
#define VALUE_BYTES         1024u

static const char *const op_words[SLUICE_OP_COUNT] = {"read",  "write",        "flush",
						      "unmap", "write_zeroes", "extent"};

static json_t *latency(const uint64_t *buckets, uint32_t per_10000)
{
	return json_real((double)hist_percentile_ns(buckets, per_10000) / 1000.0);
}

static json_t *histogram(const uint64_t *buckets)
{
	json_t *a = json_array();

	for (uint32_t i = 0; i < HIST_BUCKETS; i++)
		if (buckets[i])
			json_array_append_new(a, json_pack("{s:f, s:I}", "from_us",
							   (double)hist_floor_ns(i) / 1000.0,
							   "count", (json_int_t)buckets[i]));
	return a;
}

static json_t *ops_stats(const struct chain_op_stats *stats)
{
	json_t *ops = json_object();

	for (uint32_t i = 0; i < SLUICE_OP_COUNT; i++) {
		const struct chain_op_stats *s = &stats[i];

		if (!s->ios)
			continue;
		json_object_set_new(ops, op_words[i],
				    json_pack("{s:I, s:I, s:I, s:o, s:o, s:o, s:o}", "ios",
					      (json_int_t)s->ios, "errors", (json_int_t)s->errors,
					      "bytes", (json_int_t)s->bytes, "p50_us",
					      latency(s->latency_ns_buckets, 5000), "p99_us",
					      latency(s->latency_ns_buckets, 9900), "p999_us",
					      latency(s->latency_ns_buckets, 9990), "histogram",
					      histogram(s->latency_ns_buckets)));
	}
	return ops;
}

static json_t *filter_params(struct volume *v, uint32_t index, const struct sluice_filter_ops *ops)
{
	json_t *params = json_object();
	char text[VALUE_BYTES];

	for (uint32_t p = 0; p < ops->param_count; p++) {
		chain_filter_value(v->chain, index, p, text, sizeof(text));
		json_object_set_new(params, ops->params[p].name, json_string(text));
	}
	return params;
}

static json_t *filter_own_status(struct volume *v, uint32_t index)
{
	cleanup_free char *text = malloc(FILTER_STATUS_BYTES);
	size_t len = text ? chain_filter_status(v->chain, index, text, FILTER_STATUS_BYTES) : 0;
	json_t *j = len ? json_loadb(text, len, 0, NULL) : NULL;

	return j ? j : json_object();
}

static json_t *filter_status(struct volume *v, uint32_t index)
{
	struct chain_filter_info info;

	chain_filter_info(v->chain, index, &info);
	return json_pack("{s:s, s:s, s:i, s:i, s:s, s:b, s:i, s:I, s:I, s:o, s:o}", "filter",
			 info.ops->name, "version", info.ops->version, "class", (int)info.ops->cls,
			 "position", (int)info.position, "on_failure",
			 info.on_failure == ON_FAILURE_BYPASS ? "bypass" : "hold", "bypassed",
			 info.is_bypassed, "held", (int)info.held, "hung_count",
			 (json_int_t)info.hung_count, "misuse_count", (json_int_t)info.misuse_count,
			 "params", filter_params(v, index, info.ops), "status",
			 filter_own_status(v, index));
}

/* What is under way, and which filter it waits for. */
static void add_request(const struct volume *v, json_t *to)
{
	uint64_t since_ns = 0;
	const char *settling = chain_settling(v->chain, &since_ns);

	json_object_set_new(to, "request", json_string(volume_request_word(v)));
	if (!settling)
		return;
	json_object_set_new(to, "settling", json_string(settling));
	json_object_set_new(to, "settling_ms",
			    json_integer((json_int_t)((env_now_ns(v->env) - since_ns) / 1000000)));
}

json_t *volume_status(struct volume *v)
{
	json_t *j = plan_volume_to_json(v->plan);
	json_t *filters = json_array();

	if (!j)
		return NULL;
	json_object_set_new(j, "state", json_string(volume_state_word(v->state)));
	json_object_set_new(j, "reason", json_string(v->reason));
	if (!v->chain) {
		json_decref(filters);
		return j;
	}
	for (uint32_t i = 0; i < chain_filter_count(v->chain); i++)
		json_array_append_new(filters, filter_status(v, i));
	json_object_set_new(j, "filters", filters);
	add_request(v, j);
	json_object_set_new(j, "image", json_string(v->image_path));
	json_object_set_new(j, "in_flight", json_integer(chain_in_flight(v->chain)));
	json_object_set_new(j, "backend_failed",
			    json_string(v->backend->is_failed ? v->backend->failed_text : ""));
	if (v->holds.count)
		json_object_set_new(j, "snapshot_holds", volume_hold_figures(v));
	if (v->serve) {
		json_object_set_new(j, "rings", json_integer(serve_ring_count(v->serve)));
		json_object_set_new(j, "commands_running", json_integer(serve_tasks(v->serve)));
	}
	return j;
}

json_t *volume_stats(struct volume *v)
{
	json_t *layers = json_array();

	for (uint32_t i = 0; v->chain && i < chain_filter_count(v->chain); i++) {
		struct chain_filter_info info;

		chain_filter_info(v->chain, i, &info);
		json_array_append_new(layers, json_pack("{s:s, s:I, s:o}", "layer", info.ops->name,
							"cpu_ns", (json_int_t)info.cpu_ns, "ops",
							ops_stats(info.stats)));
	}
	if (v->chain)
		json_array_append_new(layers,
				      json_pack("{s:s, s:I, s:o}", "layer", "backend", "cpu_ns",
						(json_int_t)chain_backend_cpu_ns(v->chain), "ops",
						ops_stats(chain_backend_stats(v->chain))));
	return json_pack("{s:s, s:s, s:o}", "name", v->plan->name, "state",
			 volume_state_word(v->state), "layers", layers);
}
