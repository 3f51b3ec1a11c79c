/* SPDX-License-Identifier: MIT */
#include "params.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "parse.h"

/* "a, b, c", cut off with "..." where it does not fit. */
static void join(char *text, size_t size_bytes, const char *item, bool is_first)
{
	size_t n = strlen(text);

	snprintf(text + n, size_bytes - n, "%s%s", is_first ? "" : ", ", item);
}

static int unknown_name(const struct params_table *t, const char *name, struct err *err)
{
	char known[200] = "";

	for (uint32_t i = 0; i < t->count; i++)
		join(known, sizeof(known), t->params[i].name, i == 0);
	if (t->count == 0)
		return err_set(err, EINVAL, name, "filter '%s' has no parameters, so no '%s'",
			       t->filter, name);
	return err_set(err, EINVAL, name, "filter '%s' has no parameter '%s'; it has %s", t->filter,
		       name, known);
}

static int parse_string(const struct sluice_param *p, const char *text, union sluice_value *v,
			struct err *err)
{
	size_t n = strlen(text);

	if (n < p->min || n > p->max)
		return err_set(err, ERANGE, p->name,
			       "parameter %s must have %llu to %llu bytes, not %zu: '%.80s'",
			       p->name, (unsigned long long)p->min, (unsigned long long)p->max, n,
			       text);
	v->string = strdup(text);
	if (!v->string)
		return err_set(err, ENOMEM, p->name, "no memory for parameter %s", p->name);
	return 0;
}

static int parse_enum(const struct sluice_param *p, const char *text, union sluice_value *v,
		      struct err *err)
{
	char known[200] = "";

	for (uint32_t i = 0; p->choices[i]; i++) {
		if (strcmp(p->choices[i], text) == 0) {
			v->u64 = i;
			return 0;
		}
		join(known, sizeof(known), p->choices[i], i == 0);
	}
	return err_set(err, EINVAL, p->name, "parameter %s must be one of %s, not '%.80s'", p->name,
		       known, text);
}

static int parse_value(const struct sluice_param *p, const char *text, union sluice_value *v,
		       struct err *err)
{
	bool b = false;
	int r;

	switch (p->type) {
	case SLUICE_TYPE_U64:
		if (p->unit && strcmp(p->unit, "bytes") == 0)
			return parse_size(p->name, text, p->min, p->max, &v->u64, err);
		return parse_u64(p->name, text, p->min, p->max, &v->u64, err);
	case SLUICE_TYPE_BOOL:
		r = parse_bool(p->name, text, &b, err);
		v->u64 = b;
		return r;
	case SLUICE_TYPE_STRING:
		return parse_string(p, text, v, err);
	case SLUICE_TYPE_ENUM:
		return parse_enum(p, text, v, err);
	}
	return err_set(err, EINVAL, p->name, "parameter %s has an unknown type", p->name);
}

static int set_default(const struct sluice_param *p, union sluice_value *v, struct err *err)
{
	const char *text = p->def_string ? p->def_string : "";

	if (p->type != SLUICE_TYPE_STRING) {
		v->u64 = p->def;
		return 0;
	}
	if (strlen(text) < p->min)
		return err_set(err, EINVAL, p->name, "parameter %s is missing; it has no default",
			       p->name);
	return parse_string(p, text, v, err);
}

/* The text given for parameter p, NULL if none, or an error if there are two. */
static int find_text(const struct sluice_param *p, const char *const *names,
		     const char *const *values, uint32_t count, const char **text, struct err *err)
{
	*text = NULL;
	for (uint32_t i = 0; i < count; i++) {
		if (strcmp(names[i], p->name) != 0)
			continue;
		if (*text)
			return err_set(err, EINVAL, p->name, "parameter %s is given twice",
				       p->name);
		*text = values[i];
	}
	return 0;
}

static int fill(const struct params_table *t, const char *const *names, const char *const *values,
		uint32_t count, union sluice_value *out, struct err *err)
{
	for (uint32_t i = 0; i < t->count; i++) {
		const struct sluice_param *p = &t->params[i];
		const char *text;
		int r = find_text(p, names, values, count, &text, err);

		if (r == 0)
			r = text ? parse_value(p, text, &out[i], err)
				 : set_default(p, &out[i], err);
		if (r < 0)
			return r;
	}
	return 0;
}

static bool has_param(const struct params_table *t, const char *name)
{
	for (uint32_t i = 0; i < t->count; i++) {
		if (strcmp(t->params[i].name, name) == 0)
			return true;
	}
	return false;
}

int params_parse(const struct params_table *t, const char *const *names, const char *const *values,
		 uint32_t count, union sluice_value **out, struct err *err)
{
	union sluice_value *v;
	int r;

	for (uint32_t i = 0; i < count; i++) {
		if (!has_param(t, names[i]))
			return unknown_name(t, names[i], err);
	}
	v = calloc(t->count + 1, sizeof(*v));
	if (!v)
		return err_set(err, ENOMEM, NULL, "no memory for the parameters of '%s'",
			       t->filter);
	r = fill(t, names, values, count, v, err);
	if (r < 0) {
		params_free(t, v);
		return r;
	}
	*out = v;
	return 0;
}

void params_free(const struct params_table *t, union sluice_value *values)
{
	if (!values)
		return;
	for (uint32_t i = 0; i < t->count; i++) {
		if (t->params[i].type == SLUICE_TYPE_STRING)
			free((char *)(uintptr_t)values[i].string);
	}
	free(values);
}

void params_format(const struct sluice_param *p, union sluice_value value, char *text,
		   size_t size_bytes)
{
	switch (p->type) {
	case SLUICE_TYPE_U64:
		snprintf(text, size_bytes, "%llu", (unsigned long long)value.u64);
		return;
	case SLUICE_TYPE_BOOL:
		snprintf(text, size_bytes, "%s", value.u64 ? "true" : "false");
		return;
	case SLUICE_TYPE_STRING:
		snprintf(text, size_bytes, "%s", value.string);
		return;
	case SLUICE_TYPE_ENUM:
		snprintf(text, size_bytes, "%s", p->choices[value.u64]);
		return;
	}
}
