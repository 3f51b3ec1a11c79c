/* SPDX-License-Identifier: MIT */
/* table.c - what a client sent against what a table's columns may hold. Pure. */
#include "table.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "parse.h"

const struct store_table *const store_tables[] = {&table_settings,
						  &table_datastores,
						  &table_policies,
						  &table_volumes,
						  &table_filters,
						  &table_hosts,
						  &table_host_groups,
						  &table_portals,
						  &table_targets,
						  &table_peers,
						  &table_keys,
						  &table_webhooks,
						  &table_tasks,
						  &table_events,
						  &table_alert_rules,
						  &table_alerts,
						  &table_audit,
						  &table_users,
						  &table_tokens,
						  &table_sessions,
						  &table_key_providers,
						  &table_replications,
						  &table_snapshots,
						  &table_snapshot_groups,
						  &table_snapshot_schedules,
						  NULL};

const struct store_column *table_find(const struct store_table *t, const char *name)
{
	for (uint32_t i = 0; i < t->column_count; i++)
		if (strcmp(t->columns[i].name, name) == 0)
			return &t->columns[i];
	return NULL;
}

/* Characters, not bytes; -1: a control character (C0, DEL or C1) is in it. jansson has made sure
 * that it is UTF-8. */
static int64_t characters(const json_t *text)
{
	const unsigned char *p = (const unsigned char *)json_string_value(text);
	size_t len = json_string_length(text);
	int64_t count = 0;

	for (size_t i = 0; i < len; i++) {
		if (p[i] < 0x20 || p[i] == 0x7f)
			return -1;
		if (p[i] == 0xc2 && i + 1 < len && p[i + 1] < 0xa0)
			return -1;
		if ((p[i] & 0xc0) != 0x80)
			count++;
	}
	return count;
}

static int wrong_type(const struct store_column *c, const char *wanted, struct err *err)
{
	return err_set(err, EINVAL, c->name, "%s must be %s", c->name, wanted);
}

static int check_text(const struct store_column *c, const json_t *v, struct err *err)
{
	int64_t count;

	if (!json_is_string(v))
		return wrong_type(c, "a string", err);
	count = characters(v);
	if (count < 0)
		return err_set(err, EINVAL, c->name, "%s has a control character in it", c->name);
	if ((uint64_t)count > c->max)
		return err_set(err, ENAMETOOLONG, c->name,
			       "%s has %lld characters, at most %llu are allowed", c->name,
			       (long long)count, (unsigned long long)c->max);
	if ((uint64_t)count < c->min)
		return count == 0 ? err_set(err, EINVAL, c->name, "%s is empty", c->name)
				  : err_set(err, EINVAL, c->name,
					    "%s has %lld characters, at least %llu are needed",
					    c->name, (long long)count, (unsigned long long)c->min);
	return 0;
}

static int check_name(const struct store_column *c, const json_t *v, struct err *err)
{
	int rc = check_text(c, v, err);

	return rc < 0 ? rc : parse_name(c->name, json_string_value(v), err);
}

static int check_uuid(const struct store_column *c, const json_t *v, struct err *err)
{
	uint8_t uuid[16];
	int rc = check_text(c, v, err);

	return rc < 0 ? rc : parse_uuid(c->name, json_string_value(v), uuid, err);
}

/* The name of another row: any of that table's keys may stand here, so only text is asked for. */
static int check_reference(const struct store_column *c, const json_t *v, struct err *err)
{
	struct store_column text = {.name = c->name, .min = 1, .max = PARSE_NAME_MAX};

	return check_text(&text, v, err);
}

static int check_integer(const struct store_column *c, const json_t *v, struct err *err)
{
	json_int_t i = json_integer_value(v);

	if (!json_is_integer(v))
		return wrong_type(c, "a whole number", err);
	if (i < 0 || (uint64_t)i < c->min || (uint64_t)i > c->max)
		return err_set(err, ERANGE, c->name, "%s: %lld is outside %llu to %llu%s%s",
			       c->name, (long long)i, (unsigned long long)c->min,
			       (unsigned long long)c->max, c->unit[0] ? " " : "", c->unit);
	return 0;
}

static int check_real(const struct store_column *c, const json_t *v, struct err *err)
{
	double d = json_number_value(v);

	if (!json_is_number(v))
		return wrong_type(c, "a number", err);
	if (!(d >= (double)c->min && d <= (double)c->max))
		return err_set(err, ERANGE, c->name, "%s: %g is outside %llu to %llu%s%s", c->name,
			       d, (unsigned long long)c->min, (unsigned long long)c->max,
			       c->unit[0] ? " " : "", c->unit);
	return 0;
}

