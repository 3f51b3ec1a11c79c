/* SPDX-License-Identifier: MIT */
/*
 * params.c - one filter's parameters against its table.
 *
 * The table comes from filterd, in the form of its answer to "filters": an array of {"name",
 * "type", "unit", "help", "min", "max", "default", "choices"}, numbers as text. What is taken here
 * is what filterd takes when the filter is attached; so a policy is refused when it is written, not
 * when a volume needs it.
 */
#include "params.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "parse.h"

#define VALUE_MAX_BYTES 4096u /* filterd's limit for one value */

struct param {
	const json_t *row;
	const char *name, *unit;
	char field[64]; /* "rules[2].parameters.delay_us" */
};

static const char *member(const json_t *row, const char *key)
{
	const char *text = json_string_value(json_object_get(row, key));

	return text ? text : "";
}

/* min and max stand in the table as text, as they may be greater than JSON's integers. */
static uint64_t bound(const json_t *row, const char *key, uint64_t absent)
{
	const json_t *j = json_object_get(row, key);
	uint64_t v = absent;

	if (json_is_integer(j) && json_integer_value(j) >= 0)
		return (uint64_t)json_integer_value(j);
	if (json_is_string(j) && parse_u64(key, json_string_value(j), 0, UINT64_MAX, &v, NULL) == 0)
		return v;
	return absent;
}

/* The value as filterd is to get it, or NULL if it has no text. */
static char *text_of(const json_t *value)
{
	char *text = NULL;

	if (json_is_boolean(value))
		return strdup(json_is_true(value) ? "true" : "false");
	if (json_is_integer(value))
		return asprintf(&text, "%lld", (long long)json_integer_value(value)) < 0 ? NULL
											 : text;
	if (!json_is_string(value) || json_string_length(value) > VALUE_MAX_BYTES ||
	    strlen(json_string_value(value)) != json_string_length(value))
		return NULL;
	return strdup(json_string_value(value));
}

/* ---------------------------------------------------------------- one value of each type */

static int check_number(const struct param *p, const char *text, json_t **out, struct err *err)
{
	uint64_t min = bound(p->row, "min", 0), max = bound(p->row, "max", UINT64_MAX), v = 0;
	bool is_size = strcmp(p->unit, "bytes") == 0;
	int rc = is_size ? parse_size(p->field, text, min, max, &v, err)
			 : parse_u64(p->field, text, min, max, &v, err);

	if (rc == -ERANGE && !is_size)
		return err_set(err, ERANGE, p->field, "%s: %.60s is outside %llu to %llu%s%s",
			       p->field, text, (unsigned long long)min, (unsigned long long)max,
			       *p->unit ? " " : "", p->unit);
	if (rc == -EINVAL && !is_size)
		return err_set(err, EINVAL, p->field,
			       "%s: '%.60s' is not a whole number; it takes %llu to %llu%s%s",
			       p->field, text, (unsigned long long)min, (unsigned long long)max,
			       *p->unit ? " " : "", p->unit);
	if (rc == 0)
		*out = json_sprintf("%llu", (unsigned long long)v);
	return rc;
}

static int check_bool(const struct param *p, const char *text, json_t **out, struct err *err)
{
	bool v = false;
	int rc = parse_bool(p->field, text, &v, err);

	if (rc == 0)
		*out = json_string(v ? "true" : "false");
	return rc;
}

static int check_string(const struct param *p, const char *text, json_t **out, struct err *err)
{
	uint64_t min = bound(p->row, "min", 0), max = bound(p->row, "max", VALUE_MAX_BYTES);
	size_t n = strlen(text);

	if (n < min || n > max)
		return err_set(err, ERANGE, p->field, "%s must have %llu to %llu bytes, not %zu",
			       p->field, (unsigned long long)min, (unsigned long long)max, n);
	*out = json_string(text);
	return 0;
}

