/* SPDX-License-Identifier: MIT */
/*
 * metrics.c - what there is to measure, by tables: a line for each metric, and where its values
 * come from. metrics_app.c gathers the facts. Pure.
 */
#include "metrics.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct metric {
	const char *name, *unit, *help; /* the name ends in the unit, as OpenMetrics wants it */
	const char *member;             /* of the object */
	double factor;                  /* to the base unit */
};

/* Of each volume, from the figures. */
static const struct metric volume_figures[] = {
    {"sluice_volume_read_iops", "", "Reads per second.", "read_iops", 1},
    {"sluice_volume_write_iops", "", "Writes per second.", "write_iops", 1},
    {"sluice_volume_read_bytes_per_second", "", "Bytes read per second.", "read_bytes_per_s", 1},
    {"sluice_volume_write_bytes_per_second", "", "Bytes written per second.", "write_bytes_per_s",
     1},
    {"sluice_volume_read_latency_p50_seconds", "seconds", "Median of the reads' latency.",
     "read_p50_us", 1e-6},
    {"sluice_volume_read_latency_p99_seconds", "seconds",
     "Latency that 99 of 100 reads stay below.", "read_p99_us", 1e-6},
    {"sluice_volume_write_latency_p50_seconds", "seconds", "Median of the writes' latency.",
     "write_p50_us", 1e-6},
    {"sluice_volume_write_latency_p99_seconds", "seconds",
     "Latency that 99 of 100 writes stay below.", "write_p99_us", 1e-6},
    {"sluice_volume_errors_per_second", "", "I/O errors per second.", "errors_per_s", 1},
    {"sluice_volume_read_hit_ratio", "ratio",
     "Share of the reads that a cache answered; absent while none saw a read.", "read_hit_pct",
     0.01},
    {"sluice_volume_dirty_bytes", "bytes",
     "Acknowledged and not on the datastore yet: only in the cache's log.", "dirty_bytes", 1},
    {"sluice_volume_lag_seconds", "seconds", "How far the volume's replica is behind.", "lag_ms",
     1e-3},
};

static const struct metric volume_rows[] = {
    {"sluice_volume_size_bytes", "bytes", "Size that the initiator sees.", "size_bytes", 1},
    {"sluice_volume_allocated_bytes", "bytes", "Space that it takes on its datastore.",
     "allocated_bytes", 1},
};

