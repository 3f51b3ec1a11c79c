/* SPDX-License-Identifier: MIT */
/* value.c - see value.h. */
#include "value.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static bool ends_with(const char *text, const char *end)
{
	size_t a = strlen(text), b = strlen(end);

	return a >= b && strcmp(text + a - b, end) == 0;
}

void value_tame(char *text)
{
	for (unsigned char *p = (unsigned char *)text; *p; p++) {
		if (*p < 0x20 || *p == 0x7f)
			*p = '?';
		else if (*p == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0) /* U+0080 to U+009F */
			p[0] = p[1] = '?';
	}
}

void value_size(double bytes, char *text, size_t text_bytes)
{
	static const char units[] = "BKMGTPE";
	int unit = 0;

	while (bytes >= 1024 && unit < 6) {
		bytes /= 1024;
		unit++;
	}
	if (unit == 0)
		snprintf(text, text_bytes, "%.0f%s", bytes, bytes == 0 ? "" : "B");
	else if (bytes < 10 && bytes != (double)(int)bytes)
		snprintf(text, text_bytes, "%.1f%c", bytes, units[unit]);
	else
		snprintf(text, text_bytes, "%.0f%c", bytes, units[unit]);
}

/* "350us", "1.2ms", "3.4s" */
static void latency_text(double us, char *text, size_t text_bytes)
{
	if (us < 1000)
		snprintf(text, text_bytes, "%.0fus", us);
	else if (us < 1000000)
		snprintf(text, text_bytes, us < 10000 ? "%.1fms" : "%.0fms", us / 1000);
	else
		snprintf(text, text_bytes, "%.1fs", us / 1000000);
}

void value_time(int64_t ms, char *text, size_t text_bytes)
{
	time_t s = (time_t)(ms / 1000);
	struct tm tm;

	if (ms <= 0 || !localtime_r(&s, &tm) ||
	    strftime(text, text_bytes, "%Y-%m-%d %H:%M:%S", &tm) == 0)
		snprintf(text, text_bytes, "-");
}

void value_duration(int64_t s, char *text, size_t text_bytes)
{
	static const struct {
		int64_t s;
		char unit;
	} steps[] = {{86400, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}};

	for (int i = 0; i < 3; i++)
		if (s >= steps[i].s) {
			snprintf(text, text_bytes, "%lld%c %lld%c", (long long)(s / steps[i].s),
				 steps[i].unit, (long long)(s % steps[i].s / steps[i + 1].s),
				 steps[i + 1].unit);
			return;
		}
	snprintf(text, text_bytes, "%llds", (long long)s);
}

/* A span of time, where other *_ms are points in time. */
static bool is_span_ms(const char *member)
{
	return ends_with(member, "_age_ms") || ends_with(member, "lag_ms") ||
	       ends_with(member, "recovery_ms");
}

static void number_text(const char *member, const json_t *value, char *text, size_t text_bytes)
{
	double n = json_number_value(value);

	if (ends_with(member, "_bytes_per_s")) {
		char size[32];

		value_size(n, size, sizeof(size));
		snprintf(text, text_bytes, "%s/s", size);
	} else if (ends_with(member, "_bytes"))
		value_size(n, text, text_bytes);
	else if (is_span_ms(member))
		latency_text(n * 1000, text, text_bytes);
	else if (ends_with(member, "_ms"))
		value_time((int64_t)n, text, text_bytes);
	else if (ends_with(member, "_us"))
		latency_text(n, text, text_bytes);
	else if (ends_with(member, "_per_s"))
		snprintf(text, text_bytes, "%.0f/s", n);
	else if (ends_with(member, "_pct"))
		snprintf(text, text_bytes, "%.4g%%", n);
	else if (ends_with(member, "_s"))
		value_duration((int64_t)n, text, text_bytes);
	else if (json_is_integer(value))
		snprintf(text, text_bytes, "%lld", (long long)json_integer_value(value));
	else
		snprintf(text, text_bytes, "%.6g", n);
}

size_t value_label_bytes(const char *member, const json_t *value)
{
	static const char *const ends[] = {"_bytes_per_s", "_bytes", "_ms", "_us",
					   "_per_s",       "_pct",   "_s"};

	if (!value || json_is_number(value) || json_is_null(value))
		for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
			if (ends_with(member, ends[i]))
				return strlen(member) - strlen(ends[i]);
	return strlen(member);
}

static void list_text(const json_t *list, char *text, size_t text_bytes)
{
	const json_t *item;
	size_t i, at = 0;

	text[0] = '\0';
	json_array_foreach(list, i, item)
	{
		char one[VALUE_BYTES_MAX];
		int n;

		value_text("", item, one, sizeof(one));
		n = snprintf(text + at, text_bytes - at, "%s%s", i ? ", " : "", one);
		if (n < 0 || (size_t)n >= text_bytes - at)
			return;
		at += (size_t)n;
	}
	if (at == 0)
		snprintf(text, text_bytes, "-");
}

