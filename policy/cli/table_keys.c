/* SPDX-License-Identifier: MIT */
/* table_keys.c - commands on keys and on who keeps them. */
#include "tables.h"

static const struct column provider_columns[] = {
    {"NAME", "name"},       {"TYPE", "type"},
    {"STATE", "state"},     {"SINCE", "state_since_ms"},
    {"TEXT", "state_text"}, {NULL}};
static const struct column key_columns[] = {{"NAME", "name"},
					    {"PROVIDER", "provider"},
					    {"VERSION", "version"},
					    {"STATE", "state"},
					    {"CREATED", "created_ms"},
					    {"ROTATED", "rotated_ms"},
					    {NULL}};

#define PROVIDER ARG_NAME_OF("/key-providers", "the key provider")
#define KEY      ARG_NAME_OF("/keys", "the key")
#define PASSPHRASE(more, what)                                                                     \
	{                                                                                          \
		"--passphrase-file", ARG_SECRET, TO_BODY, "passphrase", more, NULL, what           \
	}
#define BUNDLE                                                                                     \
	{                                                                                          \
		"--file", ARG_TEXT, TO_BODY, "file", ARG_REQUIRED, "/transfers/files",             \
		    "a name in the transfer folder"                                                \
	}
#define KMIP_ARGS                                                                                  \
	{"--server",                                                                               \
	 ARG_LIST,                                                                                 \
	 TO_BODY,                                                                                  \
	 "servers",                                                                                \
	 0,                                                                                        \
	 NULL,                                                                                     \
	 "kmip: host:5696; may be repeated, asked in this order"},                                 \
	    {"--server-name",                                                                      \
	     ARG_TEXT,                                                                             \
	     TO_BODY,                                                                              \
	     "server_name",                                                                        \
	     0,                                                                                    \
	     NULL,                                                                                 \
	     "kmip: what the servers' certificates are for, if it is not their host"},             \
	    {"--ca-file",                                                                          \
	     ARG_PEM,                                                                              \
	     TO_BODY,                                                                              \
	     "ca_certificates",                                                                    \
	     0,                                                                                    \
	     NULL,                                                                                 \
	     "kmip: PEM, of who signed the servers' certificates"},                                \
	    {"--certificate-file",        ARG_PEM, TO_BODY, "client_certificate", 0, NULL,         \
	     "kmip: PEM, our certificate"},                                                        \
	    {"--key-file", ARG_PEM, TO_BODY, "client_key", 0, NULL, "kmip: PEM, its private key"}, \
	{                                                                                          \
		"--timeout-ms", ARG_NUMBER, TO_BODY, "timeout_ms", 0, NULL,                        \
		    "kmip: for a connection or an answer; 5000 without it"                         \
	}

static const struct arg provider_args[] = {PROVIDER, ARG_END};
static const struct arg provider_create_args[] = {
    ARG_NEW_NAME("of the key provider"),
    {"--type", ARG_CHOICE, TO_BODY, "type", ARG_REQUIRED, "native|kmip",
     "a keystore here, or key servers"},
    {"--opened-by", ARG_CHOICE, TO_BODY, "opened_by", 0, "passphrase|credential|key_file",
     "native: what opens the keystore"},
    {"--opened-from", ARG_TEXT, TO_BODY, "opened_from", 0, NULL,
     "native: the systemd credential's name, the key file's path"},
    PASSPHRASE(0, "native: the passphrase; - asks for it"),
    KMIP_ARGS,
    ARG_DESCRIPTION,
    ARG_END,
};
static const struct arg provider_set_args[] = {
    PROVIDER, PASSPHRASE(0, "native: a new passphrase; - asks for it"), KMIP_ARGS, ARG_DESCRIPTION,
    ARG_END,
};
static const struct arg unlock_args[] = {
    PROVIDER,
    PASSPHRASE(ARG_REQUIRED | ARG_PROMPT, "the passphrase; asked for without it"),
    ARG_END,
};
static const struct arg export_args[] = {
    PROVIDER,
    BUNDLE,
    PASSPHRASE(ARG_REQUIRED | ARG_PROMPT | ARG_TWICE, "one for the bundle; asked for without it"),
    ARG_END,
};
static const struct arg import_args[] = {
    PROVIDER,
    BUNDLE,
    PASSPHRASE(ARG_REQUIRED | ARG_PROMPT, "the bundle's; asked for without it"),
    ARG_END,
};

