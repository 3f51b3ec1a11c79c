/* SPDX-License-Identifier: MIT */
/* args_value.c - one value of a command line, by its type: sizes, times, lists, rules, documents.
 * Secrets: args_secret.c. */
#include "cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cleanup.h"
#include "clock.h"
#include "parse.h"

#define DOCUMENT_BYTES_MAX (16u << 20)
#define WORD_BYTES_MAX     1024u
#define PEM_MAX            65536u

/* ---------------------------------------------------------------- numbers and times */

static int seconds_parse(const char *name, const char *text, uint64_t *out, struct err *err)
{
	static const struct {
		char unit;
		uint64_t s;
	} units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 604800}};
	char digits[24];
	size_t len = strlen(text);
	uint64_t factor = 1;

	for (size_t i = 0; len > 1 && i < sizeof(units) / sizeof(units[0]); i++)
		if (text[len - 1] == units[i].unit) {
			factor = units[i].s;
			len--;
			break;
		}
	snprintf(digits, sizeof(digits), "%.*s", (int)len, text);
	if (parse_u64(name, digits, 0, INT32_MAX, out, err) < 0)
		return err_set(err, EINVAL, name,
			       "%s: '%.40s' is not a time span; write it like 90s, 15m, 12h or 30d",
			       name, text);
	*out *= factor;
	return 0;
}

/* "-2h", Unix ms, or local "2026-01-31 12:00[:30]" */
static int time_parse(const char *name, const char *text, uint64_t *out_ms, struct err *err)
{
	struct tm tm = {.tm_isdst = -1};
	uint64_t s;
	const char *end;
	time_t at;

	if (text[0] == '-') {
		if (seconds_parse(name, text + 1, &s, err) < 0)
			return -err->code;
		*out_ms = clock_wall_ms() - s * 1000;
		return 0;
	}
	if (parse_u64(name, text, 0, INT64_MAX, out_ms, NULL) == 0)
		return 0;
	end = strptime(text, "%Y-%m-%d %H:%M", &tm);
	if (end && *end == ':')
		end = strptime(end, ":%S", &tm);
	at = end && *end == '\0' ? mktime(&tm) : (time_t)-1;
	if (at == (time_t)-1)
		return err_set(err, EINVAL, name,
			       "%s: '%.40s' is not a time; write it like -2h or "
			       "\"2026-01-31 12:00\"",
			       name, text);
	*out_ms = (uint64_t)at * 1000;
	return 0;
}

static int real_parse(const char *name, const char *text, json_t **value, struct err *err)
{
	char *end;
	double n;

	if (strcmp(text, "never") == 0) {
		*value = json_null();
		return 0;
	}
	n = strtod(text, &end);
	if (end == text || *end != '\0' || n != n || n > 1e18 || n < -1e18)
		return err_set(err, EINVAL, name, "%s: '%.40s' is neither a number nor never", name,
			       text);
	*value = json_real(n);
	return 0;
}

static int choice_check(const struct arg *a, const char *text, struct err *err)
{
	const char *p = a->values;

	while (*p) {
		size_t len = strcspn(p, "|");

		if (strlen(text) == len && strncmp(p, text, len) == 0)
			return 0;
		p += len + (p[len] == '|');
	}
	return err_set(err, EINVAL, a->name, "%s: '%.40s' is none of %s", a->name, text, a->values);
}

/* ---------------------------------------------------------------- lists and rules */

static void list_add(const char *text, json_t **value)
{
	if (!*value)
		*value = json_array();
	while (*text) {
		size_t len = strcspn(text, ",");

		if (len)
			json_array_append_new(*value, json_stringn(text, len));
		text += len + (text[len] == ',');
	}
}

/* filter[,parameter=value...][,on_failure=bypass|hold] */
static int rule_add(const char *text, json_t **value, struct err *err)
{
	json_t *rule = json_object(), *parameters = json_object();
	size_t len = strcspn(text, ",");

	if (!*value)
		*value = json_array();
	json_array_append_new(*value, rule);
	json_object_setn_new(rule, "filter", 6, json_stringn(text, len));
	json_object_set_new(rule, "parameters", parameters);
	for (text += len; *text == ','; text += len) {
		size_t name_len;

		text++;
		len = strcspn(text, ",");
		name_len = strcspn(text, "=,");
		if (name_len == 0 || text[name_len] != '=')
			return err_set(err, EINVAL, "--rule",
				       "--rule: '%.*s' is not parameter=value", (int)len, text);
		json_object_setn_new(
		    name_len == 10 && strncmp(text, "on_failure", 10) == 0 ? rule : parameters,
		    text, name_len, json_stringn(text + name_len + 1, len - name_len - 1));
	}
	return 0;
}

