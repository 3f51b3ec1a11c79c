/* SPDX-License-Identifier: MIT */
/* rest_list.c - lists and single rows of any table, by what the table says of its columns. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "exchange.h"
#include "json.h"
#include "parse.h"

const char *const rest_list_query[] = {"limit", "cursor", "sort", "q", "after_id", "*", NULL};

#define FILTERS_MAX 16u

static bool is_own_name(const char *name)
{
	for (const char *const *n = rest_list_query; *n; n++)
		if (strcmp(*n, name) == 0)
			return true;
	return strcmp(name, "dry_run") == 0;
}

static bool may_filter(const struct store_table *t, const char *name)
{
	const struct store_column *c = table_find(t, name);

	return c && (c->flags & STORE_FILTERABLE) && !(c->flags & STORE_HIDDEN);
}

static int take_filters(const struct exchange *x, const struct store_table *t,
			const char *filters[2 * FILTERS_MAX + 1], struct err *err)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < x->url.query_count; i++) {
		const char *name = x->url.query[i].name;

		if (is_own_name(name))
			continue;
		if (!may_filter(t, name))
			return err_set(err, EINVAL, name, "%ss cannot be filtered by ?%.40s",
				       t->singular, name);
		if (count == FILTERS_MAX)
			return err_set(err, EINVAL, name, "more than %u filters", FILTERS_MAX);
		filters[2 * count] = name;
		filters[2 * count + 1] = x->url.query[i].value;
		count++;
	}
	filters[2 * count] = NULL;
	return 0;
}

static int take_sort(const struct store_table *t, const char *sort, struct err *err)
{
	const struct store_column *c = sort ? table_find(t, sort + (*sort == '-')) : NULL;

	if (!sort || (c && (c->flags & STORE_SORTABLE) && !(c->flags & STORE_HIDDEN)))
		return 0;
	return err_set(err, EINVAL, "sort", "%ss cannot be sorted by '%.40s'", t->singular, sort);
}

static int take_numbers(const struct request *q, struct store_query *query, struct err *err)
{
	const char *limit = request_query(q, "limit"), *after = request_query(q, "after_id");
	uint64_t number;

	if (limit) {
		if (parse_u64("limit", limit, 1, STORE_PAGE_MAX, &number, err) < 0)
			return -err->code;
		query->limit = (uint32_t)number;
	}
	if (after) {
		if (parse_u64("after_id", after, 0, INT64_MAX, &number, err) < 0)
			return -err->code;
		query->after_id = (int64_t)number;
	}
	return 0;
}

/* column NULL: all. */
static void add_filter(const char *filters[2 * FILTERS_MAX + 3], const char *column,
		       const char *value)
{
	uint32_t i = 0;

	while (filters[i])
		i += 2;
	filters[i] = column;
	filters[i + 1] = value;
	filters[i + 2] = NULL;
}

int rest_list(struct request *q, struct reply *r, const struct store_table *t,
	      void (*each)(struct request *q, json_t *row), struct err *err)
{
	return rest_list_of(q, r, t, NULL, NULL, each, err);
}

int rest_list_of(struct request *q, struct reply *r, const struct store_table *t,
		 const char *column, const char *value,
		 void (*each)(struct request *q, json_t *row), struct err *err)
{
	const char *filters[2 * FILTERS_MAX + 3];
	struct store_query query = {
	    .filters = filters,
	    .search = request_query(q, "q"),
	    .sort = request_query(q, "sort"),
	    .cursor = request_query(q, "cursor"),
	};
	json_t *list, *items, *row;
	size_t i;

	if (take_filters(q->http, t, filters, err) < 0 || take_sort(t, query.sort, err) < 0 ||
	    take_numbers(q, &query, err) < 0)
		return -err->code;
	if (column)
		add_filter(filters, column, value);
	list = store_list(q->store, t, &query, err);
	if (!list)
		return -err->code;
	items = json_array();
	json_array_foreach(json_object_get(list, "items"), i, row)
	{
		json_t *shown = table_public(t, row);

		if (each)
			each(q, shown);
		json_array_append_new(items, shown);
	}
	json_object_set_new(list, "items", items);
	r->body = list;
	return 0;
}

void rest_row(struct request *q, struct reply *r, const struct store_table *t, json_t *row,
	      void (*each)(struct request *q, json_t *row))
{
	const char *name = json_string_value(json_object_get(row, t->key));

	r->body = table_public(t, row);
	if (each)
		each(q, r->body);
	r->revision = json_integer_value(json_object_get(row, "revision"));
	if (name)
		snprintf(r->object_name, sizeof(r->object_name), "%s", name);
	json_decref(row);
}

int rest_match(const struct request *q, const json_t *row, struct err *err)
{
	int64_t revision = json_integer_value(json_object_get(row, "revision"));

	if (q->if_match == 0 || q->if_match == revision)
		return 0;
	return err_set(err, ESTALE, "If-Match",
		       "it has revision %lld now, not %lld: read it again and look at what changed",
		       (long long)revision, (long long)q->if_match);
}
