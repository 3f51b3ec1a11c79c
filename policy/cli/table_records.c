/* SPDX-License-Identifier: MIT */
/* table_records.c - commands on what was done and is being done: tasks, events, audit. */
#include "tables.h"

static const struct column task_columns[] = {
    {"ID", "id"},       {"KIND", "kind"},         {"OBJECT", "object_name"},
    {"STATE", "state"}, {"DONE", "progress_pct"}, {"BEGUN", "created_ms"},
    {"BY", "actor"},    {"TEXT", "@task"},        {NULL}};
static const struct column event_columns[] = {
    {"ID", "id"},     {"TIME", "at_ms"}, {"SEVERITY", "severity"},
    {"KIND", "kind"}, {"TEXT", "text"},  {NULL}};
static const struct column audit_columns[] = {
    {"ID", "id"},        {"TIME", "at_ms"},        {"WHO", "actor"},
    {"FROM", "address"}, {"STATUS", "status"},     {"METHOD", "method"},
    {"PATH", "path"},    {"ASKED FOR", "summary"}, {NULL}};

static const struct arg task_args[] = {ARG_ID("/tasks", "of task list"), ARG_END};
#define LIST_OPTIONS                                                                               \
	{"--limit", ARG_NUMBER, TO_QUERY, "limit", 0, NULL, "only so many, instead of all"},       \
	    {"--sort", ARG_TEXT, TO_QUERY, "sort", 0, NULL, "-id: the newest first"},              \
	    {"--search", ARG_TEXT, TO_QUERY, "q", 0, NULL, "part of the text"},                    \
	    {"--where", ARG_LIST, TO_COMMAND, "where", 0, NULL, "column=value, may be repeated"},  \
	{                                                                                          \
		"--after", ARG_NUMBER, TO_QUERY, "after_id", 0, NULL, "only later than this id"    \
	}
static const struct arg record_list_args[] = {LIST_OPTIONS, ARG_END};
static const struct arg follow_args[] = {
    {"--topics", ARG_TEXT, TO_QUERY, "topics", 0, NULL,
     "of events, tasks, alerts, figures; events without it"},
    ARG_END,
};

const struct command table_record_commands[] = {
    {"task list", "GET", "/tasks", "Lists what is being done and was done.", table_list_args,
     task_columns, COMMAND_LIST, NULL, "example: sluice task list --where state=running"},
    {"task show", "GET", "/tasks/{id}", "Shows a task and its log.", task_args, NULL, 0, NULL,
     NULL},
    {"task cancel", "POST", "/tasks/{id}/cancel", "Asks a task to end.", task_args, NULL, 0, NULL,
     NULL},
    {"event list", "GET", "/events", "Lists what happened.", record_list_args, event_columns,
     COMMAND_LIST, NULL, "example: sluice event list --sort -id --limit 20"},
    {"event follow", "GET", "/stream", "Shows what happens, until you end it.", follow_args, NULL,
     0, follow_run, NULL},
    {"audit list", "GET", "/audit", "Lists who asked for what.", record_list_args, audit_columns,
     COMMAND_LIST, NULL, NULL},
    {"audit verify", "POST", "/audit/verify", "Checks that no audit row was changed or taken out.",
     NULL, NULL, 0, NULL, NULL},
    {0},
};
