/* SPDX-License-Identifier: MIT */
/* config_export.c - what is wanted now, as a document; see config.h. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "config.h"
#include "json.h"
#include "store_link.h"
#include "store_replication.h"
#include "store_snapshots.h"
#include "volume_rows.h"

/* ---------------------------------------------------------------- members that are no columns */

static int add_rules(struct store *s, const json_t *row, json_t *o, struct err *err)
{
	json_t *rules = store_policy_rules(s, rows_id(row), 0, err);

	return rules ? json_object_set_new(o, "rules", rules) : -err->code;
}

static int add_filters(struct store *s, const json_t *row, json_t *o, struct err *err)
{
	json_t *filters = store_datastore_filters(s, rows_id(row), err);

	return filters ? json_object_set_new(o, "filters", filters) : -err->code;
}

static int add_members(struct store *s, const json_t *row, json_t *o, struct err *err)
{
	json_t *members = store_group_members(s, rows_id(row), err);

	return members ? json_object_set_new(o, "members", members) : -err->code;
}

/* Only what its type has: what belongs to the other one would be refused when it is applied. */
static int add_provider(struct store *s, const json_t *row, json_t *o, struct err *err)
{
	static const char *const native[] = {"opened_by", "opened_from", NULL};
	static const char *const kmip[] = {
	    "servers", "server_name", "ca_certificates", "client_certificate", "timeout_ms", NULL};
	bool is_kmip = strcmp(rows_text(row, "type"), "kmip") == 0;

	for (const char *const *m = is_kmip ? native : kmip; *m; m++)
		json_object_del(o, *m);
	return 0;
}

/* The name of its newest version at its provider: by that another appliance takes it over. */
static int add_key(struct store *s, const json_t *row, json_t *o, struct err *err)
{
	cleanup_json json_t *versions = store_key_versions(s, rows_id(row), err);
	json_t *id =
	    json_object_get(json_array_get(versions, 0), "provider_key_id"); /* newest first */

	if (!versions)
		return -err->code;
	if (id)
		json_object_set(o, "provider_key_id", id);
	return 0;
}

static int add_volume(struct store *s, const json_t *row, json_t *o, struct err *err)
{
	cleanup_json json_t *has = store_assignment(s, rows_id(row), err);
	cleanup_json json_t *access = store_access(s, rows_id(row), err);
	json_t *policy = json_object_get(has, "policy");

	if (!access)
		return -err->code;
	json_object_set_new(o, "policy", policy ? json_incref(policy) : json_null());
	json_object_set(o, "hosts", json_object_get(access, "hosts"));
	json_object_set(o, "host_groups", json_object_get(access, "host_groups"));
	return 0;
}

/* Volumes in the group's order. */
static int add_group(struct store *s, const json_t *row, json_t *o, struct err *err)
{
	cleanup_json json_t *members = store_replication_members(s, rows_id(row), err);
	json_t *names = json_array();
	const json_t *m;
	size_t i;

	json_array_foreach(members, i, m)
	{
		json_array_append(names, json_object_get(m, "volume"));
	}
	json_object_set_new(o, "volumes", names);
	return members ? 0 : -err->code;
}

static int add_listed(struct store *s, const json_t *row, json_t *o, struct err *err)
{
	json_t *volumes = store_schedule_listed(s, rows_id(row), err);

	return volumes ? json_object_set_new(o, "volumes", volumes) : -err->code;
}

/* ---------------------------------------------------------------- what is left out */

/* What a peer began stands in the peer's document. */
static bool is_begun_here(const json_t *row)
{
	return strcmp(rows_text(row, "initial_role"), "primary") == 0 &&
	       strcmp(rows_text(row, "phase"), "ending") != 0;
}

static bool is_own(const json_t *row)
{
	return !rows_is(row, "is_bundled");
}

static bool is_staying(const json_t *row)
{
	return !rows_is(row, "is_deleting") &&
	       strcmp(rows_text(row, "desired_state"), "deleting") != 0;
}

static bool is_kept(const json_t *row)
{
	return strcmp(rows_text(row, "state"), "destroying") != 0;
}

struct source;
static bool is_exposure(struct store *s, const struct source *from, const json_t *row);

static const struct source {
	const struct store_table *table;
	int (*add)(struct store *s, const json_t *row, json_t *o, struct err *err);
	bool (*may_show)(const json_t *row);
} sources[] = {
    /* in the order of config_sections */
    {&table_datastores, add_filters, is_staying},
    {&table_key_providers, add_provider, NULL},
    {&table_keys, add_key, is_kept},
    {&table_policies, add_rules, is_own},
    {&table_hosts, NULL, NULL},
    {&table_host_groups, add_members, NULL},
    {&table_portals, NULL, NULL},
    {&table_volumes, add_volume, is_staying},
    {&table_peers, NULL, is_staying},
    {&table_replications, add_group, is_begun_here},
    {&table_snapshot_schedules, add_listed, NULL},
};

/* It shows a snapshot, and a document has none: on another appliance it would be an empty disk. */
static bool is_exposure(struct store *s, const struct source *from, const json_t *row)
{
	struct err err;
	cleanup_json json_t *origin =
	    from->table == &table_volumes ? store_volume_origin(s, rows_id(row), &err) : NULL;

	return strcmp(rows_text(origin, "kind"), "exposure") == 0;
}

static json_t *object_of(struct store *s, const struct config_section *c, const struct source *from,
			 const json_t *row, struct err *err)
{
	json_t *o = json_object();

	for (const char *const *m = c->members; *m; m++) {
		json_t *value = json_object_get(row, *m);

		if (value)
			json_object_set(o, *m, value);
	}
	if (from->add && from->add(s, row, o, err) < 0) {
		json_decref(o);
		return NULL;
	}
	return o;
}

static const char *name_of(const json_t *o)
{
	return rows_text(o, "name");
}

static int by_name(const void *a, const void *b)
{
	const json_t *const *x = a, *const *y = b;
	int order = strcasecmp(name_of(*x), name_of(*y));

	return order ? order : strcmp(name_of(*x), name_of(*y));
}

/* The same configuration gives the same text, whatever order it was made in. */
static json_t *sorted(json_t *objects)
{
	size_t n = json_array_size(objects);
	json_t **list = calloc(n + 1, sizeof(*list));
	json_t *out;

	if (!list)
		return objects;
	for (size_t i = 0; i < n; i++)
		list[i] = json_array_get(objects, i);
	qsort(list, n, sizeof(*list), by_name);
	out = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append(out, list[i]);
	free(list);
	json_decref(objects);
	return out;
}

static json_t *section(struct store *s, uint32_t number, struct err *err)
{
	const struct source *from = &sources[number];
	cleanup_json json_t *rows = rows_all(s, from->table, NULL, err);
	json_t *out, *row, *o;
	size_t i;

	if (!rows)
		return NULL;
	out = json_array();
	json_array_foreach(rows, i, row)
	{
		if ((from->may_show && !from->may_show(row)) || is_exposure(s, from, row))
			continue;
		o = object_of(s, &config_sections[number], from, row, err);
		if (!o) {
			json_decref(out);
			return NULL;
		}
		json_array_append_new(out, o);
	}
	return sorted(out);
}

json_t *config_export(struct store *s, struct err *err)
{
	json_t *document = json_pack("{s:i}", "format", CONFIG_FORMAT);

	for (uint32_t i = 0; i < config_section_count; i++) {
		json_t *objects = section(s, i, err);

		if (!objects) {
			json_decref(document);
			return NULL;
		}
		json_object_set_new(document, config_sections[i].name, objects);
	}
	return document;
}
