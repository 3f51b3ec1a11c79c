/* SPDX-License-Identifier: MIT */
/* tables.h - the commands by resource; each ends with words NULL. For table.c alone, beside the
 * short ways to write an argument. */
#ifndef CLI_TABLES_H
#define CLI_TABLES_H

#include "cli.h"

extern const struct command table_status_commands[], table_volume_commands[],
    table_datastore_commands[], table_host_commands[], table_policy_commands[],
    table_cache_commands[], table_encryption_commands[], table_key_commands[],
    table_record_commands[], table_alert_commands[], table_user_commands[], table_system_commands[],
    table_replication_commands[], table_snapshot_commands[];

/* The object that the path names; list: whose names fit it. */
#define ARG_NAME_OF(list, what)                                                                    \
	{                                                                                          \
		"NAME", ARG_TEXT, TO_PATH, "name", ARG_REQUIRED, list, what                        \
	}
/* The name of one that is made. */
#define ARG_NEW_NAME(what)                                                                         \
	{                                                                                          \
		"NAME", ARG_TEXT, TO_BODY, "name", ARG_REQUIRED, NULL, what                        \
	}
#define ARG_ID(list, what)                                                                         \
	{                                                                                          \
		"ID", ARG_TEXT, TO_PATH, "id", ARG_REQUIRED, list, what                            \
	}
#define ARG_DESCRIPTION                                                                            \
	{                                                                                          \
		"--description", ARG_TEXT, TO_BODY, "description", 0, NULL, "free text"            \
	}
#define ARG_END                                                                                    \
	{                                                                                          \
		NULL                                                                               \
	}

/* What every list takes. */
extern const struct arg table_list_args[];
extern const struct column table_history_columns[];

#endif
