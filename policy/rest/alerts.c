/* SPDX-License-Identifier: MIT */
/*
 * alerts.c - /alerts and /alert-rules: what is wrong now or was, and the numbers at which it is.
 * The rules are built in (apply/alert_rules.c); their numbers are an administrator's. Thread: main.
 */
#include <errno.h>
#include <string.h>

#include "json.h"
#include "parse.h"
#include "tables.h"
#include "volume_rows.h"

static int list(struct request *q, struct reply *r, struct err *err)
{
	return rest_list(q, r, &table_alerts, NULL, err);
}

static int acknowledge(struct request *q, struct reply *r, struct err *err)
{
	cleanup_json json_t *row = NULL, *change = NULL;
	json_t *now;
	uint64_t id;

	if (parse_u64("id", q->segments[0], 1, INT64_MAX, &id, err) < 0)
		return -err->code;
	row = store_get_id(q->store, &table_alerts, (int64_t)id, err);
	if (!row || rest_match(q, row, err) < 0)
		return -err->code;
	if (strcmp(rows_text(row, "state"), "cleared") == 0)
		return err_set(err, EBUSY, "state", "alert %s is over already", q->segments[0]);
	change = json_pack("{s:s, s:s}", "state", "acknowledged", "acknowledged_by", q->actor.name);
	now = store_update(q->store, &table_alerts, rows_id(row), change, q->if_match, err);
	if (!now)
		return -err->code;
	rest_row(q, r, &table_alerts, now, NULL);
	return rest_event(q, "info", "alert.acknowledged", rows_text(row, "object_type"),
			  rows_text(row, "object_name"), err, "%s acknowledged: %s", q->actor.name,
			  rows_text(row, "text"));
}

static int rules_list(struct request *q, struct reply *r, struct err *err)
{
	return rest_list(q, r, &table_alert_rules, NULL, err);
}

static int rules_get(struct request *q, struct reply *r, struct err *err)
{
	json_t *row = store_get(q->store, &table_alert_rules, q->segments[0], err);

	if (!row)
		return -err->code;
	rest_row(q, r, &table_alert_rules, row, NULL);
	return 0;
}

/* An error that comes before its warning is a slip of the hand. */
static int order_check(const json_t *row, struct err *err)
{
	const json_t *warning = json_object_get(row, "warning");
	const json_t *error = json_object_get(row, "error");

	if (!json_is_number(warning) || !json_is_number(error) ||
	    json_number_value(error) >= json_number_value(warning))
		return 0;
	return err_set(err, EINVAL, "error", "error (%g) must not be below warning (%g)",
		       json_number_value(error), json_number_value(warning));
}

static int rules_change(struct request *q, struct reply *r, struct err *err)
{
	cleanup_json json_t *old = store_get(q->store, &table_alert_rules, q->segments[0], err);
	cleanup_json json_t *body = old ? rows_body(q, false, err) : NULL;
	json_t *row;

	if (!body || rest_match(q, old, err) < 0 ||
	    table_check(&table_alert_rules, body, TABLE_CHANGE, err) < 0)
		return -err->code;
	row = store_update(q->store, &table_alert_rules, rows_id(old), body, q->if_match, err);
	if (!row)
		return -err->code;
	if (order_check(row, err) < 0) {
		json_decref(row);
		return -err->code;
	}
	rest_row(q, r, &table_alert_rules, row, NULL);
	return rest_event(q, "info", "alert_rule.changed", "alert_rule", q->segments[0], err,
			  "alert rule %s was changed by %s", q->segments[0], q->actor.name);
}

#define IDLE ROUTE_NO_RECONCILE
const struct route alerts_routes[] = {
    {"GET", "/alerts", REST_VIEWER, 0, list, "alert", rest_list_query},
    {"POST", "/alerts/{id}/acknowledge", REST_OPERATOR, IDLE, acknowledge, "alert", NULL},
    {"GET", "/alert-rules", REST_VIEWER, 0, rules_list, "alert_rule", rest_list_query},
    {"GET", "/alert-rules/{name}", REST_VIEWER, 0, rules_get, "alert_rule", NULL},
    {"PATCH", "/alert-rules/{name}", REST_ADMIN, IDLE, rules_change, "alert_rule", NULL},
    {.method = NULL},
};
