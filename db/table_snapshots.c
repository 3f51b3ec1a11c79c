/* SPDX-License-Identifier: MIT */
/* table_snapshots.c - snapshots, groups of them, and the schedules that make them. */
#include "table_def.h"

static const char *const states[] = {"creating", "ready", "deleting", "degraded", "missing", NULL};
static const char *const units[] = {"hour", "day", "week", NULL};
static const char *const weekdays[] = {"monday", "tuesday",  "wednesday", "thursday",
				       "friday", "saturday", "sunday",    NULL};

#define BYTES(n, text)                                                                             \
	{                                                                                          \
		.name = (n), .type = STORE_INTEGER, .flags = STORE_APPLIANCE | STORE_SORTABLE,     \
		.max = TABLE_INT_MAX, .unit = "bytes", .help = (text)                              \
	}
#define KEEP(n, text)                                                                              \
	{                                                                                          \
		.name = (n), .type = STORE_INTEGER, .max = 1000, .def = "0", .unit = "",           \
		.help = (text)                                                                     \
	}

/* ---------------------------------------------------------------- schedules */

static const struct store_column schedules[] = {
    COLUMN_ID_HIDDEN,
    {.name = "name",
     .type = STORE_NAME,
     .flags = STORE_REQUIRED | STORE_CREATE_ONLY | STORE_FILTERABLE | STORE_SORTABLE,
     .min = 1,
     .max = 60,
     .unit = "",
     .help = "Name of the schedule; its snapshots bear it, with the time added."},
    COLUMN_DESCRIPTION,
    {.name = "every",
     .type = STORE_ENUM,
     .flags = STORE_REQUIRED | STORE_FILTERABLE | STORE_SORTABLE,
     .choices = units,
     .unit = "",
     .help = "How often: every 'hour', 'day' or 'week'."},
    {.name = "at",
     .type = STORE_TEXT,
     .min = 5,
     .max = 5,
     .def = "\"00:00\"",
     .unit = "",
     .help = "HH:MM in the appliance's local time; of an hourly one the minutes alone count."},
    {.name = "weekday",
     .type = STORE_ENUM,
     .choices = weekdays,
     .def = "\"sunday\"",
     .unit = "",
     .help = "The day of a weekly one."},
    KEEP("keep_hourly", "Keeps the newest of each of the last so many hours that have one."),
    KEEP("keep_daily", "Keeps the newest of each of the last so many days that have one."),
    KEEP("keep_weekly", "Keeps the newest of each of the last so many weeks that have one."),
    {.name = "policy",
     .column = "policy_id",
     .type = STORE_NAME_OF,
     .flags = STORE_NULLABLE | STORE_FILTERABLE | STORE_SORTABLE,
     .other = &table_policies,
     .unit = "",
     .help = "It is also for all volumes that have this policy, now or later."},
    {.name = "is_group",
     .type = STORE_BOOL,
     .def = "false",
     .unit = "",
     .help = "True: all its volumes at one point in time, or none of them."},
    {.name = "is_enabled",
     .type = STORE_BOOL,
     .flags = STORE_FILTERABLE,
     .def = "true",
     .unit = "",
     .help = "False: it makes and deletes nothing."},
    {.name = "last_due_ms",
     .type = STORE_TIME_MS,
     .flags = STORE_APPLIANCE | STORE_SORTABLE,
     .max = TABLE_INT_MAX,
     .unit = "ms",
     .help = "The point in time that it last ran for; 0: it never has."},
    {.name = "last_run_ms",
     .type = STORE_TIME_MS,
     .flags = STORE_APPLIANCE | STORE_SORTABLE,
     .max = TABLE_INT_MAX,
     .unit = "ms",
     .help = "When it last ran."},
    {.name = "last_text",
     .type = STORE_TEXT,
     .flags = STORE_APPLIANCE,
     .max = TABLE_TEXT_MAX,
     .unit = "",
     .help = "What it did then."},
    COLUMN_REVISION,
    COLUMN_CREATED,
};
const struct store_table table_snapshot_schedules = {.name = "snapshot_schedules",
						     .singular = "snapshot schedule",
						     .key = "name",
						     TABLE_COLUMNS(schedules),
						     .has_revision = true};

/* ---------------------------------------------------------------- groups */

