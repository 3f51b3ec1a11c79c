/* SPDX-License-Identifier: MIT */
/*
 * query.c - lists: filtered, searched, sorted, page by page.
 *
 * A page begins after the last row of the page before: after its sort value, and where that is
 * equal after its number. So rows that come and go move nothing. The cursor is that pair, as JSON
 * in base64, with the sort it belongs to.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "cursor.h"
#include "json.h"
#include "row.h"

/* A statement that grows: text, and the values of its ?1, ?2 ... */
struct builder {
	FILE *out;
	json_t *values;
};

struct order {
	const struct store_column *column;
	bool is_down;
};

static size_t bind(struct builder *b, json_t *value)
{
	json_array_append_new(b->values, value);
	return json_array_size(b->values);
}

static bool is_number(const struct store_column *c)
{
	return c->type == STORE_INTEGER || c->type == STORE_TIME_MS || c->type == STORE_BOOL ||
	       c->type == STORE_REAL;
}

/* What rows are sorted and compared by; never NULL, so that it can be compared. A plain column
 * where that is so anyway: its index is used then. */
static void sort_expression(FILE *out, const struct store_column *c)
{
	bool is_nullable = c->flags & STORE_NULLABLE;

	fputs(is_nullable ? "ifnull(" : "", out);
	row_expression(out, c);
	fputs(is_nullable ? (is_number(c) ? ", 0)" : ", '')") : "", out);
	fputs(is_number(c) ? "" : " COLLATE NOCASE", out);
}

/* ---------------------------------------------------------------- conditions */

static int add_filter(struct builder *b, const struct store_table *t, const char *name,
		      const char *value, struct err *err)
{
	const struct store_column *c = table_find(t, name);
	json_int_t number;
	char *end;

	if (!c || !(c->flags & STORE_FILTERABLE))
		return err_set(err, EINVAL, name, "%ss cannot be filtered by '%.60s'", t->singular,
			       name);
	if (c->type == STORE_BOOL) {
		if (strcmp(value, "true") != 0 && strcmp(value, "false") != 0)
			return err_set(err, EINVAL, name, "%s must be true or false", name);
		fprintf(b->out, " AND t.%s = ?%zu", row_column(c),
			bind(b, json_boolean(strcmp(value, "true") == 0)));
		return 0;
	}
	if (is_number(c)) {
		errno = 0;
		number = strtoll(value, &end, 10);
		if (value[0] < '0' || value[0] > '9' || *end || errno)
			return err_set(err, EINVAL, name, "%s must be a whole number", name);
		fprintf(b->out, " AND t.%s = ?%zu", row_column(c), bind(b, json_integer(number)));
		return 0;
	}
	if (c->type == STORE_NAME_OF)
		fprintf(b->out, " AND t.%s = (SELECT rowid FROM %s WHERE %s = ?%zu)", row_column(c),
			c->other->name, c->other->key, bind(b, json_string(value)));
	else
		fprintf(b->out, " AND t.%s = ?%zu", row_column(c), bind(b, json_string(value)));
	return 0;
}

/* Where people look: a name, or a text about it. */
static const char *const searched[] = {"name",   "key",         "description", "iqn",  "address",
				       "volume", "object_name", "text",        "path", "summary"};

static void add_search(struct builder *b, const struct store_table *t, const char *words)
{
	size_t at = bind(b, json_string(words));
	const char *join = " AND (";

	for (size_t i = 0; i < sizeof(searched) / sizeof(searched[0]); i++) {
		const struct store_column *c = table_find(t, searched[i]);

		if (!c || (c->flags & STORE_HIDDEN))
			continue;
		fprintf(b->out, "%sinstr(lower(", join);
		row_expression(b->out, c);
		fprintf(b->out, "), lower(?%zu)) > 0", at);
		join = " OR ";
	}
	fputs(strcmp(join, " AND (") == 0 ? "" : ")", b->out);
}

static int add_conditions(struct builder *b, const struct store_table *t,
			  const struct store_query *q, struct err *err)
{
	int rc = 0;

	fputs(" WHERE 1", b->out);
	if (q->after_id > 0)
		fprintf(b->out, " AND t.rowid > ?%zu", bind(b, json_integer(q->after_id)));
	for (const char *const *f = q->filters; rc == 0 && f && f[0] && f[1]; f += 2)
		rc = add_filter(b, t, f[0], f[1], err);
	if (rc == 0 && q->search && q->search[0])
		add_search(b, t, q->search);
	return rc;
}

static int add_cursor(struct builder *b, const struct order *o, const struct store_query *q,
		      struct err *err)
{
	cleanup_json json_t *value = NULL;
	int64_t id;
	int rc =
	    cursor_read(q->cursor, q->sort ? q->sort : "", is_number(o->column), &value, &id, err);

	if (rc < 0)
		return rc;
	fputs(" AND (", b->out);
	sort_expression(b->out, o->column);
	fprintf(b->out, ", t.rowid) %c (?%zu, ", o->is_down ? '<' : '>',
		bind(b, json_incref(value)));
	fprintf(b->out, "?%zu)", bind(b, json_integer(id)));
	return 0;
}

static int find_order(const struct store_table *t, const char *sort, struct order *o,
		      struct err *err)
{
	const char *name = sort && sort[0] ? sort : t->key;

