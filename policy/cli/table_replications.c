/* SPDX-License-Identifier: MIT */
/* table_replications.c - commands on paired appliances and on what is replicated to them. */
#include "tables.h"

/* ---------------------------------------------------------------- peers */

static const struct column peer_columns[] = {{"NAME", "name"},
					     {"ADDRESS", "address"},
					     {"PORT", "port"},
					     {"STATE", "state"},
					     {"VERSION", "version"},
					     {"LAST SEEN", "last_seen_ms"},
					     {NULL}};

#define PEER_MORE                                                                                  \
	{"--port", ARG_NUMBER, TO_BODY, "port", 0, NULL, "3262 without it"},                       \
	    {"--fingerprint-sha256", ARG_TEXT, TO_BODY, "fingerprint_sha256", 0, NULL,             \
	     "of its certificate"},                                                                \
	    ARG_DESCRIPTION
static const struct arg peer_args[] = {ARG_NAME_OF("/peers", "the peer"), ARG_END};
static const struct arg peer_offer_args[] = {ARG_NEW_NAME("that it is to have here"), ARG_END};
static const struct arg peer_create_args[] = {
    ARG_NEW_NAME("of the peer"),
    {"--address", ARG_TEXT, TO_BODY, "address", ARG_REQUIRED, NULL, "where it is"},
    {"--code", ARG_TEXT, TO_BODY, "code", 0, NULL, "what sluice peer offer showed there"},
    PEER_MORE,
    ARG_END,
};
static const struct arg peer_set_args[] = {
    ARG_NAME_OF("/peers", "the peer"),
    {"--address", ARG_TEXT, TO_BODY, "address", 0, NULL, "where it is"},
    PEER_MORE,
    ARG_END,
};

/* ---------------------------------------------------------------- replications */

static const struct column replication_columns[] = {
    {"NAME", "name"},        {"PEER", "peer"},         {"ROLE", "role"},       {"STATE", "state"},
    {"MODE", "status.mode"}, {"LAG", "status.lag_ms"}, {"VOLUMES", "volumes"}, {NULL}};

#define REPLICATION ARG_NAME_OF("/replications", "the replication")
#define SETTINGS                                                                                   \
	{"--mode",                                                                                 \
	 ARG_CHOICE,                                                                               \
	 TO_BODY,                                                                                  \
	 "mode",                                                                                   \
	 0,                                                                                        \
	 "sync|async",                                                                             \
	 "when a write is acknowledged: by both sides, or by this one"},                           \
	    {"--when-peer-is-lost",                                                                \
	     ARG_CHOICE,                                                                           \
	     TO_BODY,                                                                              \
	     "when_peer_is_lost",                                                                  \
	     0,                                                                                    \
	     "hold|continue",                                                                      \
	     "sync: hold writes, or go on alone"},                                                 \
	    {"--rpo-target-ms",                                                                    \
	     ARG_NUMBER,                                                                           \
	     TO_BODY,                                                                              \
	     "rpo_target_ms",                                                                      \
	     0,                                                                                    \
	     NULL,                                                                                 \
	     "how far behind the replica may be"},                                                 \
	    {"--rpo-warning-ms",          ARG_NUMBER, TO_BODY, "rpo_warning_ms", 0, NULL,          \
	     "a warning from this lag on"},                                                        \
	    {"--rpo-error-ms",           ARG_NUMBER, TO_BODY, "rpo_error_ms", 0, NULL,             \
	     "an error from this lag on"},                                                         \
	    {"--bandwidth",                                                                        \
	     ARG_SIZE,                                                                             \
	     TO_BODY,                                                                              \
	     "bandwidth_bytes_per_s",                                                              \
	     0,                                                                                    \
	     NULL,                                                                                 \
	     "limit a second; 0: none"},                                                           \
	    {"--bandwidth-day", ARG_SIZE, TO_BODY, "bandwidth_day_bytes_per_s", 0, NULL,           \
	     "the same by day"},                                                                   \
	    {"--day-from-h", ARG_NUMBER, TO_BODY, "day_from_h", 0, NULL, "the day's first hour"},  \
	    {"--day-to-h", ARG_NUMBER, TO_BODY, "day_to_h", 0, NULL, "the hour at which it ends"}, \
	    {"--backpressure-max-ms",                                                              \
	     ARG_NUMBER,                                                                           \
	     TO_BODY,                                                                              \
	     "backpressure_max_ms",                                                                \
	     0,                                                                                    \
	     NULL,                                                                                 \
	     "a write waits so long for the journal"},                                             \
	    {"--compression", ARG_CHOICE,       TO_BODY, "compression", 0,                         \
	     "none|lz4|zstd", "of what is sent"},                                                  \
	    ARG_DESCRIPTION
#define CONFIRM(what)                                                                              \
	{                                                                                          \
		"--confirm", ARG_TEXT, TO_BODY, "confirm", 0, NULL, what                           \
	}

