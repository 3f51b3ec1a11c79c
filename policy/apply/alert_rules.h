/* SPDX-License-Identifier: MIT */
/*
 * alert_rules.h - the built-in alert rules: what each measures and the numbers it begins with.
 * The numbers in force are the database's, where an administrator changes them.
 *
 *   alert_rules.c   the table, and what daemons, datastores and volumes are watched for
 *   alert_cache.c   what caches are
 *   alert_keys.c    who keeps keys, keys, and volumes that wait for theirs
 *   alert_replication.c  lag, peers, split brain
 *   alert_snapshots.c    snapshots that are not whole, and the space that they take
 *
 * Thread: the sampler's. Pure: facts in, measurements out.
 */
#ifndef POLICY_ALERT_RULES_H
#define POLICY_ALERT_RULES_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* All that rules look at. Each may be NULL: not known now. */
struct alert_facts {
	int64_t now_ms;
	const json_t *datastores, *volumes; /* rows */
	const json_t *figures;              /* sampler_figures() */
	const json_t *chains;               /* sampler_chains() */
	const json_t *running;              /* planner.h's document */
	const json_t *events;               /* of the last ALERT_EVENTS_MS, any order */
	const json_t *failed_tasks;         /* rows */
	const json_t *key_providers, *keys; /* rows */
	const json_t *snapshots;            /* store_snapshots_sums() */
};
#define ALERT_EVENTS_MS (10u * 60u * 1000u)
#define ALERT_TASKS_MS  (60u * 60u * 1000u)

/* One measurement. text: a sentence that bears the value. */
typedef void (*alert_emit_fn)(void *ctx, const char *object_type, const char *object_name,
			      double value, const char *text);

struct alert_rule {
	const char *name, *metric, *unit, *help;
	double warning, error; /* NaN: never */
	uint32_t raise_after_s, clear_after_s;
	/* Emits every object that it can measure; false: nothing is known now, all stays as it is.
	 */
	bool (*measure)(const struct alert_facts *f, alert_emit_fn emit, void *ctx);
};

bool alert_cache_degraded(const struct alert_facts *f, alert_emit_fn emit, void *ctx);
bool alert_cache_dirty_age(const struct alert_facts *f, alert_emit_fn emit, void *ctx);
bool alert_cache_log_full(const struct alert_facts *f, alert_emit_fn emit, void *ctx);

bool alert_key_provider_down(const struct alert_facts *f, alert_emit_fn emit, void *ctx);
bool alert_key_unusable(const struct alert_facts *f, alert_emit_fn emit, void *ctx);
bool alert_volume_locked(const struct alert_facts *f, alert_emit_fn emit, void *ctx);

bool alert_snapshot_degraded(const struct alert_facts *f, alert_emit_fn emit, void *ctx);
bool alert_snapshot_space(const struct alert_facts *f, alert_emit_fn emit, void *ctx);

bool alert_replication_rpo(const struct alert_facts *f, alert_emit_fn emit, void *ctx);
bool alert_replication_peer_lost(const struct alert_facts *f, alert_emit_fn emit, void *ctx);
bool alert_replication_split_brain(const struct alert_facts *f, alert_emit_fn emit, void *ctx);
bool alert_replication_inconsistent(const struct alert_facts *f, alert_emit_fn emit, void *ctx);
bool alert_replication_gap(const struct alert_facts *f, alert_emit_fn emit, void *ctx);

extern const struct alert_rule alert_rules[];
extern const uint32_t alert_rules_count;

/* "12.7 MiB": for a rule's sentence. Any thread. */
void alert_size_text(double bytes, char text[32]);

#endif
