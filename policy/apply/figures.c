/* SPDX-License-Identifier: MIT */
/*
 * figures.c - differences of counters. A file of its own since it is arithmetic and nothing else:
 * sampler.c reads, this counts.
 */
#include "figures.h"

#include <stdbool.h>
#include <string.h>

#include "clock.h"
#include "hist.h"

/* One direction of one volume, as counted or as the difference of two counts. */
struct side {
	uint64_t ios, bytes, errors;
	uint64_t buckets[HIST_BUCKETS];
};

/* What is summed up into the total. */
struct sum {
	struct side read, write;
	uint64_t other_errors;
	uint64_t seen, hits; /* reads that a cache has seen, and answered */
	uint64_t dirty_bytes, lag_ms;
	uint64_t throttled; /* volumes */
};

static uint64_t number(const json_t *obj, const char *key)
{
	json_int_t v = json_integer_value(json_object_get(obj, key));

	return v > 0 ? (uint64_t)v : 0;
}

static void side_get(const json_t *volume, const char *key, struct side *s)
{
	const json_t *j = json_object_get(volume, key), *pair;
	size_t i;

	memset(s, 0, sizeof(*s));
	s->ios = number(j, "ios");
	s->bytes = number(j, "bytes");
	s->errors = number(j, "errors");
	json_array_foreach(json_object_get(j, "buckets"), i, pair)
	{
		json_int_t b = json_integer_value(json_array_get(pair, 0));
		json_int_t n = json_integer_value(json_array_get(pair, 1));

		if (b >= 0 && b < HIST_BUCKETS && n > 0)
			s->buckets[b] += (uint64_t)n;
	}
}

/* a - b; what has become less was begun anew. */
static uint64_t grown(uint64_t a, uint64_t b)
{
	return a >= b ? a - b : a;
}

static bool is_begun_anew(const struct side *now, const struct side *before)
{
	if (now->ios < before->ios || now->bytes < before->bytes || now->errors < before->errors)
		return true;
	for (uint32_t i = 0; i < HIST_BUCKETS; i++)
		if (now->buckets[i] < before->buckets[i])
			return true;
	return false;
}

static void side_subtract(struct side *now, const struct side *before)
{
	if (is_begun_anew(now, before))
		return;
	now->ios -= before->ios;
	now->bytes -= before->bytes;
	now->errors -= before->errors;
	for (uint32_t i = 0; i < HIST_BUCKETS; i++)
		now->buckets[i] -= before->buckets[i];
}

static void side_add(struct side *to, const struct side *from)
{
	to->ios += from->ios;
	to->bytes += from->bytes;
	to->errors += from->errors;
	hist_merge(to->buckets, from->buckets);
}

static void put(json_t *to, const char *key, uint64_t v)
{
	json_object_set_new(to, key, json_integer((json_int_t)v));
}

/* Rounded, so that 9.99 I/Os in a second are not shown as 9. */
static uint64_t per_second(uint64_t count, uint64_t ns)
{
	return ns ? (uint64_t)((double)count * (double)CLOCK_NS_PER_S / (double)ns + 0.5) : 0;
}

static uint64_t percentile_us(const struct side *s, uint32_t per_10000)
{
	return hist_percentile_ns(s->buckets, per_10000) / CLOCK_NS_PER_US;
}

/* Null while no cache has seen a read: 0 % would blame one that is not there. */
static json_t *hit_pct(const struct sum *d)
{
	if (!d->seen)
		return json_null();
	return json_real(d->hits >= d->seen ? 100.0 : 100.0 * (double)d->hits / (double)d->seen);
}

static void sum_to_json(json_t *to, const struct sum *d, uint64_t ns)
{
	put(to, "read_iops", per_second(d->read.ios, ns));
	put(to, "write_iops", per_second(d->write.ios, ns));
	put(to, "read_bytes_per_s", per_second(d->read.bytes, ns));
	put(to, "write_bytes_per_s", per_second(d->write.bytes, ns));
	put(to, "read_p50_us", percentile_us(&d->read, 5000));
	put(to, "read_p99_us", percentile_us(&d->read, 9900));
	put(to, "write_p50_us", percentile_us(&d->write, 5000));
	put(to, "write_p99_us", percentile_us(&d->write, 9900));
	put(to, "errors_per_s", per_second(d->read.errors + d->write.errors + d->other_errors, ns));
	put(to, "cache_reads_per_s", per_second(d->seen, ns));
	put(to, "cache_hits_per_s", per_second(d->hits, ns));
	json_object_set_new(to, "read_hit_pct", hit_pct(d));
	put(to, "dirty_bytes", d->dirty_bytes);
	put(to, "lag_ms", d->lag_ms);
}

static const char *layer_name(const json_t *volume, size_t i)
{
	const json_t *l = json_array_get(json_object_get(volume, "layers"), i);
	const char *name = json_string_value(json_object_get(l, "layer"));

	return name ? name : "";
}

/* By how much the layer of this name has more of it than at the reading before. */
static uint64_t layer_grown_ns(const json_t *now, size_t at, const json_t *before,
			       const char *member)
{
	const json_t *layers = json_object_get(before, "layers");
	uint64_t ns = number(json_array_get(json_object_get(now, "layers"), at), member);

	for (size_t i = 0; i < json_array_size(layers); i++)
		if (strcmp(layer_name(before, i), layer_name(now, at)) == 0)
			return grown(ns, number(json_array_get(layers, i), member));
	return ns;
}

