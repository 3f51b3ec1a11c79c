/* SPDX-License-Identifier: MIT */
/* volume_rows.c - bodies, lists and sentences for the resources about storage and access. Thread:
 * main. */
#include "volume_rows.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "json.h"

#define NAMES_SHOWN 5u

json_t *rows_body(const struct request *q, bool may_be_absent, struct err *err)
{
	if (!q->body && may_be_absent)
		return json_object();
	if (!json_is_object(q->body)) {
		err_set(err, EINVAL, "", "a JSON object is expected as the request's body");
		return NULL;
	}
	return json_copy(q->body);
}

json_t *rows_take(json_t *body, const char *key)
{
	json_t *v = json_object_get(body, key);

	if (!v)
		return NULL;
	json_incref(v);
	json_object_del(body, key);
	if (json_is_null(v)) {
		json_decref(v);
		return NULL;
	}
	return v;
}

int rows_names_check(const char *field, const json_t *names, struct err *err)
{
	const json_t *name;
	size_t i;

	if (!names)
		return 0;
	if (!json_is_array(names))
		return err_set(err, EINVAL, field, "%s must be an array of names", field);
	if (json_array_size(names) > ROWS_NAMES_MAX)
		return err_set(err, ERANGE, field, "%s has %zu names; %u are the most", field,
			       json_array_size(names), ROWS_NAMES_MAX);
	json_array_foreach(names, i, name)
	{
		if (!json_is_string(name))
			return err_set(err, EINVAL, field, "%s[%zu] must be a name, as a string",
				       field, i);
		for (size_t k = 0; k < i; k++)
			if (strcasecmp(json_string_value(json_array_get(names, k)),
				       json_string_value(name)) == 0)
				return err_set(err, EINVAL, field, "%s names %s twice", field,
					       json_string_value(name));
	}
	return 0;
}

int rows_named_in_body(int rc, const char *field, struct err *err)
{
	if (rc != -ENOENT || !err)
		return rc;
	err->code = EINVAL;
	if (!err->field[0])
		snprintf(err->field, sizeof(err->field), "%s", field);
	return -EINVAL;
}

json_t *rows_all(struct store *s, const struct store_table *t, const char *const *filters,
		 struct err *err)
{
	return store_list_all(s, t, filters, err);
}

void rows_names_text(const json_t *items, const char *member, char text[ROWS_NAMES_TEXT])
{
	size_t count = json_array_size(items), used = 0;
	const json_t *item;
	size_t i;

	text[0] = '\0';
	json_array_foreach(items, i, item)
	{
		const char *name = member ? rows_text(item, member) : json_string_value(item);
		int n;

		if (i == NAMES_SHOWN) {
			snprintf(text + used, ROWS_NAMES_TEXT - used, " and %zu more", count - i);
			return;
		}
		n = snprintf(text + used, ROWS_NAMES_TEXT - used, "%s%.40s", i ? ", " : "",
			     name ? name : "?");
		if (n < 0 || used + (size_t)n >= ROWS_NAMES_TEXT)
			return;
		used += (size_t)n;
	}
}

void rows_object(struct reply *r, const char *name)
{
	snprintf(r->object_name, sizeof(r->object_name), "%s", name);
}

int64_t rows_id(const json_t *row)
{
	return json_integer_value(json_object_get(row, "id"));
}

const char *rows_text(const json_t *row, const char *member)
{
	const char *text = json_string_value(json_object_get(row, member));

	return text ? text : "";
}

uint64_t rows_u64(const json_t *row, const char *member)
{
	json_int_t v = json_integer_value(json_object_get(row, member));

	return v > 0 ? (uint64_t)v : 0;
}

bool rows_is(const json_t *row, const char *member)
{
	return json_is_true(json_object_get(row, member));
}
