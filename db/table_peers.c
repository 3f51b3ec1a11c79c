/* SPDX-License-Identifier: MIT */
/* table_peers.c - paired appliances, and what is replicated to and from them. */
#include "table_def.h"

#define GIB (1ull << 30)
#define MIB (1ull << 20)
#define DAY 86400000ull

static const char *const peer_states[] = {"configured", "paired", "lost", NULL};

static const struct store_column peers[] = {
    COLUMN_ID_HIDDEN,
    COLUMN_NAME("peer"),
    {.name = "address",
     .type = STORE_TEXT,
     .flags = STORE_REQUIRED | STORE_FILTERABLE | STORE_SORTABLE,
     .min = 1,
     .max = 253,
     .unit = "",
     .help = "IP address of the other Sluice."},
    {.name = "port",
     .type = STORE_INTEGER,
     .min = 1,
     .max = 65535,
     .def = "3262",
     .unit = "",
     .help = "TCP port of its replication service."},
    {.name = "fingerprint_sha256",
     .type = STORE_TEXT,
     .max = 95,
     .def = "\"\"",
     .unit = "",
     .help = "SHA-256 of its certificate in hexadecimal; empty until it is paired."},
    COLUMN_DESCRIPTION,
    {.name = "state",
     .type = STORE_ENUM,
     .flags = STORE_APPLIANCE | STORE_FILTERABLE | STORE_SORTABLE,
     .choices = peer_states,
     .unit = "",
     .help = "'configured' only entered here, 'paired' both know each other, or 'lost'."},
    {.name = "state_text",
     .type = STORE_TEXT,
     .flags = STORE_APPLIANCE,
     .max = TABLE_TEXT_MAX,
     .unit = "",
     .help = "Why it is not paired or does not answer; empty when all is well."},
    {.name = "appliance_uuid",
     .type = STORE_TEXT,
     .flags = STORE_APPLIANCE | STORE_FILTERABLE,
     .max = 36,
     .unit = "",
     .help = "Which appliance it is; empty until it is paired."},
    {.name = "version",
     .type = STORE_TEXT,
     .flags = STORE_APPLIANCE,
     .max = 80,
     .unit = "",
     .help = "The version of its software, as it last said."},
    {.name = "last_seen_ms",
     .type = STORE_TIME_MS,
     .flags = STORE_APPLIANCE | STORE_SORTABLE,
     .max = TABLE_INT_MAX,
     .unit = "ms",
     .help = "When it last answered, to within ten seconds; 0: never."},
    {.name = "code_sealed",
     .type = STORE_TEXT,
     .flags = STORE_APPLIANCE | STORE_HIDDEN | STORE_NULLABLE,
     .max = 4096,
     .unit = "",
     .help = "The one-time code that it is to be paired by, sealed."},
    {.name = "is_deleting",
     .type = STORE_BOOL,
     .flags = STORE_APPLIANCE,
     .unit = "",
     .help = "True: it is being forgotten."},
    COLUMN_REVISION,
    COLUMN_CREATED,
};
const struct store_table table_peers = {
    .name = "peers", .singular = "peer", .key = "name", TABLE_COLUMNS(peers), .has_revision = true};

/* ---------------------------------------------------------------- replications */

static const char *const modes[] = {"sync", "async", NULL};
static const char *const losses[] = {"hold", "continue", NULL};
static const char *const compressions[] = {"none", "lz4", "zstd", NULL};
static const char *const roles[] = {"none", "primary", "secondary", NULL};
static const char *const initial_roles[] = {"primary", "secondary", NULL};
static const char *const phases[] = {"pending", "attaching", "active", "ending", NULL};

/* Null: as the policy of its first volume says, or else the filter's own default. */
#define SETTING(n, lo, hi, u, text)                                                                \
	{                                                                                          \
		.name = (n), .type = STORE_INTEGER, .flags = STORE_NULLABLE, .min = (lo),          \
		.max = (hi), .unit = (u), .help = (text)                                           \
	}
#define WORD(n, list, f, text)                                                                     \
	{                                                                                          \
		.name = (n), .type = STORE_ENUM, .flags = (f), .choices = (list), .unit = "",      \
		.help = (text)                                                                     \
	}