static const struct arg key_args[] = {KEY, ARG_END};
static const struct arg key_create_args[] = {
    ARG_NEW_NAME("of the key"),
    {"--provider", ARG_TEXT, TO_BODY, "provider", ARG_REQUIRED, "/key-providers", "who keeps it"},
    {"--provider-key-id", ARG_TEXT, TO_BODY, "provider_key_id", 0, NULL,
     "take this one over, which its provider has already"},
    ARG_DESCRIPTION,
    ARG_END,
};
static const struct arg key_set_args[] = {KEY, ARG_DESCRIPTION, ARG_END};
static const struct arg key_destroy_args[] = {
    KEY,
    {"", ARG_FIXED, TO_QUERY, "destroy", 0, "\"true\"", NULL},
    ARG_END,
};

const struct command table_key_commands[] = {
    {"key-provider list", "GET", "/key-providers", "Lists who keeps keys, and whether they serve.",
     table_list_args, provider_columns, COMMAND_LIST, NULL, NULL},
    {"key-provider create", "POST", "/key-providers",
     "Makes a keystore, or makes key servers known.", provider_create_args, NULL, 0, NULL,
     "Key servers must be allowed: sluice setting set egress_allow '[\"kmip://kms:5696!private\"]'"},
    {"key-provider show", "GET", "/key-providers/{name}", "Shows a key provider.", provider_args,
     NULL, 0, NULL, NULL},
    {"key-provider set", "PATCH", "/key-providers/{name}", "Changes a key provider.",
     provider_set_args, NULL, 0, NULL, NULL},
    {"key-provider delete", "DELETE", "/key-providers/{name}",
     "Forgets a key provider that keeps no keys.", provider_args, NULL, COMMAND_DESTROYS, NULL,
     NULL},
    {"key-provider unlock", "POST", "/key-providers/{name}/unlock",
     "Opens a keystore by its passphrase.", unlock_args, NULL, 0, NULL, NULL},
    {"key-provider test", "POST", "/key-providers/{name}/test", "Looks now whether it serves.",
     provider_args, NULL, 0, NULL, NULL},
    {"key-provider export", "POST", "/key-providers/{name}/export",
     "Writes a keystore's keys into a bundle.", export_args, NULL, 0, NULL, NULL},
    {"key-provider import", "POST", "/key-providers/{name}/import",
     "Takes keys out of a bundle into a keystore.", import_args, NULL, 0, NULL, NULL},
    {"key list", "GET", "/keys", "Lists what is known of keys.", table_list_args, key_columns,
     COMMAND_LIST, NULL, NULL},
    {"key create", "POST", "/keys", "Makes a key at a provider.", key_create_args, NULL, 0, NULL,
     "example: sluice key create main --provider vault"},
    {"key show", "GET", "/keys/{name}", "Shows a key's versions and the volumes that need it.",
     key_args, NULL, 0, NULL, NULL},
    {"key set", "PATCH", "/keys/{name}", "Changes a key's description.", key_set_args, NULL, 0,
     NULL, NULL},
    {"key rotate", "POST", "/keys/{name}/rotate", "Makes a new version of a key.", key_args, NULL,
     0, NULL, "Volumes that are open are given it, others after their next start."},
    {"key delete", "DELETE", "/keys/{name}",
     "Forgets a key that no volume needs; it stays at its provider.", key_args, NULL,
     COMMAND_DESTROYS, NULL, NULL},
    {"key destroy", "DELETE", "/keys/{name}",
     "Destroys a key at its provider: whatever it has encrypted is unreadable for good.",
     key_destroy_args, NULL, COMMAND_DESTROYS | COMMAND_CONFIRMS, NULL, NULL},
    {0},
};
