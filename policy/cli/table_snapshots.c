/* SPDX-License-Identifier: MIT */
/* table_snapshots.c - commands on snapshots, groups of them, and the schedules that make them. */
#include "tables.h"

static const struct column snapshot_columns[] = {
    {"VOLUME", "volume"},       {"NAME", "name"},
    {"STATE", "state"},         {"TAKEN", "created_ms"},
    {"SIZE", "size_bytes"},     {"OWN", "own_bytes"},
    {"SCHEDULE", "schedule"},   {"CLONES", "clones"},
    {"EXPOSURES", "exposures"}, {NULL},
};
static const struct column group_columns[] = {
    {"NAME", "name"},         {"STATE", "state"},          {"VOLUMES", "volumes"},
    {"SCHEDULE", "schedule"}, {"ASKED FOR", "created_ms"}, {NULL}};
static const struct column schedule_columns[] = {
    {"NAME", "name"},
    {"EVERY", "every"},
    {"AT", "at"},
    {"NEXT", "next_ms"},
    {"HOURLY", "keep_hourly"},
    {"DAILY", "keep_daily"},
    {"WEEKLY", "keep_weekly"},
    {"VOLUMES", "volume_count"},
    {"SNAPSHOTS", "snapshot_count"},
    {"ENABLED", "is_enabled"},
    {NULL},
};

#define VOLUME                                                                                     \
	{                                                                                          \
		"VOLUME", ARG_TEXT, TO_PATH, "name", ARG_REQUIRED, "/volumes", "the volume"        \
	}
#define SNAPSHOT                                                                                   \
	{                                                                                          \
		"SNAPSHOT", ARG_TEXT, TO_PATH, "snapshot", ARG_REQUIRED, "/snapshots",             \
		    "the snapshot: its name, or its UUID"                                          \
	}
#define NEW_VOLUME                                                                                 \
	{                                                                                          \
		"NAME", ARG_TEXT, TO_BODY, "name", ARG_REQUIRED, NULL, "of the new volume"         \
	}
#define NEW_VOLUME_OPTIONS                                                                         \
	{"--host", ARG_LIST, TO_BODY, "hosts", 0, "/hosts", "a host that may log in"},             \
	    {"--host-group",                                                                       \
	     ARG_LIST,                                                                             \
	     TO_BODY,                                                                              \
	     "host_groups",                                                                        \
	     0,                                                                                    \
	     "/host-groups",                                                                       \
	     "a group of hosts that may log in"},                                                  \
	    {"--desired-state",                                                                    \
	     ARG_CHOICE,                                                                           \
	     TO_BODY,                                                                              \
	     "desired_state",                                                                      \
	     0,                                                                                    \
	     "online|offline",                                                                     \
	     "offline: do not export it yet"},                                                     \
	    ARG_DESCRIPTION

static const struct arg all_args[] = {
    {"--limit", ARG_NUMBER, TO_QUERY, "limit", 0, NULL, "only so many, instead of all"},
    {"--sort", ARG_TEXT, TO_QUERY, "sort", 0, NULL, "a column's JSON name; -name: downwards"},
    {"--search", ARG_TEXT, TO_QUERY, "q", 0, NULL, "part of the name or the description"},
    {"--where", ARG_LIST, TO_COMMAND, "where", 0, NULL, "column=value, may be repeated"},
    ARG_END,
};
static const struct arg list_args[] = {
    VOLUME,
    {"--limit", ARG_NUMBER, TO_QUERY, "limit", 0, NULL, "only so many, instead of all"},
    {"--sort", ARG_TEXT, TO_QUERY, "sort", 0, NULL, "a column's JSON name; -name: downwards"},
    {"--search", ARG_TEXT, TO_QUERY, "q", 0, NULL, "part of the name or the description"},
    {"--where", ARG_LIST, TO_COMMAND, "where", 0, NULL, "column=value, may be repeated"},
    ARG_END,
};
static const struct arg volume_args[] = {VOLUME, ARG_END};
static const struct arg one_args[] = {VOLUME, SNAPSHOT, ARG_END};
static const struct arg create_args[] = {
    VOLUME,
    {"--name", ARG_TEXT, TO_BODY, "name", 0, NULL, "of the snapshot; the time without it"},
    ARG_DESCRIPTION,
    ARG_END,
};
static const struct arg set_args[] = {VOLUME, SNAPSHOT, ARG_DESCRIPTION, ARG_END};
static const struct arg delete_args[] = {
    VOLUME,
    SNAPSHOT,
    {"--confirm", ARG_TEXT, TO_QUERY, "confirm", ARG_REQUIRED, NULL, "the snapshot's name"},
    ARG_END,
};
static const struct arg revert_args[] = {
    VOLUME,
    SNAPSHOT,
    {"--confirm", ARG_TEXT, TO_BODY, "confirm", ARG_REQUIRED, NULL,
     "the volume's name: what was written since will be gone"},
    ARG_END,
};
static const struct arg expose_args[] = {VOLUME, SNAPSHOT, NEW_VOLUME, NEW_VOLUME_OPTIONS, ARG_END};
static const struct arg clone_args[] = {
    VOLUME,
    SNAPSHOT,
    NEW_VOLUME,
    {"--full", ARG_OFF, TO_BODY, "is_linked", 0, NULL,
     "copy all in the background, so that it stands alone in the end"},
    {"--policy", ARG_TEXT, TO_BODY, "policy", 0, "/policies", "its volume's without it"},
    NEW_VOLUME_OPTIONS,
    ARG_END,
};