static void object_text(const json_t *object, char *text, size_t text_bytes)
{
	const char *key;
	json_t *value;
	size_t at = 0;

	text[0] = '\0';
	json_object_foreach((json_t *)object, key, value)
	{
		char one[VALUE_BYTES_MAX];
		int n;

		value_text(key, value, one, sizeof(one));
		n = snprintf(text + at, text_bytes - at, "%s%s=%s", at ? " " : "", key, one);
		if (n < 0 || (size_t)n >= text_bytes - at)
			return;
		at += (size_t)n;
	}
	if (at == 0)
		snprintf(text, text_bytes, "-");
}

void value_text(const char *member, const json_t *value, char *text, size_t text_bytes)
{
	switch (value ? json_typeof(value) : JSON_NULL) {
	case JSON_STRING:
		snprintf(text, text_bytes, "%s",
			 json_string_length(value) ? json_string_value(value) : "-");
		break;
	case JSON_INTEGER:
	case JSON_REAL:
		number_text(member, value, text, text_bytes);
		break;
	case JSON_TRUE:
		snprintf(text, text_bytes, "yes");
		break;
	case JSON_FALSE:
		snprintf(text, text_bytes, "no");
		break;
	case JSON_ARRAY:
		list_text(value, text, text_bytes);
		break;
	case JSON_OBJECT:
		object_text(value, text, text_bytes);
		break;
	default:
		snprintf(text, text_bytes, "-");
	}
	value_tame(text);
}

/* ---------------------------------------------------------------- columns */

static const char *string_of(const json_t *row, const char *member)
{
	const char *text = json_string_value(json_object_get(row, member));

	return text ? text : "";
}

/* What runs; and what is wanted where that is something else. */
static void state_text(const json_t *row, char *text, size_t text_bytes)
{
	const char *running = string_of(row, "running_state");
	const char *desired = string_of(row, "desired_state");
	const char *transfer = string_of(row, "transfer");

	if (json_is_true(json_object_get(row, "is_deleting")) || strcmp(desired, "deleting") == 0)
		snprintf(text, text_bytes, "deleting");
	else if (transfer[0])
		snprintf(text, text_bytes, "%s (%s)", running, transfer);
	else if (desired[0] && strcmp(desired, running) != 0 && strcmp(running, "failed") != 0 &&
		 strcmp(running, "locked") != 0)
		snprintf(text, text_bytes, "%s (wanted: %s)", running, desired);
	else
		snprintf(text, text_bytes, "%s", running[0] ? running : "-");
}

static void hosts_text(const json_t *row, char *text, size_t text_bytes)
{
	const json_t *access = json_object_get(row, "access");
	json_t *all = json_array();
	const json_t *group;
	size_t i;

	json_array_extend(all, json_object_get(access, "hosts"));
	json_array_foreach(json_object_get(access, "host_groups"), i, group)
	{
		json_array_append_new(all, json_sprintf("@%s", json_string_value(group)));
	}
	if (json_array_size(all) == 0)
		snprintf(text, text_bytes, "nobody");
	else
		list_text(all, text, text_bytes);
	json_decref(all);
}

static void filters_text(const json_t *row, char *text, size_t text_bytes)
{
	json_t *names = json_array();
	const json_t *rule;
	size_t i;

	json_array_foreach(json_object_get(row, "rules"), i, rule)
	{
		json_array_append(names, json_object_get(rule, "filter"));
	}
	list_text(names, text, text_bytes);
	json_decref(names);
}

static void task_text(const json_t *row, char *text, size_t text_bytes)
{
	const char *error = string_of(row, "error_text");

	snprintf(text, text_bytes, "%s", error[0] ? error : string_of(row, "text"));
}

void value_column(const char *member, const json_t *row, char *text, size_t text_bytes)
{
	const char *dot = strchr(member, '.');
	char first[64];

	if (strcmp(member, "@state") == 0) {
		state_text(row, text, text_bytes);
	} else if (strcmp(member, "@hosts") == 0) {
		hosts_text(row, text, text_bytes);
	} else if (strcmp(member, "@filters") == 0) {
		filters_text(row, text, text_bytes);
	} else if (strcmp(member, "@task") == 0) {
		task_text(row, text, text_bytes);
	} else if (dot) {
		snprintf(first, sizeof(first), "%.*s", (int)(dot - member), member);
		value_column(dot + 1, json_object_get(row, first), text, text_bytes);
		return;
	} else {
		value_text(member, json_object_get(row, member), text, text_bytes);
	}
	value_tame(text);
}
