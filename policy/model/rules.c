/* SPDX-License-Identifier: MIT */
/* rules.c - policy rules against the filters that there are. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "json.h"
#include "model.h"
#include "params.h"

static const struct {
	uint32_t number;
	const char *word;
} classes[] = {
    {100, "inspection"}, {200, "replication"},   {300, "compression"},  {400, "encryption"},
    {500, "cache"},      {600, "data_provider"}, {700, "data_capture"}, {800, "io_control"},
};
#define CLASSES (sizeof(classes) / sizeof(classes[0]))

uint32_t model_class_number(const char *word)
{
	for (size_t i = 0; word && i < CLASSES; i++)
		if (strcmp(classes[i].word, word) == 0)
			return classes[i].number;
	return 0;
}

const char *model_class_word(uint32_t number)
{
	for (size_t i = 0; i < CLASSES; i++)
		if (classes[i].number == number)
			return classes[i].word;
	return NULL;
}

/* One rule under examination. */
struct rule {
	char where[32]; /* "rules[2]" */
	const char *class_word, *filter, *on_failure;
	const json_t *row; /* the filter's, of the table filters */
};

static int fail(const struct rule *r, const char *member, struct err *err, const char *text)
{
	char field[128];

	snprintf(field, sizeof(field), "%s.%s", r->where, member);
	return err_set(err, EINVAL, field, "%s: %s", field, text);
}

static const char *text_of(const json_t *row, const char *key)
{
	const char *text = json_string_value(json_object_get(row, key));

	return text ? text : "";
}

/* "a, b, c" of what can be used now. */
static void list_installed(const json_t *filters, char *text, size_t size_bytes)
{
	const json_t *row;
	size_t i, n = 0;

	text[0] = '\0';
	json_array_foreach(filters, i, row)
	{
		if (!json_is_true(json_object_get(row, "is_installed")) || n >= size_bytes)
			continue;
		n += (size_t)snprintf(text + n, size_bytes - n, "%s%s", n ? ", " : "",
				      text_of(row, "name"));
	}
	if (n == 0)
		snprintf(text, size_bytes, "none");
}

static int find_filter(struct rule *r, const json_t *filters, struct err *err)
{
	char text[300], known[160];
	const json_t *row;
	size_t i;

	json_array_foreach(filters, i, row)
	{
		if (strcmp(text_of(row, "name"), r->filter) == 0)
			r->row = row;
	}
	if (!r->row || !json_is_true(json_object_get(r->row, "is_installed"))) {
		list_installed(filters, known, sizeof(known));
		snprintf(text, sizeof(text), "filter '%.60s' is not installed; installed: %s",
			 r->filter, known);
		return fail(r, "filter", err, text);
	}
	if (json_is_true(json_object_get(r->row, "is_enabled")))
		return 0;
	snprintf(text, sizeof(text), "filter '%.60s' is disabled; an administrator can enable it",
		 r->filter);
	return fail(r, "filter", err, text);
}

static int check_class(struct rule *r, struct err *err)
{
	const char *own = text_of(r->row, "class");
	char text[256];

	if (!r->class_word)
		r->class_word = own;
	if (!model_class_number(r->class_word)) {
		snprintf(text, sizeof(text), "'%.60s' is no class of filters", r->class_word);
		return fail(r, "class", err, text);
	}
	if (strcmp(own, r->class_word) == 0)
		return 0;
	snprintf(text, sizeof(text), "filter %s is of the class %s, not %s", r->filter, own,
		 r->class_word);
	return fail(r, "class", err, text);
}

static int check_on_failure(const struct rule *r, struct err *err)
{
	char text[256];

	if (strcmp(r->on_failure, "hold") == 0)
		return 0;
	if (strcmp(r->on_failure, "bypass") != 0) {
		snprintf(text, sizeof(text), "'%.60s' is neither hold nor bypass", r->on_failure);
		return fail(r, "on_failure", err, text);
	}
	if (json_is_true(json_object_get(r->row, "is_transparent")))
		return 0;
	snprintf(text, sizeof(text),
		 "filter %s changes data, so it cannot be bypassed when it fails; say hold",
		 r->filter);
	return fail(r, "on_failure", err, text);
}

/* json_only() and the getters name the member alone; people need to know whose. */
static int read_members(struct rule *r, const json_t *rule, struct err *err)
{
	static const char *const keys[] = {"class", "filter", "on_failure", "parameters", NULL};
	struct err below = {0};

	if (!json_is_object(rule))
		return err_set(err, EINVAL, r->where, "%s must be an object", r->where);
	if (json_only(rule, keys, &below) == 0 &&
	    json_get_string(rule, "filter", &r->filter, &below) == 0 &&
	    json_opt_string(rule, "class", &r->class_word, &below) == 0 &&
	    json_opt_string(rule, "on_failure", &r->on_failure, &below) == 0)
		return 0;
	return fail(r, below.field, err, below.text);
}

static int check_rule(struct rule *r, const json_t *rule, const json_t *filters, json_t **out,
		      struct err *err)
{
	char where[64];
	json_t *parameters = NULL;
	int rc;

	if ((rc = read_members(r, rule, err)) || (rc = find_filter(r, filters, err)) ||
	    (rc = check_class(r, err)) || (rc = check_on_failure(r, err)))
		return rc;
	snprintf(where, sizeof(where), "%s.parameters", r->where);
	rc = params_check(where, r->row, "parameters", json_object_get(rule, "parameters"),
			  &parameters, err);
	if (rc)
		return rc;
	*out = json_pack("{s:s, s:s, s:s, s:o}", "class", r->class_word, "filter", r->filter,
			 "on_failure", r->on_failure, "parameters", parameters);
	return *out ? 0 : err_set(err, ENOMEM, r->where, "no memory");
}

/* Puts rule where its class stands; -1: the class is taken. */
static int insert_sorted(json_t *sorted, json_t *rule)
{
	uint32_t number = model_class_number(text_of(rule, "class"));
	size_t i, at = 0;
	const json_t *other;

	json_array_foreach(sorted, i, other)
	{
		uint32_t n = model_class_number(text_of(other, "class"));

		if (n == number) {
			json_decref(rule);
			return -1;
		}
		if (n < number)
			at = i + 1;
	}
	return json_array_insert_new(sorted, at, rule);
}

static int check_rules(const json_t *rules, const json_t *filters, json_t *sorted, struct err *err)
{
	char text[256];
	const json_t *rule;
	size_t i;

	json_array_foreach(rules, i, rule)
	{
		struct rule r = {.on_failure = "hold"};
		json_t *checked = NULL;
		int rc;

		snprintf(r.where, sizeof(r.where), "rules[%zu]", i);
		rc = check_rule(&r, rule, filters, &checked, err);
		if (rc)
			return rc;
		if (insert_sorted(sorted, checked) == 0)
			continue;
		snprintf(text, sizeof(text),
			 "filter %s is a second one of the class %s; a volume has at most one of "
			 "each class",
			 r.filter, r.class_word);
		return fail(&r, "class", err, text);
	}
	return 0;
}

int model_rules_check(const json_t *rules, const json_t *filters, json_t **out, struct err *err)
{
	json_t *sorted;
	int rc;

	if (!json_is_array(rules))
		return err_set(err, EINVAL, "rules", "rules must be an array of objects");
	sorted = json_array();
	rc = check_rules(rules, filters, sorted, err);
	if (rc) {
		json_decref(sorted);
		return rc;
	}
	*out = sorted;
	return 0;
}