/* Which layer the time went to: what it took less what the one below it took, of "latency_ns",
 * which has all below a layer in it; and how much of a processor the layer's own code used. 0 %
 * each while nothing happened. */
static json_t *shares(const json_t *now, const json_t *before, uint64_t period_ns)
{
	size_t count = json_array_size(json_object_get(now, "layers"));
	uint64_t below_ns = 0, whole_ns = count ? layer_grown_ns(now, 0, before, "latency_ns") : 0;
	json_t *out = json_array();

	for (size_t i = count; i-- > 0;) {
		uint64_t ns = layer_grown_ns(now, i, before, "latency_ns");
		uint64_t cpu_ns = layer_grown_ns(now, i, before, "cpu_ns");
		uint64_t own_ns = ns > below_ns ? ns - below_ns : 0;
		double pct = whole_ns ? 100.0 * (double)own_ns / (double)whole_ns : 0.0;

		below_ns = ns;
		json_array_insert_new(
		    out, 0,
		    json_pack("{s:s, s:f, s:f}", "layer", layer_name(now, i), "latency_share_pct",
			      pct > 100.0 ? 100.0 : pct, "cpu_pct",
			      period_ns ? 100.0 * (double)cpu_ns / (double)period_ns : 0.0));
	}
	return out;
}

/* A volume's counts are those of its top layer; another top counts from elsewhere. */
static const json_t *comparable(const json_t *now, const json_t *before)
{
	return before && strcmp(layer_name(now, 0), layer_name(before, 0)) == 0 ? before : NULL;
}

/* What is counted since the reading before; both counters begin anew together. */
static void grow_hits(const json_t *now, const json_t *before, struct sum *d)
{
	uint64_t seen = number(now, "reads"), hits = number(now, "read_hits");
	uint64_t seen_before = number(before, "reads"), hits_before = number(before, "read_hits");
	bool is_anew = seen < seen_before || hits < hits_before;

	d->seen = is_anew ? seen : seen - seen_before;
	d->hits = is_anew ? hits : hits - hits_before;
}

static void put_word(json_t *to, const json_t *volume, const char *key)
{
	json_t *word = json_object_get(volume, key);

	json_object_set(to, key, json_is_string(word) ? word : json_null());
}

static void add(struct sum *total, const struct sum *d)
{
	side_add(&total->read, &d->read);
	side_add(&total->write, &d->write);
	total->other_errors += d->other_errors;
	total->seen += d->seen;
	total->hits += d->hits;
	total->dirty_bytes += d->dirty_bytes;
	total->throttled += d->throttled;
	if (d->lag_ms > total->lag_ms)
		total->lag_ms = d->lag_ms;
}

/* before NULL: first seen, nothing is known of its rates yet. */
static json_t *one_volume(const char *name, const json_t *now, const json_t *before, uint64_t ns,
			  struct sum *total)
{
	struct sum d = {0};
	struct side was;
	json_t *j = json_pack("{s:s}", "name", name);

	if (before) {
		side_get(now, "read", &d.read);
		side_get(before, "read", &was);
		side_subtract(&d.read, &was);
		side_get(now, "write", &d.write);
		side_get(before, "write", &was);
		side_subtract(&d.write, &was);
		d.other_errors = grown(number(json_object_get(now, "other"), "errors"),
				       number(json_object_get(before, "other"), "errors"));
		grow_hits(now, before, &d);
	}
	d.dirty_bytes = number(now, "dirty_bytes");
	d.lag_ms = number(now, "lag_ms");
	d.throttled = json_is_string(json_object_get(now, "throttle"));
	sum_to_json(j, &d, ns);
	put_word(j, now, "throttle");
	put_word(j, now, "state");
	json_object_set_new(j, "layers", shares(now, before ? before : now, ns));
	add(total, &d);
	return j;
}

static json_t *document(json_t *volumes, const struct sum *total, uint64_t ns)
{
	json_t *t = json_object();

	sum_to_json(t, total, ns);
	put(t, "throttled_volumes", total->throttled);
	return json_pack("{s:o, s:o}", "volumes", volumes, "total", t);
}

json_t *figures_none(void)
{
	struct sum none = {0};

	return document(json_array(), &none, 0);
}

json_t *figures_step(struct figures *f, const json_t *volumes, uint64_t now_ns)
{
	json_t *now = json_object(), *out = json_array(), *v;
	uint64_t ns = now_ns - f->before_ns;
	struct sum total = {0};
	size_t i;

	if (ns > FIGURES_GAP_MAX_NS)
		figures_clear(f);
	json_array_foreach(volumes, i, v)
	{
		const char *name = json_string_value(json_object_get(v, "name"));

		if (!name)
			continue;
		json_array_append_new(
		    out, one_volume(name, v, comparable(v, json_object_get(f->before, name)), ns,
				    &total));
		json_object_set(now, name, v);
	}
	json_decref(f->before);
	f->before = now;
	f->before_ns = now_ns;
	return document(out, &total, ns);
}

void figures_clear(struct figures *f)
{
	json_decref(f->before);
	f->before = NULL;
}
