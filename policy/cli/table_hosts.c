/* SPDX-License-Identifier: MIT */
/* table_hosts.c - commands on who reaches volumes and on which way: hosts, groups, portals,
 * targets, logins. */
#include "tables.h"

static const struct column host_columns[] = {{"NAME", "name"},           {"IQN", "iqn"},
					     {"ADDRESSES", "addresses"}, {"CHAP", "chap_user"},
					     {"VOLUMES", "volumes"},     {NULL}};
static const struct column group_columns[] = {
    {"NAME", "name"}, {"MEMBERS", "members"}, {"DESCRIPTION", "description"}, {NULL}};
static const struct column portal_columns[] = {
    {"NAME", "name"}, {"STATE", "@state"}, {"ERROR", "running_error"}, {NULL}};
static const struct column target_columns[] = {{"VOLUME", "volume"},
					       {"LUN", "lun"},
					       {"STATE", "state"},
					       {"SESSIONS", "session_count"},
					       {"CHAP", "has_accounts"},
					       {"IQN", "iqn"},
					       {NULL}};
static const struct column session_columns[] = {
    {"ID", "id"},           {"VOLUME", "volume"},       {"HOST", "host"},
    {"ADDRESS", "address"}, {"INITIATOR", "initiator"}, {NULL}};

#define HOST_NAME  ARG_NAME_OF("/hosts", "the host")
#define GROUP_NAME ARG_NAME_OF("/host-groups", "the group")
#define HOST_MORE                                                                                  \
	{"--address",                                                                              \
	 ARG_LIST,                                                                                 \
	 TO_BODY,                                                                                  \
	 "addresses",                                                                              \
	 0,                                                                                        \
	 NULL,                                                                                     \
	 "an address or network it logs in from; none: any"},                                      \
	    {"--chap-user",                                                                        \
	     ARG_TEXT,                                                                             \
	     TO_BODY,                                                                              \
	     "chap_user",                                                                          \
	     0,                                                                                    \
	     NULL,                                                                                 \
	     "CHAP name; \"\" ends CHAP for this host"},                                           \
	    {"--chap-secret-file",                                                                 \
	     ARG_SECRET,                                                                           \
	     TO_BODY,                                                                              \
	     "chap_secret",                                                                        \
	     0,                                                                                    \
	     NULL,                                                                                 \
	     "its CHAP secret, 12 to 16 characters"},                                              \
	    {"--generate-chap-secret", ARG_FLAG, TO_BODY, "generate_chap_secret", 0, NULL,         \
	     "make one, shown once"},                                                              \
	    ARG_DESCRIPTION

static const struct arg host_args[] = {HOST_NAME, ARG_END};
static const struct arg host_create_args[] = {
    ARG_NEW_NAME("of the host"),
    {"--iqn", ARG_TEXT, TO_BODY, "iqn", ARG_REQUIRED, NULL, "the initiator's name"},
    HOST_MORE,
    ARG_END,
};
static const struct arg host_set_args[] = {
    HOST_NAME,
    {"--iqn", ARG_TEXT, TO_BODY, "iqn", 0, NULL, "the initiator's name"},
    HOST_MORE,
    ARG_END,
};
static const struct arg group_args[] = {GROUP_NAME, ARG_END};
#define MEMBERS                                                                                    \
	{                                                                                          \
		"--member", ARG_LIST, TO_BODY, "members", 0, "/hosts",                             \
		    "a host in it; all of them have to be named"                                   \
	}
static const struct arg group_create_args[] = {ARG_NEW_NAME("of the group"), MEMBERS,
					       ARG_DESCRIPTION, ARG_END};
static const struct arg group_set_args[] = {GROUP_NAME, MEMBERS, ARG_DESCRIPTION, ARG_END};
static const struct arg portal_args[] = {ARG_NAME_OF("/portals", "the portal, address:port"),
					 ARG_END};
static const struct arg portal_create_args[] = {
    {"ADDRESS", ARG_TEXT, TO_BODY, "address", ARG_REQUIRED, NULL, "0.0.0.0: all of them"},
    {"--port", ARG_NUMBER, TO_BODY, "port", 0, NULL, "3260 without it"},
    ARG_END,
};
static const struct arg session_list_args[] = {
    {"--volume", ARG_TEXT, TO_QUERY, "volume", 0, "/volumes", "only on this one"},
    {"--host", ARG_TEXT, TO_QUERY, "host", 0, "/hosts", "only of this one"},
    {"--initiator", ARG_TEXT, TO_QUERY, "initiator", 0, NULL, "only with this IQN"},
    ARG_END,
};
static const struct arg session_args[] = {ARG_ID("/iscsi-sessions", "of session list"), ARG_END};

const struct command table_host_commands[] = {
    {"host list", "GET", "/hosts", "Lists the hosts.", table_list_args, host_columns, COMMAND_LIST,
     NULL, NULL},
    {"host create", "POST", "/hosts", "Makes a host known.", host_create_args, NULL, 0, NULL,
     "example: sluice host create esx1 --iqn iqn.1998-01.com.vmware:esx1 --chap-user esx1 "
     "--generate-chap-secret"},
    {"host show", "GET", "/hosts/{name}", "Shows a host.", host_args, NULL, 0, NULL, NULL},
    {"host set", "PATCH", "/hosts/{name}", "Changes a host.", host_set_args, NULL, 0, NULL, NULL},
    {"host delete", "DELETE", "/hosts/{name}", "Deletes a host that nothing names.", host_args,
     NULL, COMMAND_DESTROYS, NULL, NULL},
    {"host-group list", "GET", "/host-groups", "Lists the groups of hosts.", table_list_args,
     group_columns, COMMAND_LIST, NULL, NULL},
    {"host-group create", "POST", "/host-groups", "Makes a group of hosts.", group_create_args,
     NULL, 0, NULL, NULL},
    {"host-group show", "GET", "/host-groups/{name}", "Shows a group.", group_args, NULL, 0, NULL,
     NULL},
    {"host-group set", "PATCH", "/host-groups/{name}", "Changes a group.", group_set_args, NULL, 0,
     NULL, NULL},
    {"host-group delete", "DELETE", "/host-groups/{name}", "Deletes a group that nothing names.",
     group_args, NULL, COMMAND_DESTROYS, NULL, NULL},
    {"portal list", "GET", "/portals", "Lists the addresses that hosts log in at.", table_list_args,
     portal_columns, COMMAND_LIST, NULL, NULL},
    {"portal create", "POST", "/portals", "Listens on an address.", portal_create_args, NULL, 0,
     NULL, NULL},
    {"portal show", "GET", "/portals/{name}", "Shows a portal.", portal_args, NULL, 0, NULL, NULL},
    {"portal delete", "DELETE", "/portals/{name}", "Stops listening; logins on it end.",
     portal_args, NULL, COMMAND_DESTROYS, NULL, NULL},
    {"target list", "GET", "/targets", "Lists the iSCSI targets.", table_list_args, target_columns,
     COMMAND_LIST, NULL, NULL},
    {"session list", "GET", "/iscsi-sessions", "Lists who is logged in now.", session_list_args,
     session_columns, COMMAND_LIST, NULL, NULL},
    {"session close", "DELETE", "/iscsi-sessions/{id}", "Ends a login.", session_args, NULL,
     COMMAND_DESTROYS, NULL, "A host that may log in comes back by itself: take its access first."},
    {0},
};
