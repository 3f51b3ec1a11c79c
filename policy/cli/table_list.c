/* SPDX-License-Identifier: MIT */
/* table_list.c - the options of every list. */
#include "tables.h"

const struct arg table_list_args[] = {
    {"--limit", ARG_NUMBER, TO_QUERY, "limit", 0, NULL, "only so many, instead of all"},
    {"--sort", ARG_TEXT, TO_QUERY, "sort", 0, NULL, "a column's JSON name; -name: downwards"},
    {"--search", ARG_TEXT, TO_QUERY, "q", 0, NULL, "part of the name or the description"},
    {"--where", ARG_LIST, TO_COMMAND, "where", 0, NULL, "column=value, may be repeated"},
    ARG_END,
};
