/* SPDX-License-Identifier: MIT */
/* alert_rows.c - see alert_rows.h. */
#include "alert_rows.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "alert_watch.h"
#include "json.h"
#include "store_link.h"

static json_t *pages(struct store *s, const struct store_table *t, const char *const *filters,
		     struct err *err)
{
	cleanup_json json_t *all = json_array();
	struct store_query q = {.filters = filters, .limit = STORE_PAGE_MAX};
	cleanup_json json_t *page = NULL;

	do {
		json_t *next = store_list(s, t, &q, err);

		json_decref(page);
		page = next;
		if (!page)
			return NULL;
		json_array_extend(all, json_object_get(page, "items"));
		q.cursor = json_string_value(json_object_get(page, "next_cursor"));
	} while (q.cursor);
	return json_incref(all);
}

json_t *alert_rows_all(struct store *s, const struct store_table *t, struct err *err)
{
	return pages(s, t, NULL, err);
}

json_t *alert_rows_open(struct store *s, struct err *err)
{
	static const char *const states[] = {"active", "acknowledged"};
	json_t *all = json_array();

	for (int i = 0; i < 2; i++) {
		const char *filters[] = {"state", states[i], NULL};
		cleanup_json json_t *some = pages(s, &table_alerts, filters, err);

		if (!some) {
			json_decref(all);
			return NULL;
		}
		json_array_extend(all, some);
	}
	return all;
}

void alert_rows_to_state(const json_t *row, struct alert_state *st)
{
	const char *severity = json_string_value(json_object_get(row, "severity"));
	const char *text = json_string_value(json_object_get(row, "text"));

	st->alert_id = json_integer_value(json_object_get(row, "id"));
	st->value = json_number_value(json_object_get(row, "value"));
	st->threshold = json_number_value(json_object_get(row, "threshold"));
	st->alert.level =
	    severity && strcmp(severity, "error") == 0 ? MODEL_LEVEL_ERROR : MODEL_LEVEL_WARNING;
	st->alert.candidate = st->alert.level;
	st->alert.candidate_since_ms =
	    (uint64_t)json_integer_value(json_object_get(row, "changed_ms"));
	snprintf(st->text, sizeof(st->text), "%s", text ? text : "");
}

static const char *severity_of(const struct alert_state *st)
{
	return st->alert.level == MODEL_LEVEL_ERROR ? "error" : "warning";
}

static json_t *columns(const struct alert_state *st, int64_t now_ms)
{
	return json_pack("{s:s, s:f, s:f, s:s, s:I}", "severity", severity_of(st), "value",
			 st->value, "threshold", isnan(st->threshold) ? 0.0 : st->threshold, "text",
			 st->text, "changed_ms", (json_int_t)now_ms);
}

static int begin(struct store *s, struct alert_state *st, int64_t now_ms, struct err *err)
{
	cleanup_json json_t *row = columns(st, now_ms), *made = NULL;

	json_object_set_new(row, "rule", json_string(st->rule));
	json_object_set_new(row, "object_type", json_string(st->object_type));
	json_object_set_new(row, "object_name", json_string(st->object_name));
	json_object_set_new(row, "raised_ms", json_integer(now_ms));
	made = store_insert(s, &table_alerts, row, err);
	if (!made)
		return -err->code;
	st->alert_id = json_integer_value(json_object_get(made, "id"));
	return 0;
}

/* From warning to error or back: what somebody acknowledged was something else. */
static int change(struct store *s, const struct alert_state *st, int64_t now_ms, struct err *err)
{
	cleanup_json json_t *row = columns(st, now_ms), *now = NULL;

	if (st->alert.level == MODEL_LEVEL_ERROR)
		json_object_set_new(row, "state", json_string("active"));
	now = store_update(s, &table_alerts, st->alert_id, row, 0, err);
	return now ? 0 : -err->code;
}

static int end(struct store *s, struct alert_state *st, int64_t now_ms, struct err *err)
{
	cleanup_json json_t *row = json_pack("{s:s, s:I, s:I}", "state", "cleared", "cleared_ms",
					     (json_int_t)now_ms, "changed_ms", (json_int_t)now_ms);
	cleanup_json json_t *now = store_update(s, &table_alerts, st->alert_id, row, 0, err);

	if (!now)
		return -err->code;
	st->alert_id = 0;
	return 0;
}

static int write_one(struct store *s, struct alert_state *st, int64_t now_ms, struct err *err)
{
	bool is_over = st->alert.level == MODEL_LEVEL_OK, is_new = st->alert_id == 0;
	cleanup_json json_t *details = NULL;
	char text[480];
	int64_t id;
	int rc;

	if (is_over && is_new)
		return 0;
	rc = is_over  ? end(s, st, now_ms, err)
	     : is_new ? begin(s, st, now_ms, err)
		      : change(s, st, now_ms, err);
	if (rc < 0)
		return rc;
	details = json_pack("{s:s, s:f, s:f}", "rule", st->rule, "value", st->value, "threshold",
			    isnan(st->threshold) ? 0.0 : st->threshold);
	snprintf(text, sizeof(text), "%s%s", is_over ? "over: " : "", st->text);
	id = store_event_add(s, is_over ? "info" : severity_of(st),
			     is_over  ? "alert.cleared"
			     : is_new ? "alert.raised"
				      : "alert.changed",
			     st->object_type, st->object_name, text, details, err);
	return id < 0 ? (int)id : 0;
}

int alert_rows_write(struct store *s, struct alert_state *states, uint32_t count, int64_t now_ms,
		     uint32_t *changed, struct err *err)
{
	uint32_t todo = 0;
	int rc;

	for (uint32_t i = 0; i < count; i++)
		todo += states[i].is_changed;
	if (todo == 0)
		return 0;
	rc = store_begin(s, err);
	if (rc < 0)
		return rc;
	for (uint32_t i = 0; i < count && rc == 0; i++)
		if (states[i].is_changed)
			rc = write_one(s, &states[i], now_ms, err);
	if (rc == 0)
		rc = store_commit(s, err);
	if (rc < 0)
		store_rollback(s);
	else
		*changed = todo;
	return rc;
}

/* ---------------------------------------------------------------- the rules themselves */

static json_t *number_or_null(double v)
{
	return isnan(v) ? json_null() : json_real(v);
}

static int install_one(struct store *s, const struct alert_rule *r, struct err *err)
{
	cleanup_json json_t *row = json_pack(
	    "{s:s, s:s, s:s, s:s, s:o, s:o, s:i, s:i}", "name", r->name, "metric", r->metric,
	    "unit", r->unit, "help", r->help, "warning", number_or_null(r->warning), "error",
	    number_or_null(r->error), "raise_after_s", (int)r->raise_after_s, "clear_after_s",
	    (int)r->clear_after_s);
	cleanup_json json_t *made = store_insert(s, &table_alert_rules, row, err);

	return made ? 0 : -err->code;
}

int alert_watch_install(struct store *s, struct err *err)
{
	int rc = 0;

	for (uint32_t i = 0; i < alert_rules_count && rc == 0; i++) {
		struct err none;
		cleanup_json json_t *there =
		    store_get(s, &table_alert_rules, alert_rules[i].name, &none);

		if (there)
			continue;
		if (!store_in_transaction(s))
			rc = store_begin(s, err);
		if (rc == 0)
			rc = install_one(s, &alert_rules[i], err);
	}
	if (rc == 0 && store_in_transaction(s))
		rc = store_commit(s, err);
	if (rc < 0)
		store_rollback(s);
	return rc;
}
