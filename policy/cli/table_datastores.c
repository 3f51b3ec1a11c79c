/* SPDX-License-Identifier: MIT */
/* table_datastores.c - commands on datastores. */
#include "tables.h"

static const struct column datastore_columns[] = {
    {"NAME", "name"},
    {"TYPE", "type"},
    {"STATE", "@state"},
    {"USED", "used_bytes"},
    {"FREE", "available_bytes"},
    {"PROVISIONED", "provisioned_bytes"},
    {"VOLUMES", "volume_count"},
    {"PATH", "path"},
    {NULL},
};

static const struct arg create_args[] = {
    ARG_NEW_NAME("of the new datastore"),
    {"--type", ARG_CHOICE, TO_BODY, "type", ARG_REQUIRED, "dir|block|mem",
     "files in a folder, a block device, or memory that is lost at a restart"},
    {"--path", ARG_TEXT, TO_BODY, "path", 0, NULL, "the folder or the device"},
    {"--buffered", ARG_FLAG, TO_BODY, "is_buffered", 0, NULL,
     "through the page cache instead of direct I/O"},
    {"--overcommit-limit", ARG_NUMBER, TO_BODY, "overcommit_limit_pct", 0, NULL,
     "how far thin volumes may exceed the capacity, percent; 0: as far as they like"},
    ARG_DESCRIPTION,
    ARG_END,
};
static const struct arg set_args[] = {
    ARG_NAME_OF("/datastores", "the datastore"),
    {"--overcommit-limit", ARG_NUMBER, TO_BODY, "overcommit_limit_pct", 0, NULL,
     "percent; 0: none"},
    ARG_DESCRIPTION,
    ARG_END,
};
static const struct column filter_columns[] = {
    {"FILTER", "filter"},
    {"ACTIVE", "is_active"},
    {"STATE", "status.state"},
    {"LATENCY", "status.latency_us"},
    {"THRESHOLD", "status.threshold_us"},
    {"PARAMETERS", "parameters"},
    {NULL},
};

#define ARG_FILTER                                                                                 \
	{                                                                                          \
		"FILTER", ARG_TEXT, TO_PATH, "filter", ARG_REQUIRED, "/filters", "the filter"      \
	}
static const struct arg filter_set_args[] = {
    ARG_NAME_OF("/datastores", "the datastore"),
    ARG_FILTER,
    {"PARAMETER=VALUE", ARG_PARAMETERS, TO_BODY, "parameters", ARG_EMPTY, NULL,
     "of the datastore; may be repeated; what is not named has its default"},
    ARG_END,
};
static const struct arg filter_args[] = {ARG_NAME_OF("/datastores", "the datastore"), ARG_FILTER,
					 ARG_END};
static const struct arg name_args[] = {ARG_NAME_OF("/datastores", "the datastore"), ARG_END};

const struct command table_datastore_commands[] = {
    {"datastore list", "GET", "/datastores", "Lists the datastores.", table_list_args,
     datastore_columns, COMMAND_LIST, NULL, NULL},
    {"datastore create", "POST", "/datastores", "Makes a datastore.", create_args, NULL, 0, NULL,
     "example: sluice datastore create fast --type dir --path /srv/fast"},
    {"datastore show", "GET", "/datastores/{name}", "Shows a datastore.", name_args, NULL, 0, NULL,
     NULL},
    {"datastore set", "PATCH", "/datastores/{name}", "Changes a datastore.", set_args, NULL, 0,
     NULL, NULL},
    {"datastore delete", "DELETE", "/datastores/{name}",
     "Removes a datastore that has no volumes; its folder or device stays.", name_args, NULL,
     COMMAND_DESTROYS, NULL, NULL},
    {"datastore filter list", "GET", "/datastores/{name}/filters",
     "Lists filters that work for the whole datastore, and what they find there.", name_args,
     filter_columns, COMMAND_LIST, NULL, NULL},
    {"datastore filter set", "PUT", "/datastores/{name}/filters/{filter}",
     "Has a filter work for the whole datastore.", filter_set_args, NULL, 0, NULL,
     "A transparent filter (sluice filter show) comes into the chain of every volume there, but\n"
     "where a policy has one of its class; others, such as cache, come by policies alone.\n"
     "'sluice filter show FILTER' names its parameters (group_parameters).\n"
     "example: sluice datastore filter set fast io_control enabled=true threshold_mode=automatic\n"
     "example: sluice datastore filter set fast cache flash_path=/flash flash_bytes=64G"},
    {"datastore filter clear", "DELETE", "/datastores/{name}/filters/{filter}",
     "Takes the filter back from the datastore and from its volumes.", filter_args, NULL, 0, NULL,
     "A volume whose policy names it keeps it."},
    {0},
};
