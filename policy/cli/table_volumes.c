/* SPDX-License-Identifier: MIT */
/* table_volumes.c - commands on volumes, and on files that go into and out of them. */
#include "tables.h"

static const struct column volume_columns[] = {
    {"NAME", "name"},
    {"SIZE", "size_bytes"},
    {"USED", "allocated_bytes"},
    {"STATE", "@state"},
    {"DATASTORE", "datastore"},
    {"POLICY", "assignment.policy"},
    {"COMPLIANCE", "compliance.status"},
    {"HOSTS", "@hosts"},
    {NULL},
};
static const struct column unmanaged_columns[] = {
    {"NAME", "name"}, {"DATASTORE", "datastore"}, {"SIZE", "size_bytes"}, {"UUID", "uuid"}, {NULL}};
static const struct column file_columns[] = {
    {"NAME", "name"}, {"SIZE", "size_bytes"}, {"CHANGED", "changed_ms"}, {NULL}};
const struct column table_history_columns[] = {
    {"TIME", "at_ms"},
    {"READ IOPS", "read_iops"},
    {"WRITE IOPS", "write_iops"},
    {"READ", "read_bytes_per_s"},
    {"WRITE", "write_bytes_per_s"},
    {"READ P50", "read_p50_us"},
    {"READ P99", "read_p99_us"},
    {"WRITE P50", "write_p50_us"},
    {"WRITE P99", "write_p99_us"},
    {"HITS", "read_hit_pct"},
    {"DIRTY", "dirty_bytes"},
    {"LAG", "lag_ms"},
    {NULL},
};

#define HOST_LISTS                                                                                 \
	{"--host", ARG_LIST, TO_BODY, "hosts", 0, "/hosts", "a host that may log in"},             \
	{                                                                                          \
		"--host-group", ARG_LIST, TO_BODY, "host_groups", 0, "/host-groups",               \
		    "a group of hosts that may log in"                                             \
	}
#define VOLUME_NAME ARG_NAME_OF("/volumes", "the volume")

static const struct arg name_args[] = {VOLUME_NAME, ARG_END};
static const struct arg create_args[] = {
    ARG_NEW_NAME("of the new volume"),
    {"--size", ARG_SIZE, TO_BODY, "size_bytes", 0, NULL, "512M, 10G, 2T; not with --clone-of"},
    {"--datastore", ARG_TEXT, TO_BODY, "datastore", 0, "/datastores", "where its blocks live"},
    HOST_LISTS,
    {"--policy", ARG_TEXT, TO_BODY, "policy", 0, "/policies", "which filters it gets"},
    {"--block-bytes", ARG_NUMBER, TO_BODY, "block_bytes", 0, NULL, "512 or 4096"},
    {"--write-cache", ARG_CHOICE, TO_BODY, "write_cache", 0, "durable|volatile",
     "durable: every write is on stable storage when it is acknowledged"},
    {"--full", ARG_OFF, TO_BODY, "is_thin", 0, NULL, "take all of its space now"},
    {"--desired-state", ARG_CHOICE, TO_BODY, "desired_state", 0, "online|offline",
     "offline: do not export it yet"},
    {"--clone-of", ARG_TEXT, TO_BODY, "clone_of", 0, "/volumes", "copy this volume's content"},
    ARG_DESCRIPTION,
    ARG_END,
};
static const struct arg set_args[] = {
    VOLUME_NAME,
    {"--size", ARG_SIZE, TO_BODY, "size_bytes", 0, NULL, "grow it to 20G; it never shrinks"},
    {"--desired-state", ARG_CHOICE, TO_BODY, "desired_state", 0, "online|offline",
     "as volume start and volume stop"},
    {"--force", ARG_FLAG, TO_QUERY, "force", 0, NULL, "offline also while hosts are logged in"},
    ARG_DESCRIPTION,
    ARG_END,
};
static const struct arg stop_args[] = {
    VOLUME_NAME,
    {"--force", ARG_FLAG, TO_QUERY, "force", 0, NULL, "also while hosts are logged in"},
    ARG_END,
};
static const struct arg delete_args[] = {
    VOLUME_NAME,
    {"--force", ARG_FLAG, TO_QUERY, "force", 0, NULL, "also while hosts are logged in"},
    {"--snapshots", ARG_TEXT, TO_QUERY, "confirm_snapshots", 0, NULL,
     "how many snapshots go with it, if it has any"},
    ARG_END,
};
static const struct arg access_args[] = {
    VOLUME_NAME,
    {"--host", ARG_LIST, TO_BODY, "hosts", ARG_EMPTY, "/hosts", "a host that may log in"},
    {"--host-group", ARG_LIST, TO_BODY, "host_groups", ARG_EMPTY, "/host-groups",
     "a group of hosts that may log in"},
    ARG_END,
};
static const struct arg policy_args[] = {
    VOLUME_NAME,
    {"POLICY", ARG_TEXT, TO_BODY, "policy", ARG_REQUIRED, "/policies", "the policy"},
    {"--version", ARG_NUMBER, TO_BODY, "version", 0, NULL, "not the newest but this one"},
    ARG_END,
};
static const struct arg chap_args[] = {
    VOLUME_NAME,
    {"--user", ARG_TEXT, TO_BODY, "user", ARG_REQUIRED, NULL, "what the target calls itself"},
    {"--secret-file", ARG_SECRET, TO_BODY, "secret", 0, NULL,
     "the secret; without it one is made and shown once"},
    ARG_END,
};
static const struct arg history_args[] = {
    VOLUME_NAME,
    {"--from", ARG_TIME, TO_QUERY, "from_ms", 0, NULL, "-2h, or \"2026-01-31 12:00\""},
    {"--to", ARG_TIME, TO_QUERY, "to_ms", 0, NULL, "the same; now without it"},
    {"--points", ARG_NUMBER, TO_QUERY, "points", 0, NULL, "at most so many rows"},
    ARG_END,
};
static const struct arg file_args[] = {
    VOLUME_NAME,
    {"FILE", ARG_TEXT, TO_BODY, "file", ARG_REQUIRED, "/transfers/files",
     "its name in the appliance's transfer directory"},
    ARG_END,
};
static const struct arg export_args[] = {
    VOLUME_NAME,
    {"FILE", ARG_TEXT, TO_BODY, "file", ARG_REQUIRED, NULL,
     "its name in the appliance's transfer directory"},
    {"--format", ARG_CHOICE, TO_BODY, "format", 0, "raw|luks",
     "luks: an encrypted volume as it is on the datastore, for cryptsetup"},
    ARG_END,
};
static const struct arg read_args[] = {
    VOLUME_NAME,
    {"--output", ARG_TEXT, TO_COMMAND, "output", 0, NULL,
     "a file here; without it standard output"},
    ARG_END,
};
static const struct arg write_args[] = {
    VOLUME_NAME,
    {"--input", ARG_TEXT, TO_COMMAND, "input", 0, NULL, "a file here; without it standard input"},
    ARG_END,
};
static const struct arg adopt_args[] = {ARG_NAME_OF("/volumes-unmanaged", "the volume"), ARG_END};

