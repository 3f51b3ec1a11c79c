/* SPDX-License-Identifier: MIT */
/* datastore_filter.c - a filter that works for a whole datastore, against the filters that there
 * are. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "model.h"
#include "params.h"

static const char *text_of(const json_t *row, const char *key)
{
	const char *text = json_string_value(json_object_get(row, key));

	return text ? text : "";
}

static const json_t *find(const json_t *filters, const char *name)
{
	const json_t *row;
	size_t i;

	json_array_foreach(filters, i, row)
	{
		if (strcmp(text_of(row, "name"), name) == 0)
			return row;
	}
	return NULL;
}

static bool is_usable(const json_t *row)
{
	return json_is_true(json_object_get(row, "is_installed")) &&
	       json_array_size(json_object_get(row, "group_parameters")) > 0;
}

/* "a, b, c" of what could have been said. */
static void list_usable(const json_t *filters, char *text, size_t size_bytes)
{
	const json_t *row;
	size_t i, n = 0;

	snprintf(text, size_bytes, "none");
	json_array_foreach(filters, i, row)
	{
		if (is_usable(row) && n < size_bytes)
			n += (size_t)snprintf(text + n, size_bytes - n, "%s%s", n ? ", " : "",
					      text_of(row, "name"));
	}
}

static int check_filter(const char *name, const json_t *row, const json_t *filters, struct err *err)
{
	char known[160];

	list_usable(filters, known, sizeof(known));
	if (!row || !json_is_true(json_object_get(row, "is_installed")))
		return err_set(err, ENOENT, "",
			       "filter %.60s is not installed; for whole datastores there are: %s",
			       name, known);
	if (!is_usable(row))
		return err_set(err, EINVAL, "",
			       "filter %s works for single volumes only, by their policies; for "
			       "whole datastores there are: %s",
			       name, known);
	if (!json_is_true(json_object_get(row, "is_enabled")))
		return err_set(err, EINVAL, "",
			       "filter %s is disabled; an administrator can enable it", name);
	return 0;
}

/* A volume has at most one of each class. */
static int check_class(const json_t *row, const json_t *all, const json_t *filters, struct err *err)
{
	const char *name = text_of(row, "name"), *class = text_of(row, "class");
	const json_t *other;
	size_t i;

	json_array_foreach(all, i, other)
	{
		const char *filter = text_of(other, "filter");

		if (strcmp(filter, name) != 0 &&
		    strcmp(text_of(find(filters, filter), "class"), class) == 0)
			return err_set(err, EEXIST, "",
				       "the datastore has the filter %.60s of the class %s "
				       "already; clear that first",
				       filter, class);
	}
	return 0;
}

int model_datastore_filter_check(const char *filter, const json_t *given, const json_t *all,
				 const json_t *filters, json_t **out, struct err *err)
{
	const json_t *row = find(filters, filter);
	int rc;

	if ((rc = check_filter(filter, row, filters, err)) ||
	    (rc = check_class(row, all, filters, err)))
		return rc;
	return params_check("parameters", row, "group_parameters", given, out, err);
}