	o->is_down = name[0] == '-';
	name += o->is_down ? 1 : 0;
	o->column = table_find(t, name);
	if (o->column && ((o->column->flags & STORE_SORTABLE) || strcmp(name, t->key) == 0))
		return 0;
	return err_set(err, EINVAL, "sort", "%ss cannot be sorted by '%.60s'", t->singular, name);
}

/* ---------------------------------------------------------------- pages */

/* The rows' own columns, and two more for the cursor. */
static void write_select(FILE *out, const struct store_table *t, const struct order *o)
{
	fputs("SELECT ", out);
	row_columns(out, t);
	fputs(", ", out);
	sort_expression(out, o->column);
	fprintf(out, " AS \"*value\", t.rowid AS \"*id\" FROM %s AS t", t->name);
}

static char *page_text(const struct store_table *t, const struct store_query *q,
		       const struct order *o, uint32_t limit, json_t *values, struct err *err)
{
	struct builder b = {.values = values};
	const char *down = o->is_down ? " DESC" : "";
	char *text = NULL;
	size_t size;
	int rc;

	b.out = open_memstream(&text, &size);
	if (!b.out)
		return NULL;
	write_select(b.out, t, o);
	rc = add_conditions(&b, t, q, err);
	if (rc == 0 && q->cursor && q->cursor[0])
		rc = add_cursor(&b, o, q, err);
	fputs(" ORDER BY ", b.out);
	sort_expression(b.out, o->column);
	fprintf(b.out, "%s, t.rowid%s LIMIT ?%zu", down, down, bind(&b, json_integer(limit + 1)));
	if (fclose(b.out) == 0 && rc == 0)
		return text;
	free(text);
	return NULL;
}

static int64_t count_all(struct store *s, const struct store_table *t, const struct store_query *q,
			 struct err *err)
{
	cleanup_json json_t *values = json_array();
	struct builder b = {.values = values};
	cleanup_free char *text = NULL;
	cleanup_sql struct sql *found = NULL;
	size_t size;
	int rc;

	b.out = open_memstream(&text, &size);
	if (!b.out)
		return -ENOMEM;
	fprintf(b.out, "SELECT count(*) FROM %s AS t", t->name);
	rc = add_conditions(&b, t, q, err);
	fclose(b.out);
	if (rc < 0)
		return rc;
	found = sql_query_values(s, err, text, values);
	rc = sql_next(found, err);
	return rc > 0 ? sql_int(found, 0) : rc;
}

static json_t *read_page(struct sql *found, const struct store_query *q, uint32_t limit,
			 json_t **next, struct err *err)
{
	json_t *items = json_array();
	int rc;

	*next = NULL;
	while ((rc = sql_next(found, err)) > 0 && json_array_size(items) < limit)
		json_array_append_new(items, sql_object(found));
	if (rc < 0) {
		json_decref(items);
		return NULL;
	}
	if (rc > 0 && limit > 0) {
		const json_t *last = json_array_get(items, limit - 1);

		*next = cursor_write(q->sort ? q->sort : "", json_object_get(last, "*value"),
				     json_integer_value(json_object_get(last, "*id")));
	}
	for (size_t i = 0; i < json_array_size(items); i++) {
		json_object_del(json_array_get(items, i), "*value");
		json_object_del(json_array_get(items, i), "*id");
	}
	return items;
}

static json_t *list_page(struct store *s, const struct store_table *t, const struct store_query *q,
			 struct err *err)
{
	cleanup_snapshot struct sql_snapshot snap = sql_snapshot_begin(s);
	uint32_t limit = q->limit ? q->limit : STORE_PAGE_DEFAULT;
	cleanup_json json_t *values = json_array();
	cleanup_free char *text = NULL;
	cleanup_sql struct sql *found = NULL;
	struct order order;
	json_t *items, *next;
	int64_t total;

	if (limit > STORE_PAGE_MAX) {
		err_set(err, ERANGE, "limit", "limit: %u is more than %u", limit, STORE_PAGE_MAX);
		return NULL;
	}
	if (find_order(t, q->sort, &order, err) < 0)
		return NULL;
	text = page_text(t, q, &order, limit, values, err);
	found = text ? sql_query_values(s, err, text, values) : NULL;
	items = found ? read_page(found, q, limit, &next, err) : NULL;
	if (!items)
		return NULL;
	total = count_all(s, t, q, err);
	if (total < 0) {
		json_decref(items);
		json_decref(next);
		return NULL;
	}
	return json_pack("{s:o, s:o?, s:I}", "items", items, "next_cursor",
			 next ? next : json_null(), "total", (json_int_t)total);
}

json_t *store_list(struct store *s, const struct store_table *t, const struct store_query *q,
		   struct err *err)
{
	struct store_query all = {0};

	return list_page(s, t, q ? q : &all, err);
}

json_t *store_list_all(struct store *s, const struct store_table *t, const char *const *filters,
		       struct err *err)
{
	struct store_query query = {.filters = filters, .limit = STORE_PAGE_MAX};
	cleanup_json json_t *all = json_array();
	char cursor[512];

	for (;;) {
		cleanup_json json_t *page = store_list(s, t, &query, err);
		const char *next = json_string_value(json_object_get(page, "next_cursor"));

		if (!page)
			return NULL;
		json_array_extend(all, json_object_get(page, "items"));
		if (!next)
			return json_incref(all);
		snprintf(cursor, sizeof(cursor), "%s", next);
		query.cursor = cursor;
	}
}