/* ---------------------------------------------------------------- groups, schedules */

static const struct arg group_args[] = {ARG_NAME_OF("/snapshot-groups", "the group"), ARG_END};
static const struct arg group_create_args[] = {
    ARG_NEW_NAME("of the group, and of each of its snapshots"),
    {"--volume", ARG_LIST, TO_BODY, "volumes", ARG_REQUIRED, "/volumes", "may be repeated"},
    ARG_DESCRIPTION,
    ARG_END,
};
static const struct arg schedule_args[] = {ARG_NAME_OF("/snapshot-schedules", "the schedule"),
					   ARG_END};

#define SCHEDULE_OPTIONS                                                                           \
	{"--at",                                                                                   \
	 ARG_TEXT,                                                                                 \
	 TO_BODY,                                                                                  \
	 "at",                                                                                     \
	 0,                                                                                        \
	 NULL,                                                                                     \
	 "HH:MM, local time; of an hourly one the minutes count"},                                 \
	    {"--weekday",                                                                          \
	     ARG_CHOICE,                                                                           \
	     TO_BODY,                                                                              \
	     "weekday",                                                                            \
	     0,                                                                                    \
	     "monday|tuesday|wednesday|thursday|friday|saturday|sunday",                           \
	     "of a weekly one"},                                                                   \
	    {"--keep-hourly",                                                                      \
	     ARG_NUMBER,                                                                           \
	     TO_BODY,                                                                              \
	     "keep_hourly",                                                                        \
	     0,                                                                                    \
	     NULL,                                                                                 \
	     "the newest of each of the last so many hours"},                                      \
	    {"--keep-daily",                                                                       \
	     ARG_NUMBER,                                                                           \
	     TO_BODY,                                                                              \
	     "keep_daily",                                                                         \
	     0,                                                                                    \
	     NULL,                                                                                 \
	     "the newest of each of the last so many days"},                                       \
	    {"--keep-weekly",                                                                      \
	     ARG_NUMBER,                                                                           \
	     TO_BODY,                                                                              \
	     "keep_weekly",                                                                        \
	     0,                                                                                    \
	     NULL,                                                                                 \
	     "the newest of each of the last so many weeks"},                                      \
	    {"--volume", ARG_LIST, TO_BODY, "volumes", 0, "/volumes", "may be repeated"},          \
	    {"--policy",                                                                           \
	     ARG_TEXT,                                                                             \
	     TO_BODY,                                                                              \
	     "policy",                                                                             \
	     0,                                                                                    \
	     "/policies",                                                                          \
	     "and all volumes that have this policy"},                                             \
	    {"--group",                                                                            \
	     ARG_YES_NO,                                                                           \
	     TO_BODY,                                                                              \
	     "is_group",                                                                           \
	     0,                                                                                    \
	     NULL,                                                                                 \
	     "yes: all its volumes at one point in time"},                                         \
	    {"--enabled",                                                                          \
	     ARG_YES_NO,                                                                           \
	     TO_BODY,                                                                              \
	     "is_enabled",                                                                         \
	     0,                                                                                    \
	     NULL,                                                                                 \
	     "no: make and delete nothing"},                                                       \
	    ARG_DESCRIPTION

static const struct arg schedule_create_args[] = {
    ARG_NEW_NAME("of the schedule"),
    {"--every", ARG_CHOICE, TO_BODY, "every", ARG_REQUIRED, "hour|day|week", "how often"},
    SCHEDULE_OPTIONS,
    ARG_END,
};
static const struct arg schedule_set_args[] = {
    ARG_NAME_OF("/snapshot-schedules", "the schedule"),
    {"--every", ARG_CHOICE, TO_BODY, "every", 0, "hour|day|week", "how often"},
    SCHEDULE_OPTIONS,
    ARG_END,
};

