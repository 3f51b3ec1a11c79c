/* SPDX-License-Identifier: MIT */
/* compliance.c - the filters that a volume should have against those that it has, with causes. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "model.h"

static const char *const status_words[] = {"compliant", "non_compliant", "unknown",
					   "not_applicable", "out_of_date"};

const char *model_status_word(enum model_status s)
{
	return status_words[s];
}

static void __attribute__((format(printf, 2, 3))) cause(json_t *causes, const char *fmt, ...)
{
	char text[384];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	json_array_append_new(causes, json_string(text));
}

static const char *text_of(const json_t *j, const char *key)
{
	const char *text = json_string_value(json_object_get(j, key));

	return text ? text : "";
}

static const json_t *by_filter(const json_t *list, const char *filter)
{
	const json_t *j;
	size_t i;

	json_array_foreach(list, i, j)
	{
		if (strcmp(text_of(j, "filter"), filter) == 0)
			return j;
	}
	return NULL;
}

/* Where a rule comes from if it is not the policy: ", by datastore fast". */
static void origin_of(const json_t *rule, char text[120])
{
	const char *datastore = text_of(rule, "datastore");

	snprintf(text, 120, "%s%.80s", *datastore ? ", by datastore " : "", datastore);
}

static void check_parameters(const json_t *rule, const json_t *runs, json_t *causes)
{
	json_t *wanted = json_object_get(rule, "parameters"), *value;
	const json_t *params = json_object_get(runs, "params");
	const char *name;
	char origin[120];

	origin_of(rule, origin);
	json_object_foreach(wanted, name, value)
	{
		const char *is = json_string_value(json_object_get(params, name));

		if (!is || strcmp(is, json_string_value(value)) != 0)
			cause(causes, "filter %s: %s is '%.80s' and should be '%.80s'%s",
			      text_of(rule, "filter"), name, is ? is : "not set",
			      json_string_value(value), origin);
	}
}

static void check_rule(const json_t *rule, const json_t *running, json_t *causes)
{
	const char *filter = text_of(rule, "filter");
	const json_t *runs = by_filter(json_object_get(running, "filters"), filter);
	char origin[120];

	if (!runs) {
		origin_of(rule, origin);
		cause(causes, "filter %s (%s%s) is not attached", filter, text_of(rule, "class"),
		      origin);
		return;
	}
	check_parameters(rule, runs, causes);
	if (strcmp(text_of(rule, "class"), "encryption") == 0 &&
	    strcmp(text_of(running, "filter_state"), "clear") == 0)
		cause(causes,
		      "filter %s: the volume's data is in clear; sluice encryption encrypt %s "
		      "changes that under I/O",
		      filter, text_of(running, "name"));
	if (strcmp(text_of(runs, "on_failure"), text_of(rule, "on_failure")) != 0)
		cause(causes, "filter %s: on_failure is '%s' and should be '%s'", filter,
		      text_of(runs, "on_failure"), text_of(rule, "on_failure"));
	if (json_is_true(json_object_get(runs, "is_bypassed")))
		cause(causes, "filter %s has failed and is bypassed", filter);
}

static void check_all(const json_t *rules, const json_t *running, const char *policy,
		      json_t *causes)
{
	const json_t *j;
	size_t i;

	json_array_foreach(rules, i, j)
	{
		check_rule(j, running, causes);
	}
	json_array_foreach(json_object_get(running, "filters"), i, j)
	{
		if (by_filter(rules, text_of(j, "filter")))
			continue;
		if (policy)
			cause(causes, "filter %s runs, but policy %s does not name it",
			      text_of(j, "filter"), policy);
		else
			cause(causes, "filter %s runs, but the volume has no policy",
			      text_of(j, "filter"));
	}
}

enum model_status model_compliance(const json_t *desired, const json_t *running, bool is_known,
				   json_t *causes)
{
	const char *policy = json_string_value(json_object_get(desired, "policy"));
	json_int_t version = json_integer_value(json_object_get(desired, "policy_version"));
	json_int_t newest = json_integer_value(json_object_get(desired, "newest_version"));
	size_t count = json_array_size(causes);

	if (!is_known) {
		cause(causes, "sluice-filterd does not answer, so it is not known what runs");
		return MODEL_UNKNOWN;
	}
	if (!running && policy)
		cause(causes, "sluice-filterd does not have the volume");
	if (running)
		check_all(json_object_get(desired, "rules"), running, policy, causes);
	if (json_is_true(json_object_get(desired, "wants_replication")) &&
	    !json_is_object(json_object_get(desired, "replication")))
		cause(causes,
		      "policy %s says how the volume is replicated, and it is not: sluice "
		      "replication create",
		      policy);
	if (json_array_size(causes) > count)
		return MODEL_NON_COMPLIANT;
	if (!policy) /* but what its datastore brings */
		return running && json_array_size(json_object_get(desired, "rules"))
			   ? MODEL_COMPLIANT
			   : MODEL_NOT_APPLICABLE;
	if (newest <= version)
		return MODEL_COMPLIANT;
	cause(causes, "policy %s has version %lld; the volume has version %lld", policy,
	      (long long)newest, (long long)version);
	return MODEL_OUT_OF_DATE;
}
