/* SPDX-License-Identifier: MIT */
/* print.c - see print.h. */
#include "print.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "value.h"

#define COLUMNS_MAX    16u
#define GAP            2u
#define LINE_MAX_BYTES 4096u

/* How many columns text takes on a terminal. */
static size_t columns_of(const char *text)
{
	size_t n = 0;

	for (; *text; text++) /* UTF-8's later bytes take no room */
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

/* ---------------------------------------------------------------- tables */

static bool is_right(const struct column *col, const json_t *row)
{
	return col->member[0] != '@' && !strchr(col->member, '.') && strcmp(col->member, "id") &&
	       json_is_number(json_object_get(row, col->member)) &&
	       !(strlen(col->member) > 3 &&
		 strcmp(col->member + strlen(col->member) - 3, "_ms") == 0);
}

static void print_cell(FILE *to, const char *text, size_t width, bool is_to_right, bool is_last)
{
	size_t pad = width - columns_of(text);

	if (is_to_right)
		fprintf(to, "%*s%s", (int)pad, "", text);
	else
		fprintf(to, "%s%*s", text, is_last ? 0 : (int)pad, "");
	fprintf(to, "%*s", is_last ? 0 : (int)GAP, "");
}

void print_table(FILE *to, const struct column *columns, const json_t *items)
{
	size_t widths[COLUMNS_MAX] = {0}, i;
	bool is_rights[COLUMNS_MAX];
	unsigned count = 0;
	const json_t *row;
	char text[VALUE_BYTES_MAX];

	for (; count < COLUMNS_MAX && columns[count].title; count++)
		widths[count] = strlen(columns[count].title);
	memset(is_rights, json_array_size(items) > 0, sizeof(is_rights));
	json_array_foreach(items, i, row)
	{
		for (unsigned k = 0; k < count; k++) {
			value_column(columns[k].member, row, text, sizeof(text));
			if (columns_of(text) > widths[k])
				widths[k] = columns_of(text);
			is_rights[k] &= is_right(&columns[k], row);
		}
	}
	for (unsigned k = 0; k < count; k++)
		print_cell(to, columns[k].title, widths[k], is_rights[k], k + 1 == count);
	fputc('\n', to);
	json_array_foreach(items, i, row)
	{
		for (unsigned k = 0; k < count; k++) {
			value_column(columns[k].member, row, text, sizeof(text));
			print_cell(to, text, widths[k], is_rights[k], k + 1 == count);
		}
		fputc('\n', to);
	}
}

/* ---------------------------------------------------------------- secrets */

static const char *const secrets[] = {"chap_secret", "secret", "token", "session"};
#define SECRET_COUNT (sizeof(secrets) / sizeof(secrets[0]))

/* The first from i on that the object has. */
static size_t secret_next(const json_t *object, size_t i)
{
	while (i < SECRET_COUNT && !json_is_string(json_object_get(object, secrets[i])))
		i++;
	return i;
}

/* ---------------------------------------------------------------- objects */

static void print_members(FILE *to, const json_t *object, int indent, bool is_as_typed);

static bool is_list_of_objects(const json_t *value)
{
	return json_is_array(value) && json_is_object(json_array_get(value, 0));
}

/* What an administrator types like this: read_us=200. */
static bool are_parameters(const char *key)
{
	return strcmp(key, "parameters") == 0 || strcmp(key, "params") == 0;
}

static int label_bytes(const char *key, const json_t *value, bool is_as_typed)
{
	return (int)(is_as_typed ? strlen(key) : value_label_bytes(key, value));
}

static void print_member(FILE *to, const char *key, const json_t *value, int indent, int width,
			 bool is_as_typed)
{
	int label = label_bytes(key, value, is_as_typed);
	char text[8 * VALUE_BYTES_MAX];
	const json_t *item;
	size_t i;

	if (json_is_object(value) && json_object_size(value) > 0) {
		fprintf(to, "%*s%s:\n", indent, "", key);
		print_members(to, value, indent + 2, are_parameters(key));
		return;
	}
	if (is_list_of_objects(value)) {
		fprintf(to, "%*s%s:\n", indent, "", key);
		json_array_foreach(value, i, item)
		{
			fprintf(to, "%*s-\n", indent + 2, "");
			print_members(to, item, indent + 4, false);
		}
		return;
	}
	value_text(is_as_typed ? "" : key, value, text, sizeof(text));
	fprintf(to, "%*s%.*s:%*s %s\n", indent, "", label, key, width - label, "", text);
}

static void print_members(FILE *to, const json_t *object, int indent, bool is_as_typed)
{
	const char *key;
	json_t *value;
	int width = 0;

	json_object_foreach((json_t *)object, key, value)
	{
		if (!json_is_object(value) && !is_list_of_objects(value) &&
		    label_bytes(key, value, is_as_typed) > width)
			width = label_bytes(key, value, is_as_typed);
	}
	json_object_foreach((json_t *)object, key, value)
	{
		print_member(to, key, value, indent, width, is_as_typed);
	}
}

bool print_object(FILE *to, const json_t *object)
{
	if (json_is_object(object))
		print_members(to, object, 0, false);
	return secret_next(object, 0) < SECRET_COUNT;
}

/* ---------------------------------------------------------------- the rest */

bool print_secrets(FILE *to, const json_t *object)
{
	size_t i = secret_next(object, 0);
	bool has = i < SECRET_COUNT;

	for (; i < SECRET_COUNT; i = secret_next(object, i + 1))
		fprintf(to, "%s: %s\n", secrets[i],
			json_string_value(json_object_get(object, secrets[i])));
	return has;
}

void print_plan(FILE *to, const json_t *reply)
{
	const json_t *plan = json_object_get(reply, "plan"), *step;
	char text[VALUE_BYTES_MAX];
	size_t i;

	if (json_array_size(plan) == 0)
		fputs("Allowed. The daemons would have nothing to do.\n", to);
	else
		fputs("Allowed. This would be done:\n", to);
	json_array_foreach(plan, i, step)
	{
		value_text("text", json_object_get(step, "text"), text, sizeof(text));
		fprintf(to, "%3zu. %s\n", i + 1, text);
	}
	fputs("Nothing was changed.\n", to);
}

void print_line(FILE *to, const char *fmt, ...)
{
	char line[LINE_MAX_BYTES];
	va_list args;

	va_start(args, fmt);
	vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	value_tame(line);
	fprintf(to, "%s\n", line);
}

const char *print_word(const json_t *object, const char *member)
{
	const char *text = json_string_value(json_object_get(object, member));

	return text ? text : "-";
}

void print_json(FILE *to, const json_t *json)
{
	json_dumpf(json, to, JSON_INDENT(2) | JSON_ENCODE_ANY);
	fputc('\n', to);
}
