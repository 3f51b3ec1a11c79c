/* SPDX-License-Identifier: MIT */
/*
 * replication.c - the filter's table: parameters, commands, status, figures.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "glue.h"

#define MIB (1ull << 20)
#define GIB (1ull << 30)

static const char *const roles[] = {"none", "primary", "secondary", NULL};
static const char *const modes[] = {"sync", "async", NULL};
static const char *const losses[] = {"hold", "continue", NULL};
static const char *const comps[] = {"none", "lz4", "zstd", NULL};

enum {
	P_GROUP,
	P_PEER,
	P_LEADER,
	P_MEMBER,
	P_MEMBERS,
	P_ROLE,
	P_MODE,
	P_LOSS,
	P_WITNESS,
	P_JOURNAL,
	P_STAGE,
	P_BANDWIDTH,
	P_BANDWIDTH_DAY,
	P_DAY_FROM,
	P_DAY_TO,
	P_RPO,
	P_RPO_WARNING,
	P_RPO_ERROR,
	P_BACKPRESSURE,
	P_COMPRESSION,
	P_MARK,
	P_COUNT
};

#define U64(n, u, lo, hi, d, text)                                                                 \
	{                                                                                          \
		.name = (n), .type = SLUICE_TYPE_U64, .unit = (u), .min = (lo), .max = (hi),       \
		.def = (d), .help = (text)                                                         \
	}
#define STRING(n, lo, hi, text)                                                                    \
	{                                                                                          \
		.name = (n), .type = SLUICE_TYPE_STRING, .unit = "", .min = (lo), .max = (hi),     \
		.def_string = "", .help = (text)                                                   \
	}
#define ENUM(n, list, d, text)                                                                     \
	{                                                                                          \
		.name = (n), .type = SLUICE_TYPE_ENUM, .unit = "", .choices = (list), .def = (d),  \
		.help = (text)                                                                     \
	}

static const struct sluice_param params[] = {
    [P_GROUP] = STRING("group", 0, 32, "The group's uuid, 32 hex digits, the same on both sides."),
    [P_PEER] = STRING("peer", 0, 127, "Name of the paired appliance that has the other copy."),
    [P_LEADER] = {.name = "is_leader",
		  .type = SLUICE_TYPE_BOOL,
		  .unit = "",
		  .def = 1,
		  .help = "This volume keeps the group's logs and records."},
    [P_MEMBER] = U64("member", "", 0, 62, 0, "The volume's number in its group."),
    [P_MEMBERS] = U64("members", "", 1, 63, 1, "Volumes in the group."),
    [P_ROLE] = ENUM("initial_role", roles, 0,
		    "What this side begins as, when the group has no record yet."),
    [P_MODE] = ENUM("mode", modes, 0,
		    "sync: a write is acknowledged when both sides have it; async: when this one "
		    "has it."),
    [P_LOSS] =
	ENUM("when_peer_is_lost", losses, 0, "sync: hold writes, or continue without the peer."),
    [P_WITNESS] = STRING("witness", 0, 127,
			 "Name of a paired appliance that is asked who may serve; empty: none."),
    [P_JOURNAL] = U64("journal_bytes", "bytes", 16 * MIB, 1024 * GIB, 256 * MIB,
		      "Log of what the replica does not have yet."),
    [P_STAGE] = U64("stage_bytes", "bytes", 64 * MIB, 1024 * GIB, 64 * MIB,
		    "Each of the two logs of changes that are not complete yet on the replica."),
    [P_BANDWIDTH] = U64("bandwidth_bytes_per_s", "bytes_per_s", 0, 1ull << 40, 0,
			"Limit of async and resync; 0: none."),
    [P_BANDWIDTH_DAY] = U64("bandwidth_day_bytes_per_s", "bytes_per_s", 0, 1ull << 40, 0,
			    "The same from day_from_h to day_to_h; 0: as at other times."),
    [P_DAY_FROM] = U64("day_from_h", "h", 0, 23, 8, "First hour of the day's limit, local time."),
    [P_DAY_TO] = U64("day_to_h", "h", 0, 24, 18, "Hour at which the day's limit ends."),
    [P_RPO] = U64("rpo_target_ms", "ms", 100, 86400000, 5000, "How far behind a replica may be."),
    [P_RPO_WARNING] = U64("rpo_warning_ms", "ms", 0, 86400000, 10000,
			  "From this lag on there is a warning; 0: none."),
    [P_RPO_ERROR] = U64("rpo_error_ms", "ms", 0, 86400000, 60000,
			"From this lag on there is an error; 0: none."),
    [P_BACKPRESSURE] = U64("backpressure_max_ms", "ms", 0, 10000, 100,
			   "A write waits so long at most for room in the journal; beyond that "
			   "changes are only noted."),
    [P_COMPRESSION] = ENUM("compression", comps, 0, "Of async and resync on the wire."),
    [P_MARK] = U64("mark_s", "s", 1, 3600, 5, "Time between two points of consistency at most."),
};

/* ---------------------------------------------------------------- parameters */

