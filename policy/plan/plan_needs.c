/* SPDX-License-Identifier: MIT */
/*
 * plan_needs.c - filters that need more than their own rule: a cache that acknowledges writes needs
 * a place for its log on the datastore, and an encryption that stands in a chain is needed by the
 * data itself. What is missing is a problem with a sentence, and no step is planned for it.
 */
#include <string.h>

#include "plan_int.h"

#define CACHE_CLASS      "cache"
#define ENCRYPTION_CLASS "encryption"

/* ---------------------------------------------------------------- write-back and its flash */

static const json_t *datastore_of(const struct plan *p, const struct view *v)
{
	const char *name = plan_text(v->row, "datastore");
	const json_t *row;
	size_t i;

	json_array_foreach(json_object_get(p->desired, "datastores"), i, row)
	{
		if (strcmp(plan_text(row, "name"), name) == 0)
			return row;
	}
	return NULL;
}

bool plan_needs_flash(const struct plan *p, const struct view *v, const json_t *rule)
{
	const json_t *of;

	if (strcmp(plan_text(rule, "class"), CACHE_CLASS) != 0 ||
	    strcmp(plan_text(json_object_get(rule, "parameters"), "mode"), "write_back") != 0)
		return false;
	of = plan_filters_find(json_object_get(datastore_of(p, v), "filters"),
			       plan_text(rule, "filter"));
	return !*plan_text(json_object_get(of, "parameters"), "flash_path");
}

bool plan_needs_met(struct plan *p, const struct view *v)
{
	const json_t *rule;
	size_t i;

	json_array_foreach(json_object_get(v->row, "rules"), i, rule)
	{
		const char *datastore = plan_text(v->row, "datastore");
		const char *filter = plan_text(rule, "filter");

		if (!plan_needs_flash(p, v, rule))
			continue;
		plan_problem(p, plan_volume_of(v),
			     "volume %s should have a write-back cache, and datastore %s has no "
			     "flash for its log; name a place: sluice datastore filter set %s %s "
			     "flash_path=... flash_bytes=..., or choose another policy",
			     v->name, datastore, datastore, filter);
		return false;
	}
	return true;
}

/* ---------------------------------------------------------------- encryption */

static bool is_encryption(const json_t *runs)
{
	return (uint32_t)plan_number(runs, "class") == model_class_number(ENCRYPTION_CLASS);
}

/* "clear" is filterd's own word: it never was encrypted, or was decrypted in place. Should that
 * change meanwhile, filterd refuses. */
bool plan_needs_to_stay(const struct view *v, const json_t *runs)
{
	if (plan_replication_to_stay(v, runs))
		return true;
	return is_encryption(runs) && strcmp(plan_text(v->runs, "filter_state"), "clear") != 0;
}

void plan_needs_check(struct plan *p, const struct view *v)
{
	const json_t *runs;
	size_t i;

	plan_needs_met(p, v);
	json_array_foreach(json_object_get(v->runs, "filters"), i, runs)
	{
		const char *filter = plan_text(runs, "filter");

		if (is_encryption(runs) && plan_needs_to_stay(v, runs) &&
		    !plan_filters_find(json_object_get(v->row, "rules"), filter))
			plan_problem(
			    p, plan_volume_of(v),
			    "volume %s is encrypted by the filter %s, and what is wanted of "
			    "it does not name that; without it nobody can read the data, so "
			    "it stays. Give the volume a policy with encryption, or decrypt "
			    "it first: sluice encryption decrypt",
			    v->name, filter);
	}
}