#define ON(verb) "/volumes/{name}" verb

const struct command table_volume_commands[] = {
    {"volume list", "GET", "/volumes", "Lists the volumes.", table_list_args, volume_columns,
     COMMAND_LIST, NULL, NULL},
    {"volume create", "POST", "/volumes", "Makes a volume and exports it.", create_args, NULL, 0,
     NULL, "example: sluice volume create web-1 --size 10G --datastore fast --host esx1"},
    {"volume show", "GET", ON(""), "Shows a volume.", name_args, NULL, 0, NULL, NULL},
    {"volume set", "PATCH", ON(""), "Grows or describes a volume.", set_args, NULL, 0, NULL,
     "example: sluice volume set web-1 --size 20G"},
    {"volume delete", "DELETE", ON(""), "Deletes a volume and its data.", delete_args, NULL,
     COMMAND_DESTROYS | COMMAND_CONFIRMS, NULL, NULL},
    {"volume start", "POST", ON("/start"), "Opens a volume and exports it.", name_args, NULL, 0,
     NULL, NULL},
    {"volume stop", "POST", ON("/stop"), "Takes a volume from its hosts and closes it.", stop_args,
     NULL, 0, NULL, NULL},
    {"volume flush", "POST", ON("/flush"), "Brings acknowledged writes to stable storage.",
     name_args, NULL, 0, NULL, NULL},
    {"volume access show", "GET", ON("/access"), "Shows who may log in.", name_args, NULL, 0, NULL,
     NULL},
    {"volume access set", "PUT", ON("/access"), "Sets who may log in; all others are logged out.",
     access_args, NULL, 0, NULL,
     "All hosts have to be named, also those that are allowed already; none named: nobody."},
    {"volume policy set", "PUT", ON("/policy"), "Gives a volume a policy, while it runs.",
     policy_args, NULL, 0, NULL, NULL},
    {"volume policy clear", "DELETE", ON("/policy"), "Takes a volume's policy away.", name_args,
     NULL, 0, NULL, NULL},
    {"volume mutual-chap set", "PUT", ON("/mutual-chap"), "Lets the target prove who it is.",
     chap_args, NULL, 0, NULL, NULL},
    {"volume mutual-chap clear", "DELETE", ON("/mutual-chap"), "Ends mutual CHAP.", name_args, NULL,
     0, NULL, NULL},
    {"volume connect", "GET", ON("/connect"), "Says how each kind of host reaches a volume.",
     name_args, NULL, 0, connect_run, NULL},
    {"volume chain", "GET", ON("/chain"), "Shows the filters as they run.", name_args, NULL, 0,
     NULL, NULL},
    {"volume stats", "GET", ON("/stats"), "Shows the figures of the last second.", name_args, NULL,
     0, NULL, "sluice top shows them for all volumes, live."},
    {"volume history", "GET", ON("/history"), "Shows the figures of up to a day.", history_args,
     table_history_columns, COMMAND_LIST, NULL, NULL},
    {"volume import", "POST", ON("/import"),
     "Fills a stopped volume from a file of the transfer directory.", file_args, NULL,
     COMMAND_DESTROYS, NULL, NULL},
    {"volume export", "POST", ON("/export"),
     "Writes a stopped volume to a file of the transfer directory.", export_args, NULL, 0, NULL,
     "The format luks is never in clear; cryptsetup opens it with the key that wraps the volume's."},
    {"volume read", "GET", ON("/content"), "Copies a stopped volume's content to here.", read_args,
     NULL, COMMAND_PLAIN, files_read_run, "example: sluice volume read web-1 --output web-1.raw"},
    {"volume write", "PUT", ON("/content"), "Fills a stopped volume from here.", write_args, NULL,
     COMMAND_DESTROYS, files_write_run, "example: sluice volume write web-1 --input web-1.raw"},
    {"volume unmanaged", "GET", "/volumes-unmanaged",
     "Lists volumes that sluice-filterd has and the database does not.", NULL, unmanaged_columns,
     COMMAND_LIST, NULL, NULL},
    {"volume adopt", "POST", "/volumes-unmanaged/{name}/adopt", "Takes such a volume over.",
     adopt_args, NULL, 0, NULL, "Nobody may log in until hosts are allowed."},
    {"transfer list", "GET", "/transfers/files", "Lists the files of the transfer directory.", NULL,
     file_columns, COMMAND_LIST, NULL, NULL},
    {0},
};