#define ON(verb)  "/volumes/{name}/snapshots" verb
#define ONE(verb) ON("/{snapshot}" verb)

const struct command table_snapshot_commands[] = {
    {"snapshot all", "GET", "/snapshots", "Lists the snapshots of all volumes.", all_args,
     snapshot_columns, COMMAND_LIST, NULL, NULL},
    {"snapshot list", "GET", ON(""), "Lists the snapshots of a volume.", list_args,
     snapshot_columns, COMMAND_LIST, NULL, NULL},
    {"snapshot tree", "GET", "/volumes/{name}/snapshot-tree",
     "Shows snapshots, each below the one that it was taken after.", volume_args, NULL, 0,
     snapshot_tree_run, NULL},
    {"snapshot create", "POST", ON(""), "Takes a snapshot of a volume that runs.", create_args,
     NULL, 0, NULL, "example: sluice snapshot create web-1 --name before-upgrade"},
    {"snapshot show", "GET", ONE(""), "Shows a snapshot.", one_args, NULL, 0, NULL, NULL},
    {"snapshot set", "PATCH", ONE(""), "Describes a snapshot.", set_args, NULL, 0, NULL, NULL},
    {"snapshot delete", "DELETE", ONE(""), "Deletes a snapshot; its volume stays.", delete_args,
     NULL, 0, NULL,
     "example: sluice snapshot delete web-1 before-upgrade --confirm before-upgrade. Its blocks are "
     "merged in the background; sluice task cancel ends that."},
    {"snapshot revert", "POST", ONE("/revert"), "Makes a volume what it was at a snapshot.",
     revert_args, NULL, 0, NULL,
     "example: sluice snapshot revert web-1 before-upgrade --confirm web-1. Take a snapshot first, "
     "if what is there now may be wanted again."},
    {"snapshot clone", "POST", ONE("/clone"), "Makes a volume of a snapshot.", clone_args, NULL, 0,
     NULL, "example: sluice snapshot clone web-1 before-upgrade web-test --host esx1"},
    {"snapshot expose", "POST", ONE("/expose"), "Shows a snapshot as a read-only LUN.", expose_args,
     NULL, 0, NULL, "sluice volume delete ends it; the snapshot stays."},
    {"snapshot plan-repair", "GET", "/volumes/{name}/repair",
     "Says what a repair of a volume's layers would do.", volume_args, NULL, 0, NULL, NULL},
    {"snapshot repair", "POST", "/volumes/{name}/repair", "Puts a volume's layers in order.",
     volume_args, NULL, 0, NULL, "sluice snapshot plan-repair says what it would do."},
    {"snapshot group list", "GET", "/snapshot-groups",
     "Lists snapshots of several volumes at one point in time.", table_list_args, group_columns,
     COMMAND_LIST, NULL, NULL},
    {"snapshot group create", "POST", "/snapshot-groups",
     "Takes snapshots of several volumes at one point in time, all or none.", group_create_args,
     NULL, 0, NULL,
     "example: sluice snapshot group create shop-1 --volume shop-db --volume shop-web"},
    {"snapshot group show", "GET", "/snapshot-groups/{name}", "Shows a group.", group_args, NULL, 0,
     NULL, NULL},
    {"snapshot group delete", "DELETE", "/snapshot-groups/{name}",
     "Deletes a group's snapshots; the volumes stay.", group_args, NULL,
     COMMAND_DESTROYS | COMMAND_CONFIRMS, NULL, NULL},
    {"schedule list", "GET", "/snapshot-schedules", "Lists what makes snapshots by itself.",
     table_list_args, schedule_columns, COMMAND_LIST, NULL, NULL},
    {"schedule create", "POST", "/snapshot-schedules",
     "Makes snapshots by itself, and deletes them.", schedule_create_args, NULL, 0, NULL,
     "example: sluice schedule create nightly --every day --at 02:00 --keep-daily 7 --keep-weekly 4 "
     "--volume web-1"},
    {"schedule show", "GET", "/snapshot-schedules/{name}", "Shows a schedule.", schedule_args, NULL,
     0, NULL, NULL},
    {"schedule set", "PATCH", "/snapshot-schedules/{name}", "Changes a schedule.",
     schedule_set_args, NULL, 0, NULL, "--volume replaces the whole list of volumes."},
    {"schedule delete", "DELETE", "/snapshot-schedules/{name}",
     "Deletes a schedule; its snapshots stay.", schedule_args, NULL, COMMAND_DESTROYS, NULL, NULL},
    {0},
};
