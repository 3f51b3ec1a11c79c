/* SPDX-License-Identifier: MIT */
/* table_encryption.c - commands on the encryption of volumes. */
#include "tables.h"

#define VOLUME                                                                                     \
	{                                                                                          \
		"VOLUME", ARG_TEXT, TO_PATH, "name", ARG_REQUIRED, "/volumes", "the volume"        \
	}

static const struct arg name_args[] = {VOLUME, ARG_END};
static const struct arg rekey_args[] = {
    VOLUME,
    {"--deep", ARG_FLAG, TO_BODY, "is_deep", 0, NULL,
     "a new volume key: all data is encrypted anew"},
    ARG_END,
};
static const struct arg erase_args[] = {
    VOLUME,
    {"--force", ARG_FLAG, TO_QUERY, "force", 0, NULL, "also while hosts are logged in"},
    ARG_END,
};

#define ON(verb) "/volumes/{name}/encryption" verb

const struct command table_encryption_commands[] = {
    {"encryption show", "GET", ON(""),
     "Shows how a volume is encrypted, which key opens it, and what is being changed.", name_args,
     NULL, 0, encryption_show_run, NULL},
    {"encryption encrypt", "POST", ON("/encrypt"),
     "Encrypts the data that a volume holds in clear, while it is used.", name_args, NULL, 0, NULL,
     "Its policy needs a rule of the class encryption that names a key.\n"
     "example: sluice volume policy set web1-disk secret; sluice encryption encrypt web1-disk"},
    {"encryption decrypt", "POST", ON("/decrypt"),
     "Writes a volume's data to its datastore in clear, while it is used.", name_args, NULL,
     COMMAND_DESTROYS | COMMAND_CONFIRMS, NULL,
     "Afterwards its policy may be one without encryption."},
    {"encryption rekey", "POST", ON("/rekey"), "Gives a volume the newest key of its policy.",
     rekey_args, NULL, 0, NULL,
     "Without --deep the volume's own key stays and is wrapped anew; no data is touched."},
    {"encryption erase", "POST", ON("/erase"),
     "Destroys a volume's key: nothing opens its data any more.", erase_args, NULL,
     COMMAND_DESTROYS | COMMAND_CONFIRMS, NULL,
     "Exports, and copies of its LUKS header, are not reached: for those, destroy the key that\n"
     "opens them with sluice key destroy."},
    {"encryption pause", "POST", ON("/pause"), "Halts what goes through the volume.", name_args,
     NULL, 0, NULL, NULL},
    {"encryption resume", "POST", ON("/resume"), "Goes on with it.", name_args, NULL, 0, NULL,
     NULL},
    {0},
};