static const struct arg name_args[] = {REPLICATION, ARG_END};
static const struct arg create_args[] = {
    ARG_NEW_NAME("of the replication"),
    {"--peer", ARG_TEXT, TO_BODY, "peer", ARG_REQUIRED, "/peers", "the paired appliance"},
    {"--volume", ARG_LIST, TO_BODY, "volumes", ARG_REQUIRED, "/volumes",
     "may be repeated: then they are one group, with one order of writes"},
    {"--peer-datastore", ARG_TEXT, TO_BODY, "peer_datastore", 0, NULL,
     "where the copy is kept; the same name without it"},
    {"--witness", ARG_TEXT, TO_BODY, "witness", 0, "/peers",
     "a third appliance that decides who serves"},
    {"--journal", ARG_SIZE, TO_BODY, "journal_bytes", 0, NULL,
     "log of what the replica does not have yet"},
    {"--stage", ARG_SIZE, TO_BODY, "stage_bytes", 0, NULL,
     "logs of what is not complete on the replica"},
    SETTINGS,
    ARG_END,
};
static const struct arg set_args[] = {REPLICATION, SETTINGS, ARG_END};
static const struct arg delete_args[] = {
    REPLICATION,
    {"--force", ARG_FLAG, TO_QUERY, "force", 0, NULL, "the peer is lost for good, and not told"},
    ARG_END,
};
static const struct arg promote_args[] = {
    REPLICATION,
    {"--force", ARG_FLAG, TO_BODY, "force", 0, NULL, "accept the loss that the refusal names"},
    CONFIRM("the replication's name, with --force"),
    ARG_END,
};
static const struct arg resolve_args[] = {
    REPLICATION,
    {"--keep", ARG_CHOICE, TO_BODY, "keep", ARG_REQUIRED, "own|peer", "whose data stays"},
    CONFIRM("the replication's name: what the other side wrote alone goes"),
    ARG_END,
};
static const struct arg verify_args[] = {
    REPLICATION,
    {"--repair", ARG_FLAG, TO_BODY, "repair", 0, NULL, "bring differing blocks from the primary"},
    ARG_END,
};

#define ON(verb) "/replications/{name}" verb

const struct command table_replication_commands[] = {
    {"peer list", "GET", "/peers", "Lists other appliances.", table_list_args, peer_columns,
     COMMAND_LIST, NULL, NULL},
    {"peer offer", "POST", "/peers/offers", "Gets a code by which another appliance may pair.",
     peer_offer_args, NULL, 0, NULL,
     "The code is good once and for ten minutes: sluice peer create there takes it."},
    {"peer create", "POST", "/peers", "Pairs with another appliance by its code.", peer_create_args,
     NULL, 0, NULL, "example: sluice peer create site-a --address 10.0.0.1 --code ABCD-..."},
    {"peer show", "GET", "/peers/{name}", "Shows a peer.", peer_args, NULL, 0, NULL, NULL},
    {"peer set", "PATCH", "/peers/{name}", "Changes a peer.", peer_set_args, NULL, 0, NULL, NULL},
    {"peer delete", "DELETE", "/peers/{name}", "Forgets a peer.", peer_args, NULL, COMMAND_DESTROYS,
     NULL, NULL},
    {"replication list", "GET", "/replications", "Lists the replications.", table_list_args,
     replication_columns, COMMAND_LIST, NULL, NULL},
    {"replication create", "POST", "/replications", "Replicates volumes to a paired appliance.",
     create_args, NULL, 0, NULL,
     "example: sluice replication create web --peer site-b --volume web1 --mode sync"},
    {"replication show", "GET", ON(""), "Shows a replication and what it is doing.", name_args,
     NULL, 0, NULL, NULL},
    {"replication set", "PATCH", ON(""), "Changes a replication; the peer is told.", set_args, NULL,
     0, NULL, NULL},
    {"replication delete", "DELETE", ON(""), "Ends a replication; both copies stay.", delete_args,
     NULL, COMMAND_DESTROYS | COMMAND_CONFIRMS, NULL,
     "What was the replica is offline afterwards: it has the same serial number as the original."},
    {"replication pause", "POST", ON("/pause"), "Sends nothing for a while; changes are noted.",
     name_args, NULL, 0, NULL, NULL},
    {"replication resume", "POST", ON("/resume"), "Goes on with it.", name_args, NULL, 0, NULL,
     NULL},
    {"replication handover", "POST", ON("/handover"),
     "Planned failover: the peer serves, and nothing is lost.", name_args, NULL, 0, NULL, NULL},
    {"replication promote", "POST", ON("/promote"),
     "Unplanned failover: this side serves, and the peer does not answer.", promote_args, NULL, 0,
     NULL, "Without --force it is refused when anything may be lost, and says what."},
    {"replication failback", "POST", ON("/failback"),
     "Brings back what was changed since, and then the role, to where it began.", name_args, NULL,
     0, NULL, NULL},
    {"replication confirm", "POST", ON("/confirm"),
     "This side is primary, and the peer was not promoted: serve.", name_args, NULL, 0, NULL, NULL},
    {"replication resolve", "POST", ON("/resolve"), "Ends a split brain: says whose data stays.",
     resolve_args, NULL, 0, NULL, NULL},
    {"replication verify", "POST", ON("/verify"), "Compares both sides in the background.",
     verify_args, NULL, 0, NULL, NULL},
    {0},
};