/* parameter=value; "": none */
static int parameter_add(const char *text, json_t **value, struct err *err)
{
	size_t len = strcspn(text, "=");

	if (!*value)
		*value = json_object();
	if (!*text)
		return 0;
	if (len == 0 || text[len] == '\0')
		return err_set(err, EINVAL, "PARAMETER=VALUE", "'%.80s' is not parameter=value",
			       text);
	if (json_object_setn_new(*value, text, len, json_string(text + len + 1)) < 0)
		return err_set(err, EINVAL, "PARAMETER=VALUE", "'%.80s' is not UTF-8", text);
	return 0;
}

/* ---------------------------------------------------------------- files */

/* Certificates, and keys: nothing is left of these here. */
static int pem_take(const struct arg *a, const char *file, json_t **value, struct err *err)
{
	char *text = args_file(a->name, file, PEM_MAX, err);

	if (!text)
		return -err->code;
	*value = json_string(text);
	args_forget(text);
	return *value ? 0 : err_set(err, EINVAL, a->name, "%s: %.100s is not text", a->name, file);
}

static int json_take(const struct arg *a, const char *file, json_t **value, struct err *err)
{
	cleanup_free char *text = args_file(a->name, file, DOCUMENT_BYTES_MAX, err);
	json_error_t where;

	if (!text)
		return -err->code;
	json_decref(*value);
	*value = json_loads(text, JSON_REJECT_DUPLICATES, &where);
	return *value ? 0
		      : err_set(err, EINVAL, a->name, "%.100s, line %d: not JSON: %s", file,
				where.line, where.text);
}

static int secret_take(struct cli *c, const struct arg *a, const char *file, json_t **value,
		       struct err *err)
{
	char *secret = args_secret(c, a, file, err);

	if (!secret)
		return -err->code;
	*value = json_string(secret);
	args_forget(secret);
	return *value ? 0 : err_set(err, EINVAL, a->name, "%s is not UTF-8", a->name);
}

/* ---------------------------------------------------------------- by type */

static int number_take(const struct arg *a, const char *text, json_t **value, struct err *err)
{
	uint64_t n = 0;
	bool is = false;
	int rc;

	switch (a->type) {
	case ARG_SIZE:
		rc = parse_size(a->name, text, 0, INT64_MAX, &n, err);
		break;
	case ARG_SECONDS:
		rc = seconds_parse(a->name, text, &n, err);
		break;
	case ARG_TIME:
		rc = time_parse(a->name, text, &n, err);
		break;
	case ARG_YES_NO:
		rc = parse_bool(a->name, text, &is, err);
		*value = json_boolean(is);
		return rc;
	default:
		rc = parse_u64(a->name, text, 0, INT64_MAX, &n, err);
	}
	*value = json_integer((json_int_t)n);
	return rc;
}

int args_value(struct cli *c, const struct arg *a, const char *text, json_t **value,
	       struct err *err)
{
	json_t *before = *value;

	if (a->type == ARG_LIST) {
		list_add(text, value);
		return 0;
	}
	if (a->type == ARG_RULES)
		return rule_add(text, value, err);
	if (a->type == ARG_PARAMETERS)
		return parameter_add(text, value, err);
	*value = NULL;
	json_decref(before);
	switch (a->type) {
	case ARG_FLAG:
	case ARG_OFF:
		*value = json_boolean(a->type == ARG_FLAG);
		return 0;
	case ARG_REAL:
		return real_parse(a->name, text, value, err);
	case ARG_FIXED:
	case ARG_VALUE:
		*value = json_loads(text, JSON_DECODE_ANY, NULL);
		break;
	case ARG_PEM:
		return pem_take(a, text, value, err);
	case ARG_JSON:
		return json_take(a, text, value, err);
	case ARG_SECRET:
		return secret_take(c, a, text, value, err);
	case ARG_CHOICE:
		if (choice_check(a, text, err) < 0)
			return -err->code;
		break;
	case ARG_TEXT:
		break;
	default:
		return number_take(a, text, value, err);
	}
	if (!*value)
		*value = json_string(text);
	return *value ? 0 : err_set(err, EINVAL, a->name, "%s: the text is not UTF-8", a->name);
}
