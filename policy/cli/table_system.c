/* SPDX-License-Identifier: MIT */
/* table_system.c - commands on the appliance as a whole: state, figures, configuration, backup. */
#include "tables.h"

static const struct column setting_columns[] = {{"KEY", "key"}, {"VALUE", "value"}, {NULL}};
static const struct column backup_columns[] = {
    {"NAME", "name"}, {"MADE", "created_ms"}, {"SIZE", "size_bytes"}, {"PATH", "path"}, {NULL}};

static const struct arg setting_args[] = {
    {"KEY", ARG_TEXT, TO_PATH, "key", ARG_REQUIRED, "/settings", "which one"},
    {"VALUE", ARG_VALUE, TO_BODY, "value", ARG_REQUIRED, NULL, "text, a number, or a JSON list"},
    ARG_END,
};
static const struct arg config_export_args[] = {
    {"--output", ARG_TEXT, TO_COMMAND, "output", 0, NULL, "a file; without it standard output"},
    ARG_END,
};
#define PRUNE                                                                                      \
	{"--prune",                                                                                \
	 ARG_FLAG,                                                                                 \
	 TO_BODY,                                                                                  \
	 "prune",                                                                                  \
	 0,                                                                                        \
	 NULL,                                                                                     \
	 "also delete what the document leaves out, but no volumes"},                              \
	{                                                                                          \
		"--prune-volumes", ARG_FLAG, TO_BODY, "prune_volumes", 0, NULL,                    \
		    "with --prune: volumes and their data too"                                     \
	}
static const struct arg config_diff_args[] = {
    {"FILE", ARG_JSON, TO_BODY, "", ARG_REQUIRED | ARG_WHOLE_BODY, NULL,
     "the document; - for standard input"},
    PRUNE,
    ARG_END,
};
static const struct arg config_apply_args[] = {
    {"FILE", ARG_JSON, TO_BODY, "", ARG_REQUIRED | ARG_WHOLE_BODY, NULL,
     "the document; - for standard input"},
    PRUNE,
    {"--force", ARG_FLAG, TO_QUERY, "force", 0, NULL, "also while hosts are logged in"},
    ARG_END,
};
static const struct arg history_args[] = {
    {"--from", ARG_TIME, TO_QUERY, "from_ms", 0, NULL, "-2h, or \"2026-01-31 12:00\""},
    {"--to", ARG_TIME, TO_QUERY, "to_ms", 0, NULL, "the same; now without it"},
    {"--points", ARG_NUMBER, TO_QUERY, "points", 0, NULL, "at most so many rows"},
    ARG_END,
};
static const struct arg top_args[] = {
    {"--once", ARG_FLAG, TO_COMMAND, "once", 0, NULL, "one table, no keys; for scripts"},
    {"--by", ARG_CHOICE, TO_COMMAND, "by", 0, "iops|bytes|latency|name", "what is on top: iops"},
    {"--interval", ARG_SECONDS, TO_COMMAND, "interval_s", 0, NULL, "between two looks: 1s"},
    ARG_END,
};

const struct command table_status_commands[] = {
    {"status", "GET", "/system", "Says what is wrong and what to do about it.", NULL, NULL, 0,
     status_run, "Exit code 0: all is well; 1: something is to be done."},
    {"top", "GET", "/stats", "Shows what the volumes do, live.", top_args, NULL, 0, top_run,
     "Keys: q ends, i b l n sort by IOPS, bytes, latency, name."},
    {0},
};

const struct command table_system_commands[] = {
    {"system show", "GET", "/system", "Shows versions, daemons, counts, capacity.", NULL, NULL, 0,
     NULL, NULL},
    {"stats history", "GET", "/stats/history", "Shows the figures of all volumes together.",
     history_args, table_history_columns, COMMAND_LIST, NULL, NULL},
    {"setting list", "GET", "/settings", "Lists the settings.", NULL, setting_columns, COMMAND_LIST,
     NULL, NULL},
    {"setting set", "PUT", "/settings/{key}", "Changes a setting.", setting_args, NULL, 0, NULL,
     "example: sluice setting set appliance_name store-1"},
    {"config export", "GET", "/config", "Writes the whole configuration, without secrets.",
     config_export_args, NULL, 0, files_config_export_run, NULL},
    {"config diff", "POST", "/config/diff", "Says what applying a configuration would change.",
     config_diff_args, NULL, 0, changes_run, NULL},
    {"config apply", "POST", "/config/apply", "Makes the appliance what the document says.",
     config_apply_args, NULL, 0, changes_run,
     "See first what it would do: sluice config diff FILE"},
    {"backup list", "GET", "/backups", "Lists the backups of the database.", NULL, backup_columns,
     COMMAND_LIST, NULL, NULL},
    {"backup create", "POST", "/backups", "Makes a backup of the database.", NULL, NULL, 0, NULL,
     NULL},
    {"health live", "GET", "/healthz", "Says whether sluice-policyd lives.", NULL, NULL, 0, NULL,
     NULL},
    {"health ready", "GET", "/readyz", "Says whether everything is there to serve.", NULL, NULL, 0,
     health_run, NULL},
    {"metrics", "GET", "/metrics", "Prints the figures as OpenMetrics.", NULL, NULL, COMMAND_PLAIN,
     NULL, NULL},
    {0},
};
