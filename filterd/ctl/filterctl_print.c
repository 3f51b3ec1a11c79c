/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "filterctl.h"
#include "parse.h"

static const char *text(const json_t *j, const char *key)
{
	const char *s = json_string_value(json_object_get(j, key));

	return s ? s : "";
}

static long long number(const json_t *j, const char *key)
{
	return (long long)json_integer_value(json_object_get(j, key));
}

static double real(const json_t *j, const char *key)
{
	return json_number_value(json_object_get(j, key));
}

static const char *size_text(const json_t *j, const char *key, char buf[32])
{
	parse_size_format((uint64_t)number(j, key), buf, 32);
	return buf;
}

/* "a, b" of an array of strings. */
static void join(const json_t *array, char *out, size_t out_bytes)
{
	size_t i, at = 0;
	json_t *v;

	snprintf(out, out_bytes, "-");
	json_array_foreach(array, i, v)
	{
		int n =
		    snprintf(out + at, out_bytes - at, "%s%s", i ? ", " : "", json_string_value(v));

		if (n < 0 || (size_t)n >= out_bytes - at)
			return;
		at += (size_t)n;
	}
}

static const char *used_text(const json_t *datastore, char buf[32])
{
	double used = (double)number(datastore, "used_bytes");
	double all = used + (double)number(datastore, "available_bytes");

	if (all > 0)
		snprintf(buf, 32, "%.0f %%", used * 100 / all);
	else
		snprintf(buf, 32, "-");
	return buf;
}

void filterctl_print_status(const json_t *answer)
{
	char size[32], used[32], filters[256];
	size_t i;
	json_t *v;

	printf(
	    "sluice-filterd: pid %lld, incarnation %lld, started %lld time%s by its parent, %zu worker%s\n\n",
	    number(answer, "pid"), number(answer, "incarnation"), number(answer, "starts"),
	    number(answer, "starts") == 1 ? "" : "s",
	    json_array_size(json_object_get(answer, "workers")),
	    json_array_size(json_object_get(answer, "workers")) == 1 ? "" : "s");
	printf("%-20s %-6s %-6s %-9s %-5s %s\n", "DATASTORE", "TYPE", "WORKER", "CACHE", "USED",
	       "PATH");
	json_array_foreach(json_object_get(answer, "datastores"), i, v)
	{
		printf("%-20s %-6s %-6lld %-9s %-5s %s\n", text(v, "name"), text(v, "type"),
		       number(v, "worker"),
		       json_is_true(json_object_get(v, "buffered")) ? "buffered" : "direct",
		       used_text(v, used), text(v, "path"));
	}
	printf("\n%-20s %-11s %-8s %-20s %-8s %-5s %s\n", "VOLUME", "STATE", "SIZE", "DATASTORE",
	       "WRITES", "RINGS", "FILTERS");
	json_array_foreach(json_object_get(answer, "volumes"), i, v)
	{
		join(json_object_get(v, "filters"), filters, sizeof(filters));
		printf("%-20s %-11s %-8s %-20s %-8s %-5lld %s\n", text(v, "name"), text(v, "state"),
		       size_text(v, "size_bytes", size), text(v, "datastore"),
		       text(v, "write_cache"), number(v, "rings"), filters);
		if (text(v, "reason")[0])
			printf("  because: %s\n", text(v, "reason"));
	}
}

static void print_param(const json_t *p)
{
	const json_t *def = json_object_get(p, "default");
	char choices[200];

	printf("    %-24s %s", text(p, "name"), text(p, "help"));
	if (strcmp(text(p, "type"), "enum") == 0) {
		join(json_object_get(p, "choices"), choices, sizeof(choices));
		printf(" (%s;", choices);
	} else if (strcmp(text(p, "type"), "u64") == 0) {
		printf(" (%s to %s%s%s;", text(p, "min"), text(p, "max"),
		       text(p, "unit")[0] ? " " : "", text(p, "unit"));
	} else {
		printf(" (%s;", text(p, "type"));
	}
	if (json_is_string(def))
		printf(" default '%s')\n", json_string_value(def));
	else
		printf(" default %s)\n", json_is_true(def) ? "true" : "false");
}

void filterctl_print_filters(const json_t *answer)
{
	size_t i, k;
	json_t *f, *p;

	json_array_foreach(json_object_get(answer, "filters"), i, f)
	{
		printf("%s %s, class %lld%s\n  %s\n", text(f, "filter"), text(f, "version"),
		       number(f, "class"),
		       json_is_true(json_object_get(f, "transparent")) ? ", may be bypassed" : "",
		       text(f, "help"));
		json_array_foreach(json_object_get(f, "params"), k, p)
		{
			print_param(p);
		}
		if (json_array_size(json_object_get(f, "group_params")) > 0)
			printf("  of a datastore ('datastore filter-set'):\n");
		json_array_foreach(json_object_get(f, "group_params"), k, p)
		{
			print_param(p);
		}
	}
	if (json_array_size(json_object_get(answer, "filters")) == 0)
		printf("no filters are loaded; see --filter-dir of sluice-filterd\n");
}

