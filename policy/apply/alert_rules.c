/* SPDX-License-Identifier: MIT */
/* alert_rules.c - see alert_rules.h: one function for each way to measure, and the table. */
#include "alert_rules.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define TEXT_BYTES 400u

static const char *text_of(const json_t *j, const char *key)
{
	const char *text = json_string_value(json_object_get(j, key));

	return text ? text : "";
}

static double number_of(const json_t *j, const char *key)
{
	return json_number_value(json_object_get(j, key));
}

void alert_size_text(double bytes, char text[32])
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
	int u = 0;

	for (; bytes >= 1024.0 && u < 5; u++)
		bytes /= 1024.0;
	snprintf(text, 32, u ? "%.1f %s" : "%.0f %s", bytes, units[u]);
}

static double capacity_of(const json_t *datastore)
{
	return number_of(datastore, "used_bytes") + number_of(datastore, "available_bytes");
}

/* ---------------------------------------------------------------- space */

static bool datastore_capacity(const struct alert_facts *f, alert_emit_fn emit, void *ctx)
{
	char text[TEXT_BYTES], used[32], all[32];
	const json_t *d;
	size_t i;

	json_array_foreach(f->datastores, i, d)
	{
		double capacity_bytes = capacity_of(d), pct;

		if (capacity_bytes <= 0)
			continue;
		pct = 100.0 * number_of(d, "used_bytes") / capacity_bytes;
		alert_size_text(number_of(d, "used_bytes"), used);
		alert_size_text(capacity_bytes, all);
		snprintf(text, sizeof(text),
			 "datastore %s is %.1f %% full: %s of %s; delete volumes, let their users "
			 "discard, or make it larger",
			 text_of(d, "name"), pct, used, all);
		emit(ctx, "datastore", text_of(d, "name"), pct, text);
	}
	return f->datastores != NULL;
}

static double promised_bytes(const struct alert_facts *f, const char *datastore)
{
	double bytes = 0;
	const json_t *v;
	size_t i;

	json_array_foreach(f->volumes, i, v)
	{
		if (strcmp(text_of(v, "datastore"), datastore) == 0)
			bytes += number_of(v, "size_bytes");
	}
	return bytes;
}

static bool thin_overcommit(const struct alert_facts *f, alert_emit_fn emit, void *ctx)
{
	char text[TEXT_BYTES], promised[32], all[32];
	const json_t *d;
	size_t i;

	json_array_foreach(f->datastores, i, d)
	{
		double capacity_bytes = capacity_of(d);
		double bytes = promised_bytes(f, text_of(d, "name"));

		if (capacity_bytes <= 0)
			continue;
		alert_size_text(bytes, promised);
		alert_size_text(capacity_bytes, all);
		snprintf(text, sizeof(text),
			 "datastore %s has promised %s to its volumes and has %s (%.0f %%); it may "
			 "fill up while they grow",
			 text_of(d, "name"), promised, all, 100.0 * bytes / capacity_bytes);
		emit(ctx, "datastore", text_of(d, "name"), 100.0 * bytes / capacity_bytes, text);
	}
	return f->datastores && f->volumes;
}

/* ---------------------------------------------------------------- speed */

static bool volume_latency(const struct alert_facts *f, alert_emit_fn emit, void *ctx)
{
	const json_t *v;
	char text[TEXT_BYTES];
	size_t i;

	json_array_foreach(json_object_get(f->figures, "volumes"), i, v)
	{
		double read_ms = number_of(v, "read_p99_us") / 1000.0;
		double write_ms = number_of(v, "write_p99_us") / 1000.0;
		double ms = read_ms > write_ms ? read_ms : write_ms;

		snprintf(text, sizeof(text),
			 "volume %s is slow: 99 of 100 reads take up to %.0f ms, writes %.0f ms; "
			 "sluice top shows which filter or datastore it is",
			 text_of(v, "name"), read_ms, write_ms);
		emit(ctx, "volume", text_of(v, "name"), ms, text);
	}
	return f->figures != NULL;
}

