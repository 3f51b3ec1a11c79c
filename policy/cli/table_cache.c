/* SPDX-License-Identifier: MIT */
/* table_cache.c - commands on the caches of volumes. */
#include "tables.h"

#define VOLUME                                                                                     \
	{                                                                                          \
		"VOLUME", ARG_TEXT, TO_PATH, "name", ARG_REQUIRED, "/volumes", "the volume"        \
	}

static const struct arg name_args[] = {VOLUME, ARG_END};
static const struct arg drop_args[] = {
    VOLUME,
    {"--dirty-bytes", ARG_NUMBER, TO_BODY, "dirty_bytes", 0, NULL,
     "how much is to be given up; refused unless it is exactly what is there"},
    {"--unknown", ARG_FLAG, TO_BODY, "unknown", 0, NULL,
     "all of it, where the cache cannot say how much it is"},
    ARG_END,
};

#define ON(verb) "/volumes/{name}/cache" verb

const struct command table_cache_commands[] = {
    {"cache show", "GET", ON(""), "Shows a volume's cache by tier: hits, dirty data, quota, state.",
     name_args, NULL, 0, cache_show_run,
     "Where its flash is and what all caches of a datastore may take is set there:\n"
     "example: sluice datastore filter set fast cache flash_path=/flash flash_bytes=64G"},
    {"cache flush", "POST", ON("/flush"), "Brings what only the cache has to the datastore.",
     name_args, NULL, 0, NULL, "The volume runs meanwhile."},
    {"cache warm", "POST", ON("/warm"), "Reads what was hot before a restart into the cache again.",
     name_args, NULL, 0, NULL, NULL},
    {"cache drop", "POST", ON("/drop"), "Gives up acknowledged writes that only the cache has.",
     drop_args, NULL, 0, cache_drop_run,
     "For a cache whose flash is lost. It names the amount, asks for the volume's name, and drops\n"
     "nothing if the amount has changed meanwhile. Restore the volume from a copy afterwards."},
    {0},
};
