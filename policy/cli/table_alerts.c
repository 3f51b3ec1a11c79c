/* SPDX-License-Identifier: MIT */
/* table_alerts.c - commands on alerts, their rules, and webhooks that tell of them. */
#include "tables.h"

static const struct column alert_columns[] = {{"ID", "id"},
					      {"RAISED", "raised_ms"},
					      {"SEVERITY", "severity"},
					      {"STATE", "state"},
					      {"OBJECT", "object_name"},
					      {"TEXT", "text"},
					      {NULL}};
static const struct column rule_columns[] = {{"NAME", "name"},
					     {"UNIT", "unit"},
					     {"WARNING", "warning"},
					     {"ERROR", "error"},
					     {"ENABLED", "is_enabled"},
					     {"HELP", "help"},
					     {NULL}};
static const struct column webhook_columns[] = {{"NAME", "name"},
						{"URL", "url"},
						{"FROM", "min_severity"},
						{"ENABLED", "is_enabled"},
						{"LAST", "last_status"},
						{"FAILURES", "failures"},
						{NULL}};

static const struct arg ack_args[] = {ARG_ID("/alerts", "of alert list"), ARG_END};
static const struct arg rule_args[] = {ARG_NAME_OF("/alert-rules", "the rule"), ARG_END};
static const struct arg rule_set_args[] = {
    ARG_NAME_OF("/alert-rules", "the rule"),
    {"--warning", ARG_REAL, TO_BODY, "warning", 0, NULL, "a warning from here, or never"},
    {"--error", ARG_REAL, TO_BODY, "error", 0, NULL, "an error from here, or never"},
    {"--clear-margin", ARG_REAL, TO_BODY, "clear_margin_pct", 0, NULL,
     "cleared so many percent below"},
    {"--raise-after", ARG_SECONDS, TO_BODY, "raise_after_s", 0, NULL, "30s, 5m"},
    {"--clear-after", ARG_SECONDS, TO_BODY, "clear_after_s", 0, NULL, "30s, 5m"},
    {"--enabled", ARG_YES_NO, TO_BODY, "is_enabled", 0, NULL, "yes or no"},
    ARG_END,
};
#define WEBHOOK_MORE                                                                               \
	{"--kind", ARG_LIST, TO_BODY, "kinds", 0, NULL, "an event kind, volume.*; none: all"},     \
	    {"--min-severity",      ARG_CHOICE, TO_BODY,                                           \
	     "min_severity",        0,          "info|warning|error|critical",                     \
	     "nothing that is less"},                                                              \
	{                                                                                          \
		"--enabled", ARG_YES_NO, TO_BODY, "is_enabled", 0, NULL, "yes or no"               \
	}
static const struct arg webhook_args[] = {ARG_NAME_OF("/webhooks", "the webhook"), ARG_END};
static const struct arg webhook_create_args[] = {
    ARG_NEW_NAME("of the webhook"),
    {"--destination", ARG_TEXT, TO_BODY, "url", ARG_REQUIRED, NULL, "the URL that events go to"},
    WEBHOOK_MORE,
    ARG_END,
};
static const struct arg webhook_set_args[] = {
    ARG_NAME_OF("/webhooks", "the webhook"),
    {"--destination", ARG_TEXT, TO_BODY, "url", 0, NULL, "the URL that events go to"},
    WEBHOOK_MORE,
    ARG_END,
};

const struct command table_alert_commands[] = {
    {"alert list", "GET", "/alerts", "Lists the alerts.", table_list_args, alert_columns,
     COMMAND_LIST, NULL, "example: sluice alert list --where state=active"},
    {"alert acknowledge", "POST", "/alerts/{id}/acknowledge", "Says that somebody has seen it.",
     ack_args, NULL, 0, NULL, NULL},
    {"alert-rule list", "GET", "/alert-rules", "Lists when alerts are raised.", table_list_args,
     rule_columns, COMMAND_LIST, NULL, NULL},
    {"alert-rule show", "GET", "/alert-rules/{name}", "Shows a rule.", rule_args, NULL, 0, NULL,
     NULL},
    {"alert-rule set", "PATCH", "/alert-rules/{name}", "Changes a rule's numbers.", rule_set_args,
     NULL, 0, NULL, NULL},
    {"webhook list", "GET", "/webhooks", "Lists where events are sent.", table_list_args,
     webhook_columns, COMMAND_LIST, NULL, NULL},
    {"webhook create", "POST", "/webhooks", "Sends events somewhere.", webhook_create_args, NULL, 0,
     NULL, "Its host must be allowed: sluice setting set egress_allow '[\"chat.example.org\"]'"},
    {"webhook show", "GET", "/webhooks/{name}", "Shows a webhook.", webhook_args, NULL, 0, NULL,
     NULL},
    {"webhook set", "PATCH", "/webhooks/{name}", "Changes a webhook.", webhook_set_args, NULL, 0,
     NULL, NULL},
    {"webhook delete", "DELETE", "/webhooks/{name}", "Deletes a webhook.", webhook_args, NULL,
     COMMAND_DESTROYS, NULL, NULL},
    {"webhook test", "POST", "/webhooks/{name}/test", "Sends it a test event.", webhook_args, NULL,
     0, NULL, NULL},
    {0},
};