static bool replication_lag(const struct alert_facts *f, alert_emit_fn emit, void *ctx)
{
	const json_t *v;
	char text[TEXT_BYTES];
	size_t i;

	json_array_foreach(json_object_get(f->figures, "volumes"), i, v)
	{
		double lag_s = number_of(v, "lag_ms") / 1000.0;

		if (lag_s <= 0)
			continue;
		snprintf(text, sizeof(text),
			 "the replica of volume %s is %.0f s behind; see whether its peer and the "
			 "link to it are well",
			 text_of(v, "name"), lag_s);
		emit(ctx, "volume", text_of(v, "name"), lag_s, text);
	}
	return f->figures != NULL;
}

/* ---------------------------------------------------------------- health */

static bool filter_hung(const struct alert_facts *f, alert_emit_fn emit, void *ctx)
{
	const json_t *e;
	char text[TEXT_BYTES];
	size_t i;

	json_array_foreach(f->events, i, e)
	{
		const char *kind = text_of(e, "kind");

		if (strcmp(kind, "filter.hung") != 0 && strcmp(kind, "filter.bypassed") != 0 &&
		    strcmp(kind, "volume.quarantined") != 0)
			continue;
		snprintf(text, sizeof(text), "a filter of volume %.80s failed: %.260s",
			 text_of(e, "object_name"), text_of(e, "text"));
		emit(ctx, text_of(e, "object_type"), text_of(e, "object_name"), 1, text);
	}
	return f->events != NULL;
}

static double restarts_of(const struct alert_facts *f, const char *daemon)
{
	double count = 0;
	const json_t *e;
	size_t i;

	json_array_foreach(f->events, i, e)
	{
		const char *object = text_of(e, "object_name");
		bool is_tgtd = strcmp(object, "tgtd") == 0;

		/* A restart of filterd that a volume's filter is to blame for bears that volume. */
		if (strcmp(text_of(e, "kind"), "daemon.restarted") == 0 &&
		    is_tgtd == (strcmp(daemon, "tgtd") == 0))
			count++;
	}
	return count;
}

static bool daemon_restarted(const struct alert_facts *f, alert_emit_fn emit, void *ctx)
{
	static const char *const daemons[] = {"sluice-filterd", "tgtd"};
	char text[TEXT_BYTES];

	for (size_t i = 0; f->events && i < 2; i++) {
		double count = restarts_of(f, daemons[i]);

		snprintf(text, sizeof(text),
			 "%s was restarted %.0f times in ten minutes; its log says why", daemons[i],
			 count);
		emit(ctx, "daemon", daemons[i], count, text);
	}
	return f->events != NULL;
}

static bool daemon_down(const struct alert_facts *f, alert_emit_fn emit, void *ctx)
{
	static const char *const daemons[][2] = {{"filterd", "sluice-filterd"}, {"tgtd", "tgtd"}};
	char text[TEXT_BYTES];

	if (!json_object_get(f->running, "filterd"))
		return false;
	for (size_t i = 0; i < 2; i++) {
		const json_t *d = json_object_get(f->running, daemons[i][0]);
		bool is_up = json_is_true(json_object_get(d, "is_up"));

		snprintf(text, sizeof(text),
			 "%s does not answer; what is wanted of it waits until it is back",
			 daemons[i][1]);
		emit(ctx, "daemon", daemons[i][1], is_up ? 0 : 1, text);
	}
	return true;
}

static bool volume_failed(const struct alert_facts *f, alert_emit_fn emit, void *ctx)
{
	const json_t *v;
	char text[TEXT_BYTES];
	size_t i;

	json_array_foreach(f->volumes, i, v)
	{
		bool is_failed = strcmp(text_of(v, "running_state"), "failed") == 0 &&
				 strcmp(text_of(v, "desired_state"), "deleting") != 0;

		snprintf(text, sizeof(text), "volume %s does not run: %.280s", text_of(v, "name"),
			 text_of(v, "running_error"));
		emit(ctx, "volume", text_of(v, "name"), is_failed, text);
	}
	return f->volumes != NULL;
}

