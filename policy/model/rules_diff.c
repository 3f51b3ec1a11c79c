/* SPDX-License-Identifier: MIT */
/* rules_diff.c - two sets of rules compared, class by class, as a volume has one filter of each. */
#include <string.h>

#include "model.h"

static const char *text_of(const json_t *rule, const char *key)
{
	const char *text = json_string_value(json_object_get(rule, key));

	return text ? text : "";
}

static json_t *of_class(const json_t *rules, const char *word)
{
	json_t *rule;
	size_t i;

	json_array_foreach(rules, i, rule)
	{
		if (strcmp(text_of(rule, "class"), word) == 0)
			return rule;
	}
	return NULL;
}

/* A missing side is null. */
static void note_value(json_t *out, const char *name, json_t *from, json_t *to)
{
	if ((!from && !to) || (from && to && json_equal(from, to)))
		return;
	json_object_set_new(out, name, json_pack("{s:O?, s:O?}", "from", from, "to", to));
}

static json_t *diff_parameters(json_t *from, json_t *to)
{
	json_t *out = json_object(), *value;
	const char *name;

	json_object_foreach(from, name, value)
	{
		note_value(out, name, value, json_object_get(to, name));
	}
	json_object_foreach(to, name, value)
	{
		note_value(out, name, json_object_get(from, name), value);
	}
	return out;
}

/* What changed of a class that both have; NULL: nothing. */
static json_t *diff_rule(const json_t *from, const json_t *to)
{
	json_t *out = json_object();
	json_t *parameters =
	    diff_parameters(json_object_get(from, "parameters"), json_object_get(to, "parameters"));
	bool is_same_filter = strcmp(text_of(from, "filter"), text_of(to, "filter")) == 0;

	note_value(out, "on_failure", json_object_get(from, "on_failure"),
		   json_object_get(to, "on_failure"));
	if (is_same_filter && json_object_size(out) == 0 && json_object_size(parameters) == 0) {
		json_decref(out);
		json_decref(parameters);
		return NULL;
	}
	json_object_set_new(out, "class", json_string(text_of(to, "class")));
	json_object_set_new(out, "filter", json_string(text_of(to, "filter")));
	if (!is_same_filter)
		json_object_set_new(out, "from_filter", json_string(text_of(from, "filter")));
	json_object_set_new(out, "parameters", parameters);
	return out;
}

json_t *model_rules_diff(const json_t *from, const json_t *to)
{
	json_t *added = json_array(), *removed = json_array(), *changed = json_array(), *rule;
	bool is_same;
	size_t i;

	json_array_foreach(from, i, rule)
	{
		if (!of_class(to, text_of(rule, "class")))
			json_array_append(removed, rule);
	}
	json_array_foreach(to, i, rule)
	{
		const json_t *old = of_class(from, text_of(rule, "class"));
		json_t *difference = old ? diff_rule(old, rule) : NULL;

		if (!old)
			json_array_append(added, rule);
		else if (difference)
			json_array_append_new(changed, difference);
	}
	is_same = json_array_size(added) + json_array_size(removed) + json_array_size(changed) == 0;
	return json_pack("{s:o, s:o, s:o, s:b}", "added", added, "removed", removed, "changed",
			 changed, "is_same", is_same);
}
