/* SPDX-License-Identifier: MIT */
/* table_policies.c - commands on policies, compliance, filters. */
#include "tables.h"

static const struct column policy_columns[] = {
    {"NAME", "name"},        {"VERSION", "version"},         {"BUNDLED", "is_bundled"},
    {"FILTERS", "@filters"}, {"DESCRIPTION", "description"}, {NULL}};
static const struct column version_columns[] = {{"VERSION", "version"}, {"MADE", "created_ms"},
						{"AUTHOR", "author"},   {"VOLUMES", "volumes"},
						{"COMMENT", "comment"}, {NULL}};
static const struct column compliance_columns[] = {{"VOLUME", "volume"},
						   {"POLICY", "policy"},
						   {"VERSION", "version"},
						   {"STATUS", "status"},
						   {"CHECKED", "checked_ms"},
						   {"CAUSES", "causes"},
						   {NULL}};
static const struct column filter_columns[] = {{"NAME", "name"},
					       {"CLASS", "class"},
					       {"VERSION", "version"},
					       {"INSTALLED", "is_installed"},
					       {"ENABLED", "is_enabled"},
					       {"HELP", "help"},
					       {NULL}};
#define POLICY_NAME ARG_NAME_OF("/policies", "the policy")
#define RULE_LIST                                                                                  \
	{"--rule",                                                                                 \
	 ARG_RULES,                                                                                \
	 TO_BODY,                                                                                  \
	 "rules",                                                                                  \
	 0,                                                                                        \
	 "/filters",                                                                               \
	 "filter[,parameter=value...][,on_failure=bypass]; may be repeated"},                      \
	{                                                                                          \
		"--rules-file", ARG_JSON, TO_BODY, "rules", 0, NULL, "the rules as a JSON array"   \
	}
#define COMMENT                                                                                    \
	{                                                                                          \
		"--comment", ARG_TEXT, TO_BODY, "comment", 0, NULL, "why; kept with the version"   \
	}

static const struct arg policy_args[] = {POLICY_NAME, ARG_END};
static const struct arg policy_create_args[] = {
    ARG_NEW_NAME("of the new policy"),
    RULE_LIST,
    COMMENT,
    {"--clone-of", ARG_TEXT, TO_BODY, "clone_of", 0, "/policies", "begin with this one's rules"},
    ARG_DESCRIPTION,
    ARG_END,
};
static const struct arg policy_set_args[] = {POLICY_NAME, RULE_LIST, COMMENT, ARG_DESCRIPTION,
					     ARG_END};
static const struct arg policy_version_args[] = {
    POLICY_NAME,
    {"VERSION", ARG_NUMBER, TO_PATH, "version", ARG_REQUIRED, NULL, "its number"},
    ARG_END,
};
static const struct arg policy_diff_args[] = {
    POLICY_NAME,
    {"--from", ARG_NUMBER, TO_QUERY, "from", 0, NULL, "a version; the one before without it"},
    {"--to", ARG_NUMBER, TO_QUERY, "to", 0, NULL, "a version; the newest without it"},
    ARG_END,
};
static const struct arg policy_apply_args[] = {
    POLICY_NAME,
    {"--volume", ARG_LIST, TO_BODY, "volumes", 0, "/volumes", "only this one; may be repeated"},
    ARG_END,
};
static const struct arg check_args[] = {RULE_LIST, ARG_END};
static const struct arg filter_args[] = {ARG_NAME_OF("/filters", "the filter"), ARG_END};
#define ENABLED(to)                                                                                \
	{                                                                                          \
		"", ARG_FIXED, TO_BODY, "is_enabled", 0, to, NULL                                  \
	}
static const struct arg filter_on_args[] = {ARG_NAME_OF("/filters", "the filter"), ENABLED("true"),
					    ARG_END};
static const struct arg filter_off_args[] = {ARG_NAME_OF("/filters", "the filter"),
					     ENABLED("false"), ARG_END};
const struct command table_policy_commands[] = {
    {"policy list", "GET", "/policies", "Lists the policies.", table_list_args, policy_columns,
     COMMAND_LIST, NULL, NULL},
    {"policy create", "POST", "/policies", "Makes a policy.", policy_create_args, NULL, 0, NULL,
     "example: sluice policy create slow --rule delay,read_us=500"},
    {"policy show", "GET", "/policies/{name}", "Shows a policy's newest version.", policy_args,
     NULL, 0, NULL, NULL},
    {"policy set", "PATCH", "/policies/{name}", "Makes a new version of a policy.", policy_set_args,
     NULL, 0, NULL, "Volumes stay on their version until: sluice policy apply NAME"},
    {"policy delete", "DELETE", "/policies/{name}", "Deletes a policy that no volume has.",
     policy_args, NULL, COMMAND_DESTROYS, NULL, NULL},
    {"policy versions", "GET", "/policies/{name}/versions", "Lists a policy's versions.",
     policy_args, version_columns, COMMAND_LIST, NULL, NULL},
    {"policy version", "GET", "/policies/{name}/versions/{version}", "Shows one version.",
     policy_version_args, NULL, 0, NULL, NULL},
    {"policy diff", "GET", "/policies/{name}/diff", "Compares two versions.", policy_diff_args,
     NULL, 0, rules_run, NULL},
    {"policy apply", "POST", "/policies/{name}/apply", "Brings volumes to the newest version.",
     policy_apply_args, NULL, 0, NULL, NULL},
    {"policy check", "POST", "/policies/check", "Checks rules without keeping them.", check_args,
     NULL, 0, rules_run, NULL},
    {"compliance list", "GET", "/compliance", "Lists whether volumes run what their policy says.",
     table_list_args, compliance_columns, COMMAND_LIST, NULL, NULL},
    {"compliance check", "POST", "/compliance/check", "Checks it now.", NULL, NULL, 0, NULL, NULL},
    {"filter list", "GET", "/filters", "Lists the installed filters.", table_list_args,
     filter_columns, COMMAND_LIST, NULL, NULL},
    {"filter show", "GET", "/filters/{name}", "Shows a filter, its parameters and its users.",
     filter_args, NULL, 0, NULL, NULL},
    {"filter enable", "PATCH", "/filters/{name}", "Lets policies use a filter.", filter_on_args,
     NULL, 0, NULL, NULL},
    {"filter disable", "PATCH", "/filters/{name}", "Lets no policy use a filter any more.",
     filter_off_args, NULL, 0, NULL, NULL},
    {0},
};