/* By what the task was about: several that failed with one volume are one alert. */
static bool task_failed(const struct alert_facts *f, alert_emit_fn emit, void *ctx)
{
	const json_t *t;
	char text[TEXT_BYTES];
	size_t i;

	json_array_foreach(f->failed_tasks, i, t)
	{
		if (number_of(t, "ended_ms") < (double)(f->now_ms - ALERT_TASKS_MS))
			continue;
		snprintf(text, sizeof(text), "task %.0f (%.40s) failed: %.280s", number_of(t, "id"),
			 text_of(t, "kind"), text_of(t, "error_text"));
		emit(ctx, text_of(t, "object_type"), text_of(t, "object_name"), 1, text);
	}
	return f->failed_tasks != NULL;
}

#define NEVER NAN
const struct alert_rule alert_rules[] = {
    {"datastore-capacity", "used_pct", "%", "How full a datastore is.", 80, 95, 0, 0,
     datastore_capacity},
    {"thin-overcommit", "promised_pct", "%",
     "What a datastore has promised to its volumes, of what it has.", 200, NEVER, 0, 0,
     thin_overcommit},
    {"volume-latency", "p99_ms", "ms",
     "The time that 99 of 100 reads and writes of a volume stay below.", 500, 4000, 10, 30,
     volume_latency},
    {"replication-lag", "lag_s", "s", "How far a replica is behind its volume.", 30, 300, 10, 30,
     replication_lag},
    {"replication-rpo", "level", "",
     "A replica is further behind than was agreed: 1 warning, 2 error.", 1, 2, 10, 30,
     alert_replication_rpo},
    {"replication-peer-lost", "level", "", "A peer is not reached; 2: and I/O waits.", 1, 2, 10, 5,
     alert_replication_peer_lost},
    {"replication-split-brain", "is_split", "", "Both sides have written.", NEVER, 1, 0, 0,
     alert_replication_split_brain},
    {"replication-inconsistent", "is_inconsistent", "", "A replica is no point in time.", 1, NEVER,
     300, 0, alert_replication_inconsistent},
    {"replication-gap", "has_gap", "", "A journal was full; a replica stays at its last mark.", 1,
     NEVER, 0, 30, alert_replication_gap},
    {"snapshot-degraded", "degraded", "", "Snapshots of a volume are damaged or gone.", NEVER, 1, 0,
     0, alert_snapshot_degraded},
    {"snapshot-space", "own_pct", "%",
     "Space that a volume's snapshots take, of the volume's size.", 100, NEVER, 30, 30,
     alert_snapshot_space},
    {"cache-degraded", "is_degraded", "", "A volume's cache cannot serve, and its volume waits.",
     NEVER, 1, 0, 0, alert_cache_degraded},
    {"cache-dirty-age", "dirty_age_s", "s",
     "How long the oldest acknowledged data is in a cache's log alone.", 60, 600, 30, 30,
     alert_cache_dirty_age},
    {"cache-log-full", "log_used_pct", "%", "How full a cache's log is.", 90, 98, 30, 30,
     alert_cache_log_full},
    {"key-provider-down", "is_down", "", "Who keeps keys does not serve them.", NEVER, 1, 5, 0,
     alert_key_provider_down},
    {"key-unusable", "is_unusable", "", "A key was revoked or destroyed, or is missing.", NEVER, 1,
     0, 0, alert_key_unusable},
    {"volume-locked", "is_locked", "", "An encrypted volume waits for its key.", NEVER, 1, 5, 0,
     alert_volume_locked},
    {"filter-hung", "events", "", "A filter hung, was bypassed or crashed in the last ten minutes.",
     NEVER, 1, 0, 0, filter_hung},
    {"daemon-restarted", "restarts", "", "Restarts of a daemon in the last ten minutes.", 1, 3, 0,
     0, daemon_restarted},
    {"daemon-down", "is_down", "", "A daemon does not answer.", NEVER, 1, 5, 0, daemon_down},
    {"volume-failed", "is_failed", "", "A volume cannot run as wanted.", NEVER, 1, 5, 0,
     volume_failed},
    {"task-failed", "failed", "", "A task about it failed in the last hour.", 1, NEVER, 0, 0,
     task_failed},
};
const uint32_t alert_rules_count = sizeof(alert_rules) / sizeof(alert_rules[0]);