static void print_values(json_t *params)
{
	const char *key;
	json_t *value;

	json_object_foreach(params, key, value)
	{
		printf("    %s=%s\n", key, json_string_value(value) ?: "");
	}
}

void filterctl_print_groups(const json_t *answer)
{
	size_t i;
	json_t *f;

	json_array_foreach(json_object_get(answer, "filters"), i, f)
	{
		char *status = json_dumps(json_object_get(f, "status"), JSON_SORT_KEYS);

		printf("%s, %s\n", text(f, "filter"),
		       json_is_true(json_object_get(f, "is_active")) ? "active" : "not in use");
		print_values(json_object_get(f, "params"));
		printf("    status %s\n", status ? status : "");
		free(status);
	}
	if (json_array_size(json_object_get(answer, "filters")) == 0)
		printf("no filter that is loaded has parameters of a datastore\n");
}

void filterctl_print_events(const json_t *answer)
{
	size_t i;
	json_t *e;

	json_array_foreach(json_object_get(answer, "events"), i, e)
	{
		time_t s = (time_t)(number(e, "wall_ms") / 1000);
		char when[32] = "";
		struct tm tm;

		if (localtime_r(&s, &tm))
			strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S", &tm);
		printf("%lld  %s  %s%s%s%s%s%s%s: %s\n", number(e, "number"), when, text(e, "kind"),
		       text(e, "datastore")[0] ? " datastore " : "", text(e, "datastore"),
		       text(e, "volume")[0] ? " volume " : "", text(e, "volume"),
		       text(e, "filter")[0] ? " filter " : "", text(e, "filter"), text(e, "text"));
	}
}

void filterctl_print_stats(const json_t *answer)
{
	size_t i, k;
	json_t *v, *layer, *op;
	const char *name;

	printf("%-16s %-16s %-13s %12s %8s %14s %10s %10s %10s\n", "VOLUME", "LAYER", "OP", "IOS",
	       "ERRORS", "BYTES", "P50_US", "P99_US", "P99.9_US");
	json_array_foreach(json_object_get(answer, "volumes"), i, v)
	{
		json_array_foreach(json_object_get(v, "layers"), k, layer)
		{
			json_object_foreach(json_object_get(layer, "ops"), name, op)
			{
				printf(
				    "%-16s %-16s %-13s %12lld %8lld %14lld %10.1f %10.1f %10.1f\n",
				    text(v, "name"), text(layer, "layer"), name, number(op, "ios"),
				    number(op, "errors"), number(op, "bytes"), real(op, "p50_us"),
				    real(op, "p99_us"), real(op, "p999_us"));
			}
		}
	}
}

static void print_filter(const json_t *f)
{
	printf("  %-16s position %lld, on_failure %s%s, holds %lld, hung %lld, misused %lld\n",
	       text(f, "filter"), number(f, "position"), text(f, "on_failure"),
	       json_is_true(json_object_get(f, "bypassed")) ? ", BYPASSED" : "", number(f, "held"),
	       number(f, "hung_count"), number(f, "misuse_count"));
	print_values(json_object_get(f, "params"));
}

void filterctl_print_volume(const json_t *answer)
{
	const json_t *v = json_object_get(answer, "volume");
	const json_t *h = json_object_get(v, "snapshot_holds");
	char size[32];
	size_t i;
	json_t *f;

	printf(
	    "volume      %s\nstate       %s%s%s\nuuid        %s\nsize        %s (%lld bytes)\ndatastore   %s\n",
	    text(v, "name"), text(v, "state"), text(v, "reason")[0] ? ": " : "", text(v, "reason"),
	    text(v, "uuid"), size_text(v, "size_bytes", size), number(v, "size_bytes"),
	    text(v, "datastore"));
	printf(
	    "image       %s\nblock       %lld bytes\nwrites      %s\nshared      %s\nrings       %lld\nrunning     %lld "
	    "commands, %lld I/Os\n",
	    text(v, "image"), number(v, "block_bytes"), text(v, "write_cache"),
	    json_is_true(json_object_get(v, "shared")) ? "yes" : "no", number(v, "rings"),
	    number(v, "commands_running"), number(v, "in_flight"));
	if (h)
		printf("snapshots   %lld held I/O, for %lld us as a rule, %lld us at most, %lld us "
		       "the last\n",
		       number(h, "count"), number(h, "p50_us"), number(h, "max_us"),
		       number(h, "last_us"));
	if (text(v, "backend_failed")[0])
		printf("FAILED      %s\n", text(v, "backend_failed"));
	printf("filters     %zu, top to bottom\n", json_array_size(json_object_get(v, "filters")));
	json_array_foreach(json_object_get(v, "filters"), i, f)
	{
		print_filter(f);
	}
}

void filterctl_print_reply(const json_t *answer)
{
	json_dumpf(json_object_get(answer, "reply"), stdout, JSON_INDENT(2) | JSON_SORT_KEYS);
	putchar('\n');
}
