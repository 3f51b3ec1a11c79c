/* SPDX-License-Identifier: MIT */
/* row.h - SQL text that is made from a table's columns; for row.c, query.c and store_desired.c. */
#ifndef DB_ROW_H
#define DB_ROW_H

#include <stdio.h>

#include "sql.h"

/* The SQL name of a column. */
static inline const char *row_column(const struct store_column *c)
{
	return c->column ? c->column : c->name;
}
/* Writes what stands for the column's value in SELECT and WHERE: "t.name", or the name of the row
 * that it refers to. */
void row_expression(FILE *out, const struct store_column *c);
/* Writes all columns of the table (FROM volumes AS t), each named so that sql_object() makes the
 * row.
 */
void row_columns(FILE *out, const struct store_table *t);
/* All rows that "tail" (WHERE ..., ORDER BY ...) leaves, whole. New reference, NULL with err. */
json_t *row_all(struct store *s, const struct store_table *t, const char *tail, struct err *err);

#endif