static int check_choice(const struct store_column *c, const json_t *v, struct err *err)
{
	char choices[200] = "";
	size_t used = 0;

	if (!json_is_string(v))
		return wrong_type(c, "a string", err);
	for (const char *const *choice = c->choices; *choice; choice++)
		if (strcmp(*choice, json_string_value(v)) == 0)
			return 0;
	for (const char *const *choice = c->choices; *choice && used < sizeof(choices); choice++)
		used += (size_t)snprintf(choices + used, sizeof(choices) - used, "%s'%s'",
					 used ? ", " : "", *choice);
	return err_set(err, EINVAL, c->name, "%s: '%.60s' is none of %s", c->name,
		       json_string_value(v), choices);
}

#define ARRAY_ITEMS_MAX 1000u

static int check_array(const struct store_column *c, const json_t *v, struct err *err)
{
	struct store_column item = {.name = c->name, .min = 1, .max = c->max};
	json_t *one;
	size_t i;

	if (!json_is_array(v))
		return wrong_type(c, "an array of strings", err);
	if (json_array_size(v) > ARRAY_ITEMS_MAX)
		return err_set(err, ERANGE, c->name, "%s has %zu items, at most %u are allowed",
			       c->name, json_array_size(v), ARRAY_ITEMS_MAX);
	json_array_foreach(v, i, one)
	{
		int rc = check_text(&item, one, err);

		if (rc < 0)
			return rc;
	}
	return 0;
}

static int check_size(const struct store_column *c, const json_t *v, struct err *err)
{
	size_t size = json_dumpb(v, NULL, 0, JSON_COMPACT | JSON_ENCODE_ANY);

	if (size > c->max)
		return err_set(err, ENAMETOOLONG, c->name,
			       "%s has %zu characters, at most %llu are allowed", c->name, size,
			       (unsigned long long)c->max);
	return 0;
}

static int check_value(const struct store_column *c, const json_t *v, struct err *err)
{
	if (json_is_null(v) && c->type != STORE_JSON)
		return c->flags & STORE_NULLABLE ? 0 : wrong_type(c, "given, not null", err);
	switch (c->type) {
	case STORE_INTEGER:
	case STORE_TIME_MS:
		return check_integer(c, v, err);
	case STORE_REAL:
		return check_real(c, v, err);
	case STORE_BOOL:
		return json_is_boolean(v) ? 0 : wrong_type(c, "true or false", err);
	case STORE_TEXT:
		return check_text(c, v, err);
	case STORE_NAME:
		return check_name(c, v, err);
	case STORE_UUID:
		return check_uuid(c, v, err);
	case STORE_ENUM:
		return check_choice(c, v, err);
	case STORE_JSON_ARRAY:
		return check_array(c, v, err);
	case STORE_JSON_OBJECT:
		return json_is_object(v) ? check_size(c, v, err) : wrong_type(c, "an object", err);
	case STORE_JSON:
		return check_size(c, v, err);
	case STORE_NAME_OF:
		return check_reference(c, v, err);
	}
	return wrong_type(c, "of a known type", err);
}

static int check_member(const struct store_table *t, const char *name, const json_t *v,
			enum table_use use, struct err *err)
{
	const struct store_column *c = table_find(t, name);

	if (!c || (c->flags & STORE_HIDDEN))
		return err_set(err, EINVAL, name, "'%.60s' is not known for a %s", name,
			       t->singular);
	if (c->flags & STORE_APPLIANCE)
		return err_set(err, EINVAL, name, "%s is set by the appliance and only read", name);
	if (use == TABLE_CHANGE && (c->flags & STORE_CREATE_ONLY))
		return err_set(err, EINVAL, name,
			       "%s can only be given when the %s is created, not changed later",
			       name, t->singular);
	return check_value(c, v, err);
}

int table_check(const struct store_table *t, const json_t *body, enum table_use use,
		struct err *err)
{
	const char *name;
	json_t *v;

	if (!json_is_object(body))
		return err_set(err, EINVAL, "", "a %s must be a JSON object", t->singular);
	json_object_foreach((json_t *)(uintptr_t)body, name, v)
	{
		int rc = check_member(t, name, v, use, err);

		if (rc < 0)
			return rc;
	}
	for (uint32_t i = 0; use == TABLE_CREATE && i < t->column_count; i++) {
		const struct store_column *c = &t->columns[i];

		if ((c->flags & STORE_REQUIRED) && !json_object_get(body, c->name))
			return err_set(err, EINVAL, c->name, "%s is missing: %.200s", c->name,
				       c->help);
	}
	return 0;
}

json_t *table_public(const struct store_table *t, const json_t *row)
{
	json_t *copy = json_copy((json_t *)(uintptr_t)row);

	for (uint32_t i = 0; i < t->column_count; i++)
		if (t->columns[i].flags & STORE_HIDDEN)
			json_object_del(copy, t->columns[i].name);
	return copy;
}