static const struct metric datastore_rows[] = {
    {"sluice_datastore_used_bytes", "bytes", "Space in use.", "used_bytes", 1},
    {"sluice_datastore_available_bytes", "bytes", "Space left.", "available_bytes", 1},
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* ---------------------------------------------------------------- text */

static void head(FILE *f, const char *name, const char *unit, const char *help)
{
	fprintf(f, "# TYPE %s gauge\n", name);
	if (unit[0])
		fprintf(f, "# UNIT %s %s\n", name, unit);
	fprintf(f, "# HELP %s %s\n", name, help);
}

/* A label's value: backslash, quote and newline are escaped, and nothing else is. */
static void label(FILE *f, const char *name, const char *value)
{
	fprintf(f, "%s=\"", name);
	for (const char *p = value; *p; p++) {
		if (*p == '\n')
			fputs("\\n", f);
		else if (*p == '\\' || *p == '"')
			fprintf(f, "\\%c", *p);
		else
			fputc(*p, f);
	}
	fputc('"', f);
}

static const char *text_of(const json_t *j, const char *key)
{
	const char *text = json_string_value(json_object_get(j, key));

	return text ? text : "";
}

static void sample(FILE *f, const char *name, const char *label_name, const char *value, double v)
{
	fprintf(f, "%s{", name);
	label(f, label_name, value);
	fprintf(f, "} %.17g\n", v);
}

/* One table over one list of objects. */
static void table(FILE *f, const struct metric *metrics, size_t count, const json_t *objects,
		  const char *label_name)
{
	const json_t *o;
	size_t i;

	for (size_t m = 0; m < count; m++) {
		head(f, metrics[m].name, metrics[m].unit, metrics[m].help);
		json_array_foreach(objects, i, o)
		{
			const json_t *v = json_object_get(o, metrics[m].member);

			if (!json_is_null(v))
				sample(f, metrics[m].name, label_name, text_of(o, "name"),
				       json_number_value(v) * metrics[m].factor);
		}
	}
}

/* {word: count} as one metric with a label. */
static void counts(FILE *f, const char *name, const char *help, const char *label_name,
		   const json_t *by_word)
{
	const char *word;
	json_t *v;

	head(f, name, "", help);
	json_object_foreach((json_t *)by_word, word, v)
	{
		sample(f, name, label_name, word, json_number_value(v));
	}
}

static void single(FILE *f, const char *name, const char *unit, const char *help, double v)
{
	head(f, name, unit, help);
	fprintf(f, "%s %.17g\n", name, v);
}

/* ---------------------------------------------------------------- what is not a plain table */

/* How many objects have each value of a member. New reference. */
static json_t *count_by(const json_t *objects, const char *member)
{
	json_t *out = json_object();
	const json_t *o;
	size_t i;

	json_array_foreach(objects, i, o)
	{
		const char *word = text_of(o, member);

		json_object_set_new(
		    out, word, json_integer(json_integer_value(json_object_get(out, word)) + 1));
	}
	return out;
}

/* A member of each layer of each volume, which is in percent. */
static void layers(FILE *f, const json_t *volumes, const char *name, const char *help,
		   const char *member)
{
	const json_t *v, *l;
	size_t i, k;

	head(f, name, "ratio", help);
	json_array_foreach(volumes, i, v)
	{
		json_array_foreach(json_object_get(v, "layers"), k, l)
		{
			double pct = json_number_value(json_object_get(l, member));

			fprintf(f, "%s{", name);
			label(f, "volume", text_of(v, "name"));
			fputc(',', f);
			label(f, "layer", text_of(l, "layer"));
			fprintf(f, "} %.17g\n", pct / 100.0);
		}
	}
}

/* By what a volume is held, or in which state its filters are; those without are left out. */
static void words(FILE *f, const char *name, const char *help, const char *label_name,
		  const json_t *volumes, const char *member)
{
	const json_t *v;
	size_t i;

	head(f, name, "", help);
	json_array_foreach(volumes, i, v)
	{
		const char *word = text_of(v, member);

		if (!word[0])
			continue;
		fprintf(f, "%s{", name);
		label(f, "volume", text_of(v, "name"));
		fputc(',', f);
		label(f, label_name, word);
		fputs("} 1\n", f);
	}
}

/* Where a filter's own figures are from; status' objects within are walked, their names put before:
 * "tags.share_us". */
struct origin {
	const char *metric, *label, *object, *filter;
};

static void figures_of(FILE *f, const struct origin *o, const char *prefix, const json_t *status)
{
	const char *name;
	json_t *v;

	json_object_foreach((json_t *)status, name, v)
	{
		char figure[128];

		snprintf(figure, sizeof(figure), "%s%s%s", prefix, prefix[0] ? "." : "", name);
		if (json_is_object(v) && !prefix[0])
			figures_of(f, o, figure, v);
		if (!json_is_number(v))
			continue;
		fprintf(f, "%s{", o->metric);
		label(f, o->label, o->object);
		fputc(',', f);
		label(f, "filter", o->filter);
		fputc(',', f);
		label(f, "figure", figure);
		fprintf(f, "} %.17g\n", json_number_value(v));
	}
}

/* Volumes that wait for their key; how far the encryption of whole volumes is. */
static void encryption(FILE *f, const json_t *figures, const json_t *walks)
{
	static const char progress[] = "sluice_volume_reencrypt_ratio";
	const json_t *v, *task;
	double locked = 0;
	size_t i;

	json_array_foreach(figures, i, v)
	{
		locked += strcmp(text_of(v, "state"), "locked") == 0;
	}
	single(f, "sluice_locked_volumes", "", "Volumes that wait for their key.", locked);
	head(f, progress, "ratio",
	     "How much of a volume has its new encryption; absent while nothing is changed.");
	json_array_foreach(walks, i, task)
	{
		sample(f, progress, "volume", text_of(task, "object_name"),
		       json_number_value(json_object_get(task, "progress_pct")) / 100);
	}
}

/* 1 where a key provider serves. */
static void key_providers(FILE *f, const json_t *providers)
{
	static const char name[] = "sluice_key_provider_up";
	const json_t *p;
	size_t i;

	head(f, name, "", "Whether a key provider serves: 1 or 0.");
	json_array_foreach(providers, i, p)
	{
		sample(f, name, "provider", text_of(p, "name"),
		       strcmp(text_of(p, "state"), "ok") == 0);
	}
}

static void snapshots(FILE *f, const json_t *sums)
{
	static const char *const names[][4] = {
	    {"sluice_snapshots", "", "Snapshots of a volume.", "count"},
	    {"sluice_snapshot_bytes", "bytes", "Space that a volume's snapshots take.",
	     "own_bytes"},
	};
	const json_t *s;
	size_t i;

	for (size_t n = 0; n < COUNT(names); n++) {
		head(f, names[n][0], names[n][1], names[n][2]);
		json_array_foreach(sums, i, s)
		{
			sample(f, names[n][0], "volume", text_of(s, "volume"),
			       json_number_value(json_object_get(s, names[n][3])));
		}
	}
}

static void datastore_filters(FILE *f, const json_t *datastores)
{
	struct origin o = {.metric = "sluice_datastore_filter", .label = "datastore"};
	const json_t *filter;
	json_t *filters;
	size_t i;

	head(f, o.metric, "",
	     "What a filter says of a whole datastore; its figure's name has the unit.");
	json_object_foreach((json_t *)datastores, o.object, filters)
	{
		json_array_foreach(filters, i, filter)
		{
			o.filter = text_of(filter, "filter");
			figures_of(f, &o, "", json_object_get(filter, "status"));
		}
	}
}

static void volume_filters(FILE *f, const json_t *chains)
{
	struct origin o = {.metric = "sluice_volume_filter", .label = "volume"};
	json_t *filters, *status;

	head(f, o.metric, "", "What a filter says of a volume; its figure's name has the unit.");
	json_object_foreach((json_t *)chains, o.object, filters)
	{
		json_object_foreach(filters, o.filter, status)
		{
			figures_of(f, &o, "", status);
		}
	}
}

static void daemons(FILE *f, const json_t *health)
{
	static const char *const names[] = {"filterd", "tgtd"};
	static const char name[] = "sluice_daemon_up";

	head(f, name, "", "Whether a daemon answers: 1 or 0.");
	for (size_t i = 0; i < COUNT(names); i++) {
		const json_t *d = json_object_get(health, names[i]);

		sample(f, name, "daemon", names[i], json_is_true(json_object_get(d, "is_up")));
	}
}

static void counted(FILE *f, const char *name, const char *help, const char *label_name,
		    const json_t *objects, const char *member)
{
	json_t *by_word = count_by(objects, member);

	counts(f, name, help, label_name, by_word);
	json_decref(by_word);
}

char *metrics_write(const json_t *facts)
{
	const json_t *figures = json_object_get(json_object_get(facts, "figures"), "volumes");
	const json_t *volumes = json_object_get(facts, "volumes");
	const json_t *datastores = json_object_get(facts, "datastores");
	const json_t *health = json_object_get(facts, "health");
	char *text = NULL;
	size_t bytes = 0;
	FILE *f = open_memstream(&text, &bytes);

	if (!f)
		return NULL;
	table(f, volume_figures, COUNT(volume_figures), figures, "volume");
	words(f, "sluice_volume_throttled", "1 while a volume's I/O is held, and by what.", "by",
	      figures, "throttle");
	words(f, "sluice_volume_filter_state", "1 while a filter of the volume is not well.",
	      "state", figures, "state");
	layers(f, figures, "sluice_volume_layer_latency_ratio",
	       "Share of a volume's latency that each layer of its chain adds.",
	       "latency_share_pct");
	layers(
	    f, figures, "sluice_volume_layer_cpu_ratio",
	    "Processors that the code of each layer of a volume's chain keeps busy, from samples.",
	    "cpu_pct");
	table(f, volume_rows, COUNT(volume_rows), volumes, "volume");
	table(f, datastore_rows, COUNT(datastore_rows), datastores, "datastore");
	datastore_filters(f, json_object_get(facts, "datastore_filters"));
	volume_filters(f, json_object_get(facts, "chains"));
	snapshots(f, json_object_get(facts, "snapshots"));
	encryption(f, figures, json_object_get(facts, "walks"));
	key_providers(f, json_object_get(facts, "key_providers"));
	counted(f, "sluice_keys", "Keys by state.", "state", json_object_get(facts, "keys"),
		"state");
	counted(f, "sluice_volumes", "Volumes by running state.", "state", volumes,
		"running_state");
	counted(f, "sluice_alerts", "Alerts that are not over, by severity.", "severity",
		json_object_get(facts, "alerts"), "severity");
	counts(f, "sluice_tasks", "Tasks by state.", "state", json_object_get(facts, "tasks"));
	counts(f, "sluice_compliance", "Volumes by compliance with their policy.", "status",
	       json_object_get(facts, "compliance"));
	daemons(f, health);
	single(f, "sluice_iscsi_sessions", "", "Initiators' sessions.",
	       (double)json_array_size(json_object_get(facts, "sessions")));
	single(f, "sluice_pending_steps", "", "Steps that running state lacks of what is wanted.",
	       json_number_value(json_object_get(health, "pending")));
	single(f, "sluice_uptime_seconds", "seconds", "Since sluice-policyd was started.",
	       json_number_value(json_object_get(facts, "uptime_s")));
	fputs("# EOF\n", f);
	if (fclose(f) != 0) {
		free(text);
		return NULL;
	}
	return text;
}
