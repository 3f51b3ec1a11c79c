/* SPDX-License-Identifier: MIT */
#include "rule.h"

enum {
	PARAM_ACTION,
	PARAM_WAY,
	PARAM_OP,
	PARAM_STATUS,
	PARAM_OFFSET_BYTES,
	PARAM_LENGTH_BYTES,
	PARAM_NTH,
	PARAM_ONCE,
	PARAM_PROBABILITY_PCT,
	PARAM_DELAY_US,
	PARAM_DEADLINE_MS,
	PARAM_STUBBORN,
	PARAM_REFUSE,
	PARAM_COUNT
};

static const char *const actions[] = {"none", "fail", "corrupt", "hang", "crash", "delay", NULL};
static const char *const refusals[] = {"none", "prepare", "held", "crash_held", NULL};
static const char *const ways[] = {"down", "up", NULL};
static const char *const ops[] = {"any",   "read",         "write",  "flush",
				  "unmap", "write_zeroes", "extent", NULL};
/* From SLUICE_ERR_IO on, in the order of enum sluice_status. */
static const char *const statuses[] = {"io",        "no_space", "busy",      "aborted",
				       "not_ready", "locked",   "read_only", "unsupported",
				       "corrupt",   "failed",   NULL};

const struct sluice_param rule_params[] = {
    [PARAM_ACTION] =
	{.name = "action",
	 .type = SLUICE_TYPE_ENUM,
	 .unit = "",
	 .choices = actions,
	 .help = "What is done to the I/Os that match; corrupt is for reads, crash ends filterd."},
    [PARAM_WAY] = {.name = "way",
		   .type = SLUICE_TYPE_ENUM,
		   .unit = "",
		   .choices = ways,
		   .help = "Whether it is done on the way down or up; corrupt is always up."},
    [PARAM_OP] = {.name = "op",
		  .type = SLUICE_TYPE_ENUM,
		  .unit = "",
		  .choices = ops,
		  .help = "Which ops match."},
    [PARAM_STATUS] = {.name = "status",
		      .type = SLUICE_TYPE_ENUM,
		      .unit = "",
		      .choices = statuses,
		      .help = "How a failed I/O ends."},
    [PARAM_OFFSET_BYTES] = {.name = "offset_bytes",
			    .type = SLUICE_TYPE_U64,
			    .unit = "bytes",
			    .max = INT64_MAX,
			    .help = "Where the range begins that matches."},
    [PARAM_LENGTH_BYTES] = {.name = "length_bytes",
			    .type = SLUICE_TYPE_U64,
			    .unit = "bytes",
			    .max = INT64_MAX,
			    .help = "How long that range is; 0: to the end of the volume."},
    [PARAM_NTH] = {.name = "nth",
		   .type = SLUICE_TYPE_U64,
		   .unit = "",
		   .max = INT64_MAX,
		   .help = "Only the n-th I/O that matches; 0: each."},
    [PARAM_ONCE] = {.name = "once",
		    .type = SLUICE_TYPE_BOOL,
		    .unit = "",
		    .help = "Stop after the first fault."},
    [PARAM_PROBABILITY_PCT] = {.name = "probability_pct",
			       .type = SLUICE_TYPE_U64,
			       .unit = "pct",
			       .min = 1,
			       .max = 100,
			       .def = 100,
			       .help = "How likely a match is acted upon."},
    [PARAM_DELAY_US] = {.name = "delay_us",
			.type = SLUICE_TYPE_U64,
			.unit = "us",
			.max = 10000000,
			.def = 1000,
			.help = "How long a delayed I/O waits."},
    [PARAM_DEADLINE_MS] = {.name = "deadline_ms",
			   .type = SLUICE_TYPE_U64,
			   .unit = "ms",
			   .min = 1,
			   .max = 600000,
			   .def = 1000,
			   .help = "After how long the host calls a hanging I/O hung."},
    [PARAM_STUBBORN] = {.name = "stubborn",
			.type = SLUICE_TYPE_BOOL,
			.unit = "",
			.help = "A hanging I/O is not let go for a drain or an abort either."},
    [PARAM_REFUSE] = {.name = "refuse_event",
		      .type = SLUICE_TYPE_ENUM,
		      .unit = "",
		      .choices = refusals,
		      .help = "At which step snapshots, reverts and clones are refused; crash_held "
			      "ends filterd there."},
};
const uint32_t rule_param_count = PARAM_COUNT;

void rule_set(struct rule *r, const union sluice_value *values)
{
	uint64_t op = values[PARAM_OP].u64;

	*r = (struct rule){
	    .action = (enum action)values[PARAM_ACTION].u64,
	    .way = (enum way)values[PARAM_WAY].u64,
	    .ops = op == 0 ? SLUICE_OPS_ALL : SLUICE_OP_BIT(op - 1),
	    .status = (enum sluice_status)(SLUICE_ERR_IO + values[PARAM_STATUS].u64),
	    .offset_bytes = values[PARAM_OFFSET_BYTES].u64,
	    .length_bytes = values[PARAM_LENGTH_BYTES].u64,
	    .nth = values[PARAM_NTH].u64,
	    .is_once = values[PARAM_ONCE].u64 != 0,
	    .probability_pct = values[PARAM_PROBABILITY_PCT].u64,
	    .delay_us = values[PARAM_DELAY_US].u64,
	    .deadline_ms = values[PARAM_DEADLINE_MS].u64,
	    .is_stubborn = values[PARAM_STUBBORN].u64 != 0,
	    .refusal = (enum refusal)values[PARAM_REFUSE].u64,
	};
	if (r->action == ACTION_CORRUPT) {
		r->way = WAY_UP;
		r->ops &= SLUICE_OP_BIT(SLUICE_OP_READ);
	}
}

/* A flush has no range and matches any. */
static bool is_in_range(const struct rule *r, const struct sluice_io *io)
{
	if (io->len_bytes == 0)
		return true;
	if (io->offset_bytes + io->len_bytes <= r->offset_bytes)
		return false;
	return r->length_bytes == 0 || io->offset_bytes < r->offset_bytes + r->length_bytes;
}

bool rule_hits(struct rule *r, const struct sluice_io *io, enum way way, uint64_t random)
{
	if (r->action == ACTION_NONE || way != r->way || !(r->ops & SLUICE_OP_BIT(io->op)) ||
	    !is_in_range(r, io))
		return false;
	if (r->action == ACTION_CORRUPT && io->status != SLUICE_OK)
		return false;
	r->matched++;
	if ((r->nth != 0 && r->matched != r->nth) || (r->is_once && r->acted > 0) ||
	    random % 100 >= r->probability_pct)
		return false;
	r->acted++;
	return true;
}
