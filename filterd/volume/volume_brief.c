/* SPDX-License-Identifier: MIT */
/*
 * volume_brief.c - a volume in few words, for programs that ask often and of all volumes: what it
 * is (the reconciler compares it with what it should be) and its counters (the sampler subtracts).
 *
 * Thread: owner worker.
 */
#include "hist.h"
#include "volume_int.h"

#define VALUE_BYTES 4097u

static json_t *filter_in_chain(struct volume *v, uint32_t index)
{
	struct chain_filter_info info;
	json_t *params = json_object();
	char text[VALUE_BYTES];

	chain_filter_info(v->chain, index, &info);
	for (uint32_t p = 0; p < info.ops->param_count; p++) {
		chain_filter_value(v->chain, index, p, text, sizeof(text));
		json_object_set_new(params, info.ops->params[p].name, json_string(text));
	}
	return json_pack("{s:s, s:i, s:s, s:b, s:o}", "filter", info.ops->name, "class",
			 (int)info.ops->cls, "on_failure",
			 info.on_failure == ON_FAILURE_BYPASS ? "bypass" : "hold", "is_bypassed",
			 info.is_bypassed, "params", params);
}

/* A closed volume has no chain; its plan says what it would have. */
static json_t *filters(struct volume *v)
{
	json_t *a = json_array();

	if (v->chain) {
		for (uint32_t i = 0; i < chain_filter_count(v->chain); i++)
			json_array_append_new(a, filter_in_chain(v, i));
		return a;
	}
	for (uint32_t i = 0; i < v->plan->filter_count; i++)
		json_array_append_new(a, plan_filter_to_json(&v->plan->filters[i]));
	return a;
}

/* What one of its filters says of it, "locked" for example; NULL: nothing. */
static const char *filter_state(struct volume *v)
{
	struct sluice_figures sum = {0};

	if (v->chain)
		chain_figures(v->chain, &sum);
	return sum.state;
}

json_t *volume_brief(struct volume *v)
{
	char uuid[37];

	parse_uuid_format(v->plan->uuid, uuid);
	return json_pack(
	    "{s:s, s:s, s:s, s:I, s:i, s:s, s:s, s:s, s:i, s:s?, s:o, s:o}", "name", v->plan->name,
	    "uuid", uuid, "datastore", v->plan->datastore, "size_bytes",
	    (json_int_t)v->plan->size_bytes, "block_bytes", (int)v->plan->block_bytes,
	    "write_cache", v->plan->write_cache == WRITE_CACHE_VOLATILE ? "volatile" : "durable",
	    "state", volume_state_word(v->state), "reason", v->reason, "rings",
	    v->serve ? (int)serve_ring_count(v->serve) : 0, "filter_state", filter_state(v),
	    "filters", filters(v), "snapshot_of", plan_shows_to_json(v->plan));
}

/* ---------------------------------------------------------------- figures */

/* [[index, count], ...] of the buckets that have counted. */
static json_t *buckets(const uint64_t *counts)
{
	json_t *a = json_array();

	for (uint32_t i = 0; i < HIST_BUCKETS; i++)
		if (counts[i])
			json_array_append_new(a,
					      json_pack("[i, I]", (int)i, (json_int_t)counts[i]));
	return a;
}

static json_t *op_figures(const struct chain_op_stats *s)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:o}", "ios", (json_int_t)s->ios, "bytes",
			 (json_int_t)s->bytes, "errors", (json_int_t)s->errors, "latency_ns",
			 (json_int_t)s->latency_ns, "buckets", buckets(s->latency_ns_buckets));
}

/* All but reads and writes; they are few, and only their number matters. */
static json_t *other_figures(const struct chain_op_stats *stats)
{
	uint64_t ios = 0, errors = 0;

	for (uint32_t op = 0; op < SLUICE_OP_COUNT; op++) {
		if (op == SLUICE_OP_READ || op == SLUICE_OP_WRITE)
			continue;
		ios += stats[op].ios;
		errors += stats[op].errors;
	}
	return json_pack("{s:I, s:I}", "ios", (json_int_t)ios, "errors", (json_int_t)errors);
}

/* What a layer and all below it took, so that two neighbours' difference is what one adds; and what
 * it computed itself. */
static json_t *layer(const char *name, const struct chain_op_stats *stats, uint64_t cpu_ns)
{
	uint64_t ns = 0;

	for (uint32_t op = 0; op < SLUICE_OP_COUNT; op++)
		ns += stats[op].latency_ns;
	return json_pack("{s:s, s:I, s:I}", "layer", name, "latency_ns", (json_int_t)ns, "cpu_ns",
			 (json_int_t)cpu_ns);
}

static json_t *word(const char *text)
{
	return text ? json_string(text) : json_null();
}

/* What filters add; see struct sluice_figures. */
static void add_sum(struct volume *v, json_t *to)
{
	struct sluice_figures sum = {0};

	if (v->chain)
		chain_figures(v->chain, &sum);
	json_object_set_new(to, "reads", json_integer((json_int_t)sum.reads));
	json_object_set_new(to, "read_hits", json_integer((json_int_t)sum.read_hits));
	json_object_set_new(to, "dirty_bytes", json_integer((json_int_t)sum.dirty_bytes));
	json_object_set_new(to, "lag_ms", json_integer((json_int_t)sum.lag_ms));
	json_object_set_new(to, "throttle", word(sum.throttle));
	json_object_set_new(to, "state", word(sum.state));
}

json_t *volume_figures(struct volume *v)
{
	json_t *j;
	const struct chain_op_stats *top = NULL;
	json_t *layers = json_array();

	for (uint32_t i = 0; v->chain && i < chain_filter_count(v->chain); i++) {
		struct chain_filter_info info;

		chain_filter_info(v->chain, i, &info);
		if (i == 0)
			top = info.stats;
		json_array_append_new(layers, layer(info.ops->name, info.stats, info.cpu_ns));
	}
	if (v->chain) {
		const struct chain_op_stats *backend = chain_backend_stats(v->chain);

		top = top ? top : backend;
		json_array_append_new(layers,
				      layer("backend", backend, chain_backend_cpu_ns(v->chain)));
	}
	if (!top)
		j = json_pack("{s:s, s:o}", "name", v->plan->name, "layers", layers);
	else
		j = json_pack("{s:s, s:o, s:o, s:o, s:o}", "name", v->plan->name, "read",
			      op_figures(&top[SLUICE_OP_READ]), "write",
			      op_figures(&top[SLUICE_OP_WRITE]), "other", other_figures(top),
			      "layers", layers);
	add_sum(v, j);
	return j;
}