static int refuse(struct sluice_error *err, const char *field, const char *text)
{
	snprintf(err->field, sizeof(err->field), "%s", field);
	snprintf(err->text, sizeof(err->text), "%s", text);
	return -EINVAL;
}

static int hex_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

bool glue_uuid_read(const char *hex, uint8_t uuid[16])
{
	if (strlen(hex) != 32)
		return false;
	for (uint32_t i = 0; i < 16; i++) {
		int hi = hex_of(hex[2 * i]), lo = hex_of(hex[2 * i + 1]);

		if (hi < 0 || lo < 0)
			return false;
		uuid[i] = (uint8_t)(hi << 4 | lo);
	}
	return true;
}

static const char *text_of(const union sluice_value *v)
{
	return v->string ? v->string : "";
}

static void cfg_read(const union sluice_value *v, struct repl_group_cfg *c)
{
	static const enum repl_node_state states[] = {REPL_STANDALONE, REPL_PRIMARY_ALONE,
						      REPL_SECONDARY_SYNCING};

	*c = (struct repl_group_cfg){
	    .node = {.mode = v[P_MODE].u64 == 0 ? REPL_MODE_SYNC : REPL_MODE_ASYNC,
		     .holds_when_peer_is_lost = v[P_LOSS].u64 == 0,
		     .has_witness = text_of(&v[P_WITNESS])[0] != 0,
		     .lease_ns = 10000000000ull,
		     .margin_ns = 2000000000ull},
	    .initial_state = states[v[P_ROLE].u64],
	    .journal_bytes = v[P_JOURNAL].u64,
	    .stage_bytes = v[P_STAGE].u64,
	    .bandwidth_bytes_per_s = v[P_BANDWIDTH].u64,
	    .bandwidth_day_bytes_per_s = v[P_BANDWIDTH_DAY].u64,
	    .day_from_h = (uint32_t)v[P_DAY_FROM].u64,
	    .day_to_h = (uint32_t)v[P_DAY_TO].u64,
	    .rpo_target_ms = (uint32_t)v[P_RPO].u64,
	    .rpo_warning_ms = (uint32_t)v[P_RPO_WARNING].u64,
	    .rpo_error_ms = (uint32_t)v[P_RPO_ERROR].u64,
	    .backpressure_max_ms = (uint32_t)v[P_BACKPRESSURE].u64,
	    .mark_ms = (uint32_t)v[P_MARK].u64 * 1000u,
	    .comp = (uint8_t)v[P_COMPRESSION].u64,
	};
}

int glue_params_read(const union sluice_value *v, struct glue_params *p, struct sluice_error *err)
{
	*p = (struct glue_params){.is_leader = v[P_LEADER].u64 != 0,
				  .member = (uint16_t)v[P_MEMBER].u64,
				  .members = (uint32_t)v[P_MEMBERS].u64};
	snprintf(p->group_hex, sizeof(p->group_hex), "%.32s", text_of(&v[P_GROUP]));
	snprintf(p->peer, sizeof(p->peer), "%s", text_of(&v[P_PEER]));
	snprintf(p->witness, sizeof(p->witness), "%s", text_of(&v[P_WITNESS]));
	cfg_read(v, &p->cfg);
	if (!glue_uuid_read(text_of(&v[P_GROUP]), p->group_uuid))
		return refuse(err, "group", "group has to be 32 lower-case hex digits");
	if (!p->peer[0])
		return refuse(err, "peer", "peer has to name a paired appliance");
	if (p->member >= p->members)
		return refuse(err, "member", "member has to be below members");
	return 0;
}

/* ---------------------------------------------------------------- commands */

