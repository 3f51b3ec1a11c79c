/* SPDX-License-Identifier: MIT */
/*
 * table.h - what the columns of each table are: type, range, unit, who may set them. One place for
 * SQL, REST's checks, and the CLI's help. Pure: no SQLite here.
 *
 * A row outside db/ is a JSON object with the columns' names as members: INTEGER as integer, or as
 * true/false for STORE_BOOL; TEXT as string, or as the array or object that it holds for
 * STORE_JSON; NULL as null. A reference to a named row (STORE_NAME_OF) bears the other row's name:
 * column datastore_id is the member "datastore": "fast".
 */
#ifndef DB_TABLE_H
#define DB_TABLE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "err.h"

enum store_type {
	STORE_INTEGER,
	STORE_REAL, /* may be NULL with STORE_NULLABLE */
	STORE_BOOL,
	STORE_TEXT,
	STORE_NAME, /* parse_name()'s characters */
	STORE_ENUM, /* one of choices */
	STORE_UUID,
	STORE_TIME_MS,
	STORE_JSON_ARRAY, /* of strings, each of at most max characters; of anything if the
			     appliance sets it */
	STORE_JSON_OBJECT,
	STORE_JSON,    /* any value */
	STORE_NAME_OF, /* integer key of another table's row, seen as its name */
};

enum store_flags {
	STORE_REQUIRED = 1,    /* a client must give it when it creates a row */
	STORE_CREATE_ONLY = 2, /* a client may give it then and not change it later */
	STORE_APPLIANCE = 4,   /* the appliance sets it, clients only read it */
	STORE_HIDDEN = 8,      /* never leaves policyd: hashes, sealed secrets, internal numbers */
	STORE_NULLABLE = 16,
	STORE_FILTERABLE = 32, /* ?column=value in lists */
	STORE_SORTABLE = 64,   /* ?sort=column, ?sort=-column */
};

struct store_column {
	const char *name;   /* JSON member */
	const char *column; /* SQL column if it has another name, else NULL */
	enum store_type type;
	uint32_t flags;
	uint64_t min, max; /* INTEGER: range; TEXT, NAME, JSON: characters */
	const char *def; /* what an absent member becomes, as JSON text; NULL: SQL's own default */
	const char *const *choices;      /* ENUM; ends with NULL */
	const struct store_table *other; /* NAME_OF */
	const char *unit;                /* "bytes", "ms", "" */
	const char *help;                /* one sentence */
};

struct store_table {
	const char *name;     /* SQL: "volumes" */
	const char *singular; /* for sentences: "volume" */
	const char *key;      /* the column that REST's paths name: "name" or "id" */
	const struct store_column *columns;
	uint32_t column_count;
	bool has_revision;
};

extern const struct store_table table_settings, table_datastores, table_policies, table_volumes,
    table_filters, table_hosts, table_host_groups, table_portals, table_targets, table_peers,
    table_keys, table_webhooks, table_tasks, table_events, table_alert_rules, table_alerts,
    table_audit, table_users, table_tokens, table_sessions, table_key_providers, table_replications,
    table_snapshots, table_snapshot_groups, table_snapshot_schedules;
/* Tables without a name or an id of their own (policy_versions, policy_rules, assignments,
 * compliance, datastore_filters, host_group_members, volume_access, key_versions, volume_keys,
 * task_log, idempotency, snapshot_schedule_volumes, volume_origins) have functions instead:
 * store_link.h, store_snapshots.h. */

/* All of them, ends with NULL; for tests and documentation. */
extern const struct store_table *const store_tables[];

const struct store_column *table_find(const struct store_table *t, const char *name);

enum table_use { TABLE_CREATE, TABLE_CHANGE };
/*
 * Checks what a client sent: an object, no unknown, hidden or appliance-owned member, types,
 * ranges, lengths, choices, no control characters; required ones there when it creates.
 * Changes nothing. Errors: -EINVAL, -ERANGE, -ENAMETOOLONG with the member as field.
 */
int must_check table_check(const struct store_table *t, const json_t *body, enum table_use use,
			   struct err *err);
/* A copy of row without what is hidden. New reference. */
json_t *table_public(const struct store_table *t, const json_t *row);

#endif