static const struct store_column replications[] = {
    COLUMN_ID_HIDDEN,
    COLUMN_NAME("replication"),
    {.name = "group_uuid",
     .type = STORE_UUID,
     .flags = STORE_APPLIANCE,
     .unit = "",
     .help = "The same on both appliances."},
    {.name = "peer",
     .column = "peer_id",
     .type = STORE_NAME_OF,
     .flags = STORE_REQUIRED | STORE_CREATE_ONLY | STORE_FILTERABLE | STORE_SORTABLE,
     .other = &table_peers,
     .unit = "",
     .help = "The paired appliance that has the other copy."},
    {.name = "peer_datastore",
     .type = STORE_TEXT,
     .flags = STORE_CREATE_ONLY,
     .max = 80,
     .def = "\"\"",
     .unit = "",
     .help = "Where the peer keeps its copy; empty: on the datastore of the same name."},
    COLUMN_DESCRIPTION,
    WORD("initial_role", initial_roles, STORE_APPLIANCE, "Which side began it."),
    WORD("phase", phases, STORE_APPLIANCE | STORE_FILTERABLE,
	 "'pending' until the peer has made its side, 'attaching', 'active', or 'ending'."),
    WORD("mode", modes, STORE_NULLABLE | STORE_FILTERABLE,
	 "'sync': a write is acknowledged when both sides have it; 'async': when this one has it."),
    WORD("when_peer_is_lost", losses, STORE_NULLABLE,
	 "sync: 'hold' writes until the peer is back or somebody decides, or 'continue'."),
    {.name = "witness",
     .type = STORE_TEXT,
     .flags = STORE_CREATE_ONLY,
     .max = 80,
     .def = "\"\"",
     .unit = "",
     .help = "A third appliance, paired with both, that decides who may serve; empty: none."},
    SETTING("rpo_target_ms", 100, DAY, "ms", "How far behind the replica may be."),
    SETTING("rpo_warning_ms", 0, DAY, "ms", "From this lag on there is a warning; 0: none."),
    SETTING("rpo_error_ms", 0, DAY, "ms", "From this lag on there is an error; 0: none."),
    SETTING("bandwidth_bytes_per_s", 0, 1ull << 40, "bytes_per_s",
	    "Limit of what is sent; 0: none."),
    SETTING("bandwidth_day_bytes_per_s", 0, 1ull << 40, "bytes_per_s",
	    "The same from day_from_h to day_to_h; 0: as at other times."),
    SETTING("day_from_h", 0, 23, "h", "First hour of the day's limit, local time."),
    SETTING("day_to_h", 0, 24, "h", "Hour at which the day's limit ends."),
    SETTING("backpressure_max_ms", 0, 10000, "ms",
	    "A write waits so long at most for room in the journal."),
    WORD("compression", compressions, STORE_NULLABLE, "Of what is sent."),
    {.name = "journal_bytes",
     .type = STORE_INTEGER,
     .flags = STORE_NULLABLE | STORE_CREATE_ONLY,
     .min = 16 * MIB,
     .max = 1024 * GIB,
     .unit = "bytes",
     .help = "Size of the log of what the replica does not have yet."},
    {.name = "stage_bytes",
     .type = STORE_INTEGER,
     .flags = STORE_NULLABLE | STORE_CREATE_ONLY,
     .min = 64 * MIB,
     .max = 1024 * GIB,
     .unit = "bytes",
     .help = "Size of each of the two logs of changes that are not complete on the replica."},
    {.name = "told_revision",
     .type = STORE_INTEGER,
     .flags = STORE_APPLIANCE | STORE_HIDDEN,
     .max = TABLE_INT_MAX,
     .unit = "",
     .help = "The revision that the peer has been told."},
    WORD("role", roles, STORE_APPLIANCE | STORE_FILTERABLE | STORE_SORTABLE,
	 "What this side is, as last seen: 'primary', 'secondary', or 'none'."),
    {.name = "state",
     .type = STORE_TEXT,
     .flags = STORE_APPLIANCE | STORE_FILTERABLE | STORE_SORTABLE,
     .max = 40,
     .unit = "",
     .help = "The replication's state on this side, as last seen: 'primary_pair', 'diverged' ..."},
    {.name = "state_text",
     .type = STORE_TEXT,
     .flags = STORE_APPLIANCE,
     .max = TABLE_TEXT_MAX,
     .unit = "",
     .help = "What that means, and what to do."},
    {.name = "state_since_ms",
     .type = STORE_TIME_MS,
     .flags = STORE_APPLIANCE,
     .max = TABLE_INT_MAX,
     .unit = "ms",
     .help = "Since when it is in this state."},
    COLUMN_REVISION,
    COLUMN_CREATED,
};
const struct store_table table_replications = {.name = "replications",
					       .singular = "replication",
					       .key = "name",
					       TABLE_COLUMNS(replications),
					       .has_revision = true};
