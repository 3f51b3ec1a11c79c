/* SPDX-License-Identifier: MIT */
/* table_def.h - how the table_*.c files write their columns; what many tables have in common. */
#ifndef DB_TABLE_DEF_H
#define DB_TABLE_DEF_H

#include "table.h"

#define TABLE_INT_MAX  9223372036854775807ull
#define TABLE_TEXT_MAX 1000u

#define COLUMN_ID_HIDDEN                                                                           \
	{                                                                                          \
		.name = "id", .type = STORE_INTEGER, .flags = STORE_APPLIANCE | STORE_HIDDEN,      \
		.max = TABLE_INT_MAX, .unit = "", .help = "The row's number inside the database."  \
	}
#define COLUMN_ID                                                                                  \
	{                                                                                          \
		.name = "id", .type = STORE_INTEGER, .flags = STORE_APPLIANCE | STORE_SORTABLE,    \
		.max = TABLE_INT_MAX, .unit = "",                                                  \
		.help = "Its number; grows with time and is never used again."                     \
	}
#define COLUMN_NAME(what)                                                                          \
	{                                                                                          \
		.name = "name", .type = STORE_NAME,                                                \
		.flags = STORE_REQUIRED | STORE_CREATE_ONLY | STORE_FILTERABLE | STORE_SORTABLE,   \
		.min = 1, .max = 80, .unit = "",                                                   \
		.help = "Name of the " what                                                        \
			": 1 to 80 letters, digits, '.', '_' or '-', the first a letter or "       \
			"digit; it never changes, and case makes no difference."                   \
	}
#define COLUMN_DESCRIPTION                                                                         \
	{                                                                                          \
		.name = "description", .type = STORE_TEXT, .max = TABLE_TEXT_MAX, .def = "\"\"",   \
		.unit = "", .help = "Free text for people; the appliance does nothing with it."    \
	}
#define COLUMN_REVISION                                                                            \
	{                                                                                          \
		.name = "revision", .type = STORE_INTEGER, .flags = STORE_APPLIANCE, .min = 1,     \
		.max = TABLE_INT_MAX, .unit = "",                                                  \
		.help = "Grows by one with each change; it is the ETag that If-Match takes."       \
	}
#define COLUMN_CREATED                                                                             \
	{                                                                                          \
		.name = "created_ms", .type = STORE_TIME_MS,                                       \
		.flags = STORE_APPLIANCE | STORE_SORTABLE, .max = TABLE_INT_MAX, .unit = "ms",     \
		.help = "When it was created, in milliseconds since 1970 UTC."                     \
	}
#define COLUMN_RUNNING_ERROR(who)                                                                  \
	{                                                                                          \
		.name = "running_error", .type = STORE_TEXT, .flags = STORE_APPLIANCE,             \
		.max = TABLE_TEXT_MAX, .unit = "",                                                 \
		.help = "Why it does not run as wanted, as " who " said it; empty when all is "    \
			"well."                                                                    \
	}

#define TABLE_COLUMNS(array)                                                                       \
	.columns = (array), .column_count = (uint32_t)(sizeof(array) / sizeof((array)[0]))

/* Lists of words that several tables use. */
extern const char *const table_words_severity[];
extern const char *const table_words_role[];

#endif