#define COLUMN_SCHEDULE                                                                            \
	{                                                                                          \
		.name = "schedule", .column = "schedule_id", .type = STORE_NAME_OF,                \
		.flags = STORE_APPLIANCE | STORE_NULLABLE | STORE_FILTERABLE | STORE_SORTABLE,     \
		.other = &table_snapshot_schedules, .unit = "",                                    \
		.help = "The schedule that made it, and whose retention deletes it; null: none."   \
	}

static const struct store_column groups[] = {
    COLUMN_ID_HIDDEN,
    {.name = "uuid",
     .type = STORE_UUID,
     .flags = STORE_APPLIANCE,
     .min = 36,
     .max = 36,
     .unit = "",
     .help = "Its identity."},
    COLUMN_NAME("group; its snapshots are called the same"),
    COLUMN_DESCRIPTION,
    COLUMN_SCHEDULE,
    COLUMN_REVISION,
    COLUMN_CREATED,
};
const struct store_table table_snapshot_groups = {.name = "snapshot_groups",
						  .singular = "snapshot group",
						  .key = "name",
						  TABLE_COLUMNS(groups),
						  .has_revision = true};

/* ---------------------------------------------------------------- snapshots */

static const struct store_column snapshots[] = {
    COLUMN_ID_HIDDEN,
    {.name = "uuid",
     .type = STORE_UUID,
     .flags = STORE_APPLIANCE | STORE_FILTERABLE,
     .min = 36,
     .max = 36,
     .unit = "",
     .help = "Its identity in the volume's files."},
    {.name = "volume",
     .column = "volume_id",
     .type = STORE_NAME_OF,
     .flags = STORE_APPLIANCE | STORE_FILTERABLE | STORE_SORTABLE,
     .other = &table_volumes,
     .unit = "",
     .help = "The volume that it is of."},
    COLUMN_NAME("snapshot, among those of its volume"),
    COLUMN_DESCRIPTION,
    {.name = "group",
     .column = "group_id",
     .type = STORE_NAME_OF,
     .flags = STORE_APPLIANCE | STORE_NULLABLE | STORE_FILTERABLE | STORE_SORTABLE,
     .other = &table_snapshot_groups,
     .unit = "",
     .help = "The group that was taken at the same point in time; null: none."},
    COLUMN_SCHEDULE,
    {.name = "is_adopted",
     .type = STORE_BOOL,
     .flags = STORE_APPLIANCE | STORE_FILTERABLE,
     .unit = "",
     .help = "True: it was found in the volume, and not made by this database."},
    {.name = "state",
     .type = STORE_ENUM,
     .flags = STORE_APPLIANCE | STORE_FILTERABLE | STORE_SORTABLE,
     .choices = states,
     .unit = "",
     .help = "'creating', 'ready', 'deleting', 'degraded' (a file of it is missing or damaged), or "
	     "'missing' (the volume does not have it any more)."},
    {.name = "state_text",
     .type = STORE_TEXT,
     .flags = STORE_APPLIANCE,
     .max = TABLE_TEXT_MAX,
     .unit = "",
     .help = "Why it is not ready, and what to do; empty when all is well."},
    {.name = "parent",
     .type = STORE_TEXT,
     .flags = STORE_APPLIANCE,
     .max = 36,
     .unit = "",
     .help = "UUID of the snapshot below it; empty: none."},
    BYTES("own_bytes", "Space that it alone takes, as last seen."),
    BYTES("size_bytes", "Size of the volume then."),
    BYTES("done_bytes", "While it is being deleted: how much is merged."),
    BYTES("total_bytes", "While it is being deleted: how much is to be merged."),
    {.name = "key",
     .column = "key_id",
     .type = STORE_NAME_OF,
     .flags = STORE_APPLIANCE | STORE_NULLABLE | STORE_FILTERABLE,
     .other = &table_keys,
     .unit = "",
     .help = "The key that opens it; null: the volume was not encrypted then."},
    {.name = "key_version",
     .type = STORE_INTEGER,
     .flags = STORE_APPLIANCE,
     .max = TABLE_INT_MAX,
     .unit = "",
     .help = "That key's version; 0: none."},
    COLUMN_REVISION,
    COLUMN_CREATED,
};
const struct store_table table_snapshots = {.name = "snapshots",
					    .singular = "snapshot",
					    .key = "uuid",
					    TABLE_COLUMNS(snapshots),
					    .has_revision = true};