/* Where a member's value begins; our objects are flat. */
static const char *member(const char *json, const char *name)
{
	char quoted[64];
	const char *at;

	snprintf(quoted, sizeof(quoted), "\"%s\"", name);
	at = json ? strstr(json, quoted) : NULL;
	if (!at)
		return NULL;
	at += strlen(quoted);
	at += strspn(at, " \t\r\n");
	return *at == ':' ? at + 1 + strspn(at + 1, " \t\r\n") : NULL;
}

static bool is_true(const char *json, const char *name)
{
	const char *at = member(json, name);

	return at && strncmp(at, "true", 4) == 0;
}

static int command(struct sluice_filter *f, const struct sluice_command *cmd,
		   struct sluice_error *err)
{
	struct glue_volume *v = sluice_state(f);
	struct repl_group_command c = {.name = cmd->name};
	const char *keep = member(cmd->args_json, "keep");
	int r;

	if (v->gg->state != GLUE_OPEN) {
		snprintf(err->text, sizeof(err->text), "%s",
			 v->gg->state == GLUE_FAILED ? v->gg->why
			 : v->gg->waits_for_keys
			     ? "the group is not open: a volume of it is locked; unlock it"
			     : "the group is not open: a member is missing");
		return -EBUSY;
	}
	if (strcmp(cmd->name, "status") == 0) {
		group_status_json(v->gg->g, cmd->reply_json, cmd->reply_bytes);
		return 0;
	}
	if (strcmp(cmd->name, "resolve") == 0 && !keep)
		return refuse(err, "keep", "resolve needs keep: \"own\" or \"peer\"");
	c.is_forced = is_true(cmd->args_json, "force");
	c.repairs = is_true(cmd->args_json, "repair");
	c.keeps_own = keep && strncmp(keep, "\"own\"", 5) == 0;
	r = group_command(v->gg->g, &c, err);
	if (r == 0)
		snprintf(cmd->reply_json, cmd->reply_bytes, "%s", c.reply);
	return r;
}

/* ---------------------------------------------------------------- status */

static size_t status(struct sluice_filter *f, char *json, size_t size_bytes)
{
	static const char *const states[] = {"waiting_for_members", "opening", "open", "failed",
					     "stopping"};
	const struct glue_volume *v = sluice_state(f);
	int n;

	const char *word = v->gg->waits_for_keys ? "waiting_for_keys" : states[v->gg->state];

	if (v->gg->state == GLUE_OPEN)
		return group_status_json(v->gg->g, json, size_bytes);
	n = snprintf(json, size_bytes,
		     "{\"state\":\"%s\",\"is_serving\":false,\"role\":\"none\",\"peer_up\":false}",
		     word);
	return n < 0 ? 0 : (size_t)n < size_bytes ? (size_t)n : size_bytes - 1;
}

static void figures(struct sluice_filter *f, struct sluice_figures *sum)
{
	const struct glue_volume *v = sluice_state(f);
	struct repl_group_figures fig;

	if (v->gg->state != GLUE_OPEN) {
		sum->state = "stopped";
		return;
	}
	group_figures(v->gg->g, &fig);
	sum->lag_ms = fig.lag_ms;
	if (fig.is_throttling)
		sum->throttle = "journal";
	if (!v->gg->is_serving)
		sum->state = "replica";
	else if (!group_is_peer_ready(v->gg->g))
		sum->state = "degraded";
}

static struct sluice_filter_ops replication_ops = {
    .abi = SLUICE_SDK_ABI,
    .struct_bytes = sizeof(replication_ops),
    .name = "replication",
    .version = "1",
    .help = "Keeps a copy of the volume on a paired appliance, in step with it or a little behind.",
    .cls = SLUICE_CLASS_REPLICATION,
    .op_mask = SLUICE_OPS_ALL,
    .io_ctx_bytes = sizeof(struct glue_io),
    .params = params,
    .param_count = P_COUNT,
    .attach = glue_attach,
    .detach = glue_detach,
    .reconfigure = glue_reconfigure,
    .event = glue_event,
    .drain = glue_drain,
    .submit = glue_submit,
    .done = glue_done,
    .abort = glue_abort,
    .command = command,
    .status = status,
    .figures = figures,
    .group_create = glue_set_create,
    .group_destroy = glue_set_destroy,
    .group_reconfigure = glue_set_reconfigure,
    .group_status = glue_set_status,
};

const struct sluice_filter_ops *sluice_filter_entry(void)
{
	return &replication_ops;
}