static int check_enum(const struct param *p, const char *text, json_t **out, struct err *err)
{
	const json_t *choices = json_object_get(p->row, "choices"), *c;
	char known[200] = "";
	size_t i, n = 0;

	json_array_foreach(choices, i, c)
	{
		const char *word = json_string_value(c);

		if (!word)
			continue;
		if (strcmp(word, text) == 0) {
			*out = json_string(text);
			return 0;
		}
		n += (size_t)snprintf(known + n, sizeof(known) - n, "%s%s", i ? ", " : "", word);
		if (n >= sizeof(known))
			n = sizeof(known) - 1;
	}
	return err_set(err, EINVAL, p->field, "%s: '%.60s' is not one of %s", p->field, text,
		       known);
}

static int check_text(const struct param *p, const char *text, json_t **out, struct err *err)
{
	static const struct {
		const char *type;
		int (*check)(const struct param *p, const char *text, json_t **out,
			     struct err *err);
	} types[] = {{"u64", check_number},
		     {"bool", check_bool},
		     {"string", check_string},
		     {"enum", check_enum}};
	const char *type = member(p->row, "type");

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (strcmp(type, types[i].type) == 0)
			return types[i].check(p, text, out, err);
	return err_set(err, EINVAL, p->field,
		       "%s is of the type '%.40s', which this version does not know", p->field,
		       type);
}

/* ---------------------------------------------------------------- all of a filter's */

static int unknown_name(const char *field, const char *filter, const char *name,
			const json_t *table, struct err *err)
{
	char known[200] = "";
	size_t i, n = 0;
	const json_t *row;

	json_array_foreach(table, i, row)
	{
		n += (size_t)snprintf(known + n, sizeof(known) - n, "%s%s", i ? ", " : "",
				      member(row, "name"));
		if (n >= sizeof(known))
			n = sizeof(known) - 1;
	}
	return err_set(err, EINVAL, field, "filter %s has no parameter '%.60s'; it has %s", filter,
		       name, *known ? known : "none");
}

static bool has_param(const json_t *table, const char *name)
{
	const json_t *row;
	size_t i;

	json_array_foreach(table, i, row)
	{
		if (strcmp(member(row, "name"), name) == 0)
			return true;
	}
	return false;
}

static int check_one(const struct param *p, const json_t *value, json_t *out, struct err *err)
{
	json_t *canonical = NULL;
	char *text;
	int rc;

	if (!value || json_is_null(value))
		value = json_object_get(p->row, "default");
	text = value ? text_of(value) : strdup("");
	if (!text)
		return err_set(err, EINVAL, p->field,
			       "%s must be text of at most %u bytes, a whole number or a boolean",
			       p->field, VALUE_MAX_BYTES);
	rc = check_text(p, text, &canonical, err);
	free(text);
	if (rc == 0 && json_object_set_new(out, p->name, canonical) < 0)
		return err_set(err, ENOMEM, p->field, "no memory");
	return rc;
}

static int check_all(const char *where, const json_t *table, const json_t *given, json_t *out,
		     struct err *err)
{
	const json_t *row;
	size_t i;

	json_array_foreach(table, i, row)
	{
		struct param p = {
		    .row = row, .name = member(row, "name"), .unit = member(row, "unit")};
		int rc;

		snprintf(p.field, sizeof(p.field), "%s.%s", where, p.name);
		rc = check_one(&p, json_object_get(given, p.name), out, err);
		if (rc)
			return rc;
	}
	return 0;
}

int params_check(const char *where, const json_t *filter, const char *table_name,
		 const json_t *given, json_t **out, struct err *err)
{
	const json_t *table = json_object_get(filter, table_name);
	json_t *all;
	const char *name;
	json_t *value;
	int rc;

	if (given && !json_is_object(given))
		return err_set(err, EINVAL, where, "%s must be an object of names and values",
			       where);
	json_object_foreach((json_t *)given, name, value)
	{
		char field[64];

		if (has_param(table, name))
			continue;
		snprintf(field, sizeof(field), "%s.%s", where, name);
		return unknown_name(field, member(filter, "name"), name, table, err);
	}
	all = json_object();
	rc = check_all(where, table, given, all, err);
	if (rc) {
		json_decref(all);
		return rc;
	}
	*out = all;
	return 0;
}
